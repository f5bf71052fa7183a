"""Use cases of write keys: a source gets one, changes it, and is known by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe

from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.registrations.events import WriteKeyCreated, WriteKeyDeleted
from shared.registrations.model.write_keys import WriteKey, digest_of
from shared.registrations.ports import AppStore, WriteKeyStore
from shared.registrations.service.devices import until_settled

BYTES_OF_CHANCE = 24
"""Of a key: as hard to guess as an encryption key is, and short enough to paste."""


def fresh_key() -> str:
    """Return a new write key, such as ``wk_...``: letters, digits, and _ -."""
    return f"wk_{token_urlsafe(BYTES_OF_CHANCE)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedWriteKey:
    """A write key as it is told once.

    ``text`` is ``None`` where this attempt had made it before: only its hash was kept. Whoever lost
    the first answer deletes the key and makes another.
    """

    key: WriteKey
    text: str | None

    @property
    def replayed(self) -> bool:
        """Say whether the attempt had made the key before."""
        return self.text is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeyService:
    """Keeps the write keys of apps."""

    apps: AppStore
    write_keys: WriteKeyStore
    clock: Clock
    ids: Ids
    new_key: Callable[[], str] = fresh_key

    def create_key(
        self, name: str, *, app_id: str, by: str, attempt: Attempt | None
    ) -> IssuedWriteKey:
        """Give a source a write key, be it its first or the one that follows on another.

        Raises:
            AppNotFoundError: there is no such app.
            WriteKeyRotatingError: the source has two.
            TooManyWriteKeysError: the app has twenty.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            WriteKeyNotFoundError: the attempt had made it, and it was deleted since.
        """
        self.apps.get_app(app_id)
        key_id, text = self.ids.new("wky"), self.new_key()

        def add() -> IssuedWriteKey:
            if attempt and (before := self._recall(attempt, app_id=app_id)):
                return IssuedWriteKey(key=before, text=None)
            at = self.clock()
            key = WriteKey(key_id=key_id, name=name, digest=digest_of(text), created_at=at)
            keys = self.write_keys.get_keys(app_id).with_key(key)
            event = WriteKeyCreated(app_id=app_id, occurred_at=at, key_id=key_id, name=name, by=by)
            sealed = seal(event, sequence=self.ids.sequence())
            self.write_keys.add_key(keys, key, sealed, attempt=attempt)
            return IssuedWriteKey(key=key, text=text)

        return until_settled(add)

    def list_keys(self, app_id: str) -> Sequence[WriteKey]:
        """Return the write keys of an app, oldest first.

        Raises:
            AppNotFoundError: there is no such app.
        """
        self.apps.get_app(app_id)
        return self.write_keys.get_keys(app_id).keys

    def delete_key(self, key_id: str, *, app_id: str, by: str) -> None:
        """End a write key now.

        Raises:
            WriteKeyNotFoundError: the app has no such write key.
        """

        def remove() -> None:
            before = self.write_keys.get_keys(app_id)
            key = before.find(key_id)
            event = WriteKeyDeleted(
                app_id=app_id, occurred_at=self.clock(), key_id=key_id, name=key.name, by=by
            )
            sealed = seal(event, sequence=self.ids.sequence())
            self.write_keys.remove_key(before.without(key_id), key, sealed)

        until_settled(remove)

    def app_of(self, text: str) -> str | None:
        """Return the app whose write key this is; ``None``: it is nobody's."""
        return self.write_keys.app_of(digest_of(text))

    def _recall(self, attempt: Attempt, *, app_id: str) -> WriteKey | None:
        before = self.write_keys.recall(attempt)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.write_keys.get_keys(app_id).find(before.result)
