"""Who asks what would be decided now is told what a decision would be, and leaves no trace."""

from shared.placements.model.demand import Pacing, Target
from shared.placements.model.explaining import AdTrace
from shared.placements.model.gates import Gate
from shared.placements.model.pacing import Booking, Delivered, Figures
from shared.placements.model.requests import NoAd
from shared.placements.service.pacing import PacingService, SeenFlows
from shared.placements.service.replaying import TrialService
from tests.fakes.ad_states import FixedFacts, InMemoryAdStates
from tests.fakes.leases import InMemoryLeaseStore
from tests.fakes.pacing import FixedBookings, FixedDeliveries, FixedForecasts, InMemoryFlowStore
from tests.unit.placements.markets import APP, AT, DAY, Market, asked, cache_of

TARGET = Target(lifetime=1_000, pacing=Pacing.EVEN)
FLIGHT = "flt_shoes"


class Trial:
    """A trial for a flight that runs for two days, of which one has passed."""

    def __init__(self, shown: int) -> None:
        market = Market()
        market.placement("top")
        market.flight("shoes", target=TARGET)
        booking = Booking(
            flight_id=FLIGHT,
            target=TARGET,
            starts_at=AT - DAY,
            ends_at=AT + DAY,
            day_from=AT,
            day_until=AT + DAY,
        )
        self.flows, self.states = InMemoryFlowStore(), InMemoryAdStates()
        delivered = Delivered(life=Figures(impressions=shown))
        rates = PacingService(
            bookings=FixedBookings({FLIGHT: booking}),
            deliveries=FixedDeliveries({FLIGHT: delivered}),
            forecasts=FixedForecasts(),
            flows=SeenFlows(flows=self.flows),
            leases=InMemoryLeaseStore(),
        )
        self.service = TrialService(
            snapshots=cache_of(market), states=self.states, facts=FixedFacts(), rates=rates
        )

    def trace(self) -> AdTrace:
        (slot,) = self.service.explain(asked("top")).slots
        (trace,) = slot.ads
        return trace


def test_a_flight_ahead_of_its_pace_would_not_be_shown() -> None:
    trace = Trial(shown=600).trace()
    assert (trace.is_given, trace.gate, trace.reason) == (False, Gate.PACING, NoAd.PACED)
    assert trace.figures["share"] == 0.0


def test_a_flight_behind_its_pace_would_be_shown() -> None:
    trace = Trial(shown=400).trace()
    assert (trace.is_given, trace.gate) == (True, None)
    assert trace.figures["share"] == 1.0


def test_a_trial_leaves_no_trace() -> None:
    trial = Trial(shown=400)
    trial.trace()
    assert trial.flows.writes == 0
    assert trial.states.states == {}
    assert not trial.service.rates.take(APP, FLIGHT, at=AT)
    assert trial.flows.writes == 0
