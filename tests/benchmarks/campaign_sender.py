"""The whole sender in a process of its own.

``python -m tests.benchmarks.campaign_sender STUB AUDIENCE TEXT CHUNKS``: over the tables that the
environment names, it plans a chunk for each of so many campaigns to one audience, and a first one
that does not count, sends them one after the other, and prints what one message took.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from functions.send_push import wiring
from shared.kernel.clock import system_clock
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.model import Recipient, State
from shared.push.model.quota import RAMP
from shared.push.service.quota import Governor
from shared.push.service.sending import SendService
from shared.push.store import DynamoChunkStore
from shared.push.store.quota import DynamoQuotaStore
from tests.benchmarks.senders import cpu_seconds
from tests.benchmarks.shop import PROJECT, SECRET, Shop


class RestedClock:
    """The governor's: it stands still during a chunk, and a rest passes between two.

    So a campaign that begins anew gets a block for each, and however busy this machine is, the
    block is good for the whole chunk.
    """

    def __init__(self, at: datetime) -> None:
        self._at = at

    def __call__(self) -> datetime:
        return self._at

    def rest(self) -> None:
        self._at += RAMP


def main() -> None:
    """Warm up, measure, print."""
    stub, audience, text, chunks = sys.argv[1:]
    told = json.loads(Path(audience).read_text())
    shop, quotas = Shop(app_id=told["app_id"]), DynamoQuotaStore(table=settings().push_table)
    bucket = quotas.bucket_of(PROJECT)
    # The process before this one let time pass, too.
    clock = RestedClock(bucket.at if bucket else system_clock())
    recipients = [Recipient(**one) for one in told["recipients"]]
    planned = [shop.chunk(shop.run(text), recipients) for _ in range(1 + int(chunks))]
    sender = _sender(json.loads(Path(stub).read_text()), quotas, clock)

    def send(chunk_ids: Sequence[str]) -> None:
        for chunk_id in chunk_ids:
            clock.rest()
            sender.work(chunk_id, app_id=shop.app_id, holder="bench")

    send(planned[:1])
    before, began = cpu_seconds(), time.perf_counter()
    send(planned[1:])
    seconds, used = time.perf_counter() - began, cpu_seconds() - before
    _check_all_sent(planned, app_id=shop.app_id)
    messages = int(chunks) * len(recipients)
    said = {"cpu_us": used / messages * 1e6, "per_second": messages / seconds}
    sys.stdout.write(json.dumps(said) + "\n")


def _sender(stub: Mapping[str, Any], quotas: DynamoQuotaStore, clock: RestedClock) -> SendService:
    """Return the deployed sender, led to the stub by the secret that it would read."""
    sender = wiring.sender()
    channels = sender.channels
    assert isinstance(channels, wiring.FcmChannels)
    secret = {
        "service_account": stub["service_account"],
        "endpoint": stub["url"],
        "ca_pem": Path(stub["ca"]).read_text(),
    }
    channels._secrets[SECRET] = Secret(id=SECRET, _held=secret, _fresh_until=float("inf"))
    return replace(sender, quota=Governor(store=quotas, projects=channels, clock=clock))


def _check_all_sent(planned: Sequence[str], *, app_id: str) -> None:
    """Hold the measurement to what it is for: who is refused or put off costs less."""
    table, ledger_table = settings().push_table, settings().contact_events_table
    store = DynamoChunkStore(table=table, ledger_table=ledger_table)
    for chunk in store.chunks(planned, app_id=app_id).values():
        assert set(chunk.states) == {State.SENT}, (chunk.tally, chunk.reasons)


if __name__ == "__main__":
    main()
