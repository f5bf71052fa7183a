"""Firebase App Check: Google vouches that a request comes from an untampered app.

https://firebase.google.com/docs/app-check/custom-resource-backend: RS256, issuer and audience name
the project's number, the subject is the Firebase app id.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.principal import Issuer
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.auth.oidc import TokenVerifier

JWKS_URI = "https://firebaseappcheck.googleapis.com/v1/jwks"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirebaseAppCheck:
    """Verifies App Check tokens against Google's cached keys."""

    tokens: TokenVerifier

    def is_valid(self, token: str, *, project_number: str, firebase_app_ids: Sequence[str]) -> bool:
        """Say whether Firebase vouches for one of these apps with the token."""
        google = Issuer(
            issuer=f"https://firebaseappcheck.googleapis.com/{project_number}",
            audiences=(f"projects/{project_number}",),
            jwks_uri=JWKS_URI,
        )
        try:
            return self.tokens.verify(token, google)["sub"] in firebase_app_ids
        except UnauthenticatedError:
            return False
