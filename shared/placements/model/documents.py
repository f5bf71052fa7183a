"""Booked things and an app's settings for ads, as JSON documents.

A document has the fields of its dataclass, but the app, the id, the instant, the state and the
version, which are ours. What it leaves out, or has as null, is the default. Reading collects every
problem, with its place, and raises them together.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from shared.kernel.documents import Reader
from shared.kernel.errors import DomainError, FieldProblem, InvalidFieldsError
from shared.kernel.events import Purpose
from shared.placements.model.checks import LONGEST_ALT
from shared.placements.model.demand import (
    HIGHEST_TIER,
    LOWEST_TIER,
    AdSettings,
    Choosing,
    Format,
    Kind,
    Thing,
)
from shared.placements.model.part_documents import (
    Reading,
    bytes_of,
    caps_of,
    dayparts_of,
    id_in,
    instant_of,
    keywords_of,
    labels_of,
    name_of,
    percent_of,
    placements_of,
    plain_of,
    rate_of,
    read_object,
    size_of,
    sizes_of,
    target_of,
    templates_of,
    topic_of,
    written,
)
from shared.placements.model.schemas import schema_of
from shared.placements.model.terms import problems_of
from shared.placements.model.things import TYPES, id_field_of, id_of, kind_of
from shared.placements.model.urls import LONGEST_URL

TargetingOf: TypeAlias = Callable[[Any], str]
"""Returns the text of targeting that is written as text or as JSON.

Raises a ``DomainError``, whose pointers begin at the targeting, where it is not well written.
"""

LARGEST = 8_192
"""Bytes of a document: all of an app's are read for each of its snapshots."""

LARGEST_TARGETING = 4_096
"""Bytes, as text or as JSON."""

MOST_WEIGHT = 1_000_000
MOST_BYTES = 10**8
MOST_MINUTES = 24 * 60
_LONGEST_SLUG = 64
_SLUG = rf"(?=.{{1,{_LONGEST_SLUG}}}$)[a-z0-9]+(?:-[a-z0-9]+)*"


def thing_of(
    kind: Kind,
    document: Any,
    *,
    app_id: str,
    thing_id: str,
    created_at: datetime,
    targeting_of: TargetingOf,
) -> Thing:
    """Return the new thing that a document describes, in its first state and version.

    Raises:
        InvalidFieldsError: it breaks a rule of documents, or its fields contradict each other;
            ``fields`` has every problem.
    """
    reader = Reader(document)
    readings = {**_READINGS[kind]}
    if kind is Kind.FLIGHT:
        readings["targeting"] = lambda one: _targeting(one, targeting_of)
    found = read_object(reader, readings, required=_REQUIRED[kind])
    if found is None:
        raise InvalidFieldsError(_trouble(kind), fields=reader.problems)
    thing = _made(kind, found, app_id=app_id, thing_id=thing_id, created_at=created_at)
    problems = [*problems_of(thing), *_problems_of_size(document_of(thing))]
    if problems:
        raise InvalidFieldsError(_trouble(kind), fields=problems)
    return thing


def kept_thing_of(
    kind: Kind, document: Any, *, app_id: str, thing_id: str, created_at: datetime
) -> Thing:
    """Return the thing that a document describes which was held to all rules when it was written.

    Rules between fields, which may grow stricter, are not asked again.

    Raises:
        InvalidFieldsError: it is no such document; ``fields`` has every problem.
    """
    reader = Reader(document)
    found = read_object(reader, _READINGS[kind], required=_REQUIRED[kind])
    if found is None:
        raise InvalidFieldsError(_trouble(kind), fields=reader.problems)
    return _made(kind, found, app_id=app_id, thing_id=thing_id, created_at=created_at)


def changed_by(changes: Any, thing: Thing, *, targeting_of: TargetingOf) -> Thing:
    """Return the terms of a thing after a change, as those of a new one.

    A field that is named is new; one that is null is the default again.

    Raises:
        InvalidFieldsError: as ``thing_of``.
    """
    if not isinstance(changes, Mapping):
        raise InvalidFieldsError("an object is needed")
    return thing_of(
        kind_of(thing),
        {**document_of(thing), **changes},
        app_id=thing.app_id,
        thing_id=id_of(thing),
        created_at=thing.created_at,
        targeting_of=targeting_of,
    )


def document_of(thing: Thing) -> dict[str, Any]:
    """Return the document of a thing, its defaults written out; ``thing_of`` reads it."""
    return {name: written(getattr(thing, name)) for name in _READINGS[kind_of(thing)]}


def settings_of(document: Any, *, app_id: str, version: int = 0) -> AdSettings:
    """Return the settings that a document describes.

    Raises:
        InvalidFieldsError: it breaks a rule of documents; ``fields`` has every problem.
    """
    reader = Reader(document)
    readings: dict[str, Reading] = {
        "choosing": _choosing,
        "caps": caps_of,
        "apart_minutes": lambda one: one.whole(least=0, most=MOST_MINUTES),
    }
    found = read_object(reader, readings)
    if found is None:
        raise InvalidFieldsError("the settings have problems", fields=reader.problems)
    return AdSettings(app_id=app_id, version=version, **found)


