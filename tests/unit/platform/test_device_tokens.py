"""Device tokens: only those that we signed, unchanged and in time."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from shared.platform.auth.device_tokens import GRACE, LIFETIME, DeviceClaims, DeviceTokens
from shared.platform.auth.errors import UnauthenticatedError
from tests.fakes.clock import NOON

APP = "app_01JD8ZQ5F3W8G1T9K2M4N6P7R0"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOKENS = DeviceTokens(keys=lambda: [b"the key"])
INSTANT = timedelta(microseconds=1)


def a_token(tokens: DeviceTokens = TOKENS) -> str:
    return tokens.issue(app_id=APP, device_id="phone-001", epoch=7, at=NOON, contact_id="con_ada")


def signed(payload: bytes, key: bytes = b"the key") -> str:
    """Return a payload of any kind, signed as if it were ours."""
    digest = hmac.digest(key, b"device-token\0" + payload, sha256)
    return f"{payload.decode()}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def payload_of(claims: Any) -> bytes:
    return urlsafe_b64encode(json.dumps(claims).encode())


def test_a_token_says_whose_it_is() -> None:
    assert TOKENS.verify(a_token(), at=NOON) == DeviceClaims(
        app_id=APP,
        device_id="phone-001",
        epoch=7,
        expires_at=NOON + timedelta(days=30),
        contact_id="con_ada",
    )


def test_a_token_of_an_earlier_version_names_no_contact() -> None:
    expires = int((NOON + timedelta(days=30)).timestamp())
    old = signed(payload_of({"a": APP, "d": "phone-001", "e": 7, "x": expires}))
    assert TOKENS.verify(old, at=NOON).contact_id is None


def test_a_token_changed_at_any_character_is_refused() -> None:
    token = a_token()
    for place, letter in enumerate(token):
        for other in {ALPHABET[(ALPHABET.find(letter) + 1) % 64], ".", "=", "\0", "é"} - {letter}:
            with pytest.raises(UnauthenticatedError):
                TOKENS.verify(token[:place] + other + token[place + 1 :], at=NOON)


def test_the_last_character_has_one_spelling() -> None:
    """Base64 has spare bits at its end: other letters would decode to the same signature."""
    token = a_token()
    for other in set(ALPHABET) - {token[-1]}:
        with pytest.raises(UnauthenticatedError):
            TOKENS.verify(token[:-1] + other, at=NOON)


def test_a_token_with_a_character_less_or_more_is_refused() -> None:
    token = a_token()
    for place in range(len(token)):
        with pytest.raises(UnauthenticatedError):
            TOKENS.verify(token[:place] + token[place + 1 :], at=NOON)
    for changed in (f"{token}A", f"{token}=", f"{token}.", f"A{token}", f" {token}", f"{token}\n"):
        with pytest.raises(UnauthenticatedError):
            TOKENS.verify(changed, at=NOON)


def test_a_signature_belongs_to_its_payload() -> None:
    other = TOKENS.issue(app_id=APP, device_id="phone-002", epoch=7, at=NOON, contact_id="con_ada")
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(f"{other.split('.')[0]}.{a_token().split('.')[1]}", at=NOON)


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(a_token(DeviceTokens(keys=lambda: [b"another key"])), at=NOON)


def test_a_signature_for_another_purpose_is_refused() -> None:
    payload = a_token().split(".")[0]
    digest = hmac.digest(b"the key", payload.encode(), sha256)
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(f"{payload}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}", at=NOON)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "x" * 2_000, f"{'x' * 2_000}.y", "é.é", "\ud800.\ud800"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(token, at=NOON)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"e30",
        b"!!!!",
        b"/w==",
        payload_of([]),
        payload_of("text"),
        payload_of({"a": APP, "d": "phone-001", "e": 7}),
        payload_of({"a": APP, "d": "phone-001", "e": 7, "x": "soon"}),
        payload_of({"a": APP, "d": "phone-001", "e": 7, "x": None}),
    ],
)
def test_what_we_never_issued_is_refused_even_if_signed(payload: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        TOKENS.verify(signed(payload), at=NOON)


@pytest.mark.parametrize(
    ("grace", "age", "holds"),
    [
        (timedelta(), timedelta(), True),
        (timedelta(), LIFETIME - INSTANT, True),
        (timedelta(), LIFETIME, False),
        (timedelta(), LIFETIME + INSTANT, False),
        (GRACE, LIFETIME, True),
        (GRACE, LIFETIME + GRACE - INSTANT, True),
        (GRACE, LIFETIME + GRACE, False),
    ],
)
def test_a_token_holds_for_its_lifetime_and_the_grace(
    grace: timedelta, age: timedelta, holds: bool
) -> None:
    def verify() -> DeviceClaims:
        return TOKENS.verify(a_token(), at=NOON + age, grace=grace)

    if holds:
        assert verify().epoch == 7
    else:
        with pytest.raises(UnauthenticatedError):
            verify()


def test_a_token_lives_30_days_and_its_grace_400() -> None:
    assert (timedelta(days=30), timedelta(days=400)) == (LIFETIME, GRACE)


def rotating(*keys: bytes) -> Callable[[], list[bytes]]:
    return lambda: list(keys)


def test_a_rotated_key_still_verifies_and_the_one_before_does_not() -> None:
    first, second, third = b"first", b"second", b"third"
    old = a_token(DeviceTokens(keys=rotating(first)))
    after_one = DeviceTokens(keys=rotating(second, first))
    assert after_one.verify(old, at=NOON).device_id == "phone-001"
    with pytest.raises(UnauthenticatedError):
        DeviceTokens(keys=rotating(third, second)).verify(old, at=NOON)


def test_a_new_token_is_signed_by_the_current_key() -> None:
    token = a_token(DeviceTokens(keys=rotating(b"second", b"first")))
    assert DeviceTokens(keys=rotating(b"second")).verify(token, at=NOON).app_id == APP
    with pytest.raises(UnauthenticatedError):
        DeviceTokens(keys=rotating(b"first")).verify(token, at=NOON)


def test_keys_are_asked_for_each_time_so_that_a_rotation_reaches_a_warm_process() -> None:
    keys = [b"first"]
    tokens = DeviceTokens(keys=lambda: keys)
    old = a_token(tokens)
    keys[:] = [b"second"]
    with pytest.raises(UnauthenticatedError):
        tokens.verify(old, at=NOON)
