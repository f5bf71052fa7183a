"""K1 and K2: a coupon that everybody wants at once: in the partition model, and beside the naive.

K1 is a model on a virtual clock: our drawing, over counters that each take 1,000 write units a
second, as a partition of DynamoDB does; what comes beyond is turned away. K2 is wall clock on
DynamoDB Local, which has no partitions and answers one request after the other: there a counter in
the transaction is the cheapest that can be, and the figure is the price of three requests for one.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random

from typing_extensions import override

from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.places import Counted, Subjects, counted_by, sheet_of
from shared.coupons.model.redemptions import Place
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.service.drawing import Drawer
from shared.kernel.ids import Ids
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Exactly, Goal, Result, Runs, Tell, interleaved
from tests.benchmarks.peers.naive_coupons import NaiveCoupons
from tests.contract.redeeming import APP, NOON, a_coupon, contact, on_tables
from tests.fakes.clock import ManualClock
from tests.fakes.redemptions import InMemoryTicketStore, Memory
from tests.tables import make_all

TITLES = {
    "K1": "A hot coupon in the partition model: 16 counters beside one",
    "K2": "A hot coupon on DynamoDB Local, beside one counter in a transaction",
}

UNITS_A_SECOND = 1_000
"""What a partition writes (AWS: partition throughput)."""

DEMAND = 20_000
"""Requests a second, over so many containers."""

CONTAINERS = 50
_SLOT = timedelta(milliseconds=10)
_REQUESTS_A_SLOT = DEMAND // 100
_UNITS_A_SLOT = UNITS_A_SECOND // 100
_THREADS = 16


class TurnedAwayError(Exception):
    """The partition has no unit left at this time."""


@dataclass
class PartitionedTickets(InMemoryTicketStore):
    """Counters, each in a partition that writes so many units in a slot of time and no more."""

    written: Counter[tuple[Place, int]] = field(default_factory=Counter)
    probes: int = 0

    @override
    def draw(self, place: Place, counter: int) -> int | None:
        if self.written[place, counter] >= _UNITS_A_SLOT:
            raise TurnedAwayError
        self.written[place, counter] += 1
        self.probes += 1
        return super().draw(place, counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What became of a sale: uses a second, probes a served request, and what must be nothing."""

    a_second: float
    probes: float
    oversold: int
    left: int


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure the ids in turn."""
    if "K1" in ids:
        yield Result(id="K1", title=TITLES["K1"], comparisons=_model(quick=quick, tell=tell))
    if "K2" in ids:
        yield Result(id="K2", title=TITLES["K2"], comparisons=_wall(quick=quick, tell=tell))


def sold(uses: int, *, peak: int, seed: int) -> Sale:
    """Sell all uses of a coupon to whoever comes; ``peak`` decides over how many counters."""
    chance, clock = Random(seed), ManualClock(NOON)  # noqa: S311 - a model
    limit = Limit(limit_id="total", subject=Subject.COUPON, uses=uses, peak=peak)
    coupon = a_coupon(limit)
    (counted,) = counted_by(sheet_of(coupon), Subjects(), NOON)
    store = PartitionedTickets(Memory())
    store.memory.versions[APP, coupon.coupon_id] = coupon.limits_version

    def shuffled(numbers: Collection[int]) -> Sequence[int]:
        return chance.sample(list(numbers), len(numbers))

    containers = [
        Drawer(store=store, known=KnownEmpty(shuffled=shuffled), clock=clock, ids=Ids(clock=clock))
        for _ in range(CONTAINERS)
    ]
    drawn = served = 0
    is_over = False
    while not is_over:
        store.written.clear()
        for _ in range(_REQUESTS_A_SLOT):
            try:
                ticket = chance.choice(containers).ticket(counted)
            except TurnedAwayError:
                continue
            served += 1
            drawn += ticket is not None
            is_over = ticket is None
            if is_over:
                break
        clock.advance(_SLOT)
    return _sale(store, counted, drawn=drawn, served=served, lasted=clock() - NOON)


def _sale(
    store: PartitionedTickets, counted: Counted, *, drawn: int, served: int, lasted: timedelta
) -> Sale:
    left = sum(counter.left for counter in store.memory.counters.values())
    return Sale(
        a_second=drawn / lasted.total_seconds(),
        probes=store.probes / served,
        oversold=max(drawn - counted.limit.capacity, 0),
        left=left,
    )


def _model(*, quick: bool, tell: Tell) -> list[Comparison]:
    uses, rounds = (4_000, 3) if quick else (20_000, 5)
    ours: list[Sale] = []
    theirs: list[Sale] = []
    for number in range(rounds):
        tell(number, rounds)
        ours.append(sold(uses, peak=6_400, seed=number))
        theirs.append(sold(uses, peak=400, seed=number))
    nothing = Runs([1.0] * rounds)
    return [
        Comparison(
            what=f"uses a second of {uses:,}, {DEMAND:,} requests a second",
            peer="one counter",
            unit="uses",
            goal=Goal(10, at_least=True),
            ours=Runs([one.a_second for one in ours]),
            theirs=Runs([one.a_second for one in theirs]),
        ),
        Comparison(
            what="writes to counters for each request that was served",
            peer="one",
            unit="probes",
            goal=Goal(1.1),
            ours=Runs([one.probes for one in ours]),
            theirs=nothing,
        ),
        Comparison(
            what="uses granted beyond the limit",
            peer="one",
            unit="uses",
            goal=Exactly(0),
            ours=Runs([one.oversold for one in ours]),
            theirs=nothing,
        ),
        Comparison(
            what="uses left behind when the first was told that it is sold out",
            peer="one",
            unit="uses",
            goal=Exactly(0),
            ours=Runs([one.left for one in ours]),
            theirs=nothing,
        ),
    ]


def _wall(*, quick: bool, tell: Tell) -> list[Comparison]:
    uses, rounds = (100, 3) if quick else (400, 5)
    with local_dynamodb() as client:
        names = make_all(client)
        numbers = count()
        sides: Mapping[str, Callable[[], float]] = {
            "ours": partial(_ours, names, numbers, uses),
            "naive": partial(_naive, names, numbers, uses),
        }
        took = interleaved(sides, rounds=rounds, tell=tell)
    return [
        Comparison(
            what=f"milliseconds a use, {_THREADS} threads, {uses} uses",
            peer="a counter in the transaction",
            unit="ms",
            goal=Goal(3),  # no more than three requests take in place of one
            ours=took["ours"],
            theirs=took["naive"],
        )
    ]


def _ours(names: Mapping[str, str], numbers: Iterator[int], uses: int) -> float:
    it = on_tables(names)
    coupon_id = f"cpn_{next(numbers)}"
    limit = Limit(limit_id="total", subject=Subject.COUPON, uses=uses)
    it.has(a_coupon(limit, coupon_id=coupon_id))
    first = next(numbers) * 1_000_000
    return _timed(lambda number: it.redeem(first + number, contact(number)), uses)


def _naive(names: Mapping[str, str], numbers: Iterator[int], uses: int) -> float:
    it = NaiveCoupons(names, coupon_id=f"cpn_{next(numbers)}", uses=uses)
    return _timed(lambda number: it.redeem(number, at=NOON), uses)


def _timed(ask: Callable[[int], object], uses: int) -> float:
    """Return how many milliseconds a use takes when many ask at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(ask, range(uses)))
    return (time.perf_counter() - began) * 1_000 / uses
