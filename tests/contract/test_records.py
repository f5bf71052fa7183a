"""What others say is recorded once, under whom they mean; on every store, real or fake."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.contact_events.errors import EventConflictError, SubjectNotFoundError
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.timelines import TimelineQuery
from shared.contact_events.ports import EventStore, ForeignEventStore
from shared.contact_events.service.personal import PersonalEvents
from shared.contact_events.service.records import Recorded, RecordService
from shared.contact_events.service.timeline import TimelineService
from shared.contact_events.store import DynamoEventStore, DynamoForeignEventStore
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Direction, Purpose
from shared.kernel.ids import Ids, made_at
from shared.platform.ledger import RETENTION
from shared.registrations.errors import ContactErasedError, InvalidIdentifierError
from shared.registrations.model.edges import EdgeCause
from shared.registrations.model.erasures import SETTLING
from shared.registrations.service.identifiers import NamedIdentifier
from tests.contract.test_registration_stores import Registrations, in_memory, on_dynamodb
from tests.fakes.clock import NOON
from tests.fakes.contact_events import InMemoryEventStore, InMemoryForeignEventStore
from tests.fakes.registrations import Memory, PlainHasher

VISITOR = ("anonymous", "browser-7")
CUSTOMER = ("customer", "C-17")
EMAIL = ("email", "ada@example.com")
PHONE = ("phone", "+41446681800")


@dataclass(frozen=True)
class RegisteredPeople:
    """The people of the registrations, as an event names them."""

    registrations: Registrations

    def recognise(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime
    ) -> str | None:
        return self.registrations.resolution.recognise(_named(identifiers), app_id=app_id, at=at)

    def resolve(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime, by: str
    ) -> str:
        return self.registrations.resolution.resolve(
            _named(identifiers), app_id=app_id, at=at, by=by
        )


def _named(identifiers: Sequence[tuple[str, str]]) -> list[NamedIdentifier]:
    return [NamedIdentifier(namespace=name, value=value) for name, value in identifiers]


@dataclass(frozen=True, kw_only=True)
class Records:
    """Foreign events over registrations, on one kind of store."""

    registrations: Registrations
    events: EventStore
    records: RecordService
    timelines: TimelineService
    personal: PersonalEvents
    app_id: str

    def says(self, id_: str, *identifiers: tuple[str, str], **other: Any) -> ForeignEvent:
        """Return what a shop says happens now."""
        said: dict[str, Any] = {
            "app_id": self.app_id,
            "source": "shop",
            "id": id_,
            "type": "page.viewed.v1",
            "time": self.registrations.clock(),
            "identifiers": identifiers,
            **other,
        }
        return ForeignEvent(**said)

    def record(self, id_: str, *identifiers: tuple[str, str], **other: Any) -> Recorded:
        """Record what a shop says, a minute after what it said before."""
        self.registrations.clock.advance(timedelta(minutes=1))
        return self.records.record(self.says(id_, *identifiers, **other))

    def timeline(self, contact_id: str, *, as_of: datetime | None = None) -> list[str]:
        """Return the ids of the foreign events in a contact's timeline."""
        return [event.id for event in self.events_of(contact_id, as_of=as_of)]

    def events_of(self, contact_id: str, *, as_of: datetime | None = None) -> list[Envelope]:
        page = self.timelines.timeline(
            contact_id, app_id=self.app_id, query=TimelineQuery(as_of=as_of), limit=50
        )
        return [event for event in page.items if event.source == "shop"]

    def told(self) -> int:
        """Return how many events the ledger holds, foreign and our own."""
        seen = self.events.sequences_of(NOON, app_id=self.app_id)
        return len(seen)

    def person(self, contact_id: str) -> str:
        return self.registrations.origins.canonical(contact_id, app_id=self.app_id)

    def erase(self, contact_id: str) -> None:
        """Erase a person from the registrations and the ledger: both rounds."""
        registrations = self.registrations
        forgetting = replace(registrations.forgetting, domains=[self.personal])
        registrations.erasures.erase_contact(contact_id, app_id=self.app_id, by="ada")
        forgetting.work(contact_id, app_id=self.app_id)
        registrations.clock.advance(SETTLING)
        forgetting.work(contact_id, app_id=self.app_id)

    def unmerge(self, contact_id: str) -> None:
        """Take back the one edge of a person."""
        profile = self.registrations.contacts.get_profile(app_id=self.app_id, contact_id=contact_id)
        (edge_id,) = profile.merges
        self.registrations.people.unmerge(contact_id, edge_id, app_id=self.app_id, by="ada")


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Records:
    if request.param == "memory":
        memory = Memory()
        events = memory.events
        return assemble(
            in_memory(memory), InMemoryEventStore(events), InMemoryForeignEventStore(events)
        )
    table = request.getfixturevalue("tables")["contact_events"]
    return assemble(
        on_dynamodb(request), DynamoEventStore(table=table), DynamoForeignEventStore(table=table)
    )


