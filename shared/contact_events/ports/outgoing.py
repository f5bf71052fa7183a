"""Who is sent events, and how they get there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.contact_events.model.deliveries import Attempted, Delivery, DeliveryState
from shared.contact_events.model.resending import Replay
from shared.contact_events.model.subscriptions import Subscription
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered


class SubscriptionStore(Protocol):
    """Who is sent the events of an app."""

    def subscriptions(self, app_id: str) -> Sequence[Subscription]:
        """Return all of an app, the oldest first, as the last write left them."""
        ...

    def subscription(self, subscription_id: str, *, app_id: str) -> Subscription | None:
        """Return one as the last write left it; ``None``: there is none."""
        ...

    def put_subscription(
        self, subscription: Subscription, event: Envelope, *, attempt: Attempt | None = None
    ) -> None:
        """Store a subscription with what is told of it; version 1 is a new one.

        Its ``failing_since`` is left as it stands.

        Raises:
            SubscriptionStaleError: the version before it does not stand.
        """
        ...

    def delete_subscription(self, subscription: Subscription, event: Envelope) -> None:
        """Delete a subscription.

        Raises:
            SubscriptionStaleError: it changed, or is gone.
        """
        ...

    def note_failing(self, subscription: Subscription, *, since: datetime | None) -> None:
        """Note since when its receiver fails, unless that is noted; ``None``: it does not."""
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...


class DeliveryStore(Protocol):
    """What receivers did not take at once."""

    def exchange(self, before: Delivery | None, after: Delivery | None) -> bool:
        """Store ``after`` for ``before``; false: what stands is not ``before``.

        ``None`` is that there is none. Of several who exchange the same one succeeds.
        """
        ...

    def due(
        self, subscription_id: str, *, app_id: str, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        """Return what waits and is due by an instant, the longest due first."""
        ...

    def delivery(self, delivery_id: str, *, subscription_id: str, app_id: str) -> Delivery | None:
        """Return one as the last write left it."""
        ...

    def deliveries(
        self,
        subscription_id: str,
        *,
        app_id: str,
        state: DeliveryState,
        after: str | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Return those of a state by id, at most so many, after the one of an id."""
        ...


class ReplayStore(Protocol):
    """What subscriptions are sent once more, each replay changed by compare-and-swap."""

    def add(self, replay: Replay, *, event: Envelope, attempt: Attempt | None = None) -> None:
        """Store a new replay, and tell.

        Raises:
            StaleError: one of its subscription is running, or the attempt was made.
        """
        ...

    def find(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay | None:
        """Return a replay as the last write left it."""
        ...

    def page(
        self, subscription_id: str, *, app_id: str, before: str | None, limit: int
    ) -> Sequence[Replay]:
        """Return at most so many of a subscription's replays, the newest first.

        ``before`` is the id of a replay: only older ones are returned.
        """
        ...

    def running(self, app_id: str) -> Sequence[Replay]:
        """Return the replays of an app that are running, one a subscription at most."""
        ...

    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        """Store a replay's next write, and tell.

        Raises:
            StaleError: another came first.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...


class Courier(Protocol):
    """Carries a message to a receiver."""

    def carry(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempted:
        """Send a message, and say what came of it; where it may not be sent, that is a failure."""
        ...


class Keys(Protocol):
    """Makes keys, and keeps them sealed."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh key, plain and sealed; ``about`` is what it is for."""
        ...

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a key that was sealed."""
        ...
