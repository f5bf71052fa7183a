"""R1: a warm call of our HTTP edge, beside a handler that parses and answers by hand.

The call registers a device as a phone does, through the real schema, and ends before any store: the
edge alone is measured. Run as a process, it prints its runs: a log needs an output of its own.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import redirect_stdout
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId, DeviceId
from functions.registrations_api.schemas.devices import DeviceIn
from shared.platform.auth.doors import anyone
from shared.platform.http.api import Api
from shared.platform.http.routing import Router
from shared.platform.http.schemas import Out
from shared.platform.observability import logger
from tests.benchmarks.children import answer_of, python
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.deployment import Context, http_event

TITLES = {"R1": "Warm API call, validation included, beside a plain handler"}
_GOALS = {"CRITICAL": ("without logging", Goal(20)), "INFO": ("with logging", Goal(35))}
_EVENT = http_event(
    "PUT",
    f"/v1/apps/app_{'0' * 26}/devices/phone-001",
    headers={"content-type": "application/json"},
    body=json.dumps(
        {
            "platform": "android",
            "address": {"kind": "fid", "value": "c" * 22},
            "locale": "de-CH",
            "timezone": "Europe/Zurich",
            "app_version": "1.2.3",
            "os_version": "16",
            "model": "Phone 9",
            "client_seq": 1,
        }
    ),
)


class Registered(Out):
    """An answer."""

    app_id: str
    device_id: str
    locale: str | None


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure without and with the log line of each call."""
    rounds, comparisons = (5 if quick else 15), []
    for place, (level, (what, goal)) in enumerate(_GOALS.items()):
        tell(place, len(_GOALS))
        environment = {"POWERTOOLS_LOG_LEVEL": level, "POWERTOOLS_SERVICE_NAME": "bench"}
        measured = answer_of(
            python("tests.benchmarks.requests", str(rounds)), environment=environment
        )
        comparisons.append(
            Comparison(
                what=what,
                peer="plain handler",
                unit="us",
                goal=goal,
                ours=Runs(measured["ours"]),
                theirs=Runs(measured["plain"]),
            )
        )
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def main() -> None:
    """Measure in this process, and print the runs."""
    # The log goes nowhere: a pipe would count how fast its reader is.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        runs = _runs(int(sys.argv[1]))
    sys.stdout.write(json.dumps(runs) + "\n")


def _runs(rounds: int) -> dict[str, list[float]]:
    sides = {
        "ours": partial(_microseconds, _our_handler(), 200),
        "plain": partial(_microseconds, _plain_handler, 2000),
    }
    for run in sides.values():
        run()
    measured = interleaved(sides, rounds=rounds, tell=lambda *_: None)
    return {side: list(measured[side].values) for side in sides}


def _our_handler() -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    router = Router()

    @router.on(
        "PUT /v1/apps/<app_id>/devices/<device_id>",
        summary="Register a device",
        access=anyone(),
        success={HTTPStatus.OK: "The device."},
    )
    def register(
        app_id: AppId, device_id: DeviceId, body: Annotated[DeviceIn, Body()]
    ) -> Registered:
        return Registered(app_id=app_id, device_id=device_id, locale=body.locale)

    logger()
    return Api(router).answer


def _plain_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Parse, look at what matters, answer: what nobody can do for less."""
    _, _, _, app_id, _, device_id = event["requestContext"]["http"]["path"].split("/")
    body = json.loads(event["body"])
    if body["platform"] not in {"android", "ios", "web"} or not isinstance(body["client_seq"], int):
        return {"statusCode": 422}
    answer = {"app_id": app_id, "device_id": device_id, "locale": body["locale"]}
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(answer)}


def _microseconds(handler: Callable[[dict[str, Any], Any], dict[str, Any]], count: int) -> float:
    context = Context()
    before = time.process_time()
    for _ in range(count):
        answer = handler(_EVENT, context)
        assert answer["statusCode"] == HTTPStatus.OK, answer
    return (time.process_time() - before) / count * 1e6


if __name__ == "__main__":
    main()
