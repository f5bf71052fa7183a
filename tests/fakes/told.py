"""What other systems tell of Ada, as the bus brings it."""

from datetime import datetime
from typing import Any

from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import ulid_of
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA


def an_event(
    event_type: str,
    number: int = 1,
    *,
    at: datetime = NOON,
    recorded_at: datetime | None = None,
    contact_id: str = ADA,
    app_id: str = "app_1",
    source: str = "suite",
    data: dict[str, Any] | None = None,
    **attributes: Any,
) -> Envelope:
    """Return an event of another system; those of different numbers are different events."""
    return Envelope(
        app_id=app_id,
        sequence=ulid_of(recorded_at or at, chance=number),
        type=event_type,
        source=source,
        time=at,
        subject=Subject(kind="contact", id=contact_id),
        data=data or {},
        **attributes,
    )
