"""What a trigger would have done is told by the engine itself, on a virtual clock."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contact_events.errors import SimulationTooLargeError
from shared.contact_events.service import simulating
from shared.contact_events.service.simulating import LONGEST_SPAN, SimulationService
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.ids import ulid_of
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.triggers import JoinedPersons
from tests.unit.contact_events.test_triggers import APP, NOON, REMINDER, an_event

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def simulate(*events: Any, hours: int = 4, **changes: Any) -> simulating.Simulated:
    service = SimulationService(
        ledger=InMemoryEventStore(events=list(events)), persons=JoinedPersons()
    )
    return service.simulate(
        {**REMINDER, **changes}, app_id=APP, since=NOON, until=NOON + hours * HOUR
    )


def sent(number: int, *, minutes: int = 0) -> Any:
    at = NOON + minutes * MINUTE
    return an_event("message.sent.v1", at, number=number, message_id=f"msg_{number}")


def opened(number: int, *, minutes: int) -> Any:
    at = NOON + minutes * MINUTE
    return an_event("message.opened.v1", at, number=100 + number, message_id=f"msg_{number}")


def test_it_says_what_would_have_fired_and_what_would_have_been_cancelled() -> None:
    found = simulate(sent(1), sent(2), opened(2, minutes=59), sent(3), opened(3, minutes=61))
    assert found.counts == {"fired": 2, "cancelled": 1}
    assert (found.events, found.people) == (5, 1)
    assert [one.state for one in found.samples] == ["fired", "cancelled", "fired"]


def test_what_is_due_after_the_end_still_waits() -> None:
    found = simulate(sent(1), sent(2, minutes=30), hours=1)
    assert found.counts == {"waiting": 2}


def test_a_simulation_writes_nothing_and_reads_no_events_outside_its_span() -> None:
    before = sent(1, minutes=-90)
    assert simulate(before, sent(2)).events == 1


def test_events_come_when_they_were_recorded() -> None:
    # Recorded three hours after it happened: by then the reminder had gone out.
    late = opened(1, minutes=30)
    at = NOON + 3 * HOUR
    late = type(late)(
        **{name: getattr(late, name) for name in late.__slots__}
        | {"sequence": ulid_of(at, chance=7)}
    )
    assert simulate(sent(1), late).counts == {"fired": 1}


def test_a_person_enters_as_often_as_the_document_says() -> None:
    events = [sent(number, minutes=number) for number in range(4)]
    assert simulate(*events, reentry="once").counts == {"fired": 1}
    assert simulate(*events, reentry={"once_per": "PT2M"}).counts == {"fired": 2}


@pytest.mark.parametrize("until", [NOON, NOON + LONGEST_SPAN + MINUTE])
def test_a_span_has_a_length(until: Any) -> None:
    service = SimulationService(ledger=InMemoryEventStore(), persons=JoinedPersons())
    with pytest.raises(InvalidFieldsError):
        service.simulate(REMINDER, app_id=APP, since=NOON, until=until)


def test_too_many_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulating, "MOST_EVENTS", 2)
    with pytest.raises(SimulationTooLargeError):
        simulate(sent(1), sent(2), sent(3))
