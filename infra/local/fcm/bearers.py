"""Issues OAuth2 bearers for signed assertions (RFC 7523), as Google's token route does."""

import secrets
import time
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from infra.local.fcm.answers import Answer, as_json, oauth_error
from infra.local.fcm.identity import CLIENT_EMAIL

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""google-auth names this audience, whatever the account's token_uri is."""

SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/firebase.messaging",
    }
)
"""Either is enough for ``messages:send``: the discovery document says so."""


class Bearers:
    """The bearers in force; a restart forgets them, as an expiry would."""

    def __init__(self, *, key: RSAPublicKey, token_uri: str) -> None:
        self._key = key
        self._token_uri = token_uri
        self._expiries: dict[str, float] = {}
        self.issued = 0

    def grant(self, form: bytes, *, seconds: int) -> Answer:
        """Answer a token request whose bearer shall live that long."""
        fields = parse_qs(form.decode("utf-8", "replace"))
        if fields.get("grant_type") != [GRANT_TYPE]:
            return oauth_error("unsupported_grant_type", "Invalid grant_type")
        try:
            claims = self._claims(fields.get("assertion", [""])[0])
        except jwt.InvalidSignatureError:
            return oauth_error("invalid_grant", "Invalid JWT Signature.")
        except jwt.InvalidTokenError as wrong:
            return oauth_error("invalid_grant", f"Invalid JWT: {wrong}")
        if SCOPES.isdisjoint(str(claims.get("scope", "")).split()):
            return oauth_error(
                "invalid_scope", "Invalid OAuth scope or ID token audience provided."
            )
        token = f"ya29.{secrets.token_urlsafe(16)}"
        self._expiries[token] = time.monotonic() + seconds
        self.issued += 1
        return as_json({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})

    def is_valid(self, authorization: str) -> bool:
        """Say whether a header ``Authorization`` carries a bearer in force."""
        expiry = self._expiries.get(authorization.removeprefix("Bearer "))
        return expiry is not None and time.monotonic() < expiry

    def revoke_all(self) -> None:
        """Make every bearer unknown."""
        self._expiries.clear()

    def _claims(self, assertion: str) -> dict[str, Any]:
        return jwt.decode(
            assertion,
            self._key,
            algorithms=["RS256"],
            audience=[self._token_uri, GOOGLE_AUDIENCE],
            issuer=CLIENT_EMAIL,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )
