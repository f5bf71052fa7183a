"""The ledger as simulations of policies read it: the same over the fake and over DynamoDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from functions.contact_policy_api.wiring import RecordedEvents
from shared.contact_events.store import DynamoEventStore
from shared.contact_policy.ports import RecordedPast
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.clock import NOON
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.contact_policy import ADA, BOB
from tests.fakes.told import an_event

APP = "app_1"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class It:
    past: RecordedPast
    put: Callable[[Envelope], Any]

    def sent(self, number: int, minutes: int, **changed: Any) -> str:
        event = an_event(
            "message.sent.v1", number, at=NOON + minutes * MINUTE, channel="push", **changed
        )
        self.put(event)
        return event.id


@pytest.fixture(params=["fake", "real"])
def it(request: pytest.FixtureRequest) -> It:
    if request.param == "fake":
        events = InMemoryEventStore()
        return It(past=RecordedEvents(events=events), put=events.events.append)
    table: str = request.getfixturevalue("tables")["contact_events"]
    ledger = Ledger(table=table)
    return It(
        past=RecordedEvents(events=DynamoEventStore(table=table)),
        put=lambda event: commit({"event": ledger.record(event)}),
    )


def test_an_hour_has_what_was_recorded_in_it(it: It) -> None:
    wanted = [it.sent(1, 0), it.sent(2, 59, contact_id=BOB)]
    it.sent(3, -1)
    it.sent(4, 60)
    it.sent(5, 1, app_id="app_2")
    found, is_all = it.past.recorded_in(NOON, app_id=APP, limit=2)
    assert ([event.id for event in found], is_all) == (wanted, True)


def test_of_an_hour_no_more_is_read_than_asked_for(it: It) -> None:
    wanted = [it.sent(number, number) for number in range(5)]
    found, is_all = it.past.recorded_in(NOON, app_id=APP, limit=3)
    assert ([event.id for event in found], is_all) == (wanted[:3], False)
    assert it.past.recorded_in(NOON + HOUR, app_id=APP, limit=3) == ([], True)


def test_of_a_contact_the_newest_are_read(it: It) -> None:
    wanted = [it.sent(number, number * 60) for number in range(4)]
    it.sent(9, 0, contact_id=BOB)
    it.sent(10, 0, app_id="app_2")

    def read(since: timedelta, limit: int) -> set[str]:
        found = it.past.timeline_of(ADA, app_id=APP, since=NOON + since, limit=limit)
        return {event.id for event in found}

    assert read(timedelta(0), 9) == set(wanted)
    assert read(timedelta(0), 2) == set(wanted[2:])
    assert read(HOUR, 9) == set(wanted[1:])
