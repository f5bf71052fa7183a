"""What came of a flight, so that it adds up: all of it is sums of the same counters."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from shared.placements.model.engagements import Rejection
from shared.placements.model.folding import CounterKey, Figures, summed

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightResults:
    """What came of a flight up to now.

    ``given`` is how many ads were given to devices, where that is known; an ad that was given may
    still be shown. Days, placements and creatives each sum up to ``total``.
    """

    flight_id: str
    total: Figures
    by_day: Mapping[date, Figures]
    by_placement: Mapping[str, Figures]
    by_creative: Mapping[str, Figures]
    given: int | None = None

    @property
    def rejected(self) -> Mapping[Rejection, int]:
        """Return how many events were rejected for each reason."""
        return {reason: getattr(self.total, reason.value) for reason in Rejection}


def click_rate(figures: Figures) -> float | None:
    """Return which part of impressions was clicked; ``None`` where nothing was shown."""
    return figures.clicks / figures.shown if figures.shown else None


def viewability(figures: Figures) -> float | None:
    """Return of which part of impressions half was in view; ``None`` where nothing was shown."""
    return figures.viewable50 / figures.shown if figures.shown else None


def results_of(
    flight_id: str, counters: Mapping[CounterKey, Figures], *, given: int | None
) -> FlightResults:
    """Sum up the finest counters of a flight; the others, written a moment apart, are left out."""
    cells = {key: figures for key, figures in counters.items() if key.placement_id is not None}
    return FlightResults(
        flight_id=flight_id,
        total=summed(cells.values()),
        by_day=_by(cells, lambda key: key.day or date.min),
        by_placement=_by(cells, lambda key: key.placement_id or ""),
        by_creative=_by(cells, lambda key: key.creative_id or ""),
        given=given,
    )


def _by(cells: Mapping[CounterKey, Figures], name: Callable[[CounterKey], K]) -> dict[K, Figures]:
    grouped: dict[K, Figures] = {}
    for key, figures in cells.items():
        grouped[name(key)] = grouped.get(name(key), Figures()) + figures
    return grouped
