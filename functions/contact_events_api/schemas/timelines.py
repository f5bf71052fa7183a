"""What the contact events API returns on the wire."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from shared.kernel.envelope import Envelope, cloudevent
from shared.platform.http.schemas import Out


class CloudEventOut(Out):
    """A contact event, as CloudEvents 1.0 says it."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    subject: str
    datacontenttype: str
    sequence: str
    partitionkey: str
    channel: str | None = None
    direction: str | None = None
    purpose: str | None = None
    causationid: str | None = None
    data: dict[str, Any] = Field(description="By type: see docs/events.")

    @classmethod
    def of(cls, event: Envelope, *, org: str) -> Self:
        """Render an event."""
        return cls(**cloudevent(event, org=org))


class TimelineOut(Out):
    """A page of a contact's timeline."""

    items: tuple[CloudEventOut, ...]
    next_cursor: str | None
