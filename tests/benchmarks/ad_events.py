"""A3: what events of ads cost us, beside what they cost most servers.

Tokens: a grant signed and read again, beside the same in JSON with the standard library. Folding: a
batch of a thousand impressions of twenty flights on DynamoDB Local, beside one update of a counter
for each event, which counts twice what comes twice.
"""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any

from shared.kernel.clock import rfc3339
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.placements.model.accounting import counted_event, event_key
from shared.placements.model.engagements import Engagement
from shared.placements.model.folding import Recorded, changes_of
from shared.placements.store.counters import DynamoCounterStore
from shared.placements.store.tokens import SignedGrants
from shared.platform.auth.ad_tokens import AdTokens
from shared.platform.dynamodb import POOL
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.capacity import metered
from tests.fakes.ads import a_grant
from tests.fakes.clock import NOON, ManualClock
from tests.tables import make_all

TITLES = {"A3": "Events of ads: tokens, and folding a batch"}
BATCH, FLIGHTS = 1_000, 20
_KEY = b"a key of a deployment, 32 bytes!"
_TOKENS = 2_000


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure tokens, then folding."""
    rounds = 3 if quick else 7
    comparisons = [_tokens(rounds, tell), *_folding(rounds, tell)]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _tokens(rounds: int, tell: Tell) -> Comparison:
    sides = {"ours": partial(_microseconds, _ours), "json": partial(_microseconds, _plain)}
    measured = interleaved(sides, rounds=rounds, tell=tell)
    return Comparison(
        what="a token signed and read",
        peer="JSON and HMAC",
        unit="µs",
        goal=Goal(2),
        ours=measured["ours"],
        theirs=measured["json"],
    )


def _ours() -> None:
    grants = SignedGrants(tokens=AdTokens(keys=lambda: [_KEY]))
    assert grants.grant_of(grants.token_of(_GRANT)) == _GRANT


def _plain() -> None:
    claims = {**asdict(_GRANT), "issued_at": rfc3339(NOON), "expires_at": rfc3339(NOON)}
    content = urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
    signature = hmac.digest(_KEY, content, sha256)
    assert hmac.compare_digest(hmac.digest(_KEY, content, sha256), signature)
    assert json.loads(urlsafe_b64decode(content)) == claims


_GRANT = a_grant()


def _microseconds(call: Callable[[], None]) -> float:
    before = time.process_time()
    for _ in range(_TOKENS):
        call()
    return (time.process_time() - before) / _TOKENS * 1e6


def _folding(rounds: int, tell: Tell) -> Iterator[Comparison]:
    with local_dynamodb() as client:
        tables = make_all(client, indexed=False)
        batches = _Batches()
        store = DynamoCounterStore(table=tables["placements"])
        each = partial(_update_each, client, tables["placements"])
        fold = partial(_fold, store)
        for side in (fold, each):
            side(batches.next())  # connections are open, and the shard is met
        with metered() as meter:
            fold(batches.next())
        sides = {
            "ours": lambda: BATCH / _seconds(fold, batches.next()),
            "each": lambda: BATCH / _seconds(each, batches.next()),
        }
        measured = interleaved(sides, rounds=rounds, tell=tell)
    peer = "an update for each event"
    yield Comparison(
        what="events folded",
        peer=peer,
        unit="/s",
        goal=Goal(3, at_least=True),
        ours=measured["ours"],
        theirs=measured["each"],
    )
    yield Comparison(
        what="a batch of 1,000 events",
        peer=peer,
        unit="units",
        goal=Goal(0.1),
        ours=Runs([meter.writes]),
        # An update of a small item is a unit.
        theirs=Runs([BATCH]),
    )


class _Batches:
    """Batches of a shard, each of it behind the one before."""

    def __init__(self) -> None:
        self._ids = Ids(clock=ManualClock())
        self._position = 10**20

    def next(self) -> list[Recorded]:
        """Return the next thousand impressions."""
        return [self._recorded(number) for number in range(BATCH)]

    def _recorded(self, number: int) -> Recorded:
        self._position += 1
        return Recorded(position=str(self._position), event=self._event(number))

    def _event(self, number: int) -> Envelope:
        grant = a_grant(number, flight_id=f"flt_{number % FLIGHTS:026}")
        event = counted_event(grant, Engagement.IMPRESSION, at=NOON)
        key = event_key(grant.issued_at, grant.token_id, Engagement.IMPRESSION)
        return seal(event, sequence=self._ids.sequence(), key=key)


def _fold(store: DynamoCounterStore, batch: list[Recorded]) -> None:
    changes = changes_of(batch, zone_of=lambda _: "Europe/Zurich")
    assert all(store.fold(changes, shard="shard", at=NOON))


def _update_each(client: Any, table: str, batch: list[Recorded]) -> None:
    def update(record: Recorded) -> None:
        client.update_item(
            TableName=table,
            Key={"pk": {"S": f"EACH#{record.event.data['flight_id']}"}, "sk": {"S": "LIFE"}},
            UpdateExpression="ADD shown :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(POOL) as threads:
        list(threads.map(update, batch))


def _seconds(side: Callable[[list[Recorded]], None], batch: list[Recorded]) -> float:
    before = time.perf_counter()
    side(batch)
    return time.perf_counter() - before
