"""Every store of segments, real or fake, keeps these promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    AppNotFoundError,
    SegmentChangedError,
    SegmentNameTakenError,
    SegmentNotFoundError,
    TooManyEventTypesError,
)
from shared.registrations.events import SegmentCreated, SegmentDeleted, SegmentUpdated
from shared.registrations.model.rule_documents import rule_of
from shared.registrations.model.segments import MOST_EVENT_TYPES, Segment
from shared.registrations.ports import AppStore, SegmentStore
from shared.registrations.service.apps import AppService
from shared.registrations.service.audience import FRESH_SECONDS, AskedEvents
from shared.registrations.service.segments import SegmentService
from tests.contract.test_registration_stores import SETTINGS
from tests.fakes.clock import ManualClock
from tests.fakes.registrations import InMemoryAppStore, InMemorySegmentStore, Memory

VIP = rule_of({"tag": "vip"})
FULL = rule_of(
    {
        "all": [
            {"any": [{"tag": "vip"}, {"attribute": "plän", "is": ["gold", 7, 1.5, True]}]},
            {"not": {"seen": {"before_days": 30}}},
            {"device": "app_version", "from": "1.10", "below": "2"},
            {"consent": {"purpose": "marketing", "channel": "push", "topic": None}},
        ]
    }
)


def asks_for(*types: str) -> Any:
    return rule_of({"any": [{"event": {"type": one}} for one in types]})


@dataclass(frozen=True, kw_only=True)
class Segments:
    """The service on one kind of store, an app, and a way to read what was told."""

    service: SegmentService
    store: SegmentStore
    clock: ManualClock
    app_id: str
    other_app_id: str
    told: Callable[[], list[str]]

    def create(
        self,
        name: str = "vips",
        rule: Any = VIP,
        *,
        app_id: str | None = None,
        attempt: Attempt | None = None,
    ) -> Segment:
        return self.service.create_segment(
            name, rule, app_id=app_id or self.app_id, by="ada", attempt=attempt
        )[0]

    def update(self, segment: Segment, *, name: str = "vips", rule: Any = VIP) -> Segment:
        return self.service.update_segment(
            segment.segment_id,
            app_id=self.app_id,
            name=name,
            rule=rule,
            version=segment.version,
            by="ada",
        )

    def delete(self, segment: Segment) -> None:
        self.service.delete_segment(segment.segment_id, app_id=self.app_id, by="ada")

    def get(self, segment: Segment, *, version: int | None = None) -> Segment:
        return self.service.get_segment(segment.segment_id, app_id=self.app_id, version=version)

    def event_types(self) -> set[str]:
        return set().union(*self.store.event_types(self.app_id).values())


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Segments:
    if request.param == "memory":
        memory = Memory()
        return assemble(
            InMemoryAppStore(memory),
            InMemorySegmentStore(memory),
            told=lambda: [event.type for event in memory.events],
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Segments:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.registrations.store import (  # noqa: PLC0415
        DynamoAppStore,
        DynamoSegmentStore,
    )

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")
    ledger = Ledger(table=tables["contact_events"])

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    table = tables["registrations"]
    return assemble(
        DynamoAppStore(table=table, ledger=ledger),
        DynamoSegmentStore(table=table, ledger=ledger),
        told=told,
    )


def assemble(apps: AppStore, store: SegmentStore, *, told: Callable[[], list[str]]) -> Segments:
    clock = ManualClock()
    ids = Ids(clock=clock)
    settled = AppService(store=apps, clock=clock, ids=ids)
    return Segments(
        service=SegmentService(segments=store, apps=apps, clock=clock, ids=ids),
        store=store,
        clock=clock,
        app_id=settled.create_app(SETTINGS, attempt=None)[0].app_id,
        other_app_id=settled.create_app(SETTINGS, attempt=None)[0].app_id,
        told=lambda: [one for one in told() if not one.startswith("app.")],
    )


@pytest.mark.parametrize("rule", [VIP, FULL])
def test_a_segment_comes_back_as_it_was_defined(it: Segments, rule: Any) -> None:
    made = it.create("Schön & gut", rule)
    assert (made.version, made.name, made.rule) == (1, "Schön & gut", rule)
    assert it.get(made) == it.get(made, version=1) == made
    assert it.told() == ["segment.created.v1"]


def test_an_unknown_segment_is_not_found(it: Segments) -> None:
    made = it.create()
    with pytest.raises(SegmentNotFoundError):
        it.service.get_segment(made.segment_id, app_id=it.other_app_id)
    with pytest.raises(SegmentNotFoundError):
        it.get(made, version=2)


def test_a_segment_is_of_an_app_that_exists(it: Segments) -> None:
    with pytest.raises(AppNotFoundError):
        it.create(app_id="app_nobody")


def test_every_version_of_a_segment_is_kept(it: Segments) -> None:
    first = it.create()
    it.clock.advance(timedelta(hours=1))
    second = it.update(first, rule=FULL)
    assert (second.version, second.rule) == (2, FULL)
    assert (second.created_at, second.updated_at) == (first.created_at, it.clock())
    assert (it.get(first), it.get(first, version=1), it.get(first, version=2)) == (
        second,
        first,
        second,
    )
    assert it.told() == ["segment.created.v1", "segment.updated.v1"]


def test_what_pinned_a_version_finds_it_after_the_segment_is_gone(it: Segments) -> None:
    made = it.create()
    it.delete(made)
    assert it.get(made, version=1) == made
    with pytest.raises(SegmentNotFoundError):
        it.get(made)
    with pytest.raises(SegmentNotFoundError):
        it.delete(made)
    assert it.told() == ["segment.created.v1", "segment.deleted.v1"]


def test_a_name_belongs_to_one_segment_of_an_app(it: Segments) -> None:
    it.create()
    with pytest.raises(SegmentNameTakenError):
        it.create()
    assert it.create(app_id=it.other_app_id).name == "vips"
    other = it.create("other")
    with pytest.raises(SegmentNameTakenError):
        it.update(other, name="vips")
    assert it.get(other) == other


def test_a_name_is_free_once_its_segment_is_renamed_or_deleted(it: Segments) -> None:
    first = it.create()
    renamed = it.update(first, name="renamed")
    again = it.create()
    it.delete(again)
    it.delete(renamed)
    it.create("renamed")
    assert it.create().segment_id not in {first.segment_id, again.segment_id}


def test_a_segment_is_changed_by_who_read_its_last_version(it: Segments) -> None:
    first = it.create()
    second = it.update(first, rule=FULL)
    with pytest.raises(SegmentChangedError):
        it.update(first)
    event = it.service._told  # what each would record
    late = replace(first, version=2)
    with pytest.raises(SegmentChangedError):
        it.store.replace_segment(late, event(SegmentUpdated, late, by="eve"), before=first)
    with pytest.raises(SegmentChangedError):
        it.store.remove_segment(first, event(SegmentDeleted, first, by="eve"))
    assert it.get(first) == it.get(first, version=2) == second


def test_an_attempt_makes_one_segment(it: Segments) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    made = it.create(attempt=attempt)
    again = it.service.create_segment("vips", VIP, app_id=it.app_id, by="ada", attempt=attempt)
    assert again == (made, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.create(attempt=replace(attempt, fingerprint="other"))
    late = replace(made, segment_id="seg_late", name="late")
    event = it.service._told(SegmentCreated, late, by="ada")
    assert not it.store.add_segment(late, event, attempt=attempt)
    assert it.told() == ["segment.created.v1"]


def test_a_list_has_every_segment_of_its_app_once(it: Segments) -> None:
    made = [it.create(f"vips {number}", asks_for("a.b.v1")) for number in range(5)]
    it.update(made[0], name="first", rule=asks_for("a.b.v1"))
    it.create(app_id=it.other_app_id)
    found: list[Segment] = []
    cursor: str | None = None
    while not found or cursor:
        page = it.service.list_segments(it.app_id, limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
    assert [one.segment_id for one in found] == [one.segment_id for one in made]
    assert found[0].version == 2


def test_events_are_asked_for_as_long_as_any_version_of_a_segment_may_be_pinned(
    it: Segments,
) -> None:
    it.create("none")
    first = it.create("orders", asks_for("order.placed.v1", "order.returned.v1"))
    it.create("visits", asks_for("visit.began.v1"), app_id=it.other_app_id)
    second = it.update(first, name="orders", rule=asks_for("order.paid.v1"))
    assert it.event_types() == {"order.placed.v1", "order.returned.v1", "order.paid.v1"}
    it.delete(second)
    assert it.event_types() == set()


def test_what_is_asked_for_is_known_within_ten_seconds(it: Segments) -> None:
    seconds = [0.0]
    asked = AskedEvents(segments=it.store, elapsed=lambda: seconds[0])
    assert asked.of_app(it.app_id) == set()
    it.create("orders", asks_for("order.placed.v1"))
    seconds[0] = FRESH_SECONDS - 1
    assert asked.of_app(it.app_id) == set()
    seconds[0] = FRESH_SECONDS
    assert asked.of_app(it.app_id) == {"order.placed.v1"}
    assert asked.of_app(it.other_app_id) == set()


def test_all_segments_together_ask_for_at_most_twenty_types_of_events(it: Segments) -> None:
    types = [f"thing.happened{number}.v1" for number in range(MOST_EVENT_TYPES)]
    it.create("all", asks_for(*types))
    same = it.create("the same again", asks_for(*types[:5]))
    with pytest.raises(TooManyEventTypesError):
        it.create("one more", asks_for("other.happened.v1"))
    with pytest.raises(TooManyEventTypesError):
        it.update(same, name="the same again", rule=asks_for("other.happened.v1"))
