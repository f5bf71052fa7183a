"""C1 to C4: what a cold start costs, beside a naive function and beside the least possible one.

A start is a process of its own, from the compiled bundles that are deployed: the handler is
imported, its parts and clients are made, and one request is answered, over an AWS that knows
nothing and answers at once. So what is put off until the first request counts as well. The process
then ends at once, as Lambda's never does; only its CPU counts.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import boto3
from typing_extensions import override
from uv import find_uv_bin

from infra.local.fcm.identity import Identity
from infra.platform.bundle import Bundler, Platform
from tests.benchmarks.children import CACHE, ROOT, cpu_seconds
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.benchmarks.starts import ASKED, NEW_APP, OPERATOR, Asked, request

TITLES = {
    "C1": "Cold start: CPU of each API function, beside the naive one",
    "C2": "Cold start: CPU of each API function, beside the least possible",
    "C3": "Cold start: CPU of each worker, beside a naive one",
    "C4": "Every shipped module is compiled, for the interpreter that runs it",
}
APIS = sorted(name for name in ASKED if name.endswith("_api"))
WORKERS = sorted(ASKED.keys() - {*APIS, "send_push"})
"""What events and schedules start, but the push sender, which has a peer of its own."""

XRAY = "aws-xray-sdk==2.15.0"
"""What Powertools' Tracer needs; we do not ship it."""

