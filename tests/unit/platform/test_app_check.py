from collections.abc import Mapping
from typing import Any

import pytest

from shared.platform.auth.app_check import JWKS_URI, FirebaseAppCheck
from shared.platform.auth.oidc import JwksKeySource, TokenVerifier
from tests.fakes.issuer import OidcIssuer

APP = "1:12345:android:a"
GOOGLE = OidcIssuer("https://firebaseappcheck.googleapis.com/12345", audience="projects/12345")


def is_valid(token: str) -> bool:
    def fetch(url: str) -> Mapping[str, Any]:
        assert url == JWKS_URI
        return GOOGLE.jwks()

    check = FirebaseAppCheck(tokens=TokenVerifier(keys=JwksKeySource(fetch=fetch)))
    return check.is_valid(token, project_number="12345", firebase_app_ids=[APP])


def test_google_vouches_for_the_app() -> None:
    assert is_valid(GOOGLE.token(APP))


@pytest.mark.parametrize(
    "token",
    [
        GOOGLE.token("1:12345:android:another"),
        GOOGLE.token(APP, exp=None),
        GOOGLE.token(APP, aud="projects/999"),
        GOOGLE.token(APP, iss="https://firebaseappcheck.googleapis.com/999"),
        GOOGLE.token(APP, signed_by="another key"),
        "garbage",
    ],
    ids=["another app", "no expiry", "another project", "another issuer", "forged", "garbage"],
)
def test_nobody_else_is_believed(token: str) -> None:
    assert not is_valid(token)
