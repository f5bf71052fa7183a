"""The JSON schemas of native ads' fields: a small part of draft 2020-12, and nothing of its own.

A template's schema describes one object of plain fields::

    {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 25},
            "picture": {"type": "string", "maxLength": 2048, "format": "image-uri"},
            "text_color": {"type": "string", "maxLength": 7, "format": "color",
                           "x-background": "background_color"},
            "background_color": {"type": "string", "maxLength": 7, "format": "color"},
        },
        "required": ["title"],
        "additionalProperties": false,
    }

Only this part is admitted, because templates come from outside: a validator of the whole standard
follows references to other hosts, and patterns can keep it busy for hours. What is admitted means
what the standard says. Formats, which the standard leaves to each reader, are held: ``uri`` and
``image-uri`` are https, ``color`` is hexadecimal. ``x-background`` names the field with the colour
behind a text, so that their contrast is checked.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from shared.kernel.documents import Reader
from shared.kernel.errors import FieldProblem
from shared.placements.model.contrast import LEAST_CONTRAST, contrast, is_colour
from shared.placements.model.macros import problems_of_macros
from shared.placements.model.part_documents import Reading, read_object
from shared.placements.model.urls import problems_of_url

MOST_FIELDS = 40
MOST_WORDS = 50
"""Of an ``enum``."""

LONGEST_VALUE = 2_048
LONGEST_ABOUT = 500
LARGEST_NUMBER = 10**12

_NAME = r"[a-z][a-z0-9_]{0,39}"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class FieldType(StrEnum):
    """What a field holds."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class TextFormat(StrEnum):
    """What a text is."""

    URI = "uri"
    IMAGE_URI = "image-uri"
    COLOUR = "color"


_OF_TYPE: Mapping[FieldType, tuple[str, ...]] = {
    FieldType.STRING: ("minLength", "maxLength", "enum", "format", "x-background"),
    FieldType.INTEGER: ("minimum", "maximum", "enum"),
    FieldType.NUMBER: ("minimum", "maximum", "enum"),
    FieldType.BOOLEAN: (),
}


def schema_of(reader: Reader) -> Mapping[str, object]:
    """Return a schema of this part of the standard, as it is written."""
    readings: dict[str, Reading] = {
        "$schema": lambda one: one.matched(_DIALECT, f"{_DIALECT} is needed"),
        "title": _about,
        "description": _about,
        "type": lambda one: one.matched("object", "an ad's fields are of an object"),
        "properties": _properties,
        "required": lambda one: one.texts(most=MOST_FIELDS, longest=LONGEST_VALUE),
        "additionalProperties": _closed,
    }
    needed = ("type", "properties", "additionalProperties")
    found = read_object(reader, readings, required=needed)
    if found is None:
        return {}
    for name in sorted(found.get("required", frozenset()) - set(found["properties"])):
        reader.below("required", None).refuse("unknown", f"{name} is none of the properties")
    return {name: value for name, value in reader.value.items() if value is not None}


def problems_of_values(
    values: Mapping[str, object], schema: Mapping[str, Any], *, pointer: str
) -> Iterator[FieldProblem]:
    """Yield why the fields of an ad do not fit the schema of its template."""
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    reader = Reader(values, pointer)
    for name in schema.get("required", ()):
        if name not in values:
            reader.below(name, None).refuse("missing", "the template requires this field")
    for name, value in values.items():
        place = reader.below(name, value)
        if name not in properties:
            place.refuse("unknown", "the template has no such field")
        else:
            _CHECKS[FieldType(properties[name]["type"])](place, properties[name])
    _check_contrasts(reader, properties)
    yield from reader.problems


def has_image(values: Mapping[str, object], schema: Mapping[str, Any]) -> bool:
    """Say whether an ad shows an image, which needs words for those who do not see it."""
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    return any(properties[one].get("format") == TextFormat.IMAGE_URI for one in values)


def _about(reader: Reader) -> str:
    return reader.text(most=LONGEST_ABOUT)


def _closed(reader: Reader) -> None:
    if reader.value is not False:
        reader.refuse("type", "false is needed: an ad has the fields of its template")


def _properties(reader: Reader) -> Mapping[str, object]:
    places = reader.named(most=MOST_FIELDS, pattern=_NAME)
    for name, place in places.items():
        background = _property(place).get("x-background")
        if background is not None and (background == name or background not in places):
            place.below("x-background", None).refuse("unknown", "another field is needed")
    return places


