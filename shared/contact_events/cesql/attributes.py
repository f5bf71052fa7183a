"""What a condition may ask of an event."""

from collections.abc import Mapping
from typing import Any, Final

from shared.contact_events.cesql.values import INTEGERS, Value

MAX_STRING: Final = 1024
"""Characters of the longest string that a condition may ask for."""
_DATA: Final = "data"


def attributes_of(event: Mapping[str, Any]) -> dict[str, Value]:
    """Return the attributes of a CloudEvent in JSON, as conditions read them.

    CESQL knows context attributes alone. Of ``data`` each member of the first level that is a
    string, a number or a truth is offered as ``data_<name>``, in lower case. A number that is no
    integer of 32 bits is a string, as the language wants. A string of more than 1,024 characters is
    left out, as if the event did not have it, and so are lists, objects and null.
    """
    found = {name: value for name, value in event.items() if name != _DATA}
    data = event.get(_DATA)
    if isinstance(data, Mapping):
        found |= {f"{_DATA}_{name}".lower(): value for name, value in data.items()}
    offered = {name: _offered(value) for name, value in found.items()}
    return {name: value for name, value in offered.items() if value is not None}


def _offered(value: object) -> Value | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in INTEGERS:
        return value
    if isinstance(value, Mapping | list | tuple) or value is None:
        return None
    text = str(value)
    return text if len(text) <= MAX_STRING else None
