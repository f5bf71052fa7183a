"""OIDC tokens: verified offline against their issuer's keys, which are cached.

PyJWT and cryptography are imported on first use: devices never need them.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from shared.kernel.principal import Issuer
from shared.platform.auth.errors import UnauthenticatedError

FETCH_SECONDS = 3
KEYS_FRESH_SECONDS = 3600
MISS_PAUSE_SECONDS = 60
"""A key id that is unknown asks the issuer again, but not more often than this."""

ALGORITHMS = ("RS256", "ES256")
_LARGEST_DOCUMENT = 1_000_000
_LONGEST_TOKEN = 16_384

Claims: TypeAlias = Mapping[str, Any]
Fetch: TypeAlias = Callable[[str], Mapping[str, Any]]


class IssuerUnreachableError(UnauthenticatedError):
    """The issuer's keys could not be fetched, so the token could not be checked."""

    code = "issuer_unreachable"


class KeySource(Protocol):
    """Finds the public key of an issuer by its id."""

    def key(self, issuer: Issuer, key_id: str) -> Any:
        """Return the key.

        Raises:
            UnauthenticatedError: the issuer has no such key, or cannot be asked.
        """
        ...


def fetch_json(url: str) -> Mapping[str, Any]:
    """Return the JSON object behind an https URL, within three seconds.

    Raises:
        IssuerUnreachableError: it does not answer one.
    """
    from urllib.request import urlopen  # noqa: PLC0415 - only tokens of strangers need it

    try:
        with urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310 - callers check the scheme
            document = json.loads(answer.read(_LARGEST_DOCUMENT))
    except (ValueError, OSError) as error:  # URLError is an OSError
        raise IssuerUnreachableError(f"{url} does not answer") from error
    if not isinstance(document, dict):
        raise IssuerUnreachableError(f"{url} answers no JSON object")
    return document


@dataclass(slots=True, kw_only=True)
class _KeySet:
    keys: Mapping[str, Any]
    fetched: float


@dataclass(slots=True)
class JwksKeySource:
    """Keys from each issuer's JSON Web Key Set, fetched once an hour and on a miss."""

    fetch: Fetch = fetch_json
    monotonic: Callable[[], float] = time.monotonic
    _sets: dict[str, _KeySet] = field(default_factory=dict)

    def key(self, issuer: Issuer, key_id: str) -> Any:
        """Return the public key with this id."""
        held = self._sets.get(issuer.issuer)
        age = self.monotonic() - held.fetched if held else KEYS_FRESH_SECONDS
        missing = held is None or key_id not in held.keys
        if held is None or age >= KEYS_FRESH_SECONDS or (missing and age >= MISS_PAUSE_SECONDS):
            held = self._refresh(issuer)
        try:
            return held.keys[key_id]
        except KeyError:
            raise UnauthenticatedError("the token is signed by a key its issuer lacks") from None

    def _refresh(self, issuer: Issuer) -> _KeySet:
        from jwt import PyJWKSet  # noqa: PLC0415 - 130 ms of cold start that devices never need
        from jwt.exceptions import PyJWKSetError  # noqa: PLC0415

        try:
            found = PyJWKSet.from_dict(dict(self.fetch(self._keys_url(issuer))))
        except PyJWKSetError as error:
            raise IssuerUnreachableError(f"{issuer.issuer} publishes no usable key") from error
        keys = {key.key_id: key for key in found.keys if key.key_id}
        held = self._sets[issuer.issuer] = _KeySet(keys=keys, fetched=self.monotonic())
        return held

    def _keys_url(self, issuer: Issuer) -> str:
        if issuer.jwks_uri:
            return issuer.jwks_uri
        url = issuer.issuer.rstrip("/") + "/.well-known/openid-configuration"
        keys_url = self.fetch(url).get("jwks_uri")
        if not (isinstance(keys_url, str) and keys_url.startswith("https://")):
            raise IssuerUnreachableError(f"{url} names no https jwks_uri")
        return keys_url


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVerifier:
    """Verifies OIDC tokens: signature, ``exp``, ``aud`` and ``iss`` are all required."""

    keys: KeySource

    def choose(self, token: str, issuers: Iterable[Issuer]) -> Issuer | None:
        """Return which of the issuers a token claims to be from, and for; unverified.

        Raises:
            UnauthenticatedError: it is no JWT.
        """
        _, claims = self._unverified(token)
        claimed = claims.get("aud")
        listed = claimed if isinstance(claimed, list) else [claimed]
        audiences = {one for one in listed if isinstance(one, str)}
        for issuer in issuers:
            if issuer.issuer == claims.get("iss") and audiences & set(issuer.audiences):
                return issuer
        return None

    def verify(self, token: str, issuer: Issuer) -> Claims:
        """Return a token's claims.

        Raises:
            UnauthenticatedError: the token does not hold for this issuer and its audiences, or has
                no key id, expiry, audience, issuer or subject.
        """
        import jwt  # noqa: PLC0415 - 130 ms of cold start that devices never need

        header, _ = self._unverified(token)
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise UnauthenticatedError("the token must be RS256 or ES256 with a key id")
        try:
            claims: Claims = jwt.decode(
                token,
                self.keys.key(issuer, header["kid"]),
                algorithms=[header["alg"]],
                audience=list(issuer.audiences),
                issuer=issuer.issuer,
                options={"require": ["exp", "aud", "iss", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("the token has expired") from error
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"the token does not hold: {error}") from error
        return claims

    def _unverified(self, token: str) -> tuple[Claims, Claims]:
        import jwt  # noqa: PLC0415 - 130 ms of cold start that devices never need

        if len(token) > _LONGEST_TOKEN:
            raise UnauthenticatedError("the token is longer than 16 kB")
        try:
            parts = jwt.decode_complete(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise UnauthenticatedError("the bearer is no token of ours and no JWT") from error
        return parts["header"], parts["payload"]
