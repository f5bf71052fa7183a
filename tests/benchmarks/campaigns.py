"""P5 and P6: the whole sender beside firebase-admin alone, and what it takes to plan a campaign."""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.push.model.estimates import READS_OF_DEVICE, WRITES_OF_PLANNING
from shared.push.model.planning import LARGEST_CHUNK
from tests.benchmarks.campaign_planner import SHARD
from tests.benchmarks.children import answer_of, python
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell
from tests.benchmarks.shop import TEXTS, Shop
from tests.benchmarks.wire import Stub, running_stub
from tests.tables import make_all

TITLES = {
    "P5": "The whole sender: CPU per push, beside send_each_async alone",
    "P6": "Planning a campaign: units, CPU and memory, page by page",
}
MILLION = 1_000_000
_CHUNKS = 2

Answer = Mapping[str, float]
Side = Callable[[], Answer]


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure the sender, the planner, or both."""
    for each in sorted(ids):
        compare = {"P5": _sending, "P6": _planning}[each]
        with _tables():
            yield Result(id=each, title=TITLES[each], comparisons=compare(quick, tell))


def _sending(quick: bool, tell: Tell) -> list[Comparison]:
    peer = "send_each_async"
    with TemporaryDirectory(prefix="engage-bench-") as scratch, running_stub() as stub:
        audience = _audience(Path(scratch) / "audience.json")
        sides: dict[str, Side] = {
            text: partial(_sent, stub, str(audience), text, str(_CHUNKS)) for text in TEXTS
        }
        alone = python("tests.benchmarks.senders", peer, str(stub.facts), "500", "1000")
        sides[peer] = partial(answer_of, alone, environment=stub.trust)
        measured = _in_turn(sides, rounds=2 if quick else 5, tell=tell)
    return [
        Comparison(
            what=f"CPU of a push, whole sender, {text}",
            peer=f"firebase-admin {peer} alone",
            unit="us",
            goal=Goal(1.5),
            ours=_runs(measured[text], "cpu_us"),
            theirs=_runs(measured[peer], "cpu_us"),
        )
        for text in TEXTS
    ]


def _sent(stub: Stub, *arguments: str) -> Answer:
    command = python("tests.benchmarks.campaign_sender", str(stub.facts), *arguments)
    answer: Answer = answer_of(command, environment=stub.trust)
    return answer


def _audience(file: Path) -> Path:
    """Register a chunk's people; note who they are in a file."""
    shop = Shop.opened()
    devices = shop.devices(LARGEST_CHUNK)
    shop.people(devices)
    recipients = [
        {"device_id": one.device_id, "contact_id": one.contact_id, "variant": "ab"[place % 2]}
        for place, one in enumerate(devices)
    ]
    file.write_text(json.dumps({"app_id": shop.app_id, "recipients": recipients}))
    return file


def _planning(quick: bool, tell: Tell) -> list[Comparison]:
    few, many = (2_000, 6_000) if quick else (20_000, 60_000)
    shops = {number: Shop.opened() for number in (few, many)}
    for number, shop in shops.items():
        shop.devices(number, shard=SHARD)
    reading = python("tests.benchmarks.campaign_planner", "boto3", shops[few].app_id)
    measured = _in_turn(
        {
            "few": partial(_planned, shops[few]),
            "many": partial(_planned, shops[many]),
            "boto3": partial(answer_of, reading),
        },
        rounds=2 if quick else 5,
        tell=tell,
    )
    planned = measured["many"]
    assert {one["planned"] for one in planned} == {many}
    return [
        Comparison(
            what=f"peak memory of planning {many:,} devices of a shard",
            peer=f"{few:,} devices",
            unit="MB",
            goal=Goal(1.05),
            ours=_runs(planned, "peak_mb"),
            theirs=_runs(measured["few"], "peak_mb"),
        ),
        Comparison(
            what="CPU of planning 1,000 devices",
            peer="boto3's client reads their rows",
            unit="ms",
            goal=Goal(3),
            ours=_runs(measured["few"], "cpu_ms"),
            theirs=_runs(measured["boto3"], "cpu_ms"),
        ),
        _units("read units to plan a million devices", planned, "reads", READS_OF_DEVICE),
        _units("write units to plan a million devices", planned, "writes", WRITES_OF_PLANNING),
    ]


def _planned(shop: Shop) -> Answer:
    run = shop.run(next(iter(TEXTS)))
    which = (run.app_id, run.campaign_id, run.run_id)
    answer: Answer = answer_of(python("tests.benchmarks.campaign_planner", "ours", *which))
    return answer


def _units(what: str, planned: list[Answer], name: str, forecast: float) -> Comparison:
    """Compare what was taken for each device, a million times, with what forecasts count."""
    ours = Runs([one[name] * MILLION for one in planned])
    return Comparison(
        what=what,
        peer="what a forecast counts",
        unit="units",
        goal=Goal(1),
        ours=ours,
        theirs=Runs([forecast * MILLION] * len(planned)),
    )


def _in_turn(sides: Mapping[str, Side], *, rounds: int, tell: Tell) -> dict[str, list[Answer]]:
    measured: dict[str, list[Answer]] = {name: [] for name in sides}
    for number in range(rounds):
        for place, (name, run) in enumerate(sides.items()):
            tell(number * len(sides) + place, rounds * len(sides))
            measured[name].append(run())
    return measured


def _runs(measured: list[Answer], name: str) -> Runs:
    return Runs([one[name] for one in measured])


@contextmanager
def _tables() -> Iterator[None]:
    """Make all tables, and name them as a deployment does, to this process and its children."""
    with local_dynamodb() as client:
        names = {f"{name.upper()}_TABLE": table for name, table in make_all(client).items()}
        # No queue is asked: nothing is tried again, and no run is planned to its end.
        queues = dict.fromkeys(("PUSH_QUEUE_URL", "ADVANCE_QUEUE_URL"), "http://127.0.0.1:9/none")
        os.environ.update(names | queues)  # noqa: TID251 - settings are read there
        yield
