"""People and candidates for tests of contact policy, each with one thing said of it."""

from datetime import UTC, datetime
from typing import Any

from shared.contact_policy.model.pressure import Touch
from shared.contact_policy.model.standing import Part, Preferences, Standing, Whereabouts
from shared.kernel.decisions import Candidate
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import ulid_of

ADA = "con_00000000000000000000000001"
BOB = "con_00000000000000000000000002"
TUESDAY_NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def ulid(at: datetime, number: int = 0) -> str:
    """Return the ULID of an instant; numbers tell those of one millisecond apart."""
    return ulid_of(at, chance=number)


def touch(at: datetime, *, number: int = 0, **changed: Any) -> Touch:
    told: dict[str, Any] = {
        "touch_id": ulid(at, number),
        "origin": ADA,
        "channel": Channel.PUSH,
        "purpose": Purpose.MARKETING,
        "weight": 100,
    }
    return Touch(**{**told, **changed})


def candidate(**changed: Any) -> Candidate:
    asked: dict[str, Any] = {
        "app_id": "app_1",
        "contact_id": ADA,
        "channel": Channel.PUSH,
        "purpose": Purpose.MARKETING,
    }
    return Candidate(**{**asked, **changed})


def wishing(**wishes: Any) -> Standing:
    """Return a person who said no more than these wishes."""
    return Standing(parts={ADA: Part(preferences=Preferences(at=TUESDAY_NOON, **wishes))})


def living(**evidence: Any) -> Standing:
    """Return a person of whom no more is known than where they may be."""
    return Standing(parts={ADA: Part(whereabouts=Whereabouts(**evidence))})
