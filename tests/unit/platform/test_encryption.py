from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.encryption import DataKeyCipher, UnreadableError

APP, ADA = "app_1", "con_ada"


def cipher(*secrets: bytes) -> DataKeyCipher:
    return DataKeyCipher(keys=lambda: secrets)


@given(plain=st.binary(max_size=1_000), about=st.text(max_size=20))
def test_what_was_sealed_opens_again(plain: bytes, about: str) -> None:
    it = cipher(b"secret")
    key, wrapped = it.new_key(app_id=APP, about=ADA)
    assert it.unwrap(wrapped, app_id=APP, about=ADA) == key
    assert it.open(it.seal(plain, key, about=about), key, about=about) == plain


def test_the_same_text_is_sealed_differently_each_time() -> None:
    it = cipher(b"secret")
    key, _ = it.new_key(app_id=APP, about=ADA)
    assert it.seal(b"hello", key, about="x") != it.seal(b"hello", key, about="x")


def test_a_data_key_opens_for_its_contact_and_app_alone() -> None:
    it = cipher(b"secret")
    _, wrapped = it.new_key(app_id=APP, about=ADA)
    for app_id, about in ((APP, "con_grace"), ("app_2", ADA)):
        with pytest.raises(UnreadableError):
            it.unwrap(wrapped, app_id=app_id, about=about)


def test_a_changed_text_does_not_open() -> None:
    it = cipher(b"secret")
    key, _ = it.new_key(app_id=APP, about=ADA)
    raw = bytearray(b64decode(it.seal(b"hello", key, about="x")))
    raw[-1] ^= 1
    for text in (b64encode(raw).decode(), "no base64!", "", b64encode(raw[:3]).decode()):
        with pytest.raises(UnreadableError):
            it.open(text, key, about="x")


def test_a_rotated_secret_opens_what_the_former_wrapped_until_that_is_gone() -> None:
    key, wrapped = cipher(b"first").new_key(app_id=APP, about=ADA)
    both = cipher(b"second", b"first")
    assert both.unwrap(wrapped, app_id=APP, about=ADA) == key
    anew = both.rewrap(wrapped, app_id=APP, about=ADA)
    assert anew is not None
    assert both.rewrap(anew, app_id=APP, about=ADA) is None
    alone = cipher(b"second")
    assert alone.unwrap(anew, app_id=APP, about=ADA) == key
    with pytest.raises(UnreadableError):
        alone.unwrap(wrapped, app_id=APP, about=ADA)
