"""Which creatives fit which placements, and whether a flight has anything to show."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from shared.placements.model.demand import (
    AdCampaign,
    Creative,
    Flight,
    Format,
    Placement,
    Size,
    State,
)

RATIO_TOLERANCE = 0.01
"""How far the ratios of an image and its place may differ: a hundredth is not seen."""

MOST_DENSITY = 4
"""Pixels of an image for a point of its place, at most: Android's xxxhdpi."""


class Shown(Protocol):
    """A creative, as far as it must fit: one that is booked, or one of a snapshot."""

    @property
    def format(self) -> Format:
        """Return what it is made of."""
        ...

    @property
    def size(self) -> Size | None:
        """Return its size; native ones have none."""
        ...

    @property
    def ad_template_id(self) -> str | None:
        """Return the template of a native one."""
        ...


class Slot(Protocol):
    """A placement, as far as something must fit into it."""

    @property
    def sizes(self) -> Collection[Size]:
        """Return the sizes that it takes."""
        ...

    @property
    def templates(self) -> Collection[str]:
        """Return the ids of the templates that it takes."""
        ...


def fits(creative: Shown, placement: Slot) -> bool:
    """Say whether a creative can be shown in a placement.

    A native one is of one of the placement's templates, a page exactly of one of its sizes. An
    image is of one of its sizes too, or up to ``MOST_DENSITY`` times as large in the same ratio.
    """
    if creative.format in {Format.NATIVE, Format.COUPON}:
        return creative.ad_template_id in placement.templates
    if creative.size in placement.sizes:
        return True
    return creative.format is Format.IMAGE and any(
        _scales(creative.size, one) for one in placement.sizes
    )


def why_idle(
    flight: Flight,
    ad_campaign: AdCampaign,
    creatives: Iterable[Creative],
    placements: Iterable[Placement],
    *,
    at: datetime,
) -> str | None:
    """Return why nothing of a flight could ever be shown; ``None``: something can.

    ``creatives`` are those of its active ads, ``placements`` those of the flight, or all of the
    app where it names none.
    """
    ends = [one for one in (flight.ends_at, ad_campaign.ends_at) if one is not None]
    if any(one <= at for one in ends):
        return "its end has passed"
    if ad_campaign.state is State.ENDED:
        return "its ad campaign has ended"
    shown = [one for one in creatives if one.state is State.ACTIVE]
    if not shown:
        return "it has no active ad with an active creative"
    places = [one for one in placements if one.state is State.ACTIVE]
    if not places:
        return "none of its placements is active"
    if any(fits(creative, place) for creative in shown for place in places):
        return None
    return "no ad of it fits a placement: " + min(
        _misfit(creative, place) for creative in shown for place in places
    )


def _misfit(creative: Creative, placement: Placement) -> str:
    is_native = creative.format in {Format.NATIVE, Format.COUPON}
    return f"{placement.name} does not take its {'template' if is_native else 'size'}"


def _scales(size: Size | None, place: Size) -> bool:
    if size is None or not place.width <= size.width <= MOST_DENSITY * place.width:
        return False
    ratio = (size.width * place.height) / (size.height * place.width)
    return abs(ratio - 1) <= RATIO_TOLERANCE
