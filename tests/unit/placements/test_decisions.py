"""Decisions as they are answered: what is given is counted before, and nothing else is."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.kernel.events import Purpose
from shared.placements.errors import SnapshotMissingError
from shared.placements.model.ad_state import Hold, Known
from shared.placements.model.demand import CapMode, FrequencyCap, Pricing, Rate, Target
from shared.placements.model.leases import Bounds, Lease
from shared.placements.model.records import DecisionRecord
from shared.placements.model.requests import NoAd, Wanted
from shared.placements.ports.decisions import Budgets, Rates, Records
from shared.placements.service.ad_states import AdStateService
from shared.placements.service.decisions import Decision, DecisionService
from shared.placements.service.promises import PromiseService
from tests.fakes.ad_events import PlainTokens
from tests.fakes.ad_states import FixedFacts, InMemoryAdStates
from tests.unit.placements.markets import APP, AT, DAY, Market, asked, cache_of

ULID = "01JD8ZQ5F3W8G1T9K2M4N6P7R"


@dataclass
class SomeBudgets(Budgets):
    """``left`` by flight; numbers count up."""

    left: dict[str, int] = field(default_factory=dict)
    drawn: list[tuple[str, str]] = field(default_factory=list)

    @override
    def draw(self, bounds: Bounds, *, day: str, at: datetime) -> Lease | None:
        if not self.left.get(bounds.flight_id, 0):
            return None
        self.left[bounds.flight_id] -= 1
        self.drawn.append((bounds.flight_id, day))
        return Lease(
            app_id=bounds.app_id, flight_id=bounds.flight_id, shard=3, number=len(self.drawn)
        )


@dataclass
class SomeRates(Rates):
    """``room`` by flight is how many ads may be given; those not named have room for all."""

    room: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @override
    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, float]:
        return dict.fromkeys(flights, 1.0)

    @override
    def take(self, app_id: str, flight_id: str, *, at: datetime) -> bool:
        if self.taken[flight_id] >= self.room.get(flight_id, 1_000):
            return False
        self.taken[flight_id] += 1
        return True


@dataclass
class SomeRecords(Records):
    records: list[DecisionRecord] = field(default_factory=list)
    broken: bool = False

    @override
    def put(self, record: DecisionRecord) -> None:
        if self.broken:
            raise OSError("the line is cut")
        self.records.append(record)


@dataclass
class Decisions:
    """The service over fakes, for what a market has."""

    market: Market
    states: InMemoryAdStates = field(default_factory=InMemoryAdStates)
    facts: FixedFacts = field(default_factory=FixedFacts)
    rates: SomeRates = field(default_factory=SomeRates)
    budgets: SomeBudgets = field(default_factory=SomeBudgets)
    records: SomeRecords = field(default_factory=SomeRecords)
    tokens: PlainTokens = field(default_factory=PlainTokens)
    failures: list[Exception] = field(default_factory=list)
    epoch: int = 0
    number: int = 0

    @property
    def service(self) -> DecisionService:
        return DecisionService(
            snapshots=cache_of(self.market, epoch=self.epoch, failed=self.failures.append),
            states=AdStateService(states=self.states, facts=self.facts, pause=lambda _: None),
            promises=PromiseService(
                states=self.states, longest=lambda _: DAY, pause=lambda _: None
            ),
            rates=self.rates,
            budgets=self.budgets,
            tokens=self.tokens,
            records=self.records,
            day_of=lambda _, at: at.date().isoformat(),
            failed=self.failures.append,
        )

    def decide(self, *wanted: str | Wanted, **more: Any) -> Decision:
        self.number += 1
        request = asked(*wanted, decision_id=f"dec_{ULID}{self.number}", **more)
        return self.service.decide(request)

    def given(self, *wanted: str | Wanted, **more: Any) -> list[str]:
        """Decide; return the flights that were given, by name."""
        decision = self.decide(*wanted, **more)
        return [
            one.grant.flight_id.removeprefix("flt_")
            for some in decision.given.values()
            for one in some
        ]


@pytest.fixture
def it() -> Decisions:
    market = Market()
    market.placement("top")
    return Decisions(market)


def test_what_is_given_has_a_token_that_says_all_of_it(it: Decisions) -> None:
    it.market.flight("shoes", rate=Rate(pricing=Pricing.CPM, amount=500, currency="CHF"))
    it.epoch = 4
    decision = it.decide("top", platform="ios")
    (given,) = decision.given["top"]
    grant = it.tokens.grant_of(given.token)
    assert grant == given.grant
    assert grant.token_id == f"{ULID}1-0"
    assert (grant.flight_id, grant.ad_id) == ("flt_shoes", "ad_shoes.0")
    assert (grant.price, grant.currency, grant.platform) == (500_000, "CHF", "ios")
    assert (grant.issued_at, grant.expires_at) == (AT, AT + timedelta(minutes=5))
    assert (grant.epoch, decision.epoch) == (4, 4)
    assert grant.lease is None


def test_each_ad_of_a_decision_has_a_token_of_its_own(it: Decisions) -> None:
    it.market.placement("bottom")
    for name in ("shoes", "hats", "bags"):
        it.market.flight(name)
    decision = it.decide(Wanted(name="top", count=2), "bottom")
    tokens = [one.grant.token_id for some in decision.given.values() for one in some]
    assert sorted(tokens) == [f"{ULID}1-{number}" for number in range(3)]


def test_an_empty_slot_says_why_and_what_to_show_instead(it: Decisions) -> None:
    it.market.placement("bottom", fallback={"title": "Hello"})
    decision = it.decide("bottom", "nowhere")
    assert decision.no_ad == {"bottom": NoAd.NO_DEMAND, "nowhere": NoAd.NO_PLACEMENT}
    assert decision.fallbacks == {"bottom": {"title": "Hello"}}


def test_nothing_is_written_for_flights_without_bounds(it: Decisions) -> None:
    it.market.flight("shoes")
    it.decide("top")
    before = dict(it.states.states)
    assert it.given("top") == ["shoes"]
    assert it.states.states == before
    assert it.budgets.drawn == []


def test_an_exact_flight_gives_a_number_and_no_more_than_it_has(it: Decisions) -> None:
    it.market.flight("shoes", target=Target(lifetime=2, daily=2, exact=True))
    it.market.flight("house", tier=16)
    it.budgets.left["flt_shoes"] = 2
    assert [it.given("top") for _ in range(3)] == [["shoes"], ["shoes"], ["house"]]
    assert it.budgets.drawn == [("flt_shoes", "2026-11-23")] * 2


def test_the_number_of_an_exact_flight_is_in_the_token(it: Decisions) -> None:
    it.market.flight("shoes", target=Target(lifetime=9, exact=True))
    it.budgets.left["flt_shoes"] = 9
    (given,) = it.decide("top").given["top"]
    assert (given.grant.lease, given.grant.shard) == (1, 3)
    assert it.budgets.drawn == [("flt_shoes", "")]


def test_an_exact_flight_that_has_nothing_left_says_so(it: Decisions) -> None:
    it.market.flight("shoes", target=Target(lifetime=9, exact=True))
    assert it.decide("top").no_ad == {"top": NoAd.BUDGET}


def test_a_paced_flight_is_counted_as_given(it: Decisions) -> None:
    it.market.flight("shoes", target=Target(lifetime=100))
    it.rates.room["flt_shoes"] = 1
    assert it.given("top") == ["shoes"]
    assert it.decide("top").no_ad == {"top": NoAd.BUDGET}
    assert it.rates.taken["flt_shoes"] == 1


def test_a_preview_draws_and_promises_nothing(it: Decisions) -> None:
    cap = FrequencyCap(times=1, window_seconds=3600, mode=CapMode.STRICT)
    it.market.flight("shoes", target=Target(lifetime=9, exact=True), caps=(cap,))
    preview = Wanted(name="top", test_flight="flt_shoes")
    (given,) = it.decide(preview).given["top"]
    assert given.grant.test
    assert it.budgets.drawn == []
    assert it.states.read("con_1", app_id=APP).seen == ()


def test_a_strict_cap_counts_what_was_given_until_its_time_is_over(it: Decisions) -> None:
    cap = FrequencyCap(times=1, window_seconds=3600, mode=CapMode.STRICT)
    it.market.flight("shoes", caps=(cap,))
    (given,) = it.decide("top").given["top"]
    assert given.grant.strict
    (seen,) = it.states.read("con_1", app_id=APP).seen
    assert (seen.token_id, seen.held_until) == (given.grant.token_id, given.grant.expires_at)
    assert seen.origin == "con_1"
    assert it.decide("top").no_ad == {"top": NoAd.FREQUENCY_CAP}
    assert it.given("top", at=given.grant.expires_at) == ["shoes"]


def test_who_lost_a_race_decides_again_and_keeps_what_was_drawn(it: Decisions) -> None:
    cap = FrequencyCap(times=2, window_seconds=3600, mode=CapMode.STRICT)
    it.market.flight("shoes", caps=(cap,), target=Target(lifetime=9, exact=True))
    it.budgets.left["flt_shoes"] = 9
    it.decide("top")
    states = it.states
    raced: list[bool] = []

    class Raced(InMemoryAdStates):
        """Somebody else writes the person's state just before."""

        @override
        def replace(self, state: Any, *, before: Any) -> bool:
            if not raced:
                raced.append(states.replace(before.with_device("another", 1), before=before))
            return states.replace(state, before=before)

    it.states = Raced(states=states.states)
    assert it.given("top") == ["shoes"]
    assert raced == [True]
    assert len(it.budgets.drawn) == 2
    assert len(states.read("con_1", app_id=APP).seen) == 2


def test_what_the_policy_holds_is_not_shown(it: Decisions) -> None:
    it.market.flight("shoes")
    hold = Hold(reason="case", detail="a case is open")
    it.facts.known = Known(holds={Purpose.MARKETING: hold}, device_epochs={"dev_1": 0})
    assert it.decide("top").no_ad == {"top": NoAd.HOLD}


def test_each_decision_is_filed_as_it_was_made(it: Decisions) -> None:
    it.market.flight("shoes", target=Target(lifetime=9, exact=True))
    it.decide("top")
    (record,) = it.records.records
    assert record.request.decision_id == f"dec_{ULID}1"
    assert record.refused == {"flt_shoes"}


def test_a_decision_that_cannot_be_filed_stands(it: Decisions) -> None:
    it.market.flight("shoes")
    it.records.broken = True
    assert it.given("top") == ["shoes"]
    assert len(it.failures) == 1


def test_an_app_for_which_nothing_was_compiled_says_so(it: Decisions) -> None:
    with pytest.raises(SnapshotMissingError):
        it.service.decide(asked("top", decision_id=f"dec_{ULID}1", app_id="app_2"))
