"""Durations as ISO 8601 writes them, of those units whose length never changes."""

import re
from datetime import timedelta

PATTERN = (
    r"P(?=.)(?:(?P<days>[0-9]{1,4})D)?"
    r"(?:T(?=.)(?:(?P<hours>[0-9]{1,4})H)?(?:(?P<minutes>[0-9]{1,5})M)?(?:(?P<seconds>[0-9]{1,7})S)?)?"
)
"""Days, hours, minutes and seconds, such as ``P1DT12H``; months and years have no fixed length."""

_DURATION = re.compile(PATTERN)


def duration_of(text: str) -> timedelta | None:
    """Return the duration that a text says; ``None`` if it says none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    return timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})


def iso8601(duration: timedelta) -> str:
    """Return a duration of whole seconds as ``duration_of`` reads it; nothing is ``PT0S``."""
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{duration.days}D" if duration.days else ""
    units = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    time = "".join(f"{count}{unit}" for count, unit in units if count)
    if not days and not time:
        return "PT0S"
    return f"P{days}T{time}" if time else f"P{days}"