_PEERS = Path("tests", "benchmarks", "peers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A function to start: where its code lies, and what it is asked."""

    folders: Sequence[Path]
    handler: str
    asked: Asked

    def cpu_milliseconds(self, environment: Mapping[str, str]) -> float:
        """Start a process; return its CPU."""
        code = (
            f"import sys, os; sys.path[:0] = {[str(folder) for folder in self.folders]!r}\n"
            f"from {self.handler} import lambda_handler\n"
            f"event = {dict(self.asked.event)!r}\n"
            "class Context:\n"
            "    aws_request_id = function_name = invoked_function_arn = 'bench'\n"
            "    memory_limit_in_mb = 1024\n"
            "    def get_remaining_time_in_millis(self): return 10_000\n"
            "try: answer = lambda_handler(event, Context())\n"
            "except Exception as error:\n"
            f"    if type(error).__name__ != {self.asked.may_raise!r}: raise\n"
            "else:\n"
            "    answer = answer or {}\n"
            "    assert answer.get('statusCode', 200) < 500, answer\n"
            "    assert not answer.get('batchItemFailures'), answer\n"
            f"{self.asked.then}\n"
            "os._exit(0)\n"
        )
        # Isolated and without site: neither this checkout nor its environment is on the path.
        command = [sys.executable, "-I", "-S", "-c", code]
        return cpu_seconds(command, environment=environment) * 1000


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure the starts that the ids need."""
    bundler = Bundler(root=ROOT, platform=Platform.of("local"))
    measured: dict[str, Runs] = {}
    needs = {
        "C1": {*APIS, "naive_api"},
        "C2": {*APIS, "minimum"},
        "C3": {"send_push", "naive_push", *WORKERS, "naive_api"},
    }
    wanted = set[str]().union(*(needs.get(each, ()) for each in ids))
    if wanted:
        with TemporaryDirectory(prefix="engage-bench-") as scratch, _empty_aws() as url:
            environment = _environment(url, Path(scratch))
            starts = _starts(bundler, Path(scratch))
            sides = {
                name: partial(start.cpu_milliseconds, environment)
                for name, start in starts.items()
                if name in wanted
            }
            for run in sides.values():
                run()  # where Python may keep what it compiled, now it has
            measured = interleaved(sides, rounds=5 if quick else 15, tell=tell)
    for each in sorted(ids):
        yield Result(id=each, title=TITLES[each], comparisons=_COMPARE[each](measured, bundler))


def starts_of_ours(bundler: Bundler) -> dict[str, Start]:
    """Return how each function is started, by its name."""
    core, push = bundler.layer("core") / "python", bundler.layer("push") / "python"
    return {
        name: Start(
            folders=[bundler.function(name), core, *([push] if name == "send_push" else [])],
            handler=f"functions.{name}.handler",
            asked=asked,
        )
        for name, asked in ASKED.items()
    }


def _starts(bundler: Bundler, scratch: Path) -> dict[str, Start]:
    # Under their own names, with nothing else of this checkout.
    shutil.copytree(ROOT / _PEERS, scratch / _PEERS, ignore=shutil.ignore_patterns("__pycache__"))
    _compile(scratch)
    # The naive functions take the same versions as they are installed, compiled like ours.
    naive = [scratch, _xray(), Path(boto3.__file__).parents[1]]
    asked = Asked(event=request("POST", "/v1/apps", NEW_APP))
    return {
        **starts_of_ours(bundler),
        "naive_api": Start(folders=naive, handler=_module("naive_api"), asked=asked),
        "naive_push": Start(folders=naive, handler=_module("naive_push"), asked=asked),
        "minimum": Start(folders=[scratch], handler=_module("minimum"), asked=asked),
    }


def _module(peer: str) -> str:
    return ".".join([*_PEERS.parts, peer])


def _environment(url: str, scratch: Path) -> dict[str, str]:
    identity = Identity.kept_in(scratch / "fcm")
    account = identity.write_service_account("https://127.0.0.1:9")
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": url,
        "REGISTRATIONS_TABLE": "registrations",
        "CONTACT_EVENTS_TABLE": "contact_events",
        "CONTACT_POLICY_TABLE": "contact_policy",
        "PUSH_TABLE": "push",
        "COUPONS_TABLE": "coupons",
        "PLACEMENTS_TABLE": "placements",
        "EVENT_BUS": "events",
        "PUSH_QUEUE_URL": f"{url}/push",
        "PLAN_QUEUE_URL": f"{url}/plan",
        "ADVANCE_QUEUE_URL": f"{url}/advance",
        "IMPORT_QUEUE_URL": f"{url}/import",
        "CODE_QUEUE_URL": f"{url}/codes",
        "PUBLICATION_QUEUE_URL": f"{url}/publications",
        "DECISION_QUEUE_URL": f"{url}/decisions",
        "FILES_BUCKET": "files",
        "CODE_FILES_BUCKET": "codes",
        "SNAPSHOTS_BUCKET": "snapshots",
        "DECISIONS_BUCKET": "decisions",
        "DEVICE_TOKEN_SECRET": "device-tokens",
        "IDENTIFIER_SECRET": "identifiers",
        "CODE_SECRET": "codes",
        "ENCRYPTION_SECRET": "data-keys",
        "OIDC_ISSUER": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool",
        "OIDC_AUDIENCE": "marketers",
        "OPERATOR_ROLE_ARN": OPERATOR,
        "SERVICE_ACCOUNT": json.dumps(account),
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "Engage",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


def _xray() -> Path:
    """Return a folder with the SDK of X-Ray, compiled as our layers are, installed there once."""
    folder = CACHE / "bench" / XRAY
    if not (folder / "aws_xray_sdk").is_dir():
        install = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(folder), "--no-deps"]
        packages = [XRAY, "wrapt"]
        subprocess.run([*install, "--python", sys.executable, *packages], check=True)  # noqa: S603
        _compile(folder)
    return folder


def _compile(folder: Path) -> None:
    rule = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([sys.executable, "-I", *rule, str(folder)], check=True)  # noqa: S603


@contextmanager
def _empty_aws() -> Iterator[str]:
    """Serve an AWS that holds one secret and nothing else, and takes every write."""
    secret = {"SecretString": json.dumps({"current": "key"})}
    found = {"secretsmanager.GetSecretValue": secret}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers["X-Amz-Target"]
            nothing = (
                {"Items": [], "Count": 0, "ScannedCount": 0} if target.endswith(".Query") else {}
            )
            text = json.dumps(found.get(target, nothing)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _beside(
    measured: Mapping[str, Runs], names: Sequence[str], peer: str, goal: Goal
) -> list[Comparison]:
    return [
        Comparison(
            what=name,
            peer=_PEER_NAMES[peer],
            unit="ms",
            goal=goal,
            ours=measured[name],
            theirs=measured[peer],
        )
        for name in names
    ]


_PEER_NAMES = {
    "naive_api": "naive function",
    "naive_push": "naive push function",
    "minimum": "router and SigV4 by hand",
}


def _compiled(_: Mapping[str, Runs], bundler: Bundler) -> list[Comparison]:
    """Count the modules, and those whose ``.pyc`` the interpreter of the bundle accepts."""
    functions = [path.parent.name for path in (ROOT / "functions").glob("*/handler.py")]
    folders = [bundler.layer("core"), bundler.layer("push"), *map(bundler.function, functions)]
    code = "import importlib.util, json; print(json.dumps(importlib.util.MAGIC_NUMBER.hex()))"
    command = [str(bundler.platform.python), "-c", code]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    magic = bytes.fromhex(json.loads(asked.stdout))
    tag = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    accepted = sum(_accepts(path, tag=tag, magic=magic) for path in modules)
    return [
        Comparison(
            what="compiled modules",
            peer="shipped modules",
            unit="modules",
            goal=Goal(1, at_least=True),
            ours=Runs([accepted]),
            theirs=Runs([len(modules)]),
        )
    ]


def _accepts(module: Path, *, tag: str, magic: bytes) -> bool:
    """Say whether a module has a ``.pyc`` of this magic number that is never compared to it."""
    compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
    unchecked_hash = b"\x01\x00\x00\x00"
    return compiled.is_file() and compiled.read_bytes()[:8] == magic + unchecked_hash


_COMPARE = {
    "C1": lambda measured, _: _beside(measured, APIS, "naive_api", Goal(0.5)),
    "C2": lambda measured, _: _beside(measured, APIS, "minimum", Goal(5)),
    "C3": lambda measured, _: [
        *_beside(measured, ["send_push"], "naive_push", Goal(0.45)),
        *_beside(measured, WORKERS, "naive_api", Goal(0.5)),
    ],
    "C4": _compiled,
}
