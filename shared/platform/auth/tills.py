"""Till tokens: short JWTs that a shop's till signs with an Ed25519 key of its store.

RFC 7519 with EdDSA (RFC 8037): ``kid`` names the key, ``iss`` the store, ``sub`` the till, ``aud``
the app; ``iat`` and ``exp`` are whole seconds since 1970, at most ten minutes apart. PyJWT and
cryptography are imported on first use: devices never need them.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeGuard

from shared.kernel.principal import SHOP_NAME, TillKey
from shared.platform.auth.errors import UnauthenticatedError

LIFETIME = timedelta(minutes=10)
"""The longest that a token may hold: what is copied from a till is soon worth nothing."""

SKEW = timedelta(minutes=1)
"""How far a till's clock may be wrong, either way."""

ALGORITHM = "EdDSA"

KeyOf: TypeAlias = Callable[[str, str], TillKey | None]
"""Returns a store's key by the ids of both, or ``None``."""

_LONGEST = 2_048
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TillClaims:
    """What a till's token says: which till of which store calls."""

    store_id: str
    till: str


def is_till_token(token: str) -> bool:
    """Say whether a token claims to be a till's: no other JWT that we take is signed so."""
    header, _, rest = token.partition(".")
    if len(token) > _LONGEST or rest.count(".") != 1:
        return False
    try:
        read = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and read.get("alg") == ALGORITHM


def verify_till_token(token: str, *, app_id: str, key_of: KeyOf, at: datetime) -> TillClaims:
    """Return what a till's token says, if a key of the store that it names signed it for this app.

    Raises:
        UnauthenticatedError: it is no such token, or does not hold at this instant.
    """
    header, claims = _unverified(token)
    store_id, key_id = claims.get("iss"), header.get("kid")
    if not (_is_name(store_id) and isinstance(key_id, str)):
        raise UnauthenticatedError("the token must name its key and the store that it is from")
    key = key_of(store_id, key_id)
    if key is None:
        raise UnauthenticatedError("the token is signed by a key that is not its store's")
    held = _signed_claims(token, key, app_id=app_id, store_id=store_id)
    _check_times(held, at=at)
    if not _is_name(held["sub"]):
        raise UnauthenticatedError("the token must name the till, in at most 64 plain characters")
    return TillClaims(store_id=store_id, till=held["sub"])


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    import jwt  # noqa: PLC0415 - 130 ms of cold start that devices never need

    if len(token) > _LONGEST:
        raise UnauthenticatedError("the token is longer than 2 kB")
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise UnauthenticatedError("the bearer is no JWT") from error
    return parts["header"], parts["payload"]


def _signed_claims(token: str, key: TillKey, *, app_id: str, store_id: str) -> Mapping[str, Any]:
    import jwt  # noqa: PLC0415 - 130 ms of cold start that devices never need
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - the same
        Ed25519PublicKey,
    )

    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            Ed25519PublicKey.from_public_bytes(key.public),
            algorithms=[ALGORITHM],
            audience=app_id,
            issuer=store_id,
            options={
                "require": ["iss", "sub", "aud", "iat", "exp"],
                "strict_aud": True,
                "verify_exp": False,  # times are held against the instant that is given
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise UnauthenticatedError(f"the token does not hold: {error}") from error
    return claims


def _check_times(claims: Mapping[str, Any], *, at: datetime) -> None:
    now, skew = at.timestamp(), SKEW // _SECOND
    issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
    if not issued < expires <= issued + LIFETIME // _SECOND:
        raise UnauthenticatedError("the token must expire within ten minutes of its issue")
    if max(issued, _seconds(claims.get("nbf", issued))) > now + skew:
        raise UnauthenticatedError("the token is not valid yet: look at the till's clock")
    if now >= expires + skew:
        raise UnauthenticatedError("the token has expired")


def _seconds(value: Any) -> int:
    if not isinstance(value, int):
        raise UnauthenticatedError("the token's times must be whole seconds since 1970")
    return value


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and SHOP_NAME.fullmatch(value) is not None
