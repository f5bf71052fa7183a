"""Where a phone number may belong: all that its prefix says of where its owner is."""

from collections.abc import Iterable

from shared.registrations.model.contacts import Identifier

_UNKNOWN_TO_IANA = "Etc/Unknown"


def whereabouts_of(identifiers: Iterable[Identifier]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the zones and countries that identifiers, as they are just told, leave possible."""
    numbers = [one.plain for one in identifiers if one.namespace == "phone" and one.plain]
    zones = {zone for number in numbers for zone in zones_of_number(number)}
    countries = {country for number in numbers for country in countries_of_number(number)}
    return tuple(sorted(zones)), tuple(sorted(countries))


def zones_of_number(number: str) -> tuple[str, ...]:
    """Return the time zones that the prefix of a number (E.164) leaves possible, sorted.

    The prefixes are those of Google's libphonenumber. A number that is none has no zones.
    """
    import phonenumbers  # noqa: PLC0415 - 60 ms of cold start that few requests need
    from phonenumbers import timezone  # noqa: PLC0415 - the same

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    zones = timezone.time_zones_for_number(parsed)
    return tuple(sorted(zone for zone in zones if zone != _UNKNOWN_TO_IANA))


def countries_of_number(number: str) -> tuple[str, ...]:
    """Return the countries to which a number (E.164) may belong, sorted.

    A number that is valid in one country belongs to it; another to all that share its prefix.
    """
    import phonenumbers  # noqa: PLC0415 - 60 ms of cold start that few requests need

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    one = phonenumbers.region_code_for_number(parsed)
    found = [one] if one else phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    # Prefixes of no country, such as satellites, have the region 001.
    return tuple(sorted(region for region in found if region.isalpha()))
