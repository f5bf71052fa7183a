"""A1: the CPU of deciding which ads fill ten placements.

The app has as many live ads as the row says, four to a flight: the first thousand spread over five
tiers by lottery and auction, the others below them. Every flight is targeted, at one of three
countries among other things; a third is capped, a third paced, a quarter labelled. Each request is
another person's, who saw twenty ads. Nine placements are filled. For the tenth nobody is meant, so
that it has every flight asked. The snapshot is loaded and warm, as in a process that answers.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from statistics import median, quantiles

from shared.placements.model.ad_state import AdState
from shared.placements.model.decision import decide
from shared.placements.model.demand import AdSettings, Choosing, FrequencyCap, Pricing, Rate, Target
from shared.placements.model.requests import DecisionRequest, Wanted
from shared.placements.model.snapshot import Snapshot
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.unit.placements.markets import APP, Market, asked, person, saw

TITLES = {"A1": "Ads: ten placements decided"}

PLACEMENTS = 10
FEW, MANY = 1_000, 5_000
MOST_P50, MOST_P95 = 15, 50
"""Milliseconds that a decision may take among ``FEW`` ads."""

_ADS_OF_FLIGHT = 4
_TIERS, _TIERS_BELOW = (4, 8, 8, 10, 12), (13, 14, 15)
_COUNTRIES = ("FR", "DE", "IT")
_BOUND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One decision to make."""

    request: DecisionRequest
    state: AdState


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Decide for many people, among few ads and among many."""
    rounds, people = (5, 40) if quick else (15, 200)
    few, many = market(FEW).snapshot(), market(MANY).snapshot()
    waiting = [_asked(number) for number in range(people)]
    assert all(len(snapshot.ads) == ads for snapshot, ads in ((few, FEW), (many, MANY)))
    middle: dict[str, list[float]] = {"p50": [], "p95": []}
    took = interleaved(
        {"few": _timed(few, waiting, middle), "many": _timed(many, waiting, None)},
        rounds=rounds,
        tell=tell,
    )
    what = f"CPU of a decision, {PLACEMENTS} placements, {FEW:,} ads"
    most = {"p50": MOST_P50, "p95": MOST_P95}
    comparisons = [
        Comparison(
            what=f"{what}: {name}",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=Runs(middle[name]),
            theirs=Runs([limit] * rounds),
        )
        for name, limit in most.items()
    ]
    comparisons.append(
        Comparison(
            what=f"CPU of a decision, {PLACEMENTS} placements, {MANY:,} ads",
            peer=f"{FEW:,} ads",
            unit="ms",
            goal=Goal(2),
            ours=took["many"],
            theirs=took["few"],
        )
    )
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def market(ads: int) -> Market:
    """Return an app with so many live ads."""
    chance = Random(1)  # noqa: S311 - a seed must repeat the market
    settings = AdSettings(app_id=APP, choosing={12: Choosing.AUCTION})
    made = Market(settings=settings)
    for number in range(PLACEMENTS):
        made.placement(f"place-{number}")
    for number in range(ads // _ADS_OF_FLIGHT):
        name = f"{number:05}"
        made.advertiser(name, labels=frozenset({f"label-{number % 40}"} if number % 4 == 0 else ()))
        made.flight(
            name,
            ads=_ADS_OF_FLIGHT,
            tier=chance.choice(_TIERS if number * _ADS_OF_FLIGHT < FEW else _TIERS_BELOW),
            weight=chance.randint(1, 5),
            rate=Rate(pricing=Pricing.CPM, amount=chance.randint(50, 900), currency="EUR"),
            targeting=_targeting(chance),
            caps=(FrequencyCap(times=2, window_seconds=86_400),) if number % 3 == 0 else (),
            target=Target(lifetime=_BOUND if number % 3 == 1 else None),
        )
    return made


def _targeting(chance: Random) -> str:
    device = '$device.platform in ("ios", "android") and $app.version >= v"4.2"'
    country = f'$country = "{chance.choice(_COUNTRIES)}"'
    return f'{device} and {country} and $placement <> "place-{PLACEMENTS - 1}"'


def _asked(number: int) -> Asked:
    wanted = [Wanted(name=f"place-{place}") for place in range(PLACEMENTS)]
    seen = [saw(f"{(number * 7 + one) % 250:05}", ago=timedelta(hours=one)) for one in range(20)]
    return Asked(
        request=asked(
            *wanted,
            number=number,
            platform="ios",
            app_version="4.10.2",
            country=_COUNTRIES[number % 3],
            timezone="Europe/Paris",
        ),
        state=person(*seen),
    )


def _timed(
    snapshot: Snapshot, waiting: Sequence[Asked], middle: Mapping[str, list[float]] | None
) -> Callable[[], float]:
    """Return what decides for everybody, and says the middle one's milliseconds of CPU."""
    rates = dict.fromkeys(snapshot.bounded, 0.5)

    def run() -> float:
        took = []
        for one in waiting:
            before = time.process_time_ns()
            decide(one.request, snapshot, one.state, rates=rates)
            took.append((time.process_time_ns() - before) / 1e6)
        if middle is not None:
            middle["p50"].append(median(took))
            middle["p95"].append(quantiles(took, n=20)[-1])
        return median(took)

    run()
    if middle is not None:
        for values in middle.values():
            values.clear()
    return run
