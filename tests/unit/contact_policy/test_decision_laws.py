"""What holds of every decision, whatever the policy, the person and the instant."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.decide import decide, touch_of
from shared.contact_policy.model.facts import Facts
from shared.contact_policy.model.gates import GATES
from shared.contact_policy.model.policy import (
    Calendar,
    CapRule,
    CooldownCause,
    Period,
    Policy,
    Rolling,
)
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    FrequencyWish,
    Part,
    Preferences,
    Standing,
    Whereabouts,
)
from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Gate
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import made_at
from tests.fakes.contact_policy import ADA, TUESDAY_NOON, candidate, touch, ulid
from tests.unit.contact_policy.strategies import CAPS, HOURS, RULES, policies

ZONES = ["Europe/Paris", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]
MINUTES = st.integers(0, 4 * 24 * 60).map(lambda count: timedelta(minutes=count))
INSTANTS = MINUTES.map(lambda passed: TUESDAY_NOON + passed)
CANDIDATES = st.builds(
    candidate,
    channel=st.sampled_from([Channel.PUSH, Channel.EMAIL, Channel.AD]),
    purpose=st.sampled_from(Purpose),
    topic=st.none() | st.just("sport"),
    offer_key=st.none() | st.sampled_from(["spring", "autumn"]),
    priority=st.integers(0, 100),
    weight=st.none() | st.sampled_from([0.5, 1, 2]),
)
PARTS = st.builds(
    Part,
    consents=st.dictionaries(
        st.builds(ConsentKey, st.sampled_from(Purpose)),
        st.builds(ConsentMark, status=st.just(ConsentStatus.GRANTED), at=st.just(TUESDAY_NOON)),
    ),
    preferences=st.none()
    | st.builds(
        Preferences,
        at=st.just(TUESDAY_NOON),
        frequency=st.none()
        | st.builds(
            FrequencyWish,
            limit=st.sampled_from([100, 250]),
            per=st.sampled_from([Period.WEEK, Period.MONTH]),
        ),
        hours=st.none() | HOURS,
        paused_until=st.none() | INSTANTS,
    ),
    cooldowns=st.dictionaries(
        st.tuples(st.sampled_from(CooldownCause), st.none() | st.just(Channel.PUSH)), INSTANTS
    ),
    whereabouts=st.builds(
        Whereabouts,
        phone_zones=st.frozensets(st.sampled_from(ZONES), max_size=2),
        countries=st.frozensets(st.sampled_from(["FR", "US"]), max_size=1),
    ),
)
PRESSURES = st.lists(
    st.builds(
        touch,
        INSTANTS,
        number=st.integers(0, 9),
        channel=st.sampled_from([Channel.PUSH, Channel.EMAIL, Channel.AD]),
        purpose=st.sampled_from(Purpose),
        weight=st.sampled_from([10, 100]),
        offer=st.sampled_from([0, 1]),
    ),
    max_size=12,
).map(Pressure.of)


def answered(policy: Policy, asked: Candidate, facts: Mapping[str, Any]) -> Decision:
    return decide(policy, person=ADA, app_zone="Europe/Paris", candidate=asked, **facts)


FACTS = st.fixed_dictionaries(
    {
        "pressure": PRESSURES,
        "standing": PARTS.map(lambda part: Standing(parts={ADA: part})),
        "control_groups": st.just([ControlGroup(id="g", salt="s", percent=10)]),
        "now": INSTANTS,
    }
)


@settings(max_examples=100, deadline=None)
@given(policies(), FACTS, CANDIDATES, st.none() | st.sampled_from(sorted(RULES)))
def test_at_its_end_a_deferral_passes_the_gate_that_deferred_it(
    policy: Policy, facts: dict[str, Any], asked: Candidate, only: str | None
) -> None:
    """Under a whole policy, or one section of it: else early gates hide the later ones."""
    if only is not None:
        section: dict[str, Any] = {only: getattr(policy, only)}
        policy = Policy(**section)
    answer = answered(policy, asked, facts)
    if isinstance(answer, Defer):
        assert answer.until > facts["now"]
        # Gates before it may refuse by then: quiet hours begin while a gap is waited for.
        judge = dict(GATES)[answer.because[0].gate]
        then = Facts(
            policy=policy,
            person=ADA,
            app_zone="Europe/Paris",
            default_country=None,
            **{**facts, "now": answer.until},
        )
        assert judge(then, asked) is None


@settings(max_examples=100, deadline=None)
@given(policies(), FACTS, CANDIDATES, st.data())
def test_one_rule_more_never_allows_more(
    policy: Policy, facts: dict[str, Any], asked: Candidate, data: st.DataObject
) -> None:
    section = data.draw(st.sampled_from(sorted(RULES)))
    rule = data.draw(RULES[section])
    more: dict[str, Any] = {section: (*getattr(policy, section), rule)}
    stricter = replace(policy, **more)
    if isinstance(answered(stricter, asked, facts), Allow):
        assert isinstance(answered(policy, asked, facts), Allow)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(CAPS, min_size=1, max_size=3),
    st.lists(st.tuples(MINUTES.map(lambda passed: passed / 10), CANDIDATES), max_size=25),
)
def test_whatever_is_asked_and_allowed_no_cap_is_ever_broken(
    caps: list[CapRule], steps: list[tuple[timedelta, Candidate]]
) -> None:
    policy = Policy(caps=tuple(caps))
    pressure, now = Pressure(), TUESDAY_NOON
    for number, (passed, asked) in enumerate(steps):
        now += passed
        facts = {"pressure": pressure, "standing": Standing(), "control_groups": (), "now": now}
        if isinstance(answered(policy, asked, facts), Allow):
            allowed = touch_of(asked, policy, touch_id=ulid(now, number))
            pressure = pressure.with_touch(allowed)
            for rule in caps:
                if _binds(policy, rule, asked):
                    assert _weight(pressure, rule, now) <= rule.limit


def _binds(policy: Policy, rule: CapRule, asked: Candidate) -> bool:
    return (
        Gate.CAP not in policy.bypassed(asked.purpose)
        and asked.channel in rule.scope.channels
        and asked.purpose in rule.scope.purposes
    )


def _weight(pressure: Pressure, rule: CapRule, now: datetime) -> int:
    """Return what lies in a cap's window, counted touch by touch from the ids."""
    return sum(
        one.weight
        for one in pressure.touches
        if one.channel in rule.scope.channels
        and one.purpose in rule.scope.purposes
        and _is_within(rule.window, made_at(one.touch_id), now)
    )


def _is_within(window: Rolling | Calendar, at: datetime, now: datetime) -> bool:
    if isinstance(window, Rolling):
        return now - at < timedelta(hours=window.hours)
    then, today = (one.astimezone(ZoneInfo("Europe/Paris")).date() for one in (at, now))
    match window.period:
        case Period.DAY:
            return then == today
        case Period.WEEK:
            return then.isocalendar()[:2] == today.isocalendar()[:2]
    return (then.year, then.month) == (today.year, today.month)
