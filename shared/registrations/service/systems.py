"""Use cases of other systems: they get secrets, change them, and are known by them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.events import Channel
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.principal import System
from shared.registrations.events import WebhookSecretCreated, WebhookSecretDeleted
from shared.registrations.model.systems import WebhookSecret
from shared.registrations.ports import AppStore, Cipher, SystemStore
from shared.registrations.service.devices import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A secret and its key, as they are told once; ``replayed``: this attempt had made it."""

    secret: WebhookSecret
    key: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemService:
    """Keeps the secrets of other systems; ``cipher`` makes them, and opens them again."""

    apps: AppStore
    systems: SystemStore
    cipher: Cipher
    clock: Clock
    ids: Ids

    def create_secret(
        self,
        name: str,
        *,
        app_id: str,
        channels: frozenset[Channel],
        by: str,
        attempt: Attempt | None,
    ) -> IssuedSecret:
        """Give a system a secret, be it its first or the one that follows on another.

        Raises:
            AppNotFoundError: there is no such app.
            SystemRotatingError: the system has two secrets.
            TooManyWebhookSecretsError: the app has twenty.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            WebhookSecretNotFoundError: the attempt had made it, and it was deleted since.
        """
        self.apps.get_app(app_id)
        secret_id = self.ids.new("whs")
        key, sealed = self.cipher.new_key(app_id=app_id, about=secret_id)
        secret = WebhookSecret(
            secret_id=secret_id,
            name=name,
            channels=channels,
            sealed=sealed,
            created_at=self.clock(),
        )
        return self._add(secret, key, app_id=app_id, by=by, attempt=attempt)

    def keep_secret(
        self, name: str, *, text: str, dialect: str, app_id: str, by: str, attempt: Attempt | None
    ) -> IssuedSecret:
        """Keep what a vendor signs with, or by what else it is believed, sealed.

        Raises: as ``create_secret``.
        """
        self.apps.get_app(app_id)
        secret_id, key = self.ids.new("whs"), text.encode()
        secret = WebhookSecret(
            secret_id=secret_id,
            name=name,
            channels=frozenset(),
            sealed=self.cipher.wrap(key, app_id=app_id, about=secret_id),
            created_at=self.clock(),
            dialect=dialect,
        )
        return self._add(secret, key, app_id=app_id, by=by, attempt=attempt)

    def _add(
        self, secret: WebhookSecret, key: bytes, *, app_id: str, by: str, attempt: Attempt | None
    ) -> IssuedSecret:
        def add() -> IssuedSecret:
            if attempt and (before := self._recall(attempt, app_id=app_id)):
                return before
            systems = self.systems.get_systems(app_id).with_secret(secret)
            event = WebhookSecretCreated(
                app_id=app_id,
                occurred_at=secret.created_at,
                secret_id=secret.secret_id,
                name=secret.name,
                channels=tuple(sorted(secret.channels)),
                dialect=secret.dialect,
                by=by,
            )
            self.systems.add_secret(
                systems, secret, seal(event, sequence=self.ids.sequence()), attempt=attempt
            )
            return IssuedSecret(secret=secret, key=key)

        return until_settled(add)

    def list_secrets(self, app_id: str) -> Sequence[WebhookSecret]:
        """Return the secrets of an app that hold, oldest first.

        Raises:
            AppNotFoundError: there is no such app.
        """
        self.apps.get_app(app_id)
        return self.systems.get_systems(app_id).live(self.clock())

    def delete_secret(self, secret_id: str, *, app_id: str, by: str) -> None:
        """End a secret now; where its system has another, that one stays.

        Raises:
            WebhookSecretNotFoundError: the app has no such secret.
        """

        def remove() -> None:
            at = self.clock()
            before = self.systems.get_systems(app_id)
            secret = before.find(secret_id, at=at)
            event = WebhookSecretDeleted(
                app_id=app_id, occurred_at=at, secret_id=secret_id, name=secret.name, by=by
            )
            self.systems.remove_secret(
                before.without(secret_id, at=at), seal(event, sequence=self.ids.sequence())
            )

        until_settled(remove)

    def systems_of(self, app_id: str) -> Sequence[System]:
        """Return the systems of an app, one for each secret that holds; none for an unknown app."""
        return [
            System(
                name=secret.name,
                channels=secret.channels,
                key=self._key_of(secret, app_id=app_id),
            )
            for secret in self.systems.get_systems(app_id).live(self.clock())
            if secret.dialect is None
        ]

    def secrets_of_vendor(self, dialect: str, *, app_id: str) -> Sequence[str]:
        """Return what an app was told to believe a vendor by; nothing for an unknown app."""
        return [
            self._key_of(secret, app_id=app_id).decode()
            for secret in self.systems.get_systems(app_id).live(self.clock())
            if secret.dialect == dialect
        ]

    def _recall(self, attempt: Attempt, *, app_id: str) -> IssuedSecret | None:
        before = self.systems.recall(attempt)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        secret = self.systems.get_systems(app_id).find(before.result, at=self.clock())
        return IssuedSecret(secret=secret, key=self._key_of(secret, app_id=app_id), replayed=True)

    def _key_of(self, secret: WebhookSecret, *, app_id: str) -> bytes:
        return self.cipher.unwrap(secret.sealed, app_id=app_id, about=secret.secret_id)
