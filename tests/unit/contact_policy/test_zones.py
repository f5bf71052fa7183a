from shared.contact_policy.model.standing import Effective, Part, Preferences, Standing, Whereabouts
from shared.contact_policy.model.zones import (
    countries_of_zone,
    possible_countries,
    possible_zones,
    zones_of_country,
)
from shared.kernel.zones import is_zone
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB

EVERYWHERE = Whereabouts(
    device_zones={"phone": "Europe/Paris", "tablet": "Europe/Lisbon"},
    phone_zones=frozenset({"America/New_York"}),
    address_zones=frozenset({"Asia/Tokyo"}),
    countries=frozenset({"JP"}),
)


def person(part: Part, *others: Part) -> Effective:
    parts = {f"con_{place}": one for place, one in enumerate((part, *others))}
    return Effective(Standing(parts=parts), at=NOON)


def zones(whereabouts: Whereabouts, wished: str | None = None) -> tuple[str, ...]:
    wishes = Preferences(at=NOON, zone=wished)
    part = Part(whereabouts=whereabouts, preferences=wishes)
    return possible_zones(person(part), app_zone="UTC")


def test_the_first_kind_of_evidence_decides() -> None:
    phone_and_address = Whereabouts(
        phone_zones=EVERYWHERE.phone_zones, address_zones=EVERYWHERE.address_zones
    )
    address = Whereabouts(address_zones=EVERYWHERE.address_zones)
    assert zones(EVERYWHERE, "Asia/Seoul") == ("Asia/Seoul",)
    assert zones(EVERYWHERE) == ("Europe/Lisbon", "Europe/Paris")
    assert zones(phone_and_address) == ("America/New_York",)
    assert zones(address) == ("Asia/Tokyo",)
    assert zones(Whereabouts()) == ("UTC",)


def test_evidence_of_no_known_zone_is_no_evidence() -> None:
    assert zones(Whereabouts(device_zones={"phone": "Mars/Olympus"})) == ("UTC",)
    assert not is_zone("../etc/passwd")


def test_every_part_of_a_person_may_say_where_they_are() -> None:
    wishes = [Part(preferences=Preferences(at=NOON, zone=zone)) for zone in ("UTC", "Asia/Seoul")]
    assert possible_zones(person(*wishes), app_zone="Europe/Paris") == ("Asia/Seoul", "UTC")


def test_all_evidence_of_a_country_counts_and_a_default_only_without_any() -> None:
    found = possible_countries(person(Part(whereabouts=EVERYWHERE)), default="DE")
    assert found == {"FR", "PT", "JP"}
    nobody = person(Part())
    assert possible_countries(nobody, default="DE") == {"DE"}
    assert possible_countries(nobody, default=None) == set()


def test_a_subdivision_stands_for_its_country() -> None:
    there = Whereabouts(device_zones={"d": "Europe/Paris"}, countries=frozenset({"FR-57"}))
    assert possible_countries(person(Part(whereabouts=there)), default=None) == {"FR-57"}


def test_a_person_of_two_parts_has_the_evidence_of_both() -> None:
    parts = {
        ADA: Part(whereabouts=Whereabouts(phone_zones=frozenset({"Europe/Paris"}))),
        BOB: Part(whereabouts=Whereabouts(phone_zones=frozenset({"America/New_York"}))),
    }
    both = Effective(Standing(parts=parts), at=NOON)
    assert possible_zones(both, app_zone="UTC") == ("America/New_York", "Europe/Paris")


def test_countries_and_zones_know_each_other() -> None:
    assert zones_of_country("FR") == ("Europe/Paris",)
    assert "America/Los_Angeles" in zones_of_country("US")
    assert countries_of_zone("Europe/Paris") == ("FR",)
    assert countries_of_zone("UTC") == zones_of_country("ZZ") == ()
