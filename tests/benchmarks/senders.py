"""One sender in a process of its own: ``python -m tests.benchmarks.senders KIND STUB WARM COUNT``.

Warms up its connections, sends in batches of 500, as large as our chunks, and prints what one
message took.
"""

import asyncio
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import firebase_admin
from firebase_admin import credentials, messaging

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.clock import system_clock
from shared.push.channels.fcm import FcmChannel, FcmCredentials
from shared.push.channels.fcm.messages import message_of
from shared.push.model import Content, Delivery, Outcome

BATCH = 500
CONTENT = Content(title="Sale", body="Half price on everything until Sunday")


def main() -> None:
    """Warm up, measure, print."""
    kind, stub, warm_up, count = sys.argv[1:]
    send = _SENDERS[kind](json.loads(Path(stub).read_text()))
    send(int(warm_up))
    before, began = cpu_seconds(), time.perf_counter()
    send(int(count))
    seconds, used = time.perf_counter() - began, cpu_seconds() - before
    said = {"cpu_us": used / int(count) * 1e6, "per_second": int(count) / seconds}
    sys.stdout.write(json.dumps(said) + "\n")


def _ours(stub: dict[str, Any]) -> Callable[[int], None]:
    importlib.import_module("functions")  # it sets the garbage collector of every function
    channel = FcmChannel(
        credentials=FcmCredentials(
            service_account=stub["service_account"],
            endpoint=stub["url"],
            ca_pem=Path(stub["ca"]).read_text(),
        )
    )

    def send(count: int) -> None:
        for batch in _batches(count):
            results = channel.send(batch)
            assert all(result.outcome is Outcome.SENT for result in results), results[0]

    return send


def _send_each(stub: dict[str, Any]) -> Callable[[int], None]:
    app = _firebase(stub)

    def send(count: int) -> None:
        for batch in _messages(count):
            _all_sent(messaging.send_each(batch, app=app))

    return send


def _send_each_async(stub: dict[str, Any]) -> Callable[[int], None]:
    # firebase-admin's client belongs to the loop that it met first.
    app, loop = _firebase(stub), asyncio.new_event_loop()

    def send(count: int) -> None:
        for batch in _messages(count):
            _all_sent(loop.run_until_complete(messaging.send_each_async(batch, app=app)))

    return send


def _firebase(stub: dict[str, Any]) -> Any:
    # The address of FCM is fixed in firebase-admin.
    messaging._MessagingService.FCM_URL = stub["url"] + "/v1/projects/{0}/messages:send"
    return firebase_admin.initialize_app(credentials.Certificate(stub["service_account"]))


def _all_sent(response: Any) -> None:
    failed = [one.exception for one in response.responses if one.exception]
    assert not failed, failed[0]


def _messages(count: int) -> Iterator[list[Any]]:
    for batch in _batches(count):
        yield [message_of(delivery, at=system_clock()) for delivery in batch]


def _batches(count: int) -> Iterator[list[Delivery]]:
    for numbers in _parts(range(count)):
        yield [
            Delivery(
                message_id=f"msg_01JD8ZZZZZZZZZZZZZZZZZZZZZ_{number}",
                address=Address(kind=AddressKind.FID, value=f"address-{number}-{'x' * 140}"),
                content=CONTENT,
            )
            for number in numbers
        ]


def _parts(numbers: range) -> Iterable[range]:
    return (numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH))


def cpu_seconds() -> float:
    """Return the CPU that this process has used, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


_SENDERS: dict[str, Callable[[dict[str, Any]], Callable[[int], None]]] = {
    "ours": _ours,
    "send_each": _send_each,
    "send_each_async": _send_each_async,
}

if __name__ == "__main__":
    main()
