"""Write keys: by which an app knows the libraries that send its events.

A write key lies in every copy of an app and in every page, so it opens nothing but the way in. Old
copies send for years: a key holds until somebody deletes it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from shared.registrations.errors import (
    TooManyWriteKeysError,
    WriteKeyNotFoundError,
    WriteKeyRotatingError,
)

MOST_KEYS = 20
"""Of an app: one for each of its sources, and a second while one is changed."""


def digest_of(key: str) -> str:
    """Return the name under which a key is filed: it has so much chance that a hash hides it."""
    return sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKey:
    """One key, of which only the hash is kept; two of the same ``name`` are one source's."""

    key_id: str
    name: str
    digest: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeys:
    """All write keys of an app, oldest first; they change together, by version."""

    app_id: str
    keys: tuple[WriteKey, ...] = ()
    version: int = 0

    def find(self, key_id: str) -> WriteKey:
        """Return a key by its id.

        Raises:
            WriteKeyNotFoundError: there is none.
        """
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise WriteKeyNotFoundError(key_id)

    def with_key(self, fresh: WriteKey) -> "WriteKeys":
        """Return the keys with one more.

        Raises:
            WriteKeyRotatingError: its source has two.
            TooManyWriteKeysError: the app has twenty.
        """
        if sum(key.name == fresh.name for key in self.keys) > 1:
            raise WriteKeyRotatingError(f"delete a write key of {fresh.name} first")
        if len(self.keys) >= MOST_KEYS:
            raise TooManyWriteKeysError(f"at most {MOST_KEYS} write keys an app")
        return replace(self, keys=(*self.keys, fresh), version=self.version + 1)

    def without(self, key_id: str) -> "WriteKeys":
        """Return the keys without one.

        Raises:
            WriteKeyNotFoundError: there is none of this id.
        """
        gone = self.find(key_id)
        kept = tuple(key for key in self.keys if key is not gone)
        return replace(self, keys=kept, version=self.version + 1)