def _property(reader: Reader) -> Mapping[str, Any]:
    if not isinstance(reader.value, Mapping):
        reader.refuse("type", "an object is needed")
        return {}
    place = reader.below("type", reader.value.get("type"))
    kind = place.word(FieldType)
    if kind != place.value:
        # The words of another type would only be called unknown.
        return {}
    readings = {
        "type": lambda _: kind,
        "title": _about,
        "description": _about,
        **{word: _words_of(kind)[word] for word in _OF_TYPE[kind]},
    }
    # Without a bound a text would break the layout that the app gave it.
    needed = ("maxLength",) if kind is FieldType.STRING else ()
    found = read_object(reader, readings, required=needed) or {}
    _check_bounds(reader, found)
    return found


def _words_of(kind: FieldType) -> Mapping[str, Reading]:
    def length(one: Reader) -> int:
        return one.whole(least=0, most=LONGEST_VALUE)

    def bound(one: Reader) -> float:
        return _number(one, whole=kind is FieldType.INTEGER)

    return {
        "minLength": length,
        "maxLength": length,
        "minimum": bound,
        "maximum": bound,
        "enum": lambda one: _enum(one, kind),
        "format": lambda one: one.word(TextFormat),
        "x-background": lambda one: one.matched(_NAME, "the name of a field is needed"),
    }


def _check_bounds(reader: Reader, found: Mapping[str, Any]) -> None:
    for least, most in (("minLength", "maxLength"), ("minimum", "maximum")):
        if least in found and most in found and found[least] > found[most]:
            reader.below(most, None).refuse("order", f"at least {least}")


def _enum(reader: Reader, kind: FieldType) -> None:
    for one in reader.items(least=1, most=MOST_WORDS):
        if kind is FieldType.STRING:
            one.text(least=0, most=LONGEST_VALUE)
        else:
            _number(one, whole=kind is FieldType.INTEGER)


def _number(reader: Reader, *, whole: bool) -> float:
    value = reader.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= LARGEST_NUMBER or (whole and value % 1):
        reader.refuse("number", "a whole number is needed" if whole else "a number is needed")
        return 0
    return float(value)


def _check_text(reader: Reader, about: Mapping[str, Any]) -> None:
    before = len(reader.problems)
    reader.text(least=about.get("minLength", 0), most=about["maxLength"])
    if len(reader.problems) > before:
        return
    _check_enum(reader, about)
    match about.get("format"):
        case TextFormat.URI | TextFormat.IMAGE_URI:
            reader.problems.extend(problems_of_url(reader.value, pointer=reader.pointer))
        case TextFormat.COLOUR:
            if not is_colour(reader.value):
                reader.refuse("color", "a colour such as #0066cc is needed")
        case _:
            reader.problems.extend(problems_of_macros(reader.value, pointer=reader.pointer))


def _check_number(reader: Reader, about: Mapping[str, Any]) -> None:
    before = len(reader.problems)
    value = _number(reader, whole=about["type"] == FieldType.INTEGER)
    if len(reader.problems) > before:
        return
    if not about.get("minimum", value) <= value <= about.get("maximum", value):
        reader.refuse("range", "it is not within the template's bounds")
    _check_enum(reader, about)


def _check_flag(reader: Reader, _: Mapping[str, Any]) -> None:
    reader.flag()


def _check_enum(reader: Reader, about: Mapping[str, Any]) -> None:
    if "enum" in about and reader.value not in about["enum"]:
        reader.refuse("word", "it is none of the template's words")


_CHECKS: Mapping[FieldType, Callable[[Reader, Mapping[str, Any]], None]] = {
    FieldType.STRING: _check_text,
    FieldType.INTEGER: _check_number,
    FieldType.NUMBER: _check_number,
    FieldType.BOOLEAN: _check_flag,
}


def _check_contrasts(reader: Reader, properties: Mapping[str, Mapping[str, Any]]) -> None:
    for name, about in properties.items():
        pair = (reader.value.get(name), reader.value.get(about.get("x-background")))
        text, background = (one if isinstance(one, str) else "" for one in pair)
        if not (is_colour(text) and is_colour(background)):
            continue
        found = contrast(text, background)
        if found < LEAST_CONTRAST:
            detail = f"a contrast of {LEAST_CONTRAST} to its background is needed, not {found:.1f}"
            reader.below(name, text).refuse("contrast", detail)
