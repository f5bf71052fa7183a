"""Whatever a wire brings is recorded once or refused by name, on the fake and the real stores."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.rejects import KEPT
from shared.contact_events.model.translations import Reject, Translation
from shared.contact_events.ports import RejectStore
from shared.contact_events.service.ingest import Ingested, IngestService, Outcome
from shared.contact_events.store import (
    DynamoEventStore,
    DynamoForeignEventStore,
    DynamoRejectStore,
)
from shared.contact_policy.errors import PersonBusyError
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.ids import Ids
from shared.kernel.paging import cursor_of
from tests.contract.test_records import (
    CUSTOMER,
    EMAIL,
    PHONE,
    VISITOR,
    Records,
)
from tests.contract.test_records import assemble as assemble_records
from tests.contract.test_registration_stores import in_memory, on_dynamodb
from tests.fakes.contact_events import (
    InMemoryEventStore,
    InMemoryForeignEventStore,
    InMemoryRejectStore,
    Protected,
)
from tests.fakes.registrations import Memory

MALFORMED = Reject(index=1, code="time", pointer="/1/time", detail="an instant")


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """The service over records, on one kind of store."""

    records: Records
    service: IngestService
    effects: Protected

    def take(self, *events: ForeignEvent, **other: Any) -> Ingested:
        translation = Translation(events=events, **other)
        return self.service.ingest(translation, app_id=self.records.app_id, wire="shop")

    def visits(self, count: int) -> list[ForeignEvent]:
        return [self.records.says(f"{number}", VISITOR) for number in range(count)]

    def listed(self, limit: int = 50) -> list[str]:
        """Return the codes of all rejects, read in pages."""
        codes, cursor = [], None
        while True:
            page = self.service.rejects(self.records.app_id, cursor=cursor, limit=limit)
            codes += [one.reject.code for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return codes


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Ingest:
    if request.param == "memory":
        memory = Memory()
        records = assemble_records(
            in_memory(memory),
            InMemoryEventStore(memory.events),
            InMemoryForeignEventStore(memory.events),
        )
        return assemble(records, InMemoryRejectStore())
    table = request.getfixturevalue("tables")["contact_events"]
    records = assemble_records(
        on_dynamodb(request), DynamoEventStore(table=table), DynamoForeignEventStore(table=table)
    )
    return assemble(records, DynamoRejectStore(table=table))


def assemble(records: Records, kept: RejectStore) -> Ingest:
    clock, effects = records.registrations.clock, Protected()
    service = IngestService(
        records=records.records, effects=effects, kept=kept, clock=clock, ids=Ids(clock=clock)
    )
    return Ingest(records=records, service=service, effects=effects)


def test_every_event_of_a_batch_has_its_answer(it: Ingest) -> None:
    first, other = it.records.says("1", EMAIL), it.records.says("2", PHONE)
    it.take(first)
    unusable = it.records.says("4", ("email", "at home"))
    done = it.take(first, other, unusable, rejects=(MALFORMED,), indices=(0, 2, 3), ignored=1)
    assert [(answer.index, answer.outcome) for answer in done.answers] == [
        (0, Outcome.DUPLICATE),
        (1, Outcome.REJECTED),
        (2, Outcome.ACCEPTED),
        (3, Outcome.REJECTED),
    ]
    assert (done.accepted, done.duplicates, done.ignored) == (1, 1, 1)
    assert [reject.index for reject in done.rejects] == [1, 3]
    accepted = done.answers[2]
    assert it.records.timeline(accepted.contact_id or "") == [accepted.event_id]


def test_a_batch_that_comes_again_adds_nothing(it: Ingest) -> None:
    events = [*it.visits(20), it.records.says("login", VISITOR, CUSTOMER)]
    first = it.take(*events)
    told = it.records.told()
    again = it.take(*events)
    assert (first.accepted, again.accepted, again.duplicates) == (21, 0, 21)
    assert it.records.told() == told


def test_an_event_that_stands_twice_in_a_batch_is_recorded_once(it: Ingest) -> None:
    event = it.records.says("1", EMAIL)
    done = it.take(*[event] * 16)
    assert (done.accepted, done.duplicates) == (1, 15)
    assert len({answer.event_id for answer in done.answers}) == 1


def test_a_person_whom_one_batch_names_in_many_ways_is_one(it: Ingest) -> None:
    events = [
        *it.visits(8),
        it.records.says("login", VISITOR, CUSTOMER),
        it.records.says("order", CUSTOMER, EMAIL),
        it.records.says("mail", EMAIL),
    ]
    done = it.take(*events)
    assert done.accepted == len(events)
    people = {it.records.person(answer.contact_id or "") for answer in done.answers}
    assert len(people) == 1
    assert len(it.records.timeline(done.answers[0].contact_id or "")) == len(events)


def test_five_hundred_events_of_a_hundred_people_are_all_recorded(it: Ingest) -> None:
    events = [
        it.records.says(f"{number}", ("customer", f"C-{number % 100}")) for number in range(500)
    ]
    done = it.take(*events)
    assert done.accepted == 500
    assert len({answer.contact_id for answer in done.answers}) == 100
    assert len({answer.event_id for answer in done.answers}) == 500


def test_whatever_is_recorded_is_told_before_the_answer_and_once_more_when_it_comes_again(
    it: Ingest,
) -> None:
    complaint = it.records.says("1", EMAIL, type="contact.complained.v1", raw=b"sealed")
    (first,) = it.take(complaint, rejects=(MALFORMED,), indices=(0,)).answers[:1]
    it.take(complaint)
    told = it.effects.told
    assert [(one.id, one.subject.id) for one in told] == [(first.event_id, first.contact_id)] * 2
    assert (told[0], told[0].type, "raw" in told[0].data) == (told[1], complaint.type, False)


def test_what_is_refused_or_rehearsed_has_no_effect(it: Ingest) -> None:
    it.service.rehearse(Translation(events=(it.records.says("1", EMAIL),)))
    it.take(it.records.says("2", ("email", "at home")))
    assert it.effects.told == []


def test_an_event_whose_effect_must_wait_for_the_bus_is_accepted(it: Ingest) -> None:
    it.effects.refusal = PersonBusyError("others won 16 times")
    assert it.take(it.records.says("1", EMAIL)).accepted == 1


def test_what_is_refused_is_kept_without_what_it_said(it: Ingest) -> None:
    it.take(it.records.says("1", EMAIL, data={"total": 1}))
    it.take(it.records.says("1", EMAIL, data={"total": 2}), rejects=(MALFORMED,), indices=(0,))
    page = it.service.rejects(it.records.app_id, cursor=None, limit=50)
    by_code = {one.reject.code: one for one in page.items}
    conflict = by_code["event_conflict"]
    assert (conflict.wire, conflict.source, conflict.id) == ("shop", "shop", "1")
    assert conflict.at == it.records.registrations.clock()
    assert by_code["time"].reject == MALFORMED
    assert (by_code["time"].source, by_code["time"].id) == (None, None)


def test_rejects_are_listed_the_newest_first_over_days_for_thirty_days(it: Ingest) -> None:
    clock = it.records.registrations.clock
    for day in range(4):
        it.take(rejects=tuple(replace(MALFORMED, code=f"{day}-{one}") for one in range(3)))
        clock.advance(timedelta(days=1))
    newest_first = [f"{day}-{one}" for day in (3, 2, 1, 0) for one in (2, 1, 0)]
    assert it.listed() == it.listed(limit=2) == it.listed(limit=3) == newest_first
    clock.advance(KEPT - timedelta(days=2, seconds=1))
    assert it.listed(limit=2) == newest_first[:6]
    clock.advance(timedelta(days=1, seconds=1))
    assert it.listed() == []


def test_a_cursor_of_another_list_is_refused(it: Ingest) -> None:
    with pytest.raises(InvalidFieldsError):
        it.service.rejects(it.records.app_id, cursor=cursor_of("noon"), limit=1)


def test_apps_see_only_their_own_rejects(it: Ingest) -> None:
    it.take(rejects=(MALFORMED,))
    assert it.service.rejects("app_other", cursor=None, limit=1).items == []


def test_what_a_store_could_not_do_is_not_acknowledged() -> None:
    class Broken(InMemoryForeignEventStore):
        @override
        def commit_once(self, *_: Any, **__: Any) -> Any:
            raise ConnectionError

    memory = Memory()
    records = assemble_records(
        in_memory(memory), InMemoryEventStore(memory.events), Broken(memory.events)
    )
    it = assemble(records, InMemoryRejectStore())
    with pytest.raises(ConnectionError):
        it.take(*it.visits(3))
