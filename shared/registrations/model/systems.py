"""Other systems of an app: by which secrets it knows them, for which channels they may speak.

A vendor, such as one that sends e-mail, signs its webhooks in its own way: its secret is the
vendor's, and so is the list of what it may tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.kernel.events import Channel
from shared.registrations.errors import (
    SystemRotatingError,
    TooManyWebhookSecretsError,
    WebhookSecretNotFoundError,
)

MOST_SECRETS = 20
"""Of an app: each of them is tried on a signed message."""

OVERLAP = timedelta(days=30)
"""How long the older of a system's two secrets still holds, counted from the newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """One secret of a system, sealed: two of the same ``name`` are one system that changes them.

    ``channels`` are those for which whoever signs with it may speak. With a ``dialect`` it is what
    a vendor gave out, for its webhooks alone. It holds until ``ends_at`` (``None``: until it is
    deleted).
    """

    secret_id: str
    name: str
    channels: frozenset[Channel]
    sealed: str
    created_at: datetime
    ends_at: datetime | None = None
    dialect: str | None = None

    def is_live(self, at: datetime) -> bool:
        """Say whether the secret holds at an instant."""
        return self.ends_at is None or at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """All systems of an app, by their secrets, oldest first; they change together, by version."""

    app_id: str
    secrets: tuple[WebhookSecret, ...] = ()
    version: int = 0

    def live(self, at: datetime) -> tuple[WebhookSecret, ...]:
        """Return the secrets that hold at an instant."""
        return tuple(secret for secret in self.secrets if secret.is_live(at))

    def find(self, secret_id: str, *, at: datetime) -> WebhookSecret:
        """Return a secret that holds at an instant.

        Raises:
            WebhookSecretNotFoundError: there is none of this id, or it has ended.
        """
        for secret in self.live(at):
            if secret.secret_id == secret_id:
                return secret
        raise WebhookSecretNotFoundError(secret_id)

    def with_secret(self, fresh: WebhookSecret) -> "Systems":
        """Return the systems with one more secret; an older one of the same name ends in 30 days.

        Raises:
            SystemRotatingError: the system has two secrets.
            TooManyWebhookSecretsError: the app has twenty.
        """
        at = fresh.created_at
        live = self.live(at)
        if sum(secret.name == fresh.name for secret in live) > 1:
            raise SystemRotatingError(f"delete a secret of {fresh.name} first")
        if len(live) >= MOST_SECRETS:
            raise TooManyWebhookSecretsError(f"at most {MOST_SECRETS} secrets an app")
        kept = tuple(
            replace(secret, ends_at=at + OVERLAP) if secret.name == fresh.name else secret
            for secret in live
        )
        return replace(self, secrets=(*kept, fresh), version=self.version + 1)

    def sealed_anew(self, sealed: Mapping[str, str]) -> "Systems":
        """Return the systems with some of their secrets, by id, sealed under another key."""
        secrets = tuple(
            replace(secret, sealed=sealed.get(secret.secret_id, secret.sealed))
            for secret in self.secrets
        )
        return replace(self, secrets=secrets, version=self.version + 1)

    def without(self, secret_id: str, *, at: datetime) -> "Systems":
        """Return the systems without a secret; the one that is left of its system does not end.

        Raises:
            WebhookSecretNotFoundError: there is none of this id, or it has ended.
        """
        gone = self.find(secret_id, at=at)
        kept = tuple(
            replace(secret, ends_at=None) if secret.name == gone.name else secret
            for secret in self.live(at)
            if secret is not gone
        )
        return replace(self, secrets=kept, version=self.version + 1)
