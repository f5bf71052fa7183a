"""A simulation finds people in the ledger, plays each once, and says how much it looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from functions.contact_policy_api.wiring import RecordedEvents
from shared.contact_policy.errors import PolicyInvalidError
from shared.contact_policy.model.differences import Alteration
from shared.contact_policy.model.people import Link, Person
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.service import simulating
from shared.contact_policy.service.simulating import Question, Simulation, SimulationService
from shared.kernel.decisions import Gate
from shared.kernel.envelope import Envelope
from tests.fakes.clock import ManualClock
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.contact_policy import ADA, BOB
from tests.fakes.contact_policy_stores import (
    InMemoryPersonStore,
    InMemoryPolicyStore,
    Memory,
    OnePlace,
)
from tests.fakes.told import an_event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE_A_DAY = {"caps": [{"id": "daily", "limit": 1, "window": {"rolling": 24}}]}


@dataclass
class Played:
    """A ledger, people, and a service that plays them."""

    clock: ManualClock = field(default_factory=ManualClock)
    memory: Memory = field(default_factory=Memory)
    ledger: InMemoryEventStore = field(default_factory=InMemoryEventStore)
    numbers: Any = field(default_factory=count)
    elapsed: Callable[[], float] = lambda: 0.0

    def sent(self, ago: timedelta, contact_id: str = ADA, **told: Any) -> Envelope:
        attributes = {"channel": "push", "purpose": "marketing", **told}
        event = an_event(
            "message.sent.v1",
            next(self.numbers),
            at=self.clock() - ago,
            contact_id=contact_id,
            **attributes,
        )
        self.ledger.events.append(event)
        return event

    def simulate(self, document: Any = ONE_A_DAY, **asked: Any) -> Simulation:
        service = SimulationService(
            ledger=RecordedEvents(events=self.ledger),
            people=InMemoryPersonStore(self.memory),
            policies=InMemoryPolicyStore(self.memory),
            apps=OnePlace(),
            clock=self.clock,
            elapsed=self.elapsed,
        )
        options: dict[str, Any] = {"days": 7, "contacts": 100, **asked}
        return service.simulate(Question(app_id="app_1", document=document, **options))


@pytest.fixture
def it() -> Played:
    return Played()


def con(number: int) -> str:
    return f"con_{number:026d}"


def test_it_plays_the_last_days_against_the_policy_in_force(it: Played) -> None:
    for hours in (3, 2):
        it.sent(hours * HOUR)
    it.sent(30 * DAY)
    found = it.simulate({**ONE_A_DAY, "consent": [], "quiet_hours": [], "laws": []})
    assert (found.version, found.until - found.since) == (0, 7 * DAY)
    assert (found.events, found.contacts_found, found.contacts, found.touches) == (2, 1, 1, 2)
    assert found.is_whole
    (row,) = [row for row in found.rows if row.rule.gate is Gate.CAP]
    assert (row.after.deferred, row.contacts) == (1, 1)
    (one,) = found.examples
    assert one.contact_id == ADA
    kinds = {(one.section, one.name): one.kind for one in found.differences}
    assert kinds["caps", "daily"] is Alteration.ADDED
    assert kinds["caps", "per-day"] is Alteration.REMOVED


def test_what_happened_before_the_days_still_counts(it: Played) -> None:
    it.sent(7 * DAY + HOUR)
    it.sent(7 * DAY - HOUR)
    found = it.simulate()
    assert (found.touches, found.changed) == (1, 1)


def test_the_policy_in_force_changes_nothing(it: Played) -> None:
    for hours in range(20):
        it.sent(hours * HOUR, con(hours % 3))
    default = it.simulate({"description": "x"})
    assert default.changed
    from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT  # noqa: PLC0415

    same = it.simulate(DEFAULT_DOCUMENT)
    assert (same.changed, same.differences, same.touches) == (0, (), 20)
    assert not same.examples


def test_of_many_people_the_same_ones_are_played_whatever_the_draft(it: Played) -> None:
    for number in range(60):
        it.sent(HOUR, con(number))
        it.sent(2 * HOUR, con(number))
    found = it.simulate(contacts=10)
    assert (found.contacts_found, found.contacts, found.touches) == (60, 10, 20)
    assert not found.is_whole
    again = it.simulate({**ONE_A_DAY, "description": "another"}, contacts=10)
    assert [one.contact_id for one in again.examples] == [one.contact_id for one in found.examples]
    assert it.simulate(contacts=60).is_whole


def test_a_person_of_two_contacts_is_played_once(it: Played) -> None:
    person = Person(app_id="app_1", contact_id=ADA, links={"edge": Link(ADA, BOB)})
    store = InMemoryPersonStore(it.memory)
    places = store.places({ADA, BOB}, app_id="app_1")
    store.regroup([replace(person, pressure=Pressure())], places=places)
    it.sent(3 * HOUR, ADA)
    it.sent(2 * HOUR, BOB)
    found = it.simulate()
    assert (found.contacts_found, found.touches, found.contacts_changed) == (2, 2, 1)
    (one,) = found.examples
    assert one.contact_id == ADA


def test_what_is_not_read_whole_is_said(it: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes in range(5):
        it.sent(timedelta(minutes=minutes))
    assert it.simulate().is_whole
    monkeypatch.setattr(simulating, "MOST_OF_A_CONTACT", 3)
    found = it.simulate()
    assert not found.is_whole
    assert found.touches == 4
    monkeypatch.undo()
    monkeypatch.setattr(simulating, "MOST_OF_AN_HOUR", 3)
    assert not it.simulate().is_whole
    monkeypatch.undo()
    monkeypatch.setattr(simulating, "MOST_EVENTS", 2)
    it.sent(2 * DAY)
    assert not it.simulate().is_whole


def test_it_stops_before_an_answer_would_be_too_late(it: Played) -> None:
    for number in range(120):
        it.sent(HOUR, con(number))
    hours = count()
    it.elapsed = lambda: float(next(hours))
    found = it.simulate()
    assert not found.is_whole
    late = iter([0.0, *[1.0] * 168, *[21.0] * 9])
    it.elapsed = lambda: next(late)
    found = it.simulate()
    assert (found.contacts_found, found.contacts, found.is_whole) == (120, 50, False)


def test_hours_are_looked_at_spread_over_the_time() -> None:
    until = datetime.fromisoformat("2026-03-08T12:30:00Z")
    hours = list(simulating._spread(until - 7 * DAY, until))
    assert len(hours) == len(set(hours)) == 7 * 24 + 1
    assert max(hours) <= until < max(hours) + HOUR
    days = {hour.date() for hour in hours[:14]}
    assert len(days) >= 7


def test_a_document_with_problems_is_refused(it: Played) -> None:
    with pytest.raises(PolicyInvalidError):
        it.simulate({"caps": [{"id": "x"}]})
