"""Q1: the contact policy: the CPU of a decision, and what caps let through under a race."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import count, cycle, islice, product
from typing import Any

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.decide import decide
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Part,
    Preferences,
    Standing,
    Whereabouts,
)
from shared.kernel.decisions import Allow, Decision
from shared.kernel.events import Channel, Purpose
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Exactly, Goal, Result, Runs, Tell, interleaved
from tests.contract.policy import on_tables
from tests.fakes.contact_policy import ADA, TUESDAY_NOON, candidate, touch
from tests.races import CAP, SENDERS, Ask, capped, naive, ours, raced, six_people
from tests.tables import make_all

TITLES = {"Q1": "The contact policy: CPU of a decision, and caps under a race"}

MILLISECONDS = 0.3
"""What a decision over so many touches and rules may take."""

TOUCHES, RULES = 200, 20
_CALLS = 500
_RACES = 3
_ZURICH = "Europe/Zurich"
_EVERYWHERE = list(Channel)
DOCUMENT: Mapping[str, list[dict[str, Any]]] = {
    "consent": [
        {"id": "asked", "channels": ["email", "sms"], "requires": "opt_in"},
        {"id": "not-objected", "channels": ["push", "inapp"], "requires": "no_objection"},
    ],
    "cooldowns": [
        {"id": "complaint", "after": "complaint", "days": 30},
        {"id": "refusal", "after": "refusal", "days": 60},
        {"id": "bounce", "after": "bounce", "days": 7},
    ],
    "quiet_hours": [
        {"id": "night", "allowed": [{"from": "08:00", "to": "21:00"}]},
        {"id": "rest", "allowed": [{"from": "09:00", "to": "20:00"}], "holidays": True},
    ],
    "dedupe": [{"id": "offer", "hours": 72}, {"id": "push", "channels": ["push"], "hours": 168}],
    "gaps": [
        {"id": "any", "minutes": 60},
        {"id": "loud", "channels": ["push", "email", "sms"], "minutes": 120},
        {"id": "pushes", "channels": ["push"], "minutes": 240},
    ],
    "caps": [
        {
            "id": f"{place}",
            "channels": channels,
            "limit": TOUCHES,
            "window": window,
            # Every second cap keeps a part, as of the default policy's.
            "reserved": [{"priority": 80, "slots": 2}] if place % 2 else [],
        }
        for place, (channels, window) in enumerate(
            product(
                (["push"], ["push", "email"], ["push", "email", "sms"], _EVERYWHERE),
                ({"rolling": 168}, {"calendar": "month"}),
            )
        )
    ],
}
"""Rules of which nearly all cover marketing by push, the candidate."""


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure the decision, then run the races; a race of ours and a naive one, in turn."""
    rounds = 5 if quick else 15
    decision = _decision()
    answer = decision()  # what is looked up once, such as holidays, is kept from here on
    assert isinstance(answer, Allow), answer
    deciding = {"ours": partial(_milliseconds, decision)}
    steps = rounds + 2 * _RACES
    took = interleaved(deciding, rounds=rounds, tell=lambda done, _: tell(done, steps))["ours"]
    with local_dynamodb() as client:
        it = capped(on_tables(make_all(client)))
        numbers = count()
        racing = {
            "ours": partial(_race, ours(it), numbers),
            "naive": partial(_race, naive(it), numbers),
        }
        passed = interleaved(racing, rounds=_RACES, tell=lambda done, _: tell(rounds + done, steps))
    comparisons = [
        Comparison(
            what=f"CPU of a decision, {TOUCHES} touches, {RULES} rules",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=took,
            theirs=Runs([MILLISECONDS] * rounds),
        ),
        Comparison(
            what=f"told to one of six people by {SENDERS} senders at once, cap {CAP}",
            peer="check, then write",
            unit="touches",
            goal=Exactly(CAP),
            ours=passed["ours"],
            theirs=passed["naive"],
        ),
    ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _decision() -> Callable[[], Decision]:
    """Return a decision that passes every gate: no shorter way leads to an answer."""
    assert sum(map(len, DOCUMENT.values())) == RULES
    kinds = islice(cycle(product(Channel, Purpose)), TOUCHES)
    touches = [
        touch(
            TUESDAY_NOON - timedelta(hours=5 + 3 * number),
            number=number,
            channel=channel,
            purpose=purpose,
            offer=number + 1,
        )
        for number, (channel, purpose) in enumerate(kinds)
    ]
    yesterday = TUESDAY_NOON - timedelta(days=1)
    granted = ConsentMark(status=ConsentStatus.GRANTED, at=yesterday)
    said = Part(
        consents={ConsentKey(Purpose.MARKETING, channel): granted for channel in Channel},
        preferences=Preferences(at=yesterday, zone=_ZURICH),
        whereabouts=Whereabouts(device_zones={"phone-001": _ZURICH}, countries=frozenset({"CH"})),
    )
    return partial(
        decide,
        # As many ads as a tenth's weight allows would not fit into a person's item.
        policy_of({**DOCUMENT, "weights": {"ad": 1}}),
        person=ADA,
        pressure=Pressure.of(touches),
        standing=Standing(parts={ADA: said}),
        control_groups=[ControlGroup(id="all", salt="salt", percent=0)],
        app_zone=_ZURICH,
        now=TUESDAY_NOON,
        candidate=candidate(offer_key="something new"),
    )


def _milliseconds(decision: Callable[[], Decision]) -> float:
    before = time.process_time()
    for _ in range(_CALLS):
        decision()
    return (time.process_time() - before) / _CALLS * 1000


def _race(ask: Ask, numbers: Iterator[int]) -> float:
    """Return what one of six people was told: of the one farthest from the cap."""
    people = six_people(next(numbers))
    passed: Counter[str] = raced(people, ask)
    return max((passed[one] for one in people), key=lambda told: abs(told - CAP))