def assemble(
    registrations: Registrations, events: EventStore, foreign: ForeignEventStore
) -> Records:
    people = RegisteredPeople(registrations)
    return Records(
        registrations=registrations,
        events=events,
        records=RecordService(
            events=foreign,
            people=people,
            contacts=registrations.origins,
            vault=registrations.vault,
            hasher=registrations.hasher,
            ids=Ids(clock=registrations.clock),
        ),
        timelines=TimelineService(events=events, contacts=registrations.origins),
        personal=PersonalEvents(ledger=events, vault=registrations.vault),
        app_id=registrations.an_app(),
    )


def test_an_event_comes_back_as_it_was_said(it: Records) -> None:
    recorded = it.record(
        "1",
        EMAIL,
        type="order.placed.v1",
        channel=Channel.WEB,
        direction=Direction.IN,
        purpose=Purpose.TRANSACTIONAL,
        data={"total": 12.5},
    )
    (event,) = it.events_of(recorded.contact_id)
    assert not recorded.is_duplicate
    assert (event.id, event.type, event.time) == (
        recorded.event_id,
        "order.placed.v1",
        NOON + timedelta(minutes=1),
    )
    assert (event.channel, event.direction, event.purpose) == ("web", "in", "transactional")
    assert event.data == {"total": 12.5}
    assert event.subject.id == recorded.contact_id


def test_the_original_is_kept_sealed_for_its_contact(it: Records) -> None:
    recorded = it.record("1", EMAIL, data={"total": 1}, raw=b'{"to": "ada@example.com"}')
    (event,) = it.events_of(recorded.contact_id)
    assert "ada" not in str(event.data)
    page = it.personal.export([recorded.contact_id], app_id=it.app_id, cursor=None, limit=9)
    (told,) = [item for item in page.items if item["id"] == recorded.event_id]
    assert told["data"] == {"total": 1, "raw": {"to": "ada@example.com"}}


def test_what_is_no_json_is_exported_as_it_came(it: Records) -> None:
    for raw in (b"plain text", b"\xff\xfe"):
        it.record(raw.hex(), EMAIL, raw=raw)
    contact_id = it.record("1", EMAIL).contact_id
    page = it.personal.export([contact_id], app_id=it.app_id, cursor=None, limit=9)
    raws = [item["data"]["raw"] for item in page.items if "raw" in item["data"]]
    assert raws == ["plain text", "//4="]


def test_an_export_goes_on_where_its_cursor_says(it: Records) -> None:
    visitor = it.record("1", VISITOR).contact_id
    for number in range(2, 6):
        it.record(str(number), VISITOR, CUSTOMER)
    origins = it.registrations.origins.origins_of(visitor, app_id=it.app_id)
    seen, cursor = [], None
    while True:
        page = it.personal.export(origins, app_id=it.app_id, cursor=cursor, limit=2)
        seen += [item["id"] for item in page.items if item["source"] == "shop"]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == it.timeline(visitor)
    assert len(seen) == 5


def test_what_comes_late_does_not_bring_back_who_was_erased(it: Records) -> None:
    said = [
        it.says("1", VISITOR, raw=b"ada"),
        it.says("2", VISITOR, CUSTOMER, EMAIL, raw=b"ada"),
        it.says("3", PHONE, EMAIL),
    ]
    contact_ids = {it.records.record(event).contact_id for event in said}
    it.erase(next(iter(contact_ids)))
    told = it.told()
    for event in [*said, replace(said[0], id="late"), replace(said[2], id="later")]:
        with pytest.raises(ContactErasedError):
            it.records.record(event)
    assert it.told() == told
    for contact_id in contact_ids:
        with pytest.raises(ContactErasedError):
            it.timeline(contact_id)


