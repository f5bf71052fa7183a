"""What apps, their systems and their audit logs need from outside."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.kernel.principal import Role
from shared.registrations.model.apps import App
from shared.registrations.model.audit import AuditEntry, AuditRange
from shared.registrations.model.systems import Systems, WebhookSecret
from shared.registrations.model.write_keys import WriteKey, WriteKeys


class AppStore(Protocol):
    """Apps, and the grants on them."""

    def get_app(self, app_id: str) -> App:
        """Return the app or raise ``AppNotFoundError``."""
        ...

    def list_apps(self, *, limit: int, cursor: str | None) -> Page[App]:
        """Return apps by id, which is the order of their creation."""
        ...

    def app_ids(self) -> Iterator[str]:
        """Yield the ids of all apps, in the order of their creation."""
        ...

    def add_app(self, app: App, event: Envelope, *, attempt: Attempt | None) -> None:
        """Store a new app, its event, and what its attempt came to (the app's id).

        Raises:
            StaleError: the attempt is remembered already.
        """
        ...

    def replace_app(self, app: App, event: Envelope) -> None:
        """Store the app's next version with its event.

        Raises:
            AppChangedError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_app`` came to before, if it did."""
        ...

    def grant(self, principal: str, *, app_id: str, role: Role) -> None:
        """Give a principal a role on an app, or on ``*``; the newest role stands."""
        ...

    def revoke(self, principal: str, *, app_id: str) -> None:
        """Take a principal's role on an app away; none is no error."""
        ...

    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        """Return the strongest role of these principals, by app."""
        ...

    def list_grants(self, *, limit: int, cursor: str | None) -> Page[tuple[str, str, Role]]:
        """Return all grants: principal, app, role; by principal."""
        ...


class SystemStore(Protocol):
    """The other systems of each app; ``systems`` is always the next version of what was read."""

    def get_systems(self, app_id: str) -> Systems:
        """Return the systems of an app as they are now; version 0: it never had any."""
        ...

    def add_secret(
        self,
        systems: Systems,
        secret: WebhookSecret,
        event: Envelope,
        *,
        attempt: Attempt | None,
    ) -> None:
        """Store the systems with a new secret, its event, and what its attempt came to (its id).

        Raises:
            StaleError: another change came first, or the attempt is remembered already.
        """
        ...

    def remove_secret(self, systems: Systems, event: Envelope) -> None:
        """Store the systems without a secret, with the event.

        Raises:
            StaleError: another change came first.
        """
        ...

    def replace_sealed(self, systems: Systems) -> None:
        """Store secrets that are sealed anew; of that nothing is told.

        Raises:
            StaleError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_secret`` came to before, if it did."""
        ...


class WriteKeyStore(Protocol):
    """The write keys of each app; ``keys`` is always the next version of what was read."""

    def get_keys(self, app_id: str) -> WriteKeys:
        """Return the write keys of an app as they are now; version 0: it never had any."""
        ...

    def add_key(
        self, keys: WriteKeys, key: WriteKey, event: Envelope, *, attempt: Attempt | None
    ) -> None:
        """Store the keys with a new one, its event, and what its attempt came to (its id).

        Raises:
            StaleError: another change came first, or the attempt is remembered already.
        """
        ...

    def remove_key(self, keys: WriteKeys, key: WriteKey, event: Envelope) -> None:
        """Store the keys without one, with the event.

        Raises:
            StaleError: another change came first.
        """
        ...

    def app_of(self, digest: str) -> str | None:
        """Return the app whose key has this hash."""
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_key`` came to before, if it did."""
        ...


class AuditStore(Protocol):
    """The audit logs: one for each app, and one above apps (``None``)."""

    def add_entry(self, entry: AuditEntry) -> None:
        """Store an entry; it is kept for 400 days."""
        ...

    def entries(self, app_id: str | None, wanted: AuditRange) -> Iterator[AuditEntry]:
        """Yield the entries of a range, the newest first; reads page by page."""
        ...


class AppCheckVerifier(Protocol):
    """Verifies Firebase App Check tokens."""

    def is_valid(self, token: str, *, project_number: str, firebase_app_ids: Sequence[str]) -> bool:
        """Say whether Firebase vouches for one of these apps with the token."""
        ...
