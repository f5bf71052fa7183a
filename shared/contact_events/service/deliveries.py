"""Use cases of deliveries: sent at once, tried again, given up, begun anew."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from shared.contact_events.errors import (
    DeliveryNotFoundError,
    SubscriptionNotFoundError,
    SubscriptionStaleError,
)
from shared.contact_events.events import SubscriptionPaused
from shared.contact_events.model.deliveries import (
    Attempted,
    Delivery,
    DeliveryState,
    first_delivery,
    message_id,
)
from shared.contact_events.model.subscriptions import (
    MessageMode,
    PauseReason,
    Subscription,
    SubscriptionState,
)
from shared.contact_events.ports import Apps, DeliveryStore, EventStore, HasTime, SubscriptionStore
from shared.contact_events.service.messages import CloudEvent, Messenger
from shared.kernel.clock import Clock
from shared.kernel.envelope import cloudevent, seal
from shared.kernel.ids import Ids
from shared.kernel.kept import Kept
from shared.kernel.paging import Page, cursor_of, place_of

OLDEST = 10.0
"""Seconds for which a process believes what it read of an app's subscriptions."""

MOST_OF_A_CALL = 100
"""Deliveries of a subscription that one sweep begins."""


@dataclass(slots=True, kw_only=True)
class SubscriptionCache:
    """The active subscriptions of each app, each list at most ten seconds old.

    ``elapsed`` counts seconds and never goes back.
    """

    store: SubscriptionStore
    elapsed: Callable[[], float]
    _active: Kept[Sequence[Subscription]] = field(init=False)

    def __post_init__(self) -> None:
        self._active = Kept(read=self._read, seconds=OLDEST, elapsed=self.elapsed)

    def active(self, app_id: str) -> Sequence[Subscription]:
        """Return the subscriptions of an app that are sent to."""
        return self._active.of(app_id)

    def _read(self, app_id: str) -> Sequence[Subscription]:
        every = self.store.subscriptions(app_id)
        return [one for one in every if one.state is SubscriptionState.ACTIVE]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryService:
    """Has receivers take events: each at least once, in any order, known by its ``webhook-id``.

    ``share`` draws how much of the room for jitter a wait takes, from 0 to 1.
    """

    subscriptions: SubscriptionStore
    deliveries: DeliveryStore
    events: EventStore
    apps: Apps
    messenger: Messenger
    clock: Clock
    ids: Ids
    share: Callable[[], float]

    def deliver(
        self, subscription: Subscription, events: Sequence[CloudEvent], *, has_time: HasTime
    ) -> bool:
        """Send events anew, one message after the other; what fails waits.

        After a failure, or without time, all others wait too: nobody who is slow or down is sent
        more than one message at a time by one process. Says whether the receiver may be sent more
        now: that nothing waits.
        """
        goes_well = True
        for message in _messages(subscription, events):
            delivery = self._first(subscription, message)
            if goes_well and has_time():
                attempted = self._attempt(subscription, delivery, message)
                if attempted.arrived:
                    continue
                begun = delivery.begun(at=self.clock(), share=self.share())
                self._keep(begun.failed(attempted, at=self.clock()))
            else:
                self._keep(delivery)
            goes_well = False
        return goes_well

    def retry(self, subscription: Subscription, *, has_time: HasTime) -> int:
        """Try again what is due for a subscription, and return how many were tried.

        The first failure ends it: what else is due waits for the next call.
        """
        if not has_time():
            return 0
        due = self.deliveries.due(
            subscription.subscription_id,
            app_id=subscription.app_id,
            until=self.clock(),
            limit=MOST_OF_A_CALL,
        )
        for number, delivery in zip(count(1), due, strict=False):
            if not self._retried(subscription, delivery) or not has_time():
                return number
        return len(due)

    def redeliver(self, delivery_id: str, *, subscription_id: str, app_id: str) -> Delivery:
        """Begin a delivery anew, which goes out within a minute.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
            DeliveryNotFoundError: the subscription has no such delivery.
        """
        self._expect(subscription_id, app_id=app_id)
        found = self.deliveries.delivery(
            delivery_id, subscription_id=subscription_id, app_id=app_id
        )
        if found is None:
            raise DeliveryNotFoundError(delivery_id)
        revived = found.revived(at=self.clock())
        # Whoever exchanged it before us has it tried too.
        self.deliveries.exchange(found, revived)
        return revived

    def page(
        self,
        subscription_id: str,
        *,
        app_id: str,
        state: DeliveryState,
        cursor: str | None,
        limit: int,
    ) -> Page[Delivery]:
        """Return a page of a subscription's deliveries of a state, the oldest event first.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
        """
        self._expect(subscription_id, app_id=app_id)
        found = self.deliveries.deliveries(
            subscription_id,
            app_id=app_id,
            state=state,
            after=place_of(cursor) if cursor else None,
            limit=limit + 1,
        )
        items = found[:limit]
        more = len(found) > limit
        return Page(items=items, next_cursor=cursor_of(items[-1].delivery_id) if more else None)

    def is_behind(self, subscription: Subscription) -> bool:
        """Say whether something is due for a subscription that was not sent yet."""
        due = self.deliveries.due(
            subscription.subscription_id,
            app_id=subscription.app_id,
            until=self.clock(),
            limit=1,
        )
        return bool(due)

    def _expect(self, subscription_id: str, *, app_id: str) -> None:
        if self.subscriptions.subscription(subscription_id, app_id=app_id) is None:
            raise SubscriptionNotFoundError(subscription_id)

    def _first(self, subscription: Subscription, events: Sequence[CloudEvent]) -> Delivery:
        return first_delivery(
            [event["sequence"] for event in events],
            app_id=subscription.app_id,
            subscription_id=subscription.subscription_id,
            at=self.clock(),
        )

    def _keep(self, delivery: Delivery) -> None:
        """Have a delivery wait, also where it was given up before; one that waits stays as it is.

        Who sends an event again would lose it to a dead delivery of the same events.
        """
        if self.deliveries.exchange(None, delivery):
            return
        standing = self.deliveries.delivery(
            delivery.delivery_id,
            subscription_id=delivery.subscription_id,
            app_id=delivery.app_id,
        )
        if standing and standing.state is DeliveryState.DEAD:
            self.deliveries.exchange(standing, delivery)

    def _retried(self, subscription: Subscription, delivery: Delivery) -> bool:
        """Try a delivery that nobody else tries; say whether the receiver may be sent more."""
        begun = delivery.begun(at=self.clock(), share=self.share())
        if not self.deliveries.exchange(delivery, begun):
            return True
        events = self._events_of(delivery)
        attempted = self._attempt(subscription, delivery, events) if events else None
        if attempted is None or attempted.arrived:
            self.deliveries.exchange(begun, None)
            return True
        self.deliveries.exchange(begun, begun.failed(attempted, at=self.clock()))
        return False

    def _events_of(self, delivery: Delivery) -> list[CloudEvent]:
        """Return what is left of its events in the ledger."""
        found = self.events.events_of(delivery.sequences, app_id=delivery.app_id)
        org = self.apps.org_of(delivery.app_id) if found else ""
        return [cloudevent(event, org=org) for event in found]

    def _attempt(
        self, subscription: Subscription, delivery: Delivery, events: Sequence[CloudEvent]
    ) -> Attempted:
        attempted = self.messenger.send(
            subscription, message_id=message_id(delivery), events=events
        )
        self._note(subscription, attempted)
        return attempted

    def _note(self, subscription: Subscription, attempted: Attempted) -> None:
        """Note how a receiver fares; one that is gone or failed for days is sent nothing more."""
        if attempted.arrived:
            if subscription.failing_since:
                self.subscriptions.note_failing(subscription, since=None)
        elif attempted.is_gone:
            self._pause(subscription, PauseReason.GONE)
        elif subscription.failing_since is None:
            self.subscriptions.note_failing(subscription, since=self.clock())
        elif subscription.has_failed_too_long(at=self.clock()):
            self._pause(subscription, PauseReason.FAILING)

    def _pause(self, subscription: Subscription, reason: PauseReason) -> None:
        at = self.clock()
        event = SubscriptionPaused(
            app_id=subscription.app_id,
            occurred_at=at,
            subscription_id=subscription.subscription_id,
            reason=reason,
        )
        sealed = seal(event, sequence=self.ids.sequence())
        # Somebody changed it meanwhile: the next failure pauses what stands then.
        with suppress(SubscriptionStaleError):
            self.subscriptions.put_subscription(subscription.paused(reason, at=at), sealed)


def wanted(
    subscriptions: Sequence[Subscription], events: Sequence[Mapping[str, Any]]
) -> list[tuple[Subscription, list[Mapping[str, Any]]]]:
    """Return each subscription with those of the events that it wants, if there are any."""
    pairs = [(one, [event for event in events if one.wants(event)]) for one in subscriptions]
    return [(one, some) for one, some in pairs if some]


def _messages(
    subscription: Subscription, events: Sequence[CloudEvent]
) -> Sequence[Sequence[CloudEvent]]:
    return [events] if subscription.mode is MessageMode.BATCH else [[event] for event in events]