def test_who_was_erased_and_comes_again_is_somebody_new(it: Records) -> None:
    before = it.record("1", EMAIL)
    it.erase(before.contact_id)
    after = it.record("2", EMAIL)
    assert after.contact_id != before.contact_id
    assert it.timeline(after.contact_id) == [after.event_id]
    with pytest.raises(ContactErasedError):
        it.records.record(it.says("late", EMAIL, time=NOON))


def test_a_visit_a_login_a_call_and_a_purchase_are_one_timeline(it: Records) -> None:
    visit = it.record("visit", VISITOR)
    before = it.registrations.clock()
    login = it.record("login", VISITOR, CUSTOMER, EMAIL, PHONE)
    call = it.record("call", PHONE, channel=Channel.PHONE)
    purchase = it.record("purchase", EMAIL)
    late = it.record("late", VISITOR)
    assert login.contact_id == call.contact_id == purchase.contact_id
    assert late.contact_id == visit.contact_id != login.contact_id
    story = [one.event_id for one in (visit, login, call, purchase, late)]
    assert it.timeline(login.contact_id) == it.timeline(visit.contact_id) == story
    assert it.timeline(visit.contact_id, as_of=before) == [visit.event_id]
    assert it.timeline(login.contact_id, as_of=before) == []
    it.unmerge(login.contact_id)
    assert it.timeline(visit.contact_id) == [visit.event_id, late.event_id]
    assert it.timeline(login.contact_id) == story[1:4]


def test_a_login_joins_by_an_edge_that_names_its_event(it: Records) -> None:
    visit = it.record("visit", VISITOR)
    login = it.record("login", VISITOR, CUSTOMER)
    (edge,) = it.registrations.contact_store.edges_at(visit.contact_id, app_id=it.app_id)
    assert (edge.contact_id, edge.origin) == (login.contact_id, visit.contact_id)
    assert (edge.cause, edge.by) == (EdgeCause.LOGIN, login.event_id)


def test_a_visitor_who_names_somebody_known_joins_them(it: Records) -> None:
    known = it.record("letter", CUSTOMER)
    visit = it.record("visit", VISITOR)
    login = it.record("login", VISITOR, CUSTOMER)
    assert login.contact_id == known.contact_id
    assert it.person(visit.contact_id) == known.contact_id
    it.unmerge(known.contact_id)
    assert it.timeline(visit.contact_id) == [visit.event_id]


@pytest.mark.parametrize("second", [("customer", "C-18"), ("email", "grace@example.com")])
def test_two_people_on_one_tablet_stay_two(it: Records, second: tuple[str, str]) -> None:
    visit = it.record("visit", VISITOR)
    first_of = (CUSTOMER if second[0] == "customer" else EMAIL, VISITOR)
    one = it.record("1", *first_of)
    two = it.record("2", second, VISITOR)
    again = it.record("3", second, VISITOR)
    assert one.contact_id != two.contact_id == again.contact_id
    assert it.timeline(one.contact_id) == [visit.event_id, one.event_id]
    assert it.timeline(two.contact_id) == [two.event_id, again.event_id]


def test_what_is_said_twice_is_recorded_once(it: Records) -> None:
    event = it.says("1", EMAIL, VISITOR, data={"total": 1})
    first = it.records.record(event)
    held = it.told()
    again = it.records.record(replace(event, identifiers=(VISITOR, EMAIL)))
    assert again == replace(first, is_duplicate=True)
    assert it.told() == held


def test_a_reckoned_id_is_known_again_beyond_a_rotation_and_tells_nothing(it: Records) -> None:
    keyed = PlainHasher("first")
    it = replace(it, records=replace(it.records, hasher=keyed))
    first = it.record("digest of what was said", VISITOR, is_id_reckoned=True)
    keyed.keys = ("second", "first")
    again = replace(
        it.says("digest of what was said", VISITOR, is_id_reckoned=True),
        time=it.registrations.clock(),
    )
    assert not it.records.rehearse(again)
    assert it.records.record(again) == replace(first, is_duplicate=True)
    other = it.record("digest of something else", VISITOR, is_id_reckoned=True)
    told = it.timeline(first.contact_id)
    assert len({first.event_id, other.event_id}) == len(set(told)) == 2
    assert not [one for one in told if "digest" in one]
    keyed.keys = ("third", "second")
    assert it.records.record(it.says("digest of something else", VISITOR, is_id_reckoned=True)) == (
        replace(other, is_duplicate=True)
    )


