"""Subscriptions, deliveries and replays in memory, and a receiver that answers as told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from shared.contact_events.errors import StaleError, SubscriptionStaleError
from shared.contact_events.model.deliveries import Attempted, Delivery, DeliveryState
from shared.contact_events.model.resending import Replay
from shared.contact_events.model.subscriptions import Subscription
from shared.contact_events.ports import Courier, DeliveryStore, ReplayStore, SubscriptionStore
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered


@dataclass
class InMemorySubscriptionStore(SubscriptionStore):
    told: list[Envelope] = field(default_factory=list)
    kept: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    attempts: dict[tuple[str, str], Remembered] = field(default_factory=dict)

    @override
    def subscriptions(self, app_id: str) -> Sequence[Subscription]:
        return [one for (app, _), one in sorted(self.kept.items()) if app == app_id]

    @override
    def subscription(self, subscription_id: str, *, app_id: str) -> Subscription | None:
        return self.kept.get((app_id, subscription_id))

    @override
    def put_subscription(
        self, subscription: Subscription, event: Envelope, *, attempt: Attempt | None = None
    ) -> None:
        key = subscription.app_id, subscription.subscription_id
        standing = self.kept.get(key)
        if (standing.version if standing else 0) != subscription.version - 1:
            raise SubscriptionStaleError(subscription.subscription_id)
        failing_since = standing.failing_since if standing else None
        self.kept[key] = replace(subscription, failing_since=failing_since)
        self.told.append(event)
        if attempt:
            self.attempts[subscription.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=subscription.subscription_id
            )

    @override
    def delete_subscription(self, subscription: Subscription, event: Envelope) -> None:
        key = subscription.app_id, subscription.subscription_id
        if key not in self.kept or self.kept[key].version != subscription.version:
            raise SubscriptionStaleError(subscription.subscription_id)
        del self.kept[key]
        self.told.append(event)

    @override
    def note_failing(self, subscription: Subscription, *, since: datetime | None) -> None:
        key = subscription.app_id, subscription.subscription_id
        standing = self.kept.get(key)
        if standing and (since is None) is not (standing.failing_since is None):
            self.kept[key] = replace(standing, failing_since=since)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))


@dataclass
class InMemoryDeliveryStore(DeliveryStore):
    kept: dict[tuple[str, str, str], Delivery] = field(default_factory=dict)

    @override
    def exchange(self, before: Delivery | None, after: Delivery | None) -> bool:
        one = before or after
        if one is None:
            return True
        key = one.app_id, one.subscription_id, one.delivery_id
        if self.kept.get(key) != before:
            return False
        if after:
            self.kept[key] = after
        else:
            del self.kept[key]
        return True

    @override
    def due(
        self, subscription_id: str, *, app_id: str, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        due = [
            one
            for one in self._of(subscription_id, app_id)
            if one.state is DeliveryState.WAITING and one.due_at <= until
        ]
        return sorted(due, key=lambda one: (one.due_at, one.delivery_id))[:limit]

    @override
    def delivery(self, delivery_id: str, *, subscription_id: str, app_id: str) -> Delivery | None:
        return self.kept.get((app_id, subscription_id, delivery_id))

    @override
    def deliveries(
        self,
        subscription_id: str,
        *,
        app_id: str,
        state: DeliveryState,
        after: str | None,
        limit: int,
    ) -> Sequence[Delivery]:
        found = [
            one
            for one in self._of(subscription_id, app_id)
            if one.state is state and one.delivery_id > (after or "")
        ]
        return found[:limit]

    def _of(self, subscription_id: str, app_id: str) -> list[Delivery]:
        keys = sorted(key for key in self.kept if key[:2] == (app_id, subscription_id))
        return [self.kept[key] for key in keys]


@dataclass
class AnsweringCourier(Courier):
    """Carries nothing anywhere: keeps what it was given, and says what it is told to."""

    answer: Callable[[str], Attempted] = lambda _url: Attempted(status=204)
    carried: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    @override
    def carry(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempted:
        self.carried.append((url, headers, body))
        return self.answer(url)


@dataclass
class InMemoryReplayStore(ReplayStore):
    told: list[Envelope] = field(default_factory=list)
    kept: dict[tuple[str, str, str], Replay] = field(default_factory=dict)
    attempts: dict[tuple[str, str], Remembered] = field(default_factory=dict)

    @override
    def add(self, replay: Replay, *, event: Envelope, attempt: Attempt | None = None) -> None:
        runs = any(
            one.subscription_id == replay.subscription_id for one in self.running(replay.app_id)
        )
        if runs or (attempt and self.recall(attempt, app_id=replay.app_id)):
            raise StaleError(replay.replay_id)
        self.kept[_key_of(replay)] = replay
        self.told.append(event)
        if attempt:
            self.attempts[replay.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=replay.replay_id
            )

    @override
    def find(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay | None:
        return self.kept.get((app_id, subscription_id, replay_id))

    @override
    def page(
        self, subscription_id: str, *, app_id: str, before: str | None, limit: int
    ) -> Sequence[Replay]:
        found = [
            one
            for key, one in sorted(self.kept.items(), reverse=True)
            if key[:2] == (app_id, subscription_id) and (before is None or key[2] < before)
        ]
        return found[:limit]

    @override
    def running(self, app_id: str) -> Sequence[Replay]:
        return [one for one in self.kept.values() if one.app_id == app_id and one.is_running]

    @override
    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        standing = self.kept.get(_key_of(replay))
        if standing is None or standing.version != replay.version - 1:
            raise StaleError(replay.replay_id)
        self.kept[_key_of(replay)] = replay
        if event:
            self.told.append(event)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))


def _key_of(replay: Replay) -> tuple[str, str, str]:
    return replay.app_id, replay.subscription_id, replay.replay_id
