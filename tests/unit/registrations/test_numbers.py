import pytest

from shared.registrations.model.contacts import Identifier
from shared.registrations.model.numbers import countries_of_number, whereabouts_of, zones_of_number


@pytest.mark.parametrize(
    ("number", "zone", "country"),
    [("+33612345678", "Europe/Paris", "FR"), ("+12125550123", "America/New_York", "US")],
)
def test_the_prefix_of_a_number_tells_zone_and_country(
    number: str, zone: str, country: str
) -> None:
    assert zones_of_number(number) == (zone,)
    assert countries_of_number(number) == (country,)


def test_a_number_without_a_place_leaves_many_zones_possible() -> None:
    assert len(zones_of_number("+18005550123")) > 10
    assert {"CA", "US"} <= set(countries_of_number("+10005550123"))


@pytest.mark.parametrize("number", ["", "12", "call me", "+999"])
def test_what_is_no_number_tells_nothing(number: str) -> None:
    assert zones_of_number(number) == ()
    assert countries_of_number(number) == ()


def test_only_numbers_that_are_just_told_say_where_their_owner_may_be() -> None:
    told = Identifier(namespace="phone", digest="d", masked="m", plain="+33612345678")
    kept = Identifier(namespace="phone", digest="e", masked="m")
    mail = Identifier(namespace="email", digest="f", masked="m", plain="ada@example.com")
    assert whereabouts_of([told, kept, mail]) == (("Europe/Paris",), ("FR",))
    assert whereabouts_of([kept, mail]) == ((), ())
