"""What becomes of an operation: the server answered it, or it was dropped for a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Because(StrEnum):
    """Why an operation was dropped."""

    REFUSED = "refused"
    """The server said no, and would say it again: ``Dropped.problem`` has its words."""
    UNAUTHENTICATED = "unauthenticated"
    """No token was good enough, not even a fresh one."""
    EXPIRED = "expired"
    """It is too old: nobody waits for a question any more, or the server forgot its key."""
    QUEUE_FULL = "queue_full"
    """There was no room, and nothing less important to drop."""
    LOGIN_REFUSED = "login_refused"
    """It was for the person who logged in, and the server refused the login."""
    IDENTITY_LOST = "identity_lost"
    """The server does not know this device any more; what it did last may have happened."""
    NOT_LOGGED_IN = "not_logged_in"
    """It needs a person, and nobody is logged in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The server did it. ``body`` is its JSON, ``content`` its bytes where it is something else.

    ``replayed``: it had been done before, and this is the first answer again.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    content: bytes = b""
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """It will not be tried again. ``problem`` is the server's problem document, if it sent one."""

    because: Because
    status: int | None = None
    problem: Mapping[str, Any] = field(default_factory=dict)


Outcome: TypeAlias = Answered | Dropped
