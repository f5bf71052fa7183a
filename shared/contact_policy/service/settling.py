"""Compare-and-swap: read, decide, write, and begin again where somebody else wrote first."""

from collections.abc import Callable
from typing import TypeVar

from shared.contact_policy.errors import PersonBusyError, StaleError
from shared.contact_policy.model.people import Person
from shared.contact_policy.ports import Pause, PersonStore

ATTEMPTS = 16
"""Each round of a race has a winner, and pauses tell the others apart: far more than are needed."""

T = TypeVar("T")


def until_settled(try_once: Callable[[], T], *, pause: Pause) -> T:
    """Return what ``try_once`` returns, reading and deciding again while others win the race.

    Raises:
        PersonBusyError: others won every time.
    """
    for attempt in range(ATTEMPTS):
        try:
            return try_once()
        except StaleError:
            pause(attempt)
    raise PersonBusyError(f"others won {ATTEMPTS} times")


def person_of(people: PersonStore, contact_id: str, *, app_id: str) -> Person:
    """Return whose a contact is, as it is now."""
    return people.people({contact_id}, app_id=app_id)[contact_id]
