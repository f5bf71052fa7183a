"""A phone in a process of its own, for a test to kill.

``python -m tests.e2e.killed_phone FILE URL APP CODE [MARK ...]`` tracks an event and redeems a code
for each mark, then tells all that waits in the file. What the first basket costs is 10.00, the
second 20.00 and so on. It prints a line before each request, one after its answer, and at last its
contact.
"""

import sys
import time
from pathlib import Path

from engage_mobile import (
    Config,
    Engage,
    HttpTransport,
    Request,
    Response,
    SqliteQueue,
    Transport,
    system_clock,
)


def _line(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Told:
    """Says when a request leaves and when its answer came."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: Request) -> Response | None:
        _line("sends", request.path)
        answer = self._transport.send(request)
        _line("heard", None if answer is None else answer.status)
        return answer


def main(file: str, url: str, app_id: str, code: str, *marks: str) -> None:
    with HttpTransport(url, timeout=60) as transport:
        config = Config(app_id=app_id, clock=system_clock)
        engage = Engage(SqliteQueue.open(Path(file)), Told(transport), config)
        if marks:
            engage.register({"platform": "android"})
        for number, mark in enumerate(marks, start=1):
            engage.track("com.example.seen", {"mark": mark})
            line = {"line_id": "1", "product_id": "shoe", "quantity": 1}
            basket = {"currency": "EUR", "lines": [{**line, "unit_price": 1_000 * number}]}
            engage.coupons.redeem([{"code": code}], basket=basket)
        engage.enter_background()
        while engage.waiting:
            due_at = engage.pump(system_clock())
            time.sleep(max(0, (due_at or 0) - system_clock()) / 1_000)
        _line(engage.contact_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