def document_of_settings(settings: AdSettings) -> dict[str, Any]:
    """Return the document of an app's settings; ``settings_of`` reads it back."""
    return {
        "choosing": {
            str(tier): choosing.value for tier, choosing in sorted(settings.choosing.items())
        },
        "caps": written(settings.caps),
        "apart_minutes": settings.apart_minutes,
    }


def _trouble(kind: Kind) -> str:
    return f"the {kind.value.replace('_', ' ')} has problems"


def _made(
    kind: Kind, found: Mapping[str, Any], *, app_id: str, thing_id: str, created_at: datetime
) -> Thing:
    own: dict[str, Any] = {id_field_of(kind): thing_id, "app_id": app_id, "created_at": created_at}
    return TYPES[kind](**own, **found)


def _problems_of_size(document: Mapping[str, Any]) -> list[FieldProblem]:
    size = bytes_of(document)
    if size <= LARGEST:
        return []
    detail = f"at most {LARGEST} bytes with its defaults; these are {size}"
    return [_problem("", "too_large", detail)]


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)


def _slug(reader: Reader) -> str:
    return reader.matched(_SLUG, "a to z, 0 to 9 and single dashes, at most 64, are needed")


def _weight(reader: Reader) -> int:
    return reader.whole(least=1, most=MOST_WEIGHT)


def _url(reader: Reader) -> str:
    return reader.text(most=LONGEST_URL)


def _targeting(reader: Reader, targeting_of: TargetingOf) -> str:
    if reader.value == "":
        return ""
    if bytes_of(reader.value) > LARGEST_TARGETING:
        reader.refuse("length", f"at most {LARGEST_TARGETING} bytes")
        return ""
    try:
        return targeting_of(reader.value)
    except DomainError as error:
        for problem in error.fields or [_problem("", "targeting", error.detail)]:
            place = Reader(None, reader.pointer + problem.pointer, reader.problems)
            place.refuse(problem.code, problem.detail)
        return ""


def _choosing(reader: Reader) -> Mapping[int, Choosing]:
    tiers = {str(tier): tier for tier in range(HIGHEST_TIER, LOWEST_TIER + 1)}
    read: dict[int, Choosing] = {}
    for name, place in reader.named(most=len(tiers)).items():
        if name in tiers:
            read[tiers[name]] = place.word(Choosing)
        else:
            place.refuse("unknown", f"a tier from {HIGHEST_TIER} to {LOWEST_TIER} is needed")
    return read


_READINGS: Mapping[Kind, Mapping[str, Reading]] = {
    Kind.PLACEMENT: {
        "name": _slug,
        "sizes": sizes_of,
        "templates": templates_of,
        "caps": caps_of,
        "fallback": plain_of,
        "keywords": keywords_of,
    },
    Kind.AD_TEMPLATE: {"name": name_of, "schema": schema_of},
    Kind.ADVERTISER: {"name": name_of, "labels": labels_of, "caps": caps_of},
    Kind.AD_CAMPAIGN: {
        "advertiser_id": id_in,
        "name": name_of,
        "starts_at": instant_of,
        "ends_at": instant_of,
        "caps": caps_of,
    },
    Kind.FLIGHT: {
        "ad_campaign_id": id_in,
        "name": name_of,
        "starts_at": instant_of,
        "ends_at": instant_of,
        "dayparts": dayparts_of,
        "tier": lambda one: one.whole(least=HIGHEST_TIER, most=LOWEST_TIER),
        "target": target_of,
        "rate": rate_of,
        "weight": _weight,
        "targeting": lambda one: one.text(least=0, most=LARGEST),
        "placements": placements_of,
        "caps": caps_of,
        "labels": labels_of,
        "companions": id_in,
        "keywords": keywords_of,
        "purpose": lambda one: one.word(Purpose),
        "topic": topic_of,
        "coupon_id": id_in,
        "ghost_percent": percent_of,
    },
    Kind.CREATIVE: {
        "advertiser_id": id_in,
        "name": name_of,
        "format": lambda one: one.word(Format),
        "size": size_of,
        "url": _url,
        "html": lambda one: one.text(most=LARGEST),
        "bytes": lambda one: one.whole(least=1, most=MOST_BYTES),
        "alt": lambda one: one.text(most=LONGEST_ALT),
        "ad_template_id": id_in,
        "values": plain_of,
        "click_url": _url,
        "coupon_id": id_in,
    },
    Kind.AD: {
        "flight_id": id_in,
        "creative_id": id_in,
        "name": name_of,
        "weight": _weight,
        "caps": caps_of,
    },
}

_REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    Kind.PLACEMENT: ("name",),
    Kind.AD_TEMPLATE: ("name", "schema"),
    Kind.ADVERTISER: ("name",),
    Kind.AD_CAMPAIGN: ("advertiser_id", "name"),
    Kind.FLIGHT: ("ad_campaign_id", "name", "starts_at"),
    Kind.CREATIVE: ("advertiser_id", "name", "format"),
    Kind.AD: ("flight_id", "creative_id", "name"),
}
