"""A range of the ledger comes back whole and in order, slice by slice, from both ledgers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from shared.contact_events.model.hours import HOUR
from shared.contact_events.model.replays import Span
from shared.contact_events.ports import EventStore
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.store import DynamoEventStore
from shared.kernel.envelope import Envelope
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Subject
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryEventStore

APP, OTHER_APP = "app_" + "1" * 26, "app_" + "2" * 26
ADA, BOB = "con_" + "A" * 26, "con_" + "B" * 26


@dataclass(kw_only=True)
class It:
    events: EventStore
    put: Callable[[Envelope], None]
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        self.reader = ReplayReader(events=self.events, clock=self.clock)

    def record(
        self,
        count: int = 1,
        *,
        contact: str = ADA,
        kind: str = "message.sent.v1",
        app_id: str = APP,
        time: datetime = NOON,
    ) -> list[str]:
        """Record events now, whenever they happened, and return their sequences."""
        recorded = [
            Envelope(
                app_id=app_id,
                sequence=self.ids.sequence(),
                type=kind,
                source="push",
                time=time,
                subject=Subject(kind="contact", id=contact),
                data={},
            )
            for _ in range(count)
        ]
        for event in recorded:
            self.put(event)
        return [event.sequence for event in recorded]

    def read(self, span: Span, *, limit: int = 3) -> list[str]:
        """Read a range to its end, each slice from where the last one ended."""
        found: list[str] = []
        after, is_over = None, False
        while not is_over:
            slice_ = self.reader.read(span, app_id=APP, after=after, limit=limit)
            assert slice_.read <= limit
            assert after is None or slice_.after > after or slice_.is_over
            found += [event.sequence for event in slice_.events]
            after, is_over = slice_.after, slice_.is_over
        return found


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> It:
    if request.param == "memory":
        memory = InMemoryEventStore()
        return It(events=memory, put=memory.events.append)
    table = request.getfixturevalue("tables")["contact_events"]
    ledger = Ledger(table=table)
    return It(
        events=DynamoEventStore(table=table),
        put=lambda event: commit({"event": ledger.record(event)}),
    )


def test_a_range_comes_back_whole_and_in_order(it: It) -> None:
    recorded = []
    for _ in range(3):
        recorded += it.record(7)
        it.record(2, app_id=OTHER_APP)
        it.clock.advance(timedelta(minutes=50))
    assert it.read(Span(since=NOON, until=it.clock())) == recorded


@pytest.mark.parametrize("limit", [1, 6, 7, 8])
def test_a_page_that_ends_with_its_hour_ends_nothing_else(it: It, limit: int) -> None:
    recorded = it.record(7)
    it.clock.advance(HOUR)
    recorded += it.record(7)
    it.clock.advance(HOUR)
    assert it.read(Span(since=NOON, until=it.clock()), limit=limit) == recorded


def test_both_ends_are_instants_of_recording(it: It) -> None:
    it.record(2)
    it.clock.advance(timedelta(minutes=10))
    begin = it.clock()
    wanted = it.record(2, time=NOON - timedelta(days=3))
    it.clock.advance(timedelta(minutes=10))
    end = it.clock()
    it.record(2)
    it.clock.advance(HOUR)
    assert it.read(Span(since=begin, until=end)) == wanted


def test_long_silences_are_walked_through(it: It) -> None:
    first = it.record()
    it.clock.advance(timedelta(days=5))
    last = it.record()
    it.clock.advance(HOUR)
    assert it.read(Span(since=NOON - timedelta(days=3), until=it.clock())) == [*first, *last]


def test_what_was_recorded_just_now_waits_until_it_is_settled(it: It) -> None:
    early = it.record()
    it.clock.advance(timedelta(minutes=10))
    late = it.record()
    span = Span(since=NOON, until=NOON + HOUR)
    first = it.reader.read(span, app_id=APP)
    assert ([event.sequence for event in first.events], first.is_over) == (early, True)
    it.clock.advance(HOUR)
    rest = it.reader.read(span, app_id=APP, after=first.after)
    assert [event.sequence for event in rest.events] == late


def test_only_what_is_asked_for_is_handed_out(it: It) -> None:
    it.record(4)
    opened = it.record(2, kind="message.opened.v1")
    of_bob = it.record(2, contact=BOB)
    it.clock.advance(HOUR)
    until = it.clock()
    types = frozenset({"message.opened.v1"})
    assert it.read(Span(since=NOON, until=until, types=types)) == opened
    assert it.read(Span(since=NOON, until=until, contact_id=BOB)) == of_bob


def test_whose_events_were_erased_is_passed_over(it: It) -> None:
    of_ada = it.record(3)
    it.record(5, contact=BOB)
    of_ada += it.record(3)
    it.clock.advance(HOUR)
    it.events.erase(BOB, app_id=APP)
    assert it.read(Span(since=NOON, until=it.clock()), limit=2) == of_ada


def test_all_of_a_range_is_what_its_slices_have(it: It) -> None:
    chance = Random(7)  # noqa: S311 - reproducible
    recorded = []
    for _ in range(6):
        recorded += it.record(chance.randrange(9))
        it.clock.advance(timedelta(minutes=chance.randrange(1, 200)))
    it.clock.advance(HOUR)
    span = Span(since=NOON, until=it.clock())
    assert [event.sequence for event in it.reader.all(span, app_id=APP)] == recorded


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidFieldsError):
        Span(since=NOON, until=NOON - HOUR)
