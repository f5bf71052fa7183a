"""Every ledger, real or fake, keeps these promises; relay, audit and timeline are tried on both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from shared.contact_events.model.hours import HOUR, hour_of
from shared.contact_events.model.timelines import Place, TimelineQuery
from shared.contact_events.ports import EventStore, ReceiptStore
from shared.contact_events.service.audit import AuditService
from shared.contact_events.service.relay import RelayService
from shared.contact_events.service.timeline import TimelineService
from shared.contact_events.store import DynamoEventStore, DynamoReceiptStore
from shared.kernel.envelope import Envelope, RowKey
from shared.kernel.events import Subject
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import (
    InMemoryEventStore,
    InMemoryReceiptStore,
    RecordingBus,
    SomeApps,
)

APP, OTHER_APP = "app_" + "1" * 26, "app_" + "2" * 26
ADA = "con_" + "A" * 26


class Origins:
    """Contacts that were joined: the first is the one that is asked for."""

    def __init__(self) -> None:
        self.joined: list[str] = [ADA]

    def origins_of(self, contact_id: str, *, app_id: str, as_of: datetime | None) -> Sequence[str]:
        return self.joined

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        return contact_id in self.joined


@dataclass(frozen=True, kw_only=True)
class It:
    events: EventStore
    receipts: ReceiptStore
    put: Callable[[Envelope], None]
    bus: RecordingBus
    relay: RelayService
    audit: AuditService
    timelines: TimelineService
    origins: Origins
    clock: ManualClock
    ids: Ids

    def record(
        self,
        kind: str = "device.registered.v1",
        *,
        app_id: str = APP,
        contact: str = ADA,
        channel: str | None = None,
        key: RowKey | None = None,
    ) -> Envelope:
        """Record an event now."""
        event = Envelope(
            app_id=app_id,
            sequence=self.ids.sequence(),
            type=kind,
            source="registrations",
            time=self.clock(),
            subject=Subject(kind="contact", id=contact),
            channel=channel,
            data={"device_id": "phone-001"},
            key=key,
        )
        self.put(event)
        return event

    def read(
        self, query: TimelineQuery | None = None, *, limit: int = 50
    ) -> tuple[list[str], str | None]:
        """Return the ids of a page of Ada's timeline, and its cursor."""
        page = self.timelines.timeline(ADA, app_id=APP, query=query or TimelineQuery(), limit=limit)
        return [event.id for event in page.items], page.next_cursor


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> It:
    if request.param == "memory":
        memory = InMemoryEventStore()
        return assemble(memory, InMemoryReceiptStore(), memory.events.append)
    table = request.getfixturevalue("tables")["contact_events"]
    ledger = Ledger(table=table)
    return assemble(
        DynamoEventStore(table=table),
        DynamoReceiptStore(table=table),
        lambda event: commit({"event": ledger.record(event)}),
    )


def assemble(events: EventStore, receipts: ReceiptStore, put: Callable[[Envelope], None]) -> It:
    clock = ManualClock()
    ids, bus, apps, origins = (
        Ids(clock=clock),
        RecordingBus(),
        SomeApps([APP, OTHER_APP]),
        Origins(),
    )
    relay = RelayService(bus=bus, receipts=receipts, apps=apps, ids=ids)
    return It(
        events=events,
        receipts=receipts,
        put=put,
        bus=bus,
        relay=relay,
        audit=AuditService(events=events, receipts=receipts, relay=relay, apps=apps, clock=clock),
        timelines=TimelineService(events=events, contacts=origins),
        origins=origins,
        clock=clock,
        ids=ids,
    )


def test_an_event_comes_back_as_it_was_recorded(it: It) -> None:
    event = it.record(channel="push")
    assert it.events.events_of([event.sequence], app_id=APP) == [event]


def test_the_timeline_is_in_order_and_ends(it: It) -> None:
    recorded = []
    for _ in range(5):
        recorded.append(it.record().id)
        it.clock.advance(timedelta(seconds=1))
    assert it.read() == (recorded, None)
    assert it.read(TimelineQuery(newest_first=True)) == (recorded[::-1], None)


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_miss_nothing_and_repeat_nothing(it: It, newest_first: bool) -> None:
    # Three events an instant, so that pages end in the middle of one.
    recorded = []
    for _ in range(4):
        recorded += [it.record().id for _ in range(3)]
        it.clock.advance(timedelta(seconds=1))
    found: list[str] = []
    cursor: str | None = None
    while cursor or not found:
        after = Place.of_cursor(cursor) if cursor else None
        page, cursor = it.read(TimelineQuery(after=after, newest_first=newest_first), limit=2)
        assert page
        found += page
    assert found == (recorded[::-1] if newest_first else recorded)


