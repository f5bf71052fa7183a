"""P1 to P4: the FCM wire beside firebase-admin, Node's firebase-admin and h2load.

All send the same kind of message to one stub, HTTP/2 over TLS with 50 ms before each answer.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.local.fcm.identity import Identity
from infra.node import node
from tests.benchmarks.children import answer_of, cpu_seconds, python
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell
from tests.node import node_package

TITLES = {
    "P1": "FCM wire: CPU per push, beside firebase-admin's send_each_async",
    "P2": "FCM wire: CPU per push, beside Node's firebase-admin sendEach",
    "P3": "FCM wire: CPU per push, beside h2load, which only repeats bytes",
    "P4": "FCM wire: messages a second of one process, beside send_each_async",
}
LATENCY_MS = 50
NODE_ADMIN = "firebase-admin@13.10.0"
_HERE = Path(__file__).parent
# So many messages that each side sends for seconds; the slow ones need fewer.
_COUNTS = {"ours": 5000, "send_each_async": 1000, "send_each": 1000, "node": 3000, "h2load": 20000}
_NO_H2LOAD = "h2load is missing: install Debian's package nghttp2-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """The running stub, and what senders must know of it."""

    url: str
    identity: Identity
    facts: Path

    @property
    def trust(self) -> dict[str, str]:
        """Return the environment in which firebase-admin's clients, and Node's, believe it."""
        return {
            "SSL_CERT_FILE": str(self.identity.ca),
            "REQUESTS_CA_BUNDLE": str(self.identity.ca),
            "NODE_EXTRA_CA_CERTS": str(self.identity.ca),
        }


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure the wire and the peers that the ids need."""
    needs = {"P1": {"send_each", "send_each_async"}, "P2": {"node"}, "P3": {"h2load"}}
    needs["P4"] = needs["P1"]
    has_h2load = shutil.which("h2load") is not None
    sides = ["ours", *sorted(set[str]().union(*(needs[each] for each in ids)))]
    if not has_h2load and "h2load" in sides:
        sides.remove("h2load")
    rounds, share = (2, 5) if quick else (5, 1)
    measured: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    if len(sides) > 1:
        with running_stub() as stub:
            for number in range(rounds):
                for place, side in enumerate(sides):
                    tell(number * len(sides) + place, rounds * len(sides))
                    measured[side].append(_run(side, stub, max(500, _COUNTS[side] // share)))
    for each in sorted(ids):
        if each == "P3" and not has_h2load:
            yield Result(id=each, title=TITLES[each], skipped=_NO_H2LOAD)
        else:
            yield Result(id=each, title=TITLES[each], comparisons=_COMPARE[each](measured))


def _p1(measured: dict[str, Any]) -> list[Comparison]:
    return [
        _cpu(measured, "send_each_async", "firebase-admin send_each_async", Goal(0.10)),
        # Beside it, its threads, which a Lambda would rather use.
        _cpu(measured, "send_each", "firebase-admin send_each", Goal(0.10)),
    ]


def _p2(measured: dict[str, Any]) -> list[Comparison]:
    return [_cpu(measured, "node", f"Node's {NODE_ADMIN} sendEach", Goal(0.5))]


def _p3(measured: dict[str, Any]) -> list[Comparison]:
    return [_cpu(measured, "h2load", "h2load", Goal(25))]


def _p4(measured: dict[str, Any]) -> list[Comparison]:
    return [
        Comparison(
            what="messages a second",
            peer="firebase-admin send_each_async",
            unit="1/s",
            goal=Goal(8, at_least=True),
            ours=_runs(measured["ours"], "per_second"),
            theirs=_runs(measured["send_each_async"], "per_second"),
        )
    ]


_COMPARE = {"P1": _p1, "P2": _p2, "P3": _p3, "P4": _p4}


def _cpu(measured: dict[str, Any], side: str, peer: str, goal: Goal) -> Comparison:
    return Comparison(
        what="CPU of a push",
        peer=peer,
        unit="us",
        goal=goal,
        ours=_runs(measured["ours"], "cpu_us"),
        theirs=_runs(measured[side], "cpu_us"),
    )


def _runs(measured: list[dict[str, float]], name: str) -> Runs:
    return Runs([one[name] for one in measured])


def _run(side: str, stub: Stub, count: int) -> dict[str, float]:
    if side == "h2load":
        return _h2load(stub, count)
    if side == "node":
        script = str(_HERE / "node_sender.mjs")
        sizes = ("500", str(count), "500")
        command = [str(node()), script, str(node_package(NODE_ADMIN)), stub.url, *sizes]
    else:
        command = python("tests.benchmarks.senders", side, str(stub.facts), "500", str(count))
    answer: dict[str, float] = answer_of(command, environment=stub.trust)
    return answer


def _h2load(stub: Stub, count: int) -> dict[str, float]:
    body = stub.facts.with_name("body.json")
    body.write_text(json.dumps({"message": {"fid": "x" * 150, "data": {"message_id": "m" * 30}}}))
    command = ["h2load", "-n", str(count), "-c", "5", "-m", "100", "-d", str(body)]
    headers = ["-H", "content-type: application/json", "-H", "authorization: Bearer ya29.bench"]
    url = f"{stub.url}/v1/projects/engage-local/messages:send"
    began = time.perf_counter()
    # h2load prints its own figures; its CPU, start included, is read by the same means as ours.
    used = cpu_seconds([*command, *headers, url])
    seconds = time.perf_counter() - began
    return {"cpu_us": used / count * 1e6, "per_second": count / seconds}


@contextmanager
def running_stub() -> Iterator[Stub]:
    """Start the stub of FCM, and end it."""
    with TemporaryDirectory(prefix="engage-bench-") as scratch:
        folder = Path(scratch)
        identity = Identity.kept_in(folder)
        script = str(_HERE / "fcm_stub.mjs")
        command = [str(node()), script, str(identity.key), str(identity.certificate)]
        with subprocess.Popen(  # noqa: S603 - our own stub
            [*command, str(LATENCY_MS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                port = json.loads(process.stdout.readline())["port"]
                url = f"https://127.0.0.1:{port}"
                account = identity.write_service_account(url)
                facts = folder / "stub.json"
                facts.write_text(
                    json.dumps({"url": url, "ca": str(identity.ca), "service_account": account})
                )
                yield Stub(url=url, identity=identity, facts=facts)
            finally:
                process.stdin.close()
                process.wait(timeout=10)
