"""Encryption of what must be kept of a person: AES-256-GCM, each contact under a key of its own.

A contact's data key is kept wrapped, under a key of its app that is derived from the deployment's
secret (RFC 5869, expand). Whoever deletes the data key has made all that it sealed unreadable,
wherever copies of it lie. What is sealed says under which secret: a rotated one is still known as
``previous``.

A sealed text is base64 of: 4 bytes that name the key, 12 of nonce, ciphertext and tag.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from os import urandom

KEY_BYTES = 32
_NAME_BYTES = 4
_NONCE_BYTES = 12
"""96 random bits (NIST SP 800-38D, 8.2.2): a key may seal 2^32 times, a contact's never will."""


class UnreadableError(Exception):
    """The text was not sealed under any key that is known, or not about this, or was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyCipher:
    """Makes and wraps data keys, and seals under them. ``keys``: the secret's, current first."""

    keys: Callable[[], Sequence[bytes]]

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh data key, plain and wrapped; ``about`` is whom it is for."""
        key = urandom(KEY_BYTES)
        return key, self.wrap(key, app_id=app_id, about=about)

    def wrap(self, key: bytes, *, app_id: str, about: str) -> str:
        """Return a key that somebody else made, wrapped; ``about`` is whom it is for."""
        return _seal(key, self._wrapping_keys(app_id)[0], about=about)

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a data key.

        Raises:
            UnreadableError: it was wrapped under a secret that is gone, or for somebody else.
        """
        return _open(wrapped, self._wrapping_keys(app_id), about=about)

    def rewrap(self, wrapped: str, *, app_id: str, about: str) -> str | None:
        """Return a data key wrapped under the current secret; ``None``: it is already.

        Raises:
            UnreadableError: it was wrapped under a secret that is gone, or for somebody else.
        """
        keys = self._wrapping_keys(app_id)
        if _decoded(wrapped)[:_NAME_BYTES] == _name(keys[0]):
            return None
        return _seal(_open(wrapped, keys, about=about), keys[0], about=about)

    def seal(self, plain: bytes, key: bytes, *, about: str) -> str:
        """Return ``plain`` sealed under a data key; it opens only for the same ``about``."""
        return _seal(plain, key, about=about)

    def open(self, sealed: str, key: bytes, *, about: str) -> bytes:
        """Return what was sealed under a data key.

        Raises:
            UnreadableError: it was sealed under another key, or about something else.
        """
        return _open(sealed, [key], about=about)

    def _wrapping_keys(self, app_id: str) -> list[bytes]:
        info = b"data-key\0" + app_id.encode() + b"\x01"
        return [hmac.digest(key, info, sha256) for key in self.keys()]


def _name(key: bytes) -> bytes:
    return sha256(key).digest()[:_NAME_BYTES]


def _seal(plain: bytes, key: bytes, *, about: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - rarely needed

    nonce = urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain, about.encode())
    return b64encode(_name(key) + nonce + sealed).decode()


def _open(sealed: str, keys: Sequence[bytes], *, about: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    raw = _decoded(sealed)
    name, nonce = raw[:_NAME_BYTES], raw[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES]
    for key in keys:
        if _name(key) == name:
            try:
                return AESGCM(key).decrypt(nonce, raw[_NAME_BYTES + _NONCE_BYTES :], about.encode())
            except (InvalidTag, ValueError):
                raise UnreadableError("sealed about something else, or changed") from None
    raise UnreadableError("sealed under a key that is gone")


def _decoded(sealed: str) -> bytes:
    try:
        return b64decode(sealed, validate=True)
    except (NotBase64Error, ValueError):
        raise UnreadableError("not a sealed text") from None