def test_what_is_said_twice_does_not_join_again_who_were_parted(it: Records) -> None:
    it.record("visit", VISITOR)
    login = it.says("login", VISITOR, CUSTOMER)
    recorded = it.records.record(login)
    it.unmerge(recorded.contact_id)
    held = it.told()
    assert it.records.record(login).is_duplicate
    assert it.told() == held


@pytest.mark.parametrize("other", [EMAIL, PHONE])
def test_another_event_of_the_same_id_is_refused_and_moves_nobody(
    it: Records, other: tuple[str, str]
) -> None:
    first = it.record("1", EMAIL, data={"total": 1})
    held = it.told()
    with pytest.raises(EventConflictError):
        it.record("1", other, data={"total": 2})
    assert it.told() == held
    assert it.timeline(first.contact_id) == [first.event_id]


def test_the_same_id_of_two_sources_is_two_events(it: Records) -> None:
    one = it.record("1", EMAIL)
    two = it.record("1", EMAIL, source="till")
    assert one.event_id != two.event_id
    assert not two.is_duplicate


def test_an_event_may_name_a_contact_by_its_id(it: Records) -> None:
    known = it.record("1", EMAIL)
    recorded = it.record("2", contact_id=known.contact_id)
    assert recorded.contact_id == known.contact_id
    assert it.timeline(known.contact_id) == [known.event_id, recorded.event_id]


def test_a_contact_whom_nobody_knows_has_no_events(it: Records) -> None:
    with pytest.raises(SubjectNotFoundError):
        it.record("1", contact_id="con_" + "Z" * 26)


def test_what_is_no_identifier_is_refused(it: Records) -> None:
    held = it.told()
    with pytest.raises(InvalidIdentifierError):
        it.record("1", ("email", "at home"))
    assert it.told() == held


def test_two_apps_share_nothing(it: Records) -> None:
    other = replace(it, app_id=it.registrations.an_app())
    ours = it.record("1", CUSTOMER, EMAIL)
    theirs = other.record("1", CUSTOMER, EMAIL)
    assert not theirs.is_duplicate
    assert ours.contact_id != theirs.contact_id
    assert it.timeline(ours.contact_id) == [ours.event_id]
    assert other.timeline(theirs.contact_id) == [theirs.event_id]
    with pytest.raises(SubjectNotFoundError):
        other.record("2", contact_id=ours.contact_id)


def test_sixteen_who_record_the_same_event_record_it_once(it: Records) -> None:
    event = it.says("1", EMAIL)
    with ThreadPoolExecutor(16) as senders:
        answers = list(senders.map(lambda _: it.records.record(event), range(16)))
    assert len({answer.event_id for answer in answers}) == 1
    assert [answer.is_duplicate for answer in answers].count(False) == 1
    assert it.timeline(answers[0].contact_id) == [answers[0].event_id]


def test_a_guard_outlives_its_event_by_a_week(
    tables: dict[str, str], dynamodb_client: Any, request: pytest.FixtureRequest
) -> None:
    table = tables["contact_events"]
    it = assemble(
        on_dynamodb(request), DynamoEventStore(table=table), DynamoForeignEventStore(table=table)
    )
    recorded = it.record("1", EMAIL)
    rows = dynamodb_client.scan(TableName=table)["Items"]
    assert all(row["pk"]["S"].startswith(f"APP#{it.app_id}#") for row in rows)
    (guard,) = (row for row in rows if row["pk"]["S"].startswith(f"APP#{it.app_id}#D#"))
    event_ends = made_at(recorded.event_id) + RETENTION
    assert int(guard["expires_at"]["N"]) == int((event_ends + timedelta(days=7)).timestamp())
    assert "sequence" not in guard  # by which the relay knows what to publish
