"""Who is sent events: where, which, in which form, and how that can be told from a forgery."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from shared.contact_events.cesql import Expression, attributes_of, parse
from shared.contact_events.errors import SubscriptionRotatingError

MOST_SUBSCRIPTIONS = 20
"""Of an app: each is asked about each event."""

OVERLAP = timedelta(days=1)
"""How long both secrets sign, counted from the newer one (Standard Webhooks asks for some time)."""

PATIENCE = timedelta(days=5)
"""For so long a receiver may fail without a break before we stop to send."""


class MessageMode(StrEnum):
    """How events are sent: each alone, or several at once (CloudEvents' JSON formats)."""

    STRUCTURED = "structured"
    BATCH = "batch"


class SubscriptionState(StrEnum):
    """Whether a subscription is sent to."""

    ACTIVE = "active"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Why one is paused: a marketer said so, the receiver answered 410, or kept failing."""

    BY_HAND = "by_hand"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """A key with which messages are signed, sealed; ``ends_at``: None, it is the newest."""

    secret_id: str
    sealed: str
    created_at: datetime
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One receiver of an app's events. ``filter`` is CESQL; None: it wants every event.

    ``failing_since`` is when its receiver began to fail without a break, as far as that is noted.
    """

    app_id: str
    subscription_id: str
    url: str
    filter: str | None
    mode: MessageMode
    description: str
    secrets: tuple[SigningSecret, ...]
    created_at: datetime
    updated_at: datetime
    state: SubscriptionState = SubscriptionState.ACTIVE
    reason: PauseReason | None = None
    failing_since: datetime | None = None
    version: int = 1

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Say whether a CloudEvent in JSON passes the filter."""
        return self.filter is None or _condition(self.filter).holds(attributes_of(event))

    def signing(self, at: datetime) -> tuple[SigningSecret, ...]:
        """Return the secrets that sign at an instant, the newest first: one or two."""
        live = [one for one in self.secrets if one.ends_at is None or at < one.ends_at]
        return tuple(reversed(live))

    def rotated(self, fresh: SigningSecret) -> "Subscription":
        """Return the subscription with a new secret; the one before signs for a day beside it.

        Raises:
            SubscriptionRotatingError: two secrets sign already.
        """
        at = fresh.created_at
        live = self.signing(at)
        if len(live) > 1:
            raise SubscriptionRotatingError(self.subscription_id)
        kept = tuple(replace(one, ends_at=at + OVERLAP) for one in live)
        return replace(self, secrets=(*kept, fresh), updated_at=at, version=self.version + 1)

    def paused(self, reason: PauseReason, *, at: datetime) -> "Subscription":
        """Return the subscription as it is not sent to any more."""
        return replace(
            self,
            state=SubscriptionState.PAUSED,
            reason=reason,
            updated_at=at,
            version=self.version + 1,
        )

    def has_failed_too_long(self, *, at: datetime) -> bool:
        """Say whether its receiver failed for days."""
        return self.failing_since is not None and at - self.failing_since > PATIENCE


@lru_cache(maxsize=256)
def _condition(text: str) -> Expression:
    return parse(text)
