"""Ad tokens: signed by us, short, and worthless after the change of a single letter."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.auth.ad_tokens import LONGEST, AdTokens
from shared.platform.auth.device_tokens import DeviceTokens
from shared.platform.auth.errors import AdTokenForgedError
from tests.fakes.clock import NOON

SECRET, OLDER = b"the secret of device tokens", b"the one before it"
TOKENS = AdTokens(keys=lambda: [SECRET])
CONTENT = bytes(range(145))
TOKEN = TOKENS.seal(CONTENT)


def is_refused(token: str, *, tokens: AdTokens = TOKENS) -> bool:
    try:
        tokens.open(token)
    except AdTokenForgedError:
        return True
    return False


@given(st.binary(max_size=360))
def test_a_token_says_what_was_signed(content: bytes) -> None:
    assert TOKENS.open(TOKENS.seal(content)) == content


def test_a_token_may_stand_in_a_path() -> None:
    assert set(TOKEN) <= set(ascii_letters + digits + "-_")


def test_a_token_of_which_any_byte_is_any_other_is_refused() -> None:
    raw = urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    for place, right in enumerate(raw):
        for wrong in set(range(256)) - {right}:
            changed = raw[:place] + bytes([wrong]) + raw[place + 1 :]
            assert is_refused(urlsafe_b64encode(changed).rstrip(b"=").decode())


@pytest.mark.parametrize("size", [144, 145, 146])
def test_a_token_of_which_any_letter_is_any_other_is_refused(size: int) -> None:
    token = TOKENS.seal(bytes(size))
    for place, right in enumerate(token):
        for wrong in map(chr, range(256)):
            if wrong != right:
                assert is_refused(token[:place] + wrong + token[place + 1 :])


@given(st.text(max_size=300))
def test_what_anybody_writes_is_refused(text: str) -> None:
    assert is_refused(text)


def test_a_part_of_a_token_and_more_than_a_token_are_refused() -> None:
    assert all(is_refused(TOKEN[:length]) for length in range(len(TOKEN)))
    assert is_refused(TOKEN + "A")
    assert is_refused(TOKEN + "=")
    assert is_refused(" " + TOKEN)


def test_a_token_longer_than_any_of_ours_is_not_looked_at() -> None:
    assert is_refused(TOKENS.seal(bytes(LONGEST)))


def test_the_key_before_still_verifies_and_no_other() -> None:
    signed_before = AdTokens(keys=lambda: [OLDER]).seal(CONTENT)
    rotated = AdTokens(keys=lambda: [SECRET, OLDER])
    assert rotated.open(signed_before) == CONTENT
    assert rotated.seal(CONTENT) == TOKEN
    assert is_refused(signed_before)


def test_a_device_token_is_no_ad_token() -> None:
    device_tokens = DeviceTokens(keys=lambda: [SECRET])
    token = device_tokens.issue(
        app_id="app_1", device_id="phone-001", epoch=0, at=NOON, contact_id=None
    )
    assert is_refused(token)
    assert all(is_refused(part) for part in token.split("."))
