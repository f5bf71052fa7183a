"""Every store of marks, real or fake, keeps these promises; the service is tried on both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest

from shared.kernel.clock import rfc3339
from shared.kernel.envelope import Envelope, RowKey
from shared.kernel.events import Subject
from shared.kernel.ids import Ids, ulid_of
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from shared.push.events import SOURCE
from shared.push.model.campaigns import Conversion
from shared.push.model.results import Goal, Mark, Marked, MarkKind, Reached, reached
from shared.push.ports import MarkStore, ToldEvents
from shared.push.service.results import GoalCache, MarkService
from shared.push.store import DynamoMarkStore, DynamoToldEvents
from tests.capacity import metered
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.results import InMemoryMarkStore, InMemoryToldEvents, OnePersonEach

SHOP, CAFE = f"app_{'1' * 26}", f"app_{'2' * 26}"
SALE, OTHER = f"cmp_{'1' * 26}", f"cmp_{'2' * 26}"
ADA, BOB = f"con_{'A' * 26}", f"con_{'B' * 26}"
CHUNK, NEXT = (ulid_of(NOON, chance=chance) for chance in (1, 2))
WEEK, MINUTE = timedelta(days=7), timedelta(minutes=1)
BOUGHT = "purchase.completed.v1"


@dataclass(kw_only=True)
class Marking:
    """The service on one kind of stores."""

    store: MarkStore
    told: ToldEvents
    put: Callable[[Envelope], None]
    persons: OnePersonEach
    ids: Ids
    elapsed: float = 0.0

    def __post_init__(self) -> None:
        self.service = MarkService(
            marks=self.store,
            goals=GoalCache(store=self.store, elapsed=lambda: self.elapsed),
            told=self.told,
            persons=self.persons,
        )

    def event(
        self,
        type_: str,
        *,
        contact_id: str = ADA,
        at: datetime = NOON,
        source: str = SOURCE,
        key: RowKey | None = None,
        **data: Any,
    ) -> Envelope:
        return Envelope(
            app_id=SHOP,
            sequence=self.ids.sequence(),
            type=type_,
            source=source,
            time=at,
            subject=Subject(kind="contact", id=contact_id),
            data=data,
            key=key,
        )

    def ended(
        self, index: int, type_: str = "message.sent.v1", *, chunk_id: str = CHUNK, **others: Any
    ) -> None:
        """Have the ledger say what became of a message of the campaign."""
        message_id = f"msg_{chunk_id}_{index}"
        told = {"message_id": message_id, "campaign_id": SALE, "variant": "A", **others}
        self.put(self.event(type_, key=RowKey(at=NOON, id=message_id), **told))

    def report(self, kind: str, index: int = 0, **others: Any) -> Envelope:
        """Return what a device says of a message of the campaign."""
        told = {"message_id": f"msg_{CHUNK}_{index}", "campaign_id": SALE, "variant": "A"}
        return self.event(f"message.{kind}.v1", **{**told, **others})

    def schedule(self, conversion: str | None = BOUGHT) -> None:
        subject = Subject(kind="campaign", id=SALE)
        told = self.event(
            "campaign.scheduled.v1",
            campaign_id=SALE,
            starts_at=rfc3339(NOON),
            conversion=conversion,
            converts_within=WEEK.total_seconds() if conversion else None,
            ends_at=rfc3339(NOON + timedelta(days=1)) if conversion else None,
        )
        self.service.take([replace(told, subject=subject)])

    def buy(self, at: datetime = NOON + MINUTE, *, contact_id: str = ADA) -> None:
        bought = self.event(BOUGHT, contact_id=contact_id, at=at, source="shop")
        self.service.take([bought, bought])

    def reached(self, campaign_id: str = SALE) -> Reached:
        marked = self.store.marks_of(campaign_id, app_id=SHOP)
        return reached(marked).get("A", Reached())


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Marking:
    ids = Ids(clock=ManualClock())
    if request.param == "memory":
        told = InMemoryToldEvents()
        return Marking(
            store=InMemoryMarkStore(),
            told=told,
            put=told.events.append,
            persons=OnePersonEach(),
            ids=ids,
        )
    tables = request.getfixturevalue("tables")
    ledger = Ledger(table=tables["contact_events"])
    return Marking(
        store=DynamoMarkStore(table=tables["push"]),
        told=DynamoToldEvents(table=tables["contact_events"]),
        put=lambda event: commit({"event": ledger.record(event)}),
        persons=OnePersonEach(),
        ids=ids,
    )


def a_mark(index: int = 0, kind: MarkKind = MarkKind.OPENED, **others: str) -> Mark:
    named = {"campaign_id": SALE, "chunk_id": CHUNK, "variant": "A", **others}
    return Mark(index=index, kind=kind, **named)


def test_a_mark_counts_once_however_often_it_is_added(it: Marking) -> None:
    for _ in range(2):
        it.store.add_marks([a_mark(0), a_mark(7), a_mark(0)], app_id=SHOP)
    assert list(it.store.marks_of(SALE, app_id=SHOP)) == [
        Marked(chunk_id=CHUNK, variant="A", kind=MarkKind.OPENED, indexes=frozenset({0, 7}))
    ]


def test_marks_of_other_campaigns_and_apps_are_not_shown(it: Marking) -> None:
    it.store.add_marks([a_mark(campaign_id=OTHER)], app_id=SHOP)
    it.store.add_marks([a_mark()], app_id=CAFE)
    assert list(it.store.marks_of(SALE, app_id=SHOP)) == []


def test_marks_of_a_campaign_are_forgotten_and_what_it_is_for_stays(it: Marking) -> None:
    it.schedule()
    marks = [a_mark(), a_mark(kind=MarkKind.CLICKED), a_mark(chunk_id=NEXT)]
    it.store.add_marks([*marks, a_mark(campaign_id=OTHER)], app_id=SHOP)
    it.store.add_marks([a_mark()], app_id=CAFE)
    for _ in range(2):
        it.store.forget_marks(SALE, app_id=SHOP)
    assert list(it.store.marks_of(SALE, app_id=SHOP)) == []
    assert len(list(it.store.marks_of(OTHER, app_id=SHOP))) == 1
    assert len(list(it.store.marks_of(SALE, app_id=CAFE))) == 1
    assert len(it.store.goals_of(SHOP)) == 1


def test_marks_of_one_chunk_and_variant_lie_together(it: Marking) -> None:
    marks = [
        a_mark(kind=kind, chunk_id=chunk_id, variant=variant)
        for kind in MarkKind
        for variant in ("A", "A#", "summer sale", "Ä")
        for chunk_id in (CHUNK, NEXT)
    ]
    it.store.add_marks(marks, app_id=SHOP)
    found = [(one.chunk_id, one.variant) for one in it.store.marks_of(SALE, app_id=SHOP)]
    assert len(found) == len(marks)
    begins = sum(before != after for before, after in pairwise(found)) + 1
    assert begins == len(set(found)) == 8


def test_goals_are_those_of_the_app_and_the_newest_word_on_each_campaign_stands(
    it: Marking,
) -> None:
    goal = Goal(
        app_id=SHOP,
        campaign_id=SALE,
        conversion=Conversion(type="a.b.v1", within=MINUTE),
        since=NOON,
        until=NOON + WEEK,
    )
    it.store.put_goal(goal)
    it.store.put_goal(replace(goal, app_id=CAFE))
    newer = replace(goal, conversion=Conversion(type=BOUGHT, within=WEEK))
    it.store.put_goal(newer)
    assert it.store.goals_of(SHOP) == [newer]


def test_what_a_device_reports_is_marked_in_any_order_and_once(it: Marking) -> None:
    for kinds in permutations(("delivered", "opened", "clicked", "converted")):
        it.service.take([it.report(kind) for kind in kinds])
    assert it.reached() == Reached(arrived=1, delivered=1, opened=1, clicked=1, converted=1)


def test_reports_on_no_campaign_and_words_of_others_are_no_marks(it: Marking) -> None:
    it.service.take(
        [
            it.report("opened", campaign_id=None, variant=None),
            it.report("opened", source="shop"),
            it.report("opened", message_id="msg_of_somebody"),
            it.report("sent"),
        ]
    )
    assert it.reached() == Reached()


def test_who_was_told_and_does_what_the_campaign_is_for_converts(it: Marking) -> None:
    it.schedule()
    it.ended(0)
    it.buy()
    assert it.reached() == Reached(arrived=1, converted=1)


def test_every_message_to_a_person_converts_under_whatever_contact_it_was_sent(
    it: Marking,
) -> None:
    it.schedule()
    it.ended(0)
    it.ended(1)
    it.persons.joined[BOB] = (BOB, ADA)
    it.buy(contact_id=BOB)
    assert it.reached().converted == 2


def test_who_was_held_out_converts_apart(it: Marking) -> None:
    it.schedule()
    it.ended(0, "message.suppressed.v1", reason="control_group", decision="drop")
    it.buy()
    assert it.reached() == Reached(converted_untold=1)


@pytest.mark.parametrize(
    ("type_", "others"),
    [
        ("message.suppressed.v1", {"reason": "cap", "decision": "drop"}),
        ("message.suppressed.v1", {"reason": "quiet_hours", "decision": "defer"}),
        ("message.failed.v1", {"state": "invalid"}),
        ("message.unconfirmed.v1", {"reason": "expired"}),
        ("message.opened.v1", {}),
        ("message.sent.v1", {"campaign_id": OTHER}),
        ("message.sent.v1", {"campaign_id": None, "variant": None}),
    ],
)
def test_who_was_not_told_by_the_campaign_does_not_convert(
    it: Marking, type_: str, others: dict[str, Any]
) -> None:
    it.schedule()
    it.ended(0, type_, **others)
    it.buy()
    assert (it.reached(), it.reached(OTHER)) == (Reached(), Reached())


@pytest.mark.parametrize(
    ("after", "converts"),
    [
        (-timedelta(milliseconds=1), False),
        (timedelta(0), True),
        (WEEK, True),
        (WEEK + timedelta(milliseconds=1), False),
    ],
)
def test_a_conversion_counts_so_long_after_the_message_and_not_before(
    it: Marking, after: timedelta, converts: bool
) -> None:
    it.schedule()
    it.ended(0)
    it.buy(NOON + after)
    assert it.reached().converted == converts


def test_other_events_and_other_people_convert_nobody(it: Marking) -> None:
    it.schedule()
    it.ended(0)
    it.persons.erased.add(BOB)
    it.buy(contact_id=BOB)
    it.service.take([it.event("purchase.cancelled.v1", at=NOON + MINUTE, source="shop")])
    assert it.reached() == Reached()


def test_a_campaign_that_is_for_nothing_has_no_goal(it: Marking) -> None:
    it.schedule(conversion=None)
    assert it.store.goals_of(SHOP) == []


def test_goals_of_other_processes_are_seen_after_ten_seconds(it: Marking) -> None:
    it.ended(0)
    it.buy()
    another = replace_service(it)
    another.schedule()
    it.elapsed = 9.9
    it.buy()
    assert it.reached().converted == 0
    it.elapsed = 10.0
    it.buy()
    assert it.reached().converted == 1


def replace_service(it: Marking) -> Marking:
    return Marking(store=it.store, told=it.told, put=it.put, persons=it.persons, ids=it.ids)


def test_marks_of_one_chunk_that_come_together_are_one_unit(tables: dict[str, str]) -> None:
    store = DynamoMarkStore(table=tables["push"])
    with metered() as meter:
        store.add_marks([a_mark(index) for index in range(100)], app_id=SHOP)
    assert meter.writes == 1
