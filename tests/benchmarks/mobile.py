"""M1 to M3: what phones cost: an operation in the queue, ten thousand told, a whole fleet."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from typing_extensions import override

from engage_mobile import Config, Engage, Request, Response, SqliteQueue
from engage_mobile_fleet import Fleet, Plan
from tests.benchmarks.figures import Comparison, Exactly, Goal, Result, Runs, Tell, interleaved

TITLES = {
    "M1": "A phone's queue: CPU of putting an operation there",
    "M2": "A phone's queue: ten thousand operations told in batches",
    "M3": "A fleet of simulated phones, beside a stack on the same machine",
}

MILLISECONDS: Final = 0.2
"""What an enqueue may take, SQLite included."""

MILLISECONDS_OF_A_REQUEST: Final = 2.0
"""What a fleet may take of the CPU for one of its requests: the stack needs the rest."""

PHONES, ROUNDS, AT_ONCE = 100, 10, 16
ANSWERS_IN: Final = 0.01
"""Seconds: quick for the stack, so that requests meet."""

FEW, MANY = 1_000, 10_000
MOST_OF_A_REQUEST: Final = 500
_CALLS = 500


class Server:
    """Takes everything at once, and counts the requests that tell of events."""

    def __init__(self) -> None:
        self.batches = 0

    def send(self, request: Request) -> Response:
        """Answer a request."""
        if request.path.endswith("/events"):
            self.batches += 1
            return Response(status=202, content=b'{"rejected": []}')
        told = {"device_token": "token", "contact_id": "con_1", "is_anonymous": True}
        return Response(status=200, content=json.dumps(told).encode())


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure what is asked for, each over files of its own."""
    rounds = 5 if quick else 15
    with TemporaryDirectory() as folder:
        files = (Path(folder) / f"{number}.sqlite" for number in count())
        comparisons = {"M1": _enqueue, "M2": _flush, "M3": _fleet}
        for each in ids:
            found = comparisons[each](files, rounds, tell)
            yield Result(id=each, title=TITLES[each], comparisons=found)


def _enqueue(files: Iterator[Path], rounds: int, tell: Tell) -> list[Comparison]:
    def event(engage: Engage, number: int) -> None:
        engage.track("com.example.basket.filled", {"lines": number})

    def redemption(engage: Engage, number: int) -> None:
        line = {"line_id": "1", "product_id": "shoe", "quantity": 1, "unit_price": number}
        engage.coupons.redeem([{"code": "WELCOME10"}], basket={"currency": "CHF", "lines": [line]})

    calls: dict[str, Callable[[Engage, int], None]] = {"event": event, "redemption": redemption}
    sides = {name: _timed(call, files) for name, call in calls.items()}
    took = interleaved(sides, rounds=rounds, tell=tell)
    return [
        Comparison(
            what=f"CPU of an enqueue with SQLite: {name}",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=runs,
            theirs=Runs([MILLISECONDS] * rounds),
        )
        for name, runs in took.items()
    ]


def _timed(call: Callable[[Engage, int], None], files: Iterator[Path]) -> Callable[[], float]:
    def run() -> float:
        queue = SqliteQueue.open(next(files))
        engage = _phone(queue, Server())
        call(engage, 0)
        before = time.process_time()
        for number in range(_CALLS):
            call(engage, number)
        took = (time.process_time() - before) / _CALLS * 1000
        queue.close()
        return took

    return run


def _flush(files: Iterator[Path], rounds: int, tell: Tell) -> list[Comparison]:
    requests: list[float] = []

    def many() -> float:
        peak, batches = _told(MANY, next(files))
        requests.append(batches)
        return peak

    sides = {"many": many, "few": lambda: _told(FEW, next(files))[0]}
    rounds = min(rounds, 5)  # what memory takes does not depend on the machine's mood
    peaks = interleaved(sides, rounds=rounds, tell=tell)
    return [
        Comparison(
            what=f"peak memory of telling {MANY:,} operations",
            peer=f"of telling {FEW:,}",
            unit="kB",
            goal=Goal(1.5),
            ours=peaks["many"],
            theirs=peaks["few"],
        ),
        Comparison(
            what=f"requests for {MANY:,} operations",
            peer="one for each",
            unit="requests",
            goal=Exactly(MANY / MOST_OF_A_REQUEST),
            ours=Runs(requests),
            theirs=Runs([MANY] * rounds),
        ),
    ]


def _told(operations: int, file: Path) -> tuple[float, int]:
    """Return the kilobytes that telling operations took at most, and in how many requests.

    They were put there by a process before this one: nobody waits for them any more.
    """
    queue, server = SqliteQueue.open(file), Server()
    before = _phone(queue, server)
    for number in range(operations):
        before.track("com.example.basket.filled", {"lines": number})
    queue.close()
    tracemalloc.start()
    queue = SqliteQueue.open(file)
    engage = _phone(queue, server)
    engage.register({"platform": "android"})
    engage.pump(1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert engage.waiting == 0
    queue.close()
    return peak / 1000, server.batches


def _phone(queue: SqliteQueue, server: Server) -> Engage:
    return Engage(queue, server, Config(app_id="app_1", clock=lambda: 0))


class SlowServer(Server):
    """Takes its time."""

    @override
    def send(self, request: Request) -> Response:
        time.sleep(ANSWERS_IN)
        return super().send(request)


def _fleet(_files: Iterator[Path], rounds: int, tell: Tell) -> list[Comparison]:
    crowds: list[float] = []

    def request() -> float:
        milliseconds, crowd = _lived()
        crowds.append(crowd)
        return milliseconds

    rounds = min(rounds, 5)
    took = interleaved({"request": request}, rounds=rounds, tell=tell)
    sides = {"many": lambda: _memory(10 * PHONES), "few": lambda: _memory(PHONES)}
    takes = interleaved(sides, rounds=2, tell=tell)
    return [
        Comparison(
            what=f"CPU of a request of {PHONES} phones, without HTTP",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=took["request"],
            theirs=Runs([MILLISECONDS_OF_A_REQUEST] * rounds),
        ),
        Comparison(
            what=f"requests in flight of {PHONES} phones, at most",
            peer="what the stack takes",
            unit="requests",
            goal=Exactly(AT_ONCE),
            ours=Runs(crowds),
            theirs=Runs([AT_ONCE] * rounds),
        ),
        Comparison(
            what=f"memory of a phone, of {10 * PHONES:,}",
            peer=f"of {PHONES}",
            unit="kB",
            goal=Goal(1.2),
            ours=takes["many"],
            theirs=takes["few"],
        ),
    ]


def _lived() -> tuple[float, int]:
    """Return the CPU milliseconds of a request, and how many were in flight at most."""
    fleet = Fleet(SlowServer(), _plan(PHONES))
    before = time.process_time()
    asyncio.run(_life(fleet))
    took = (time.process_time() - before) * 1_000
    summary = fleet.summary()
    return took / summary.requests, summary.most_in_flight


def _memory(phones: int) -> float:
    """Return the kilobytes that a phone of so many keeps, which have lived and told everything."""
    tracemalloc.start()
    fleet = Fleet(Server(), _plan(phones))
    asyncio.run(_life(fleet))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert fleet.summary().waiting == 0
    return kept / 1_000 / phones


def _plan(phones: int) -> Plan:
    return Plan(app_id="app_1", phones=phones, seed=1, at_once=AT_ONCE)


async def _life(fleet: Fleet) -> None:
    await fleet.start()
    await fleet.live(ROUNDS)
    await fleet.finish()
