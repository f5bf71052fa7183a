"""Every store of counts, real or fake, keeps these promises; counting and reports on both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from shared.contact_events.model.counts import Cell, Counts, Figures, Sample
from shared.contact_events.model.hours import HOUR
from shared.contact_events.ports import CountStore
from shared.contact_events.service.reports import CountService, ReportService
from shared.contact_events.store import DynamoCountStore, DynamoEventStore
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Direction, Subject
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryCountStore, InMemoryEventStore

APP, OTHER_APP = "app_" + "1" * 26, "app_" + "2" * 26
ADA, BOB = "con_" + "A" * 26, "con_" + "B" * 26
TODAY = NOON.date()
EMAIL = Cell(TODAY, Channel.EMAIL, Direction.OUT)


@dataclass(frozen=True, kw_only=True)
class It:
    store: CountStore
    put: Callable[[Envelope], None]
    counting: CountService
    reports: ReportService
    clock: ManualClock
    ids: Ids

    def tell(
        self,
        *,
        app_id: str = APP,
        contact: str = ADA,
        channel: Channel = Channel.EMAIL,
        back: timedelta = timedelta(),
    ) -> None:
        """Record now that a message was sent, now or some time ago."""
        self.put(
            Envelope(
                app_id=app_id,
                sequence=self.ids.sequence(),
                type="message.sent.v1",
                source="elsewhere",
                time=self.clock() - back,
                subject=Subject(kind="contact", id=contact),
                channel=channel,
                direction=Direction.OUT,
                data={"cost": {"amount": 850_000, "currency": "CHF"}},
            )
        )

    def counted(self, app_id: str = APP) -> dict[str, int]:
        """Return this month's contacts by channel, but for channels without any."""
        (mix,) = self.reports.channel_mix(app_id, first=TODAY, last=TODAY)
        return {one.channel: one.contacts for one in mix.channels if one.contacts}

    def all_counts(self, app_id: str = APP) -> list[object]:
        """Return all that is kept of an app's hours."""
        span = {"since": NOON - timedelta(days=40), "until": self.clock()}
        return [*self.store.cells(app_id, **span), *self.store.samples(app_id, **span)]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Iterator[It]:
    clock = ManualClock()
    memory = InMemoryEventStore()
    if request.param == "memory":
        events, store, put = memory, InMemoryCountStore(), memory.events.append
        yield assemble(events, store, put, clock)
        return
    table = request.getfixturevalue("tables")["contact_events"]
    ledger = Ledger(table=table)
    yield assemble(
        DynamoEventStore(table=table),
        DynamoCountStore(table=table),
        lambda event: commit({"event": ledger.record(event)}),
        clock,
    )


def assemble(
    events: InMemoryEventStore | DynamoEventStore,
    store: CountStore,
    put: Callable[[Envelope], None],
    clock: ManualClock,
) -> It:
    def all_apps() -> list[str]:
        return [APP, OTHER_APP]

    return It(
        store=store,
        put=put,
        counting=CountService(events=events, counts=store, all_apps=all_apps, clock=clock),
        reports=ReportService(counts=store, clock=clock),
        clock=clock,
        ids=Ids(clock=clock),
    )


def test_counts_come_back_as_they_were_put(it: It) -> None:
    counts = Counts(
        cells={
            EMAIL: Figures(events=3, contacts=2, costs={"CHF": 7, "EUR": 10**15}),
            Cell(date(1999, 12, 31), Channel.F2F, None): Figures(events=1),
        },
        sample=Sample(below=2**63, touches={(ADA, TODAY): 2}),
    )
    it.store.put_counts(NOON, counts, app_id=APP, at=NOON)
    span = {"since": NOON + timedelta(minutes=59), "until": NOON + HOUR}
    assert list(it.store.cells(APP, **span)) == [counts.cells]
    assert list(it.store.samples(APP, **span)) == [counts.sample]
    assert list(it.store.cells(OTHER_APP, **span)) == []
    assert list(it.store.cells(APP, since=NOON + HOUR, until=NOON + HOUR)) == []


def test_an_hour_is_forgotten_alone(it: It) -> None:
    counts = Counts(cells={EMAIL: Figures(events=1)}, sample=Sample(touches={(ADA, TODAY): 1}))
    for hour, app_id in ((NOON, APP), (NOON + HOUR, APP), (NOON, OTHER_APP)):
        it.store.put_counts(hour, counts, app_id=app_id, at=NOON)
    for _ in range(2):
        it.store.forget_counts(NOON, app_id=APP)
    span = {"since": NOON, "until": NOON + HOUR}
    for app_id in (APP, OTHER_APP):
        assert list(it.store.cells(app_id, **span)) == [counts.cells]
        assert list(it.store.samples(app_id, **span)) == [counts.sample]


