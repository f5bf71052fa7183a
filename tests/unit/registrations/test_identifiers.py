import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registrations.errors import (
    BlockedIdentifierError,
    InvalidIdentifierError,
    TooManyIdentifiersError,
    UnknownNamespaceError,
)
from shared.registrations.model.identifiers import (
    NAMESPACES,
    Strength,
    check_limits,
    masked,
    namespace,
    normalised,
)

EMAIL, PHONE, CUSTOMER = namespace("email"), namespace("phone"), namespace("customer")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada+news@bücher.example", "ada+news@xn--bcher-kva.example"),
    ],
)
def test_one_address_has_one_form(written: str, kept: str) -> None:
    assert normalised(written, of=EMAIL) == kept


@pytest.mark.parametrize("region", ["CH", "FR", None])
def test_one_number_has_one_form(region: str | None) -> None:
    assert normalised("+41 44 668 18 00", of=PHONE, region=region) == "+41446681800"


def test_a_number_without_its_country_is_read_in_the_region() -> None:
    assert normalised("044 668 18 00", of=PHONE, region="CH") == "+41446681800"
    with pytest.raises(InvalidIdentifierError):
        normalised("044 668 18 00", of=PHONE)


@given(st.emails())
def test_normalising_twice_is_normalising_once(address: str) -> None:
    try:
        once = normalised(address, of=EMAIL)
    except (InvalidIdentifierError, BlockedIdentifierError):
        return
    assert normalised(once, of=EMAIL) == once


@pytest.mark.parametrize(
    "value", ["0", "000-000", "-1", "null", "NULL", "anonymous", "", " ", "N/A"]
)
@pytest.mark.parametrize("kind", NAMESPACES.values(), ids=lambda kind: kind.name)
def test_what_names_nobody_is_refused(value: str, kind: object) -> None:
    with pytest.raises(BlockedIdentifierError):
        normalised(value, of=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["ada", "ada@", "@example.com", "a@b", "a b@c.com", "a@b..c"])
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        normalised(value, of=EMAIL)


@pytest.mark.parametrize("value", ["12", "+1", "+999 12345678901234567", "call me"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        normalised(value, of=PHONE, region="CH")


def test_an_unknown_namespace_is_refused() -> None:
    with pytest.raises(UnknownNamespaceError):
        namespace("shoe_size")


def test_a_mask_hides_the_name() -> None:
    assert masked("ada.lovelace@example.com", of=EMAIL) == "a…@e….com"
    assert masked("+41446681800", of=PHONE) == "…00"


def test_a_contact_has_one_customer_number_and_five_addresses() -> None:
    check_limits(["email"] * 4, adding=EMAIL)
    with pytest.raises(TooManyIdentifiersError):
        check_limits(["email"] * 5, adding=EMAIL)
    with pytest.raises(TooManyIdentifiersError):
        check_limits(["customer"], adding=CUSTOMER)


def test_what_a_household_shares_is_weak() -> None:
    weak = {kind.name for kind in NAMESPACES.values() if kind.strength is Strength.WEAK}
    assert weak == {"email", "phone", "anonymous"}
