"""Use cases of subscriptions: they are made, changed, tried out and ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.contact_events.cesql import parse
from shared.contact_events.errors import (
    SubscriptionNotFoundError,
    SubscriptionStaleError,
    TooManySubscriptionsError,
)
from shared.contact_events.events import (
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionTested,
    SubscriptionUpdated,
)
from shared.contact_events.model.deliveries import Attempted
from shared.contact_events.model.subscriptions import (
    MOST_SUBSCRIPTIONS,
    MessageMode,
    PauseReason,
    SigningSecret,
    Subscription,
    SubscriptionState,
)
from shared.contact_events.ports import Apps, Keys, SubscriptionStore
from shared.contact_events.service.messages import Messenger
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, cloudevent, seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.targets import NOWHERE_LOCAL, LocalHosts, target_of

FIELDS = ("url", "filter", "mode", "description", "state")
"""What a marketer may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a marketer says of a subscription."""

    url: str
    filter: str | None = None
    mode: MessageMode = MessageMode.STRUCTURED
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a marketer changes; ``None`` leaves a field, an empty filter lets every event pass."""

    url: str | None = None
    filter: str | None = None
    mode: MessageMode | None = None
    description: str | None = None
    state: SubscriptionState | None = None

    def applied(self, found: Subscription, *, at: datetime) -> Subscription:
        """Return a subscription with what is changed of it."""
        state = self.state or found.state
        reason = found.reason
        if state is not found.state:
            reason = PauseReason.BY_HAND if state is SubscriptionState.PAUSED else None
        return replace(
            found,
            url=found.url if self.url is None else self.url,
            filter=found.filter if self.filter is None else self.filter or None,
            mode=self.mode or found.mode,
            description=found.description if self.description is None else self.description,
            state=state,
            reason=reason,
            updated_at=at,
            version=found.version + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A subscription and its newest key, as it is told once; ``replayed``: made before."""

    subscription: Subscription
    key: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionService:
    """Keeps who is sent the events of an app. ``local``: hosts of a local run."""

    store: SubscriptionStore
    apps: Apps
    keys: Keys
    messenger: Messenger
    clock: Clock
    ids: Ids
    local: LocalHosts = NOWHERE_LOCAL

    def create(
        self, terms: Terms, *, app_id: str, by: str, attempt: Attempt | None = None
    ) -> Issued:
        """Have events sent from now on; it begins within ten seconds.

        Raises:
            ForbiddenTargetError: nothing is sent to such a URL.
            CesqlSyntaxError: the filter is no CESQL.
            TooManySubscriptionsError: the app has twenty.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            SubscriptionNotFoundError: the attempt had made it, and it was deleted since.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before
        self._check(terms.url, terms.filter)
        if len(self.store.subscriptions(app_id)) >= MOST_SUBSCRIPTIONS:
            raise TooManySubscriptionsError(f"at most {MOST_SUBSCRIPTIONS} an app")
        at, key, secret = self.clock(), *self._new_secret(app_id)
        fresh = Subscription(
            app_id=app_id,
            subscription_id=self.ids.new("sub"),
            url=terms.url,
            filter=terms.filter or None,
            mode=terms.mode,
            description=terms.description,
            secrets=(secret,),
            created_at=at,
            updated_at=at,
        )
        event = SubscriptionCreated(
            app_id=app_id, occurred_at=at, subscription_id=fresh.subscription_id, by=by
        )
        sealed = seal(event, sequence=self.ids.sequence())
        self.store.put_subscription(fresh, sealed, attempt=attempt)
        return Issued(subscription=fresh, key=key)

    def subscriptions(self, app_id: str) -> Sequence[Subscription]:
        """Return the subscriptions of an app, the oldest first."""
        return self.store.subscriptions(app_id)

    def get(self, subscription_id: str, *, app_id: str) -> Subscription:
        """Return a subscription.

        Raises:
            SubscriptionNotFoundError: the app has none of this id.
        """
        found = self.store.subscription(subscription_id, app_id=app_id)
        if found is None:
            raise SubscriptionNotFoundError(subscription_id)
        return found

    def update(
        self, subscription_id: str, changes: Changes, *, version: int, app_id: str, by: str
    ) -> Subscription:
        """Change a subscription of a version; one that is active again begins with a clean slate.

        Raises:
            ForbiddenTargetError: nothing is sent to such a URL.
            CesqlSyntaxError: the filter is no CESQL.
            SubscriptionNotFoundError: the app has none of this id.
            SubscriptionStaleError: another version stands.
        """
        self._check(changes.url, changes.filter)
        found = self.get(subscription_id, app_id=app_id)
        if found.version != version:
            raise SubscriptionStaleError(subscription_id)
        after = changes.applied(found, at=self.clock())
        names = [name for name in FIELDS if getattr(after, name) != getattr(found, name)]
        if not names:
            return found
        self.store.put_subscription(after, self._updated(after, changed=names, by=by))
        if found.state is SubscriptionState.PAUSED and after.state is SubscriptionState.ACTIVE:
            self.store.note_failing(after, since=None)
        return after

    def rotate(self, subscription_id: str, *, app_id: str, by: str) -> Issued:
        """Give a subscription another secret; for a day messages are signed with both.

        Raises:
            SubscriptionNotFoundError: the app has none of this id.
            SubscriptionRotatingError: two secrets sign already.
            SubscriptionStaleError: it was changed at the same time.
        """
        key, secret = self._new_secret(app_id)
        after = self.get(subscription_id, app_id=app_id).rotated(secret)
        self.store.put_subscription(after, self._updated(after, changed=["secrets"], by=by))
        return Issued(subscription=after, key=key)

    def delete(self, subscription_id: str, *, app_id: str, by: str) -> None:
        """End a subscription; what waits for its receiver is not sent any more.

        Raises:
            SubscriptionNotFoundError: the app has none of this id.
            SubscriptionStaleError: it was changed at the same time.
        """
        found = self.get(subscription_id, app_id=app_id)
        event = SubscriptionDeleted(
            app_id=app_id, occurred_at=self.clock(), subscription_id=subscription_id, by=by
        )
        self.store.delete_subscription(found, seal(event, sequence=self.ids.sequence()))

    def test(self, subscription_id: str, *, app_id: str, by: str) -> Attempted:
        """Send ``subscription.tested.v1`` at once, signed, and say what came of it.

        It passes no filter, is in no ledger, and is not tried again.

        Raises:
            SubscriptionNotFoundError: the app has none of this id.
        """
        found = self.get(subscription_id, app_id=app_id)
        event = SubscriptionTested(
            app_id=app_id, occurred_at=self.clock(), subscription_id=subscription_id, by=by
        )
        sealed = seal(event, sequence=self.ids.sequence())
        return self.messenger.send(
            found,
            message_id=f"{subscription_id}_{sealed.sequence}",
            events=[cloudevent(sealed, org=self.apps.org_of(app_id))],
        )

    def _check(self, url: str | None, text: str | None) -> None:
        if url is not None:
            target_of(url, local=self.local)
        if text:
            parse(text)

    def _new_secret(self, app_id: str) -> tuple[bytes, SigningSecret]:
        secret_id = self.ids.new("whs")
        key, sealed = self.keys.new_key(app_id=app_id, about=secret_id)
        return key, SigningSecret(secret_id=secret_id, sealed=sealed, created_at=self.clock())

    def _updated(self, after: Subscription, *, changed: Sequence[str], by: str) -> Envelope:
        event = SubscriptionUpdated(
            app_id=after.app_id,
            occurred_at=after.updated_at,
            subscription_id=after.subscription_id,
            changed=tuple(changed),
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())

    def _recall(self, attempt: Attempt, *, app_id: str) -> Issued | None:
        before = self.store.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        found = self.get(before.result, app_id=app_id)
        first = found.secrets[0]
        key = self.keys.unwrap(first.sealed, app_id=app_id, about=first.secret_id)
        return Issued(subscription=found, key=key, replayed=True)