def test_hours_of_several_months_are_read(it: It) -> None:
    counts = Counts(cells={EMAIL: Figures(events=1)})
    for days in (0, 31, 62):
        it.store.put_counts(NOON - timedelta(days=days), counts, app_id=APP, at=NOON)
    found = it.store.cells(APP, since=NOON - timedelta(days=40), until=NOON)
    assert len(list(found)) == 2


def test_of_two_who_count_an_hour_the_later_reader_wins(it: It) -> None:
    def put(events: int, *, minute: int) -> None:
        counts = Counts(cells={EMAIL: Figures(events=events)})
        it.store.put_counts(NOON, counts, app_id=APP, at=NOON + timedelta(minutes=minute))

    for events, minute in ((1, 1), (3, 3), (2, 2)):
        put(events, minute=minute)
    (cells,) = it.store.cells(APP, since=NOON, until=NOON)
    assert cells[EMAIL].events == 3


def test_what_is_recorded_is_reported_at_the_next_count(it: It) -> None:
    it.tell()
    it.tell(channel=Channel.POST)
    it.tell(app_id=OTHER_APP)
    assert it.reports.counted_at() is None
    it.clock.advance(timedelta(minutes=10))
    it.counting.count_due()
    assert (it.counted(), it.counted(OTHER_APP)) == ({"email": 1, "post": 1}, {"email": 1})
    assert it.reports.counted_at() == it.clock()
    it.tell()
    it.counting.count_due()
    it.counting.count_due()
    assert it.counted() == {"email": 2, "post": 1}


def test_hours_in_which_nobody_counted_are_caught_up(it: It) -> None:
    it.counting.count_due()
    for _ in range(5):
        it.tell()
        it.clock.advance(HOUR)
    assert it.counting.count_due().hours == 2 * 7
    assert it.counted() == {"email": 5}


def test_an_hour_is_final_once_it_is_settled(it: It) -> None:
    it.clock.advance(timedelta(minutes=4))
    it.counting.count_due()
    before = it.store.progress()
    it.clock.advance(timedelta(minutes=1))
    it.counting.count_due()
    after = it.store.progress()
    assert before
    assert after
    assert (before.until, after.until) == (NOON - HOUR, NOON)


def test_what_is_told_late_counts_when_it_happened(it: It) -> None:
    it.tell(channel=Channel.POST, back=timedelta(days=10))
    it.counting.count_due()
    before = it.reports.channel_mix(APP, first=date(2026, 2, 1), last=TODAY)
    assert [mix.of(Channel.POST) for mix in before] == [1, 0]
    coverage = {one.channel: one for one in it.reports.coverage(APP, days=7)}
    assert coverage[Channel.POST].silent_days(TODAY) == 10
    week, month = it.reports.pressure(APP, limit=0)
    assert (week.people, month.people) == (0, 1)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_rebuilt_is_what_was_counted_live(it: It, backwards: bool) -> None:
    for number in range(12):
        channel = list(Channel)[number % 5]
        it.tell(contact=ADA if number % 3 else BOB, channel=channel, back=timedelta(hours=number))
        it.clock.advance(timedelta(minutes=25))
        it.counting.count_due()
    live = it.all_counts()
    again = [NOON + number * HOUR for number in range(6)]
    for hour in reversed(again) if backwards else again:
        it.counting.count(hour, hour + HOUR, app_ids=[APP])
        it.counting.count(hour, hour + HOUR)
    assert sorted(map(repr, it.all_counts())) == sorted(map(repr, live))
    assert sum(it.counted().values()) == 12


def test_reports_of_a_month_add_up(it: It) -> None:
    for contact in (ADA, ADA, ADA, BOB):
        it.tell(contact=contact)
    it.counting.count_due()
    (cost,) = it.reports.costs(APP, first=TODAY, last=TODAY)
    assert (cost.channel, cost.currency, cost.amount) == (Channel.EMAIL, "CHF", 4 * 850_000)
    week, _ = it.reports.pressure(APP, limit=2)
    assert (week.people, week.histogram, week.most_touched) == (2, {1: 1, 3: 1}, [(ADA, 3)])
