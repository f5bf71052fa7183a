"""How booked things hang together: what each names, and whether that is there and fits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from shared.kernel.errors import FieldProblem
from shared.placements.model.checks import problems_with_template
from shared.placements.model.demand import (
    Ad,
    AdCampaign,
    AdTemplate,
    Creative,
    Flight,
    Kind,
    Placement,
    State,
    Thing,
)

Find: TypeAlias = Callable[[Kind, str], Thing | None]
"""Finds a thing of the app by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The fact that a thing names another one, and where."""

    pointer: str
    kind: Kind
    thing_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a text of the targeting language names: ids of segments, and of coupons."""

    segments: frozenset[str] = frozenset()
    coupons: frozenset[str] = frozenset()


def references_of(thing: Thing) -> Iterator[Reference]:
    """Yield the other things that a thing names."""
    match thing:
        case Placement():
            yield from _each("/templates", Kind.AD_TEMPLATE, thing.templates)
        case AdCampaign():
            yield _one("/advertiser_id", Kind.ADVERTISER, thing.advertiser_id)
        case Flight():
            yield _one("/ad_campaign_id", Kind.AD_CAMPAIGN, thing.ad_campaign_id)
            yield from _each("/placements", Kind.PLACEMENT, thing.placements)
        case Creative():
            yield _one("/advertiser_id", Kind.ADVERTISER, thing.advertiser_id)
            if thing.ad_template_id is not None:
                yield _one("/ad_template_id", Kind.AD_TEMPLATE, thing.ad_template_id)
        case Ad():
            yield _one("/flight_id", Kind.FLIGHT, thing.flight_id)
            yield _one("/creative_id", Kind.CREATIVE, thing.creative_id)


def problems_of_relations(thing: Thing, find: Find) -> Iterator[FieldProblem]:
    """Yield what is wrong between a thing and those that it names."""
    problems = list(_unusable(thing, find))
    yield from problems
    if problems:
        return
    if isinstance(thing, Creative) and thing.ad_template_id is not None:
        template = find(Kind.AD_TEMPLATE, thing.ad_template_id)
        if isinstance(template, AdTemplate):
            yield from problems_with_template(thing, template)
    if isinstance(thing, Ad) and not _is_of_one_advertiser(thing, find):
        detail = "flight and creative are of two advertisers"
        yield FieldProblem(pointer="/creative_id", code="advertiser", detail=detail)


def _unusable(thing: Thing, find: Find) -> Iterator[FieldProblem]:
    for reference in references_of(thing):
        found = find(reference.kind, reference.thing_id)
        if found is None:
            detail = f"the app has no such {_words(reference.kind)}"
            yield FieldProblem(pointer=reference.pointer, code="unknown", detail=detail)
        elif found.state is State.ENDED and thing.state is not State.ENDED:
            detail = f"this {_words(reference.kind)} has ended"
            yield FieldProblem(pointer=reference.pointer, code="ended", detail=detail)


def _is_of_one_advertiser(ad: Ad, find: Find) -> bool:
    flight, creative = find(Kind.FLIGHT, ad.flight_id), find(Kind.CREATIVE, ad.creative_id)
    if not isinstance(flight, Flight) or not isinstance(creative, Creative):
        return False
    ad_campaign = find(Kind.AD_CAMPAIGN, flight.ad_campaign_id)
    return isinstance(ad_campaign, AdCampaign) and (
        ad_campaign.advertiser_id == creative.advertiser_id
    )


def _one(pointer: str, kind: Kind, thing_id: str) -> Reference:
    return Reference(pointer=pointer, kind=kind, thing_id=thing_id)


def _each(pointer: str, kind: Kind, ids: tuple[str, ...]) -> Iterator[Reference]:
    for place, thing_id in enumerate(ids):
        yield _one(f"{pointer}/{place}", kind, thing_id)


def _words(kind: Kind) -> str:
    return kind.value.replace("_", " ")
