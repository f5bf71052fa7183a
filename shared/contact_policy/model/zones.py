"""In which time zones and countries a person may be.

Evidence is asked in a chain: what the person says, their devices, the prefixes of their numbers,
their addresses, the app's default zone. The first kind of evidence that exists decides, and may
leave several zones possible.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from shared.contact_policy.model.standing import Effective
from shared.kernel.zones import is_zone


def possible_zones(person: Effective, *, app_zone: str) -> tuple[str, ...]:
    """Return the zones in which a person may be, sorted; never none."""
    places = person.whereabouts()
    chain = (
        {wish.zone for wish in person.preferences if wish.zone},
        {zone for place in places for zone in place.device_zones.values()},
        {zone for place in places for zone in place.phone_zones},
        {zone for place in places for zone in place.address_zones},
    )
    for zones in chain:
        known = tuple(sorted(zone for zone in zones if is_zone(zone)))
        if known:
            return known
    return (app_zone,)


def possible_countries(person: Effective, *, default: str | None) -> frozenset[str]:
    """Return the countries, or their subdivisions, in which a person may be.

    All evidence counts, since laws protect whoever may be there; none at all is ``default``, and
    without that an empty set: unknown.
    """
    places = person.whereabouts()
    zones = {wish.zone for wish in person.preferences if wish.zone}
    zones.update(zone for place in places for zone in place.device_zones.values())
    told = {code for place in places for code in place.countries}
    countries = {country for zone in zones for country in countries_of_zone(zone)} - {
        code[:2] for code in told
    }
    return frozenset(countries | told) or frozenset({default} if default else ())


def zones_of_country(country: str) -> tuple[str, ...]:
    """Return the time zones of a country (ISO 3166-1 alpha-2), sorted; none if it is unknown."""
    return _zones_by_country().get(country, ())


@cache
def countries_of_zone(zone: str) -> tuple[str, ...]:
    """Return the country in which a time zone lies; none for names such as ``Etc/UTC``."""
    return tuple(country for country, zones in _zones_by_country().items() if zone in zones)


@cache
def _zones_by_country() -> Mapping[str, tuple[str, ...]]:
    """Return the table zone.tab of IANA's database: its columns are country, place and zone."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text()
    zones: dict[str, list[str]] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, []).append(zone)
    return {country: tuple(sorted(found)) for country, found in zones.items()}
