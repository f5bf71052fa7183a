"""What operations cost in DynamoDB's own units."""

from typing import Any

import pytest

from shared.contact_events.model import Place, TimelineQuery
from shared.contact_events.store import DynamoEventStore, DynamoForeignEventStore
from shared.push.model.estimates import WRITES_OF_CHUNK
from shared.push.model.planning import LARGEST_CHUNK
from tests.capacity import OPERATIONS, WHOLE_CHUNK, deployed_for, metered
from tests.contract.test_records import CUSTOMER, EMAIL, PHONE, VISITOR, Records, assemble
from tests.contract.test_registration_stores import on_dynamodb


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_the_units_that_it_may(
    name: str, aws: None, dynamodb_client: Any
) -> None:
    operation = OPERATIONS[name]
    it = deployed_for(operation, dynamodb_client)
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
