"""What was refused of foreign payloads, kept so that somebody can look why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contact_events.model.translations import Reject

KEPT = timedelta(days=30)
"""How long a reject is listed: long enough to be seen in a monthly look, and by a sender's help."""

LONGEST_DETAIL = 300
"""Characters of a detail that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A reject as it is kept: when and over which wire it came, and what it was, as far as known.

    ``reject_id`` is a ULID. ``source``, ``id`` and ``type`` are the event's where it could be read.
    What it said is not kept: of nobody known there is no key under which to seal it.
    """

    app_id: str
    reject_id: str
    wire: str
    at: datetime
    reject: Reject
    source: str | None = None
    id: str | None = None
    type: str | None = None