def test_a_timeline_joins_its_origins_in_order(it: It) -> None:
    anonymous = "con_" + "B" * 26
    it.origins.joined = [ADA, anonymous]
    recorded = []
    for contact in (anonymous, ADA, anonymous, ADA):
        recorded.append(it.record(contact=contact).id)
        it.clock.advance(timedelta(seconds=1))
    assert it.read() == (recorded, None)


def test_filters_keep_what_they_name(it: It) -> None:
    push = it.record(channel="push")
    it.clock.advance(timedelta(hours=1))
    other = it.record("contact.updated.v1")
    assert it.read(TimelineQuery(channel="push"))[0] == [push.id]
    assert it.read(TimelineQuery(type="contact.updated.v1"))[0] == [other.id]
    assert it.read(TimelineQuery(since=NOON + HOUR))[0] == [other.id]
    assert it.read(TimelineQuery(until=NOON + HOUR))[0] == [push.id]


def test_as_of_answers_what_was_recorded_by_then(it: It) -> None:
    first = it.record()
    it.clock.advance(timedelta(hours=1))
    late = it.record(key=RowKey(at=NOON, id="late"))  # of noon, but recorded an hour later
    assert it.read()[0] == [first.id, late.id]
    assert it.read(TimelineQuery(as_of=NOON + timedelta(minutes=1)))[0] == [first.id]


def test_two_apps_share_no_timeline(it: It) -> None:
    it.record(app_id=OTHER_APP)
    assert it.read() == ([], None)


def test_what_the_bus_refuses_is_named_and_not_noted(it: It) -> None:
    events = [it.record() for _ in range(3)]
    it.bus.refuses = {events[1].sequence}
    assert it.relay.relay(events) == {events[1].sequence}
    published = {events[0].sequence, events[2].sequence}
    assert it.receipts.published_in(hour_of(NOON)) == published


def test_the_audit_publishes_exactly_what_the_stream_forgot(it: It) -> None:
    events = [it.record(app_id=app) for app in (APP, OTHER_APP) for _ in range(20)]
    it.relay.relay(events[::2])
    it.clock.advance(HOUR + timedelta(minutes=5))
    report = it.audit.audit_due()
    assert (report.recorded, report.republished, report.failed) == (40, 20, 0)
    assert sorted(event.id for event in it.bus.published) == sorted(event.id for event in events)
    again = it.audit.audit(NOON, NOON + HOUR)
    assert (again.republished, len(it.bus.published)) == (0, 40)


def test_what_the_stream_forgot_is_counted_once_it_should_have_come(it: It) -> None:
    events = [it.record(app_id=app) for app in (APP, OTHER_APP) for _ in range(3)]
    it.relay.relay(events[::2])
    it.clock.advance(timedelta(minutes=2))
    assert it.audit.unpublished(NOON, NOON + HOUR) == 0, "they may be on their way"
    it.clock.advance(timedelta(seconds=1))
    assert it.audit.unpublished(NOON, NOON + HOUR) == 3
    assert it.audit.unpublished(NOON - HOUR, NOON) == 0
    assert len(it.bus.published) == 3, "nothing was mended"


def test_an_hour_is_not_audited_before_it_settled(it: It) -> None:
    it.record()
    it.clock.advance(HOUR + timedelta(minutes=4))
    assert it.audit.audit_due().recorded == 0
    it.clock.advance(timedelta(minutes=1))
    assert it.audit.audit_due().republished == 1


def test_an_audit_that_failed_is_done_again(it: It) -> None:
    event = it.record()
    it.clock.advance(HOUR + timedelta(minutes=5))
    it.bus.refuses = {event.sequence}
    assert it.audit.audit_due().failed == 1
    it.bus.refuses = set()
    it.clock.advance(HOUR)
    assert it.audit.audit_due().republished == 1
    assert it.receipts.audited_until() == NOON + 2 * HOUR


def test_hours_without_an_audit_are_caught_up(it: It) -> None:
    it.receipts.set_audited_until(NOON)
    for _ in range(5):
        it.record()
        it.clock.advance(HOUR)
    it.clock.advance(timedelta(minutes=5))
    assert it.audit.audit_due().republished == 5
