"""Till tokens: which hold, for which store, and for how long."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kernel.clock import EPOCH
from shared.kernel.principal import TillKey
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.auth.tills import (
    LIFETIME,
    SKEW,
    TillClaims,
    is_till_token,
    verify_till_token,
)
from tests.fakes.clock import NOON
from tests.fakes.tills import Till

APP = "app_SHOP"
TILL = Till(app_id=APP)
NEIGHBOUR = Till(app_id=APP, store_id="bern-1", key_id="k2", seed="neighbour")
KEYS = {(till.store_id, till.key.key_id): till.key for till in (TILL, NEIGHBOUR)}
ISSUED = int(NOON.timestamp())
MINUTE = timedelta(minutes=1)


def key_of(store_id: str, key_id: str) -> TillKey | None:
    return KEYS.get((store_id, key_id))


def verify(token: str, *, age: timedelta = timedelta()) -> TillClaims:
    return verify_till_token(token, app_id=APP, key_of=key_of, at=NOON + age)


def encoded(part: Any) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def with_header(token: str, **changes: Any) -> str:
    """Return the token with another header, signed as before."""
    header, payload, signature = token.split(".")
    changed = {k: v for k, v in {**decoded(header), **changes}.items() if v is not None}
    return f"{encoded(changed)}.{payload}.{signature}"


def with_claims(token: str, **changes: Any) -> str:
    """Return the token with other claims, signed as before."""
    header, payload, signature = token.split(".")
    return f"{header}.{encoded({**decoded(payload), **changes})}.{signature}"


def signed_text(claims: str) -> str:
    """Return a token of a text that need not be an object, well signed."""
    header = TILL.token().partition(".")[0]
    payload = urlsafe_b64encode(claims.encode()).rstrip(b"=").decode()
    signature = TILL.private.sign(f"{header}.{payload}".encode())
    return f"{header}.{payload}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed_with_the_public_key() -> str:
    """Return a token whose HMAC key is what may be known to everybody."""
    header, payload, _ = with_header(TILL.token(), alg="HS256").split(".")
    digest = hmac.digest(TILL.key.public, f"{header}.{payload}".encode(), sha256)
    return f"{header}.{payload}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def signed_with_rsa() -> str:
    private = generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(TILL.token(), options={"verify_signature": False})
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": "k1"})


BAD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "garbage": lambda: "not a token",
    "garbage in three parts": lambda: "a.b.c",
    "garbage in the claims": lambda: TILL.token().replace(".", ".!", 1),
    "a list as header": lambda: f"{encoded([])}.{TILL.token().partition('.')[2]}",
    "a list as claims": lambda: signed_text("[]"),
    "claims without end": lambda: signed_text('{"a":' * 200),
    "a part more": lambda: TILL.token() + ".e30",
    "without signature": lambda: TILL.token().rpartition(".")[0] + ".",
    "letters beyond ASCII": lambda: TILL.token() + "é",
    "half a surrogate pair": lambda: TILL.token() + "\ud800",
    "too long": lambda: TILL.token(note="x" * 2_048),
    "alg none, unsigned": lambda: with_header(TILL.token(), alg="none").rpartition(".")[0] + ".",
    "alg none, signed": lambda: with_header(TILL.token(), alg="none"),
    "no alg": lambda: with_header(TILL.token(), alg=None),
    "HS256 with the public key": signed_with_the_public_key,
    "RS256": signed_with_rsa,
    "unknown critical header": lambda: with_header(TILL.token(), crit=["b64"]),
    "without key id": lambda: with_header(TILL.token(), kid=None),
    "a key id that is a number": lambda: with_header(TILL.token(), kid=1),
    "a key id that is a list": lambda: with_header(TILL.token(), kid=["k1"]),
    "a key that was never registered": lambda: TILL.token(key_id="k3"),
    "the key id of another store": lambda: TILL.token(key_id="k2"),
    "the key of another store": lambda: NEIGHBOUR.token(iss=TILL.store_id, key_id="k1"),
    "another store's name": lambda: TILL.token(iss=NEIGHBOUR.store_id),
    "another store's name and key id": lambda: TILL.token(iss=NEIGHBOUR.store_id, key_id="k2"),
    "no store": lambda: TILL.token(iss=None),
    "a store that is a list": lambda: signed_text(json.dumps({"iss": [TILL.store_id]})),
    "a store whose name is a path": lambda: TILL.token(iss="zurich-1#KEYS"),
    "no till": lambda: TILL.token(sub=None),
    "a till without a name": lambda: TILL.token(sub=""),
    "a till that is a number": lambda: TILL.token(sub=3),
    "a till with a forged identity": lambda: TILL.token(sub="till#3"),
    "a till with a long name": lambda: TILL.token(sub="t" * 65),
    "for another app": lambda: TILL.token(aud="app_CLUB"),
    "for no app": lambda: TILL.token(aud=None),
    "for several apps": lambda: TILL.token(aud=[APP, "app_CLUB"]),
    "for one app in a list": lambda: TILL.token(aud=[APP]),
    "for an app that is an object": lambda: TILL.token(aud={APP: APP}),
    "another till than was signed": lambda: with_claims(TILL.token(), sub="till-4"),
    "another expiry than was signed": lambda: with_claims(TILL.token(), exp=ISSUED + 600),
    "without expiry": lambda: TILL.token(exp=None),
    "without issue": lambda: TILL.token(iat=None),
    "too long a life": lambda: TILL.token(exp=ISSUED + 601),
    "a life without end": lambda: TILL.token(exp=10**400),
    "expired at its issue": lambda: TILL.token(exp=ISSUED),
    "expired before its issue": lambda: TILL.token(exp=ISSUED - 1),
    "expired": lambda: TILL.token(at=NOON - timedelta(minutes=6)),
    "issued in the future": lambda: TILL.token(at=NOON + SKEW + timedelta(seconds=1)),
    "not valid yet": lambda: TILL.token(nbf=ISSUED + 61),
    "an expiry that is a word": lambda: TILL.token(exp="never"),
    "an expiry with a fraction": lambda: TILL.token(exp=ISSUED + 60.5),
    "an expiry that is no number": lambda: signed_text(
        f'{{"iss":"zurich-1","sub":"t","aud":"{APP}","iat":{ISSUED},"exp":NaN}}'
    ),
    "a beginning that is a word": lambda: TILL.token(nbf="now"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(name: str) -> None:
    with pytest.raises(UnauthenticatedError):
        verify(BAD[name]())


def test_a_good_token_tells_the_store_and_the_till() -> None:
    assert verify(TILL.token()) == TillClaims(store_id="zurich-1", till="till-3")
    assert verify(NEIGHBOUR.token("7")) == TillClaims(store_id="bern-1", till="7")


def test_a_removed_key_opens_nothing_any_more() -> None:
    token = TILL.token()
    assert verify(token).till == "till-3"
    with pytest.raises(UnauthenticatedError):
        verify_till_token(token, app_id=APP, key_of=lambda _store, _key: None, at=NOON)


def test_a_key_is_asked_for_by_the_names_in_the_token() -> None:
    asked: list[tuple[str, str]] = []

    def noting(store_id: str, key_id: str) -> TillKey:
        asked.append((store_id, key_id))
        return TILL.key

    verify_till_token(TILL.token(), app_id=APP, key_of=noting, at=NOON)
    assert asked == [("zurich-1", "k1")]


@pytest.mark.parametrize(
    ("age", "holds"),
    [
        (-SKEW - timedelta(milliseconds=1), False),
        (-SKEW, True),
        (timedelta(), True),
        (LIFETIME, True),
        (LIFETIME + SKEW - timedelta(milliseconds=1), True),
        (LIFETIME + SKEW, False),
    ],
    ids=str,
)
def test_a_token_holds_from_its_issue_to_its_expiry_give_or_take_a_minute(
    age: timedelta, holds: bool
) -> None:
    token = TILL.token(exp=ISSUED + 600)
    if holds:
        assert verify(token, age=age).till == "till-3"
    else:
        with pytest.raises(UnauthenticatedError):
            verify(token, age=age)


def test_a_token_may_say_when_it_begins() -> None:
    assert verify(TILL.token("a", nbf=ISSUED + 60)).till == "a"
    assert verify(TILL.token("b", nbf=0)).till == "b"
    with pytest.raises(UnauthenticatedError):
        verify(TILL.token(nbf=ISSUED + 120))
    assert verify(TILL.token("c", nbf=ISSUED + 120), age=MINUTE).till == "c"


@settings(deadline=None)  # the first example loads the cryptography
@given(
    begins=st.integers(min_value=-2_000, max_value=2_000),
    lasts=st.integers(min_value=-100, max_value=2_000),
)
def test_no_token_holds_longer_than_its_life_and_the_skew_on_both_sides(
    begins: int, lasts: int
) -> None:
    token = TILL.token(iat=ISSUED + begins, exp=ISSUED + begins + lasts)
    fits = 0 < lasts <= 600 and begins <= 60 and begins + lasts > -60
    try:
        verify(token)
    except UnauthenticatedError:
        assert not fits
    else:
        assert fits


@pytest.mark.parametrize("name", [*BAD, "good"])
def test_whatever_a_token_is_it_can_be_told_from_others_without_a_key(name: str) -> None:
    token = TILL.token() if name == "good" else BAD[name]()
    assert is_till_token(token) in {True, False}


def test_only_tokens_of_tills_are_signed_as_theirs_are() -> None:
    assert is_till_token(TILL.token())
    others = (with_header(TILL.token(), alg=alg) for alg in ("none", "RS256", "ES256", None))
    for token in (*others, signed_with_rsa(), "", "a.b.c", "e30.e30.", f"{encoded([])}.e30.e30"):
        assert not is_till_token(token)


def test_a_header_of_many_brackets_is_no_tokens_header() -> None:
    brackets = urlsafe_b64encode(b"[" * 1_400).decode()
    assert not is_till_token(f"{brackets}.e30.e30")
    with pytest.raises(UnauthenticatedError):
        verify(f"{brackets}.e30.e30")


def test_a_token_of_1970_is_long_over() -> None:
    with pytest.raises(UnauthenticatedError):
        verify(TILL.token(at=EPOCH))
