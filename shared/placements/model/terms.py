"""The rules between the fields of one booked thing, and what of it cannot be changed any more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.placements.errors import DemandStateError
from shared.placements.model.checks import problems_of_creative
from shared.placements.model.demand import (
    AdCampaign,
    Creative,
    Flight,
    Goal,
    Kind,
    Pacing,
    Placement,
    Pricing,
    State,
    Thing,
)
from shared.placements.model.things import kind_of

FIXED: Mapping[Kind, Mapping[str, str]] = {
    Kind.PLACEMENT: {"name": "apps on people's devices ask for it: make another"},
    Kind.AD_TEMPLATE: {"schema": "creatives were checked against it: make another"},
    Kind.AD_CAMPAIGN: {"advertiser_id": "its flights are counted for it"},
    Kind.FLIGHT: {"ad_campaign_id": "it is counted for it"},
    Kind.CREATIVE: {
        "advertiser_id": "it may be shown already: make another",
        "format": "it may be shown already: make another",
    },
    Kind.AD: {
        "flight_id": "it is counted for it: make another",
        "creative_id": "it is counted for it: make another",
    },
}
"""Fields that never change, and why."""


def problems_of(thing: Thing) -> Iterator[FieldProblem]:
    """Yield what is wrong between the fields of a thing."""
    match thing:
        case Placement():
            if not thing.sizes and not thing.templates:
                yield _problem("/sizes", "missing", "it takes creatives by a size or a template")
        case AdCampaign():
            yield from _problems_of_dates(thing.starts_at, thing.ends_at)
        case Flight():
            yield from _problems_of_dates(thing.starts_at, thing.ends_at)
            yield from _problems_of_target(thing)
        case Creative():
            yield from problems_of_creative(thing)


def forbidden(before: Thing, after: Thing) -> Iterator[FieldProblem]:
    """Yield what a change must not change."""
    for name, reason in FIXED.get(kind_of(before), {}).items():
        if getattr(before, name) != getattr(after, name):
            yield _problem(f"/{name}", "fixed", reason)
    if isinstance(before, Flight) and before.state is not State.DRAFT:
        for pointer, read in _FIXED_OF_FLIGHTS.items():
            if read(before) != read(after):
                yield _problem(pointer, "fixed", "it has run, and was counted by it")


def next_version(terms: Thing, *, before: Thing) -> Thing:
    """Return the version after ``before``, with other terms.

    Raises:
        DemandStateError: it has ended.
        InvalidFieldsError: the terms change what cannot be changed.
    """
    if before.state is State.ENDED:
        raise DemandStateError("it has ended: make another")
    problems = list(forbidden(before, terms))
    if problems:
        raise InvalidFieldsError("it cannot be changed so", fields=problems)
    return replace(terms, state=before.state, version=before.version + 1)


def _currency(flight: Any) -> str | None:
    return flight.rate.currency if flight.rate else None


_FIXED_OF_FLIGHTS: Mapping[str, Callable[[Any], object]] = {
    "/target/goal": lambda flight: flight.target.goal,
    "/target/exact": lambda flight: flight.target.exact,
    "/rate/currency": _currency,
}
"""Of flights that have run."""


def _problems_of_dates(start: datetime | None, end: datetime | None) -> Iterator[FieldProblem]:
    if start is not None and end is not None and end <= start:
        yield _problem("/ends_at", "order", "after the start")


def _problems_of_target(flight: Flight) -> Iterator[FieldProblem]:
    target, rate = flight.target, flight.rate
    if target.exact and target.goal is not Goal.IMPRESSIONS:
        yield _problem("/target/exact", "kind", "only impressions can be promised exactly")
    if target.exact and target.lifetime is None and target.daily is None:
        yield _problem("/target/exact", "missing", "exactly how many? lifetime or daily says it")
    spread = target.lifetime is not None and target.pacing is not Pacing.ASAP
    if spread and flight.ends_at is None:
        yield _problem("/ends_at", "missing", "what is spread over its days has a last one")
    if target.goal is Goal.REVENUE and (rate is None or rate.pricing is Pricing.FLAT):
        yield _problem("/rate", "missing", "revenue comes of a price for what happens")
    if target.goal is Goal.COUPON_CLAIMS and flight.coupon_id is None:
        yield _problem("/coupon_id", "missing", "claims are of a coupon")


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)
