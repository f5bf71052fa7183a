"""What an app asks for, as it waits in the queue: fixed when it is put there, and sent as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Instant: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00:00Z, by the device's clock unless said otherwise."""

SECOND: Final = 1_000
DAY: Final = 86_400 * SECOND


class Kind(StrEnum):
    """What is asked."""

    REGISTER = "register"
    IDENTIFY = "identify"
    LOG_OUT = "log_out"
    TRACK = "track"
    RECEIPT = "receipt"
    AD_EVENT = "ad_event"
    CLAIM = "claim"
    REDEEM = "redeem"
    COMPLETE = "complete"
    """Commit or release what is held."""
    ROLL_BACK = "roll_back"
    MARK = "mark"
    """Move a message of the inbox on."""
    WISH = "wish"
    """Put preferences."""
    ASK = "ask"
    """A question: nothing changes by it."""
    ASK_AS_PERSON = "ask_as_person"
    """The same, of what is a person's and not a device's."""


class Importance(StrEnum):
    """What may become of an operation that waits."""

    TELEMETRY = "telemetry"
    """Waits for a batch; the oldest is dropped where there is no room."""
    MUST_TELL = "must_tell"
    """Goes at once; is never dropped without its caller being told."""
    QUESTION = "question"
    """Goes at once; lives in memory alone, and not for long: a restart has nobody to answer."""


class Proof(StrEnum):
    """By what a request proves who asks."""

    DEVICE = "device"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """How operations of a kind are treated.

    ``is_barrier``: it changes whose device this is, so what came before it is settled before, and
    what comes after waits for it. ``has_key``: the server knows its repetitions by an
    Idempotency-Key. ``most`` go in one request.
    """

    importance: Importance
    is_barrier: bool = False
    has_key: bool = False
    most: int = 1
    proof: Proof = Proof.DEVICE


_MUST_TELL = Trait(importance=Importance.MUST_TELL)
_ONCE = Trait(importance=Importance.MUST_TELL, has_key=True)
_BARRIER = Trait(importance=Importance.MUST_TELL, is_barrier=True)

TRAITS: Final[Mapping[Kind, Trait]] = {
    Kind.REGISTER: _MUST_TELL,
    Kind.IDENTIFY: _BARRIER,
    Kind.LOG_OUT: _BARRIER,
    Kind.TRACK: Trait(importance=Importance.TELEMETRY, most=500),
    Kind.RECEIPT: Trait(importance=Importance.TELEMETRY, most=100),
    Kind.AD_EVENT: Trait(importance=Importance.TELEMETRY, most=100),
    Kind.CLAIM: _ONCE,
    Kind.REDEEM: _ONCE,
    Kind.COMPLETE: _ONCE,
    Kind.ROLL_BACK: _ONCE,
    Kind.MARK: _MUST_TELL,
    Kind.WISH: Trait(importance=Importance.MUST_TELL, proof=Proof.USER),
    Kind.ASK: Trait(importance=Importance.QUESTION),
    Kind.ASK_AS_PERSON: Trait(importance=Importance.QUESTION, proof=Proof.USER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing to tell or ask the server.

    ``number`` is its place: the queue counts up. ``key`` is made when it is put there and kept for
    good, so every try is the same request to the server. ``path`` follows ``/v1/apps/{app_id}/``;
    it and ``user_token`` are filled in when it is sent. ``body`` is the JSON text itself: the very
    same bytes each time. ``login`` is the number of the login at that moment: whose operation it
    is. ``attempts`` counts tries, each before it is made: 0 means that the server cannot know of
    it.
    """

    number: int
    key: str
    kind: Kind
    method: str
    path: str
    login: int
    enqueued_at: Instant
    body: str | None = None
    merge_key: str | None = None
    expires_at: Instant | None = None
    attempts: int = 0
    not_before: Instant = 0

    @property
    def trait(self) -> Trait:
        """Return how it is treated."""
        return TRAITS[self.kind]

    @property
    def importance(self) -> Importance:
        """Return what may become of it while it waits."""
        return TRAITS[self.kind].importance
