"""The stores of an app, as coupons know them: by the public keys of their tills.

Keys are Ed25519 (RFC 8032). A key's id is its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3), so
that a till can name its key without having been told how.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from shared.coupons.errors import ShopNotFoundError, TooManyTillKeysError
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.principal import SHOP_NAME

MOST_KEYS = 20
"""Of a store: they lie in one item, which every request of a till reads."""

KEY_BYTES = 32

_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME
"""The curve is ``-x*x + y*y = 1 + D*x*x*y*y`` over the integers modulo the prime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopKey:
    """A public key of a store, and what an editor calls it."""

    public: bytes
    name: str
    registered_at: datetime

    @property
    def key_id(self) -> str:
        """Return the ``kid`` of what is signed with the key: its JWK thumbprint, 43 letters."""
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": letters_of(self.public)}
        text = json.dumps(jwk, separators=(",", ":"), sort_keys=True)
        return letters_of(sha256(text.encode()).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A store with its keys, oldest first; they change together, by version (0: none yet)."""

    app_id: str
    store_id: str
    keys: tuple[ShopKey, ...] = ()
    version: int = 0

    def find(self, key_id: str) -> ShopKey | None:
        """Return the key of this id, if the store has it."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    def get(self, key_id: str) -> ShopKey:
        """Return the key of this id.

        Raises:
            ShopNotFoundError: the store has none.
        """
        key = self.find(key_id)
        if key is None:
            raise ShopNotFoundError(f"{self.store_id} has no key {key_id}")
        return key

    def with_key(self, key: ShopKey) -> "Shop":
        """Return the store with a key that it does not have yet.

        Raises:
            TooManyTillKeysError: it has twenty.
        """
        if len(self.keys) >= MOST_KEYS:
            raise TooManyTillKeysError(f"at most {MOST_KEYS} keys a store")
        return replace(self, keys=(*self.keys, key), version=self.version + 1)

    def without(self, key: ShopKey) -> "Shop":
        """Return the store without one of its keys."""
        kept = tuple(one for one in self.keys if one != key)
        return replace(self, keys=kept, version=self.version + 1)


def check_store_id(store_id: str) -> None:
    """Hold what is to be a store's id to what tokens, keys and paths can carry.

    Raises:
        InvalidFieldsError: it is not 1 to 64 letters, digits, ``.``, ``_`` and ``-``.
    """
    if not SHOP_NAME.fullmatch(store_id):
        detail = "1 to 64 letters, digits, '.', '_' and '-', of which a letter or digit is first"
        problem = FieldProblem(pointer="path/store_id", code="store_id", detail=detail)
        raise InvalidFieldsError("a store cannot be called so", fields=[problem])


def letters_of(raw: bytes) -> str:
    """Return bytes in base64url without padding, as a JWK has them."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(letters: str) -> bytes:
    """Return the 32 bytes that ``letters_of`` wrote.

    Raises:
        ValueError: it never wrote this.
    """
    raw = urlsafe_b64decode(letters + "=")
    if len(raw) != KEY_BYTES or letters_of(raw) != letters:
        raise ValueError(letters)
    return raw


def public_key_of(letters: str) -> bytes:
    """Return the 32 bytes of a public key that is written as the ``x`` of a JWK: base64url.

    Raises:
        InvalidFieldsError: it is not 43 letters of base64url, no point of the curve, or a point for
            which everybody can sign.
    """
    try:
        raw = bytes_of(letters)
    except ValueError:
        raw = None
    if raw is None or not _is_point(raw):
        problem = FieldProblem(
            pointer="/public_key",
            code="public_key",
            detail="the 32 bytes of an Ed25519 public key, in base64url without padding",
        )
        raise InvalidFieldsError("this is no key that tills can sign for", fields=[problem])
    return raw


def _is_point(raw: bytes) -> bool:
    """Say whether bytes are a point of the curve (RFC 8032, 5.1.3) whose order is not small.

    Of the eight points whose order divides eight, everybody knows signatures that hold.
    """
    number = int.from_bytes(raw, "little")
    y, x_is_odd = number & (2**255 - 1), number >> 255
    x_squared = _x_squared(y)
    if y >= _PRIME or (x_squared == 0 and x_is_odd):
        return False
    return _is_square(x_squared) and _doubled(_doubled(_doubled(y))) != 1


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME


def _is_square(number: int) -> bool:
    return pow(number, (_PRIME - 1) // 2, _PRIME) in {0, 1}


def _doubled(y: int) -> int:
    """Return the y of a point added to itself; at the neutral point, and there alone, it is 1."""
    x_squared, y_squared = _x_squared(y), y * y
    return (y_squared + x_squared) * pow(1 - _D * x_squared * y_squared, -1, _PRIME) % _PRIME
