"""An OIDC issuer that signs what tests ask it to."""

import json
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared.kernel.clock import system_clock

_KEYS: dict[str, rsa.RSAPrivateKey] = {}


def _key(name: str) -> rsa.RSAPrivateKey:
    if name not in _KEYS:
        _KEYS[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _KEYS[name]


class OidcIssuer:
    def __init__(self, issuer: str, *, audience: str, key_id: str = "k1") -> None:
        self.issuer = issuer
        self.audience = audience
        self.key_id = key_id

    def jwks(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(_key(self.key_id).public_key()))
        return {"keys": [{**public, "kid": self.key_id, "alg": "RS256", "use": "sig"}]}

    def token(self, subject: str = "ada", *, signed_by: str | None = None, **claims: Any) -> str:
        """Return a token that holds for an hour; a claim set to ``None`` is left out."""
        now = system_clock()
        content = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + timedelta(hours=1),
            **claims,
        }
        return jwt.encode(
            {name: value for name, value in content.items() if value is not None},
            _key(signed_by or self.key_id),
            algorithm="RS256",
            headers={"kid": self.key_id},
        )
