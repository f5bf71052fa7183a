"""What came of a flight adds up."""

from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from shared.placements.errors import FlightNotFoundError
from shared.placements.model.engagements import Rejection
from shared.placements.model.folding import NAMES, CounterKey, Figures, summed
from shared.placements.model.results import click_rate, results_of, viewability
from shared.placements.ports.results import BookedFlights, GivenAds
from shared.placements.service.results import ResultService
from tests.fakes.ad_counters import InMemoryCounterStore
from tests.fakes.ads import SHOP

FLIGHT = f"flt_{'1' * 26}"
LIFE = CounterKey(app_id=SHOP, flight_id=FLIGHT)
FIGURES = st.builds(Figures, **dict.fromkeys(NAMES, st.integers(0, 10**9)))
CELLS = st.builds(
    CounterKey,
    app_id=st.just(SHOP),
    flight_id=st.just(FLIGHT),
    day=st.dates(),
    placement_id=st.sampled_from(["plc_1", "plc_2"]),
    creative_id=st.sampled_from(["crv_1", "crv_2"]),
)


@given(st.dictionaries(CELLS, FIGURES, max_size=20), FIGURES)
def test_days_placements_and_creatives_sum_up_to_the_total(
    cells: dict[CounterKey, Figures], behind: Figures
) -> None:
    counters = {LIFE: behind, replace(LIFE, day=date(2026, 3, 1)): behind, **cells}
    results = results_of(FLIGHT, counters, given=None)
    assert results.total == summed(cells.values())
    for parts in (results.by_day, results.by_placement, results.by_creative):
        assert summed(parts.values()) == results.total
    assert sum(results.rejected.values()) == results.total.rejected


def test_parts_are_named_and_rejections_have_their_reason() -> None:
    cell = replace(LIFE, day=date(2026, 3, 1), placement_id="plc_1", creative_id="crv_1")
    results = results_of(FLIGHT, {cell: Figures(shown=4, late=2)}, given=9)
    assert set(results.by_day) == {date(2026, 3, 1)}
    assert (set(results.by_placement), set(results.by_creative)) == ({"plc_1"}, {"crv_1"})
    assert results.rejected == dict.fromkeys(Rejection, 0) | {Rejection.LATE: 2}
    assert results.given == 9


def test_rates_are_parts_of_what_was_shown() -> None:
    figures = Figures(shown=8, clicks=2, viewable50=6, viewable100=1)
    assert (click_rate(figures), viewability(figures)) == (0.25, 0.75)
    assert (click_rate(Figures(clicks=1)), viewability(Figures())) == (None, None)


@dataclass
class Booked(BookedFlights, GivenAds):
    flights: set[str] = field(default_factory=lambda: {FLIGHT})

    @override
    def check(self, flight_id: str, *, app_id: str) -> None:
        if flight_id not in self.flights:
            raise FlightNotFoundError(flight_id)

    @override
    def given(self, flight_id: str, *, app_id: str) -> int | None:
        return 3


def test_results_are_of_a_flight_that_is_booked() -> None:
    booked = Booked()
    service = ResultService(flights=booked, counters=InMemoryCounterStore(), given=booked)
    assert service.results(FLIGHT, app_id=SHOP).total == Figures()
    assert service.results(FLIGHT, app_id=SHOP).given == 3
    with pytest.raises(FlightNotFoundError):
        service.results("flt_2", app_id=SHOP)
