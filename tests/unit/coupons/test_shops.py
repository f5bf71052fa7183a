"""Stores and the keys of their tills: what is a key, what it is called, how many there are."""

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.coupons.errors import ShopNotFoundError, TooManyTillKeysError
from shared.coupons.model.shops import (
    MOST_KEYS,
    Shop,
    ShopKey,
    check_store_id,
    letters_of,
    public_key_of,
)
from shared.kernel.errors import InvalidFieldsError
from tests.fakes.clock import NOON

EXAMPLE = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
"""The public key of RFC 8037, appendix A.2."""

PRIME = 2**255 - 19
ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL = [0, 1, PRIME - 1, ORDER_EIGHT, PRIME - ORDER_EIGHT]
"""The y of the eight points whose order divides eight."""

SHOP = Shop(app_id="app_SHOP", store_id="zurich-1")


def key(number: int) -> ShopKey:
    private = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return ShopKey(
        public=private.public_key().public_bytes_raw(),
        name=f"till {number}",
        registered_at=NOON + timedelta(seconds=number),
    )


def point(y: int, *, x_is_odd: bool = False) -> str:
    return letters_of((y | x_is_odd << 255).to_bytes(32, "little"))


def test_a_keys_id_is_its_thumbprint() -> None:
    """RFC 8037, appendix A.3."""
    example = ShopKey(public=public_key_of(EXAMPLE), name="", registered_at=NOON)
    assert example.key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@settings(deadline=None)  # the first example loads the cryptography
@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_can_be_made_can_be_registered(seed: bytes) -> None:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert public_key_of(letters_of(public)) == public


@pytest.mark.parametrize(
    "letters",
    [
        "",
        "not a key",
        EXAMPLE + "=",
        EXAMPLE[:-1],
        EXAMPLE[:-1] + "p",  # the same bytes: its last two bits are none of theirs
        EXAMPLE + "o",
        " " + EXAMPLE,
        EXAMPLE.replace("_", "/"),
        EXAMPLE[:-1] + "é",
        letters_of(bytes(31)),
        letters_of(bytes(33)),
        point(2),  # no point of the curve has this y
        point(PRIME),
        point(PRIME + 3),
        *(point(y, x_is_odd=x) for y in SMALL for x in (False, True)),
    ],
)
def test_what_is_no_key_is_refused_and_the_field_named(letters: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        public_key_of(letters)
    assert [problem.pointer for problem in refused.value.fields] == ["/public_key"]


def test_anybody_could_sign_for_the_neutral_point() -> None:
    """Why points of a small order are refused: R is the point itself, and S is nothing."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"whatever it is")
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(public_key_of(EXAMPLE)).verify(
            neutral + bytes(32), b"whatever it is"
        )


@pytest.mark.parametrize("store_id", ["1", "zurich-1", "Bern.West_2", "a" * 64])
def test_a_store_may_be_called_so(store_id: str) -> None:
    check_store_id(store_id)


@pytest.mark.parametrize(
    "store_id", ["", "a" * 65, "zurich#KEYS", "zürich", "a b", ".", "-a", "a/b", "a\n"]
)
def test_a_store_cannot_be_called_so(store_id: str) -> None:
    with pytest.raises(InvalidFieldsError):
        check_store_id(store_id)


def test_a_store_has_at_most_twenty_keys() -> None:
    full = SHOP
    for number in range(MOST_KEYS):
        full = full.with_key(key(number))
    with pytest.raises(TooManyTillKeysError):
        full.with_key(key(MOST_KEYS))
    again = full.without(key(7)).with_key(key(MOST_KEYS))
    assert len(again.keys) == MOST_KEYS
    assert again.version == MOST_KEYS + 2


def test_a_key_is_found_by_its_id_alone() -> None:
    both = SHOP.with_key(key(1)).with_key(key(2))
    assert both.get(key(2).key_id) == both.find(key(2).key_id) == key(2)
    assert both.find("2") is None
    with pytest.raises(ShopNotFoundError):
        both.without(key(2)).get(key(2).key_id)
