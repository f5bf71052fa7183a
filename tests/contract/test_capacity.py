"""What operations cost in DynamoDB's own units."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.contact_events.dialects.segment import translate
from shared.contact_events.model.timelines import Place, TimelineQuery
from shared.contact_events.store import DynamoEventStore, DynamoForeignEventStore, DynamoRejectStore
from shared.kernel.clock import rfc3339
from shared.placements.model.engagements import Engagement
from shared.placements.service.engagements import Report
from shared.platform.ledger import Ledger
from shared.push.model.estimates import WRITES_OF_CHUNK
from shared.push.model.inbox import InboxState
from shared.push.model.planning import LARGEST_CHUNK
from shared.push.store import DynamoInboxStore
from tests.capacity import OPERATIONS, WHOLE_CHUNK, deployed_for, metered
from tests.contract.engagements import DEVICE, Engagements, on_tables
from tests.contract.test_inboxes import Inboxes
from tests.contract.test_inboxes import assemble as assemble_inboxes
from tests.contract.test_ingest import assemble as assemble_ingest
from tests.contract.test_records import CUSTOMER, EMAIL, PHONE, VISITOR, Records, assemble
from tests.contract.test_registration_stores import on_dynamodb
from tests.fakes.clock import NOON
from tests.tables import MakeTables


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_the_units_that_it_may(
    name: str, aws: None, make_tables: MakeTables
) -> None:
    operation = OPERATIONS[name]
    it = deployed_for(operation, make_tables)
    prepared = operation.prepare(it)
    with metered() as meter:
        operation.run(it, prepared)
    assert (meter.writes, meter.reads) == (operation.writes, operation.reads)


def test_a_push_of_a_campaign_takes_no_more_than_a_forecast_counts() -> None:
    writes = OPERATIONS[WHOLE_CHUNK].writes / LARGEST_CHUNK
    assert 2 < writes <= 2 + WRITES_OF_CHUNK


@pytest.fixture
def it(tables: dict[str, str], request: pytest.FixtureRequest) -> Records:
    table = tables["contact_events"]
    return assemble(
        on_dynamodb(request), DynamoEventStore(table=table), DynamoForeignEventStore(table=table)
    )


def test_a_foreign_event_of_somebody_known_takes_one_read_and_four_units(it: Records) -> None:
    it.record("1", CUSTOMER, EMAIL, PHONE)
    with metered() as meter:
        it.record("2", CUSTOMER, EMAIL, PHONE)
    assert (meter.requests_to_read, meter.writes) == (1, 4)


def test_a_foreign_event_of_a_visitor_who_logged_in_takes_two_reads(it: Records) -> None:
    it.record("1", VISITOR)
    it.record("2", VISITOR, CUSTOMER, EMAIL)
    with metered() as meter:
        it.record("3", VISITOR, CUSTOMER, EMAIL)
    assert (meter.requests_to_read, meter.writes) == (2, 4)


def test_a_batch_from_a_wire_takes_four_units_an_event(it: Records, tables: dict[str, str]) -> None:
    ingest = assemble_ingest(it, DynamoRejectStore(table=tables["contact_events"]))
    calls = [
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "C-17",
            "messageId": f"0f8fad5b-d9cb-469f-a165-7086772895{number:02}",
            "timestamp": rfc3339(NOON),
            "properties": {"order_id": "O-2026-1717", "total": 129.9, "currency": "EUR"},
            "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        }
        for number in range(21)
    ]
    first, rest = (
        translate(json.dumps({"batch": part}).encode(), app_id=it.app_id, received_at=NOON)
        for part in (calls[:1], calls[1:])
    )
    ingest.service.ingest(first, app_id=it.app_id, wire="segment")
    with metered() as meter:
        done = ingest.service.ingest(rest, app_id=it.app_id, wire="segment")
    assert (done.accepted, meter.writes, meter.requests_to_read) == (20, 4 * 20, 20)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_page_over_three_origins_takes_four_reads(it: Records, newest_first: bool) -> None:
    visitors = [VISITOR, ("anonymous", "browser-8")]
    for visitor in visitors:
        it.record(f"visit {visitor}", visitor)
    person = it.record("login", CUSTOMER, *visitors).contact_id
    for number in range(120):
        it.record(f"{number}", CUSTOMER)
    assert len(it.registrations.origins.origins_of(person, app_id=it.app_id)) == 3
    cursor: str | None = None
    for _ in range(2):
        after = Place.of_cursor(cursor) if cursor else None
        query = TimelineQuery(newest_first=newest_first, after=after)
        with metered() as meter:
            page = it.timelines.timeline(person, app_id=it.app_id, query=query, limit=50)
        assert (len(page.items), meter.requests_to_read) == (50, 4)
        cursor = page.next_cursor


@pytest.fixture
def ads(aws: None, make_tables: MakeTables) -> Engagements:
    return on_tables(make_tables(indexed=False))


@pytest.mark.parametrize("number", [1, 100])
def test_an_event_of_an_ad_takes_one_unit(number: int, ads: Engagements) -> None:
    tokens = [ads.given(place, coupon_id=f"cpn_{'1' * 26}") for place in range(number)]
    reports = [Report(token=token, engagement=Engagement.VIEWABLE100) for token in tokens]
    with metered() as meter:
        ads.service.record(reports, by=DEVICE)
    assert (meter.writes, meter.reads) == (number, 0)


def test_a_leased_impression_takes_two_units_for_the_event_and_two_for_its_slot(
    ads: Engagements,
) -> None:
    token = ads.given(lease=1)
    with metered() as meter:
        ads.tell(token)
    assert (meter.writes, meter.reads) == (4, 0)


def test_a_click_takes_one_unit_and_reads_the_events_of_its_ad(ads: Engagements) -> None:
    token = ads.given()
    ads.tell(token)
    ads.clock.advance(timedelta(seconds=1))
    with metered() as meter:
        ads.tell(token, Engagement.CLICK)
    assert (meter.writes, meter.reads) == (1, 1)


@pytest.fixture
def inboxes(aws: None, make_tables: MakeTables) -> Inboxes:
    tables = make_tables(indexed=False)
    ledger = Ledger(table=tables["contact_events"])
    return assemble_inboxes(DynamoInboxStore(table=tables["push"], ledger=ledger), told=list)


def test_a_copy_in_an_inbox_takes_one_unit(inboxes: Inboxes) -> None:
    inboxes.a_message()
    (found,) = inboxes.look().page.items
    copies = [replace(found, key=f"cmp_{number}") for number in range(30)]
    with metered() as meter:
        inboxes.store.keep_each(copies)
    assert (meter.writes, meter.reads) == (30, 0)


def test_an_inbox_of_ten_takes_a_unit_and_a_half_to_look_into(inboxes: Inboxes) -> None:
    for _ in range(10):
        inboxes.a_message()
    with metered() as meter:
        assert inboxes.look().counts.unread == 10
    assert (meter.writes, meter.requests_to_read) == (0, 1)
    assert meter.reads <= 1.5


def test_a_step_takes_a_look_and_two_writes_in_a_transaction(inboxes: Inboxes) -> None:
    message_id = inboxes.a_message()
    with metered() as meter:
        inboxes.mark(message_id, InboxState.READ)
    assert (meter.writes, meter.requests_to_read) == (4, 1)
