"""What a receiver did not take at once: when it is tried again, and when it is given up.

What waits has the ids of events alone. They are read from the ledger for each attempt, so an event
of somebody who was erased meanwhile is not sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus

from shared.kernel.clock import whole_milliseconds
from shared.kernel.ids import CHANCE_BITS, made_at, ulid_of

SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The longest wait before each further attempt, as the specification of Standard Webhooks
recommends. The shortest is the wait before it: jitter takes the whole room between the two."""

LONGEST_ASKED = timedelta(days=1)
"""A receiver may ask us to wait so long (Retry-After), and no longer."""

KEPT = timedelta(days=30)
"""How long a delivery is kept after it was made, whatever became of it."""

_ASK_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class DeliveryState(StrEnum):
    """Where a delivery stands; one that arrived is not kept."""

    WAITING = "waiting"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """What came of one attempt: ``status`` of the answer, or ``failure``, why there was none."""

    status: int | None = None
    failure: str | None = None
    retry_after: timedelta | None = None
    milliseconds: int = 0
    beginning: str = ""

    @property
    def arrived(self) -> bool:
        """Say whether the receiver took it."""
        return self.status is not None and self.status // 100 == HTTPStatus.OK // 100

    @property
    def is_gone(self) -> bool:
        """Say whether the receiver wants nothing any more."""
        return self.status == HTTPStatus.GONE

    @property
    def outcome(self) -> str:
        """Return a word for what came of it: the status, or why there was none."""
        return self.failure or str(self.status)

    @property
    def asked_wait(self) -> timedelta:
        """Return for how long the receiver asked us to wait, if it may."""
        if self.status not in _ASK_TO_WAIT or self.retry_after is None:
            return timedelta(0)
        return max(timedelta(0), min(self.retry_after, LONGEST_ASKED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Events that a receiver has yet to take; ``sequences`` are theirs.

    ``attempts`` counts those that failed, ``outcome`` says what came of the last one.
    """

    app_id: str
    subscription_id: str
    delivery_id: str
    sequences: tuple[str, ...]
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    outcome: str = ""
    state: DeliveryState = DeliveryState.WAITING

    @property
    def expires_at(self) -> datetime:
        """Return when it is forgotten."""
        return self.created_at + KEPT

    def begun(self, *, at: datetime, share: float) -> "Delivery":
        """Return it as it stands while it is tried: whoever vanishes leaves it to the next time.

        ``share``, from 0 to 1, is how much of the room for jitter is taken.
        """
        attempts = self.attempts + 1
        due_at = whole_milliseconds(at + _wait(attempts, share))
        return replace(self, attempts=attempts, due_at=due_at)

    def failed(self, attempted: Attempted, *, at: datetime) -> "Delivery":
        """Return it after an attempt that was begun has failed: it waits on, or is dead."""
        if self.attempts > len(SCHEDULE):
            return replace(self, state=DeliveryState.DEAD, outcome=attempted.outcome)
        due_at = max(self.due_at, whole_milliseconds(at + attempted.asked_wait))
        return replace(self, outcome=attempted.outcome, due_at=due_at)

    def revived(self, *, at: datetime) -> "Delivery":
        """Return it as it begins anew."""
        return replace(self, state=DeliveryState.WAITING, attempts=0, due_at=at)


def first_delivery(
    sequences: Sequence[str], *, app_id: str, subscription_id: str, at: datetime
) -> Delivery:
    """Return the delivery of some events before its first attempt; its id follows from them."""
    return Delivery(
        app_id=app_id,
        subscription_id=subscription_id,
        delivery_id=f"dlv_{_ulid_of(sequences)}",
        sequences=tuple(sequences),
        created_at=at,
        due_at=at,
    )


def message_id(delivery: Delivery) -> str:
    """Return the ``webhook-id``: the same for each attempt, another for each subscription."""
    return f"{delivery.subscription_id}_{delivery.delivery_id.removeprefix('dlv_')}"


def _ulid_of(sequences: Sequence[str]) -> str:
    if len(sequences) == 1:
        return sequences[0]
    digest = sha256("\0".join(sequences).encode()).digest()
    chance = int.from_bytes(digest[: CHANCE_BITS // 8])
    return ulid_of(made_at(sequences[0]), chance=chance)


def _wait(attempts: int, share: float) -> timedelta:
    """Return how long to wait after so many attempts; after the last it is how soon it is dead."""
    step = min(attempts, len(SCHEDULE)) - 1
    shortest = SCHEDULE[step - 1] if step else timedelta(0)
    return shortest + (SCHEDULE[step] - shortest) * share
