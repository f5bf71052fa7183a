"""Q2: a draft of the contact policy: touches that are played in a second of CPU, reads apart."""

import time
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle, islice

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.effect import Tally
from shared.contact_policy.model.past import past_of
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.playing import Stage, play
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Part,
    Preferences,
    Standing,
    Whereabouts,
)
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.benchmarks.policy import DOCUMENT, RULES
from tests.fakes.contact_policy import ADA, TUESDAY_NOON
from tests.fakes.told import an_event

TITLES = {"Q2": "The contact policy: touches of a simulated draft"}

A_SECOND = 5_000
"""Touches that are to be judged in a second of CPU, each by two policies."""

TOUCHES, _PEOPLE = 20, 50
_ZURICH = "Europe/Zurich"


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure plays of people whom both policies let be told all: the longest way of a decision."""
    rounds = 5 if quick else 15
    playing = _playing()
    tally = playing()  # what is looked up once, such as holidays, is kept from here on
    assert (tally.touches, tally.changed) == (TOUCHES, 0)
    assert all(row.after.allowed == row.before.allowed > 0 for row in tally.rows())
    measured = {"ours": partial(_a_second, playing)}
    played = interleaved(measured, rounds=rounds, tell=tell)["ours"]
    comparison = Comparison(
        what=f"touches a second of CPU, {TOUCHES} a contact, {RULES} rules",
        peer="what it has to play",
        unit="1/s",
        goal=Goal(1, at_least=True),
        ours=played,
        theirs=Runs([float(A_SECOND)] * rounds),
    )
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=[comparison])


def _playing() -> Callable[[], Tally]:
    """Return a play of one person: from events of the ledger to the table."""
    kept = {**DOCUMENT, "weights": {"ad": 1}}
    gaps = [{**DOCUMENT["gaps"][0], "minutes": 90}, *DOCUMENT["gaps"][1:]]
    before, after = policy_of(kept), policy_of({**kept, "gaps": gaps})
    long_ago = TUESDAY_NOON - timedelta(days=99)
    granted = ConsentMark(status=ConsentStatus.GRANTED, at=long_ago)
    said = Part(
        consents={ConsentKey(Purpose.MARKETING, channel): granted for channel in Channel},
        preferences=Preferences(at=long_ago, zone=_ZURICH),
        whereabouts=Whereabouts(device_zones={"phone-001": _ZURICH}, countries=frozenset({"CH"})),
    )
    person = Person(app_id="app_1", contact_id=ADA, standing=Standing(parts={ADA: said}))
    stage = Stage(zone=_ZURICH, control_groups=[ControlGroup(id="all", salt="salt", percent=0)])
    events = list(_events())

    def run() -> Tally:
        tally = Tally()
        past = past_of(person, events)
        for one in play(past, before=before, after=after, stage=stage, since=long_ago):
            tally.add(ADA, one)
        return tally

    return run


def _events() -> Iterator[Envelope]:
    """Yield a message a working day at noon, by push and e-mail in turn."""
    days = (day for day in range(40) if (TUESDAY_NOON + timedelta(days=day)).weekday() < 4)
    channels = cycle(["push", "email"])
    for number, day in enumerate(islice(days, TOUCHES)):
        yield an_event(
            "message.sent.v1",
            number,
            at=TUESDAY_NOON + timedelta(days=day),
            channel=next(channels),
            purpose="marketing",
            data={"offer_key": f"offer {number}", "topic": "news"},
        )


def _a_second(playing: Callable[[], Tally]) -> float:
    before = time.process_time()
    for _ in range(_PEOPLE):
        playing()
    return _PEOPLE * TOUCHES / (time.process_time() - before)
