"""Any policy, for the laws that hold under every one."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from shared.contact_policy.model.policy import (
    BYPASSABLE,
    Calendar,
    CapRule,
    ConsentRule,
    CooldownCause,
    CooldownRule,
    DedupeRule,
    GapRule,
    Hours,
    Period,
    Policy,
    QuietHoursRule,
    Requirement,
    Reserved,
    Rolling,
    Scope,
    Weekday,
    Window,
)
from shared.kernel.events import Channel, Purpose

IDS = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")
SCOPES = st.builds(
    Scope,
    channels=st.frozensets(st.sampled_from(Channel), min_size=1),
    purposes=st.frozensets(st.sampled_from(Purpose), min_size=1),
)
WINDOWS = st.builds(
    Window,
    days=st.frozensets(st.sampled_from(Weekday), min_size=1),
    opens=st.integers(0, 719),
    closes=st.integers(720, 1440),
) | st.builds(Window, opens=st.integers(720, 1439), closes=st.integers(0, 719))
HOURS = st.builds(
    Hours, windows=st.lists(WINDOWS, min_size=1, max_size=3).map(tuple), holidays=st.booleans()
)
CAPS = st.builds(
    CapRule,
    id=IDS,
    scope=SCOPES,
    limit=st.integers(200, 400),
    window=st.builds(Rolling, hours=st.integers(24, 700))
    | st.builds(Calendar, period=st.sampled_from(Period)),
    reserved=st.lists(
        st.builds(Reserved, priority=st.integers(0, 100), slots=st.integers(1, 100)), max_size=2
    ).map(tuple),
)
RULES: Mapping[str, st.SearchStrategy[Any]] = {
    "consent": st.builds(
        ConsentRule,
        id=IDS,
        scope=SCOPES,
        requires=st.sampled_from(Requirement),
        topics=st.none() | st.frozensets(st.text(max_size=9), min_size=1),
    ),
    "cooldowns": st.builds(
        CooldownRule,
        id=IDS,
        scope=SCOPES,
        after=st.sampled_from(CooldownCause),
        days=st.integers(1, 366),
    ),
    "quiet_hours": st.builds(QuietHoursRule, id=IDS, scope=SCOPES, hours=HOURS),
    "dedupe": st.builds(DedupeRule, id=IDS, scope=SCOPES, hours=st.integers(1, 700)),
    "gaps": st.builds(GapRule, id=IDS, scope=SCOPES, minutes=st.integers(1, 9_000)),
    "caps": CAPS,
}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    taken: set[str] = set()
    sections: dict[str, Any] = {}
    for section, rules in RULES.items():
        drawn: dict[str, Any] = {rule.id: rule for rule in draw(st.lists(rules, max_size=3))}
        sections[section] = tuple(rule for name, rule in drawn.items() if name not in taken)
        taken |= drawn.keys()
    gates = st.frozensets(st.sampled_from(sorted(BYPASSABLE)))
    return Policy(
        description=draw(st.text(max_size=9)),
        weights={channel: draw(st.integers(10, 1_000)) for channel in Channel},
        channel_order=tuple(draw(st.permutations(list(Channel)))[:4]),
        bypass={Purpose.TRANSACTIONAL: draw(gates), Purpose.SERVICE: draw(gates)},
        laws=tuple(draw(st.permutations(["fr-phone", "us-tcpa"]))),
        **sections,
    )
