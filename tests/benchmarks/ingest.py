"""T2: what recording foreign events takes by the clock, beside their bare transactions.

Two writers bring batches of 20 of people who are known. Then boto3's client sends the very same
transactions to tables of its own, as many at once: without asking who is meant, without guards that
are looked up, without rows and models.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
from botocore.config import Config

from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.translations import Translation
from shared.contact_events.service.ingest import THREADS, IngestService
from shared.contact_events.store import DynamoEventStore, DynamoForeignEventStore, DynamoRejectStore
from shared.kernel.events import Channel, Direction, Purpose
from shared.platform import dynamodb
from shared.platform.ledger import Ledger
from shared.registrations.store import (
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoErasureStore,
    DynamoKeyStore,
    DynamoSystemStore,
)
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.contract.test_ingest import assemble as assemble_ingest
from tests.contract.test_records import assemble as assemble_records
from tests.contract.test_registration_stores import assemble as assemble_registrations
from tests.fakes.clock import NOON
from tests.tables import make_all

TITLES = {"T2": "Foreign events: 500 in batches of 20, by the clock"}

EVENTS, BATCH, PEOPLE = 500, 20, 100
WRITERS = 2
"""Each has 16 events in work at once: together as many as a process has connections."""

SECONDS = 20
"""What all of it may take."""

_ASKED = "before-parameter-build.dynamodb.TransactWriteItems"


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Record so many events, and send their transactions again, in turns."""
    rounds = 3 if quick else 7
    with local_dynamodb() as client:
        ours = Recording.made(make_all(client))
        theirs = Replaying(client, tables=make_all(client), named=ours.tables)
        asked: list[dict[str, Any]] = []
        ours.run()  # people are known, and connections open

        def recorded() -> float:
            asked.clear()
            with _listening(asked):
                return ours.run()

        sides = {"ours": recorded, "boto3": lambda: theirs.run(asked)}
        took = interleaved(sides, rounds=rounds, tell=tell)
    what = f"{EVENTS} events of known people"
    beside = [
        ("what it may take", Goal(1), Runs([SECONDS] * rounds)),
        ("boto3's bare transactions", Goal(2.5), took["boto3"]),
    ]
    comparisons = [
        Comparison(what=what, peer=peer, unit="s", goal=goal, ours=took["ours"], theirs=runs)
        for peer, goal, runs in beside
    ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Our services over tables of their own."""

    tables: Mapping[str, str]
    service: IngestService
    app_id: str
    numbers: Iterator[int]

    @classmethod
    def made(cls, tables: Mapping[str, str]) -> "Recording":
        """Assemble the services."""
        registrations, events = tables["registrations"], tables["contact_events"]
        ledger = Ledger(table=events)
        there = assemble_registrations(
            DynamoAppStore(table=registrations, ledger=ledger),
            DynamoDeviceStore(table=registrations, ledger=ledger),
            DynamoContactStore(table=registrations, ledger=ledger),
            DynamoErasureStore(table=registrations, ledger=ledger),
            DynamoKeyStore(table=registrations),
            DynamoSystemStore(table=registrations, ledger=ledger),
            told=list,
        )
        records = assemble_records(
            there, DynamoEventStore(table=events), DynamoForeignEventStore(table=events)
        )
        ingest = assemble_ingest(records, DynamoRejectStore(table=events))
        return cls(tables=tables, service=ingest.service, app_id=records.app_id, numbers=count())

    def run(self) -> float:
        """Record as many new events, and return how many seconds that took."""
        events = [self._event(place) for place in range(EVENTS)]
        batches = [events[first : first + BATCH] for first in range(0, EVENTS, BATCH)]
        with ThreadPoolExecutor(WRITERS) as writers:
            return _seconds(lambda: sum(writers.map(self._record, batches)) == EVENTS)

    def _record(self, batch: list[ForeignEvent]) -> int:
        translation = Translation(events=tuple(batch))
        return self.service.ingest(translation, app_id=self.app_id, wire="bench").accepted

    def _event(self, place: int) -> ForeignEvent:
        return ForeignEvent(
            app_id=self.app_id,
            source="csv/post",
            id=f"{next(self.numbers)}",
            type="message.sent.v1",
            time=NOON,
            channel=Channel.POST,
            direction=Direction.OUT,
            purpose=Purpose.MARKETING,
            identifiers=(("customer", f"C-{place % PEOPLE}"),),
            data={"campaign_id": "spring", "cost": {"amount": 850_000, "currency": "CHF"}},
        )


class Replaying:
    """Boto3's client, sending transactions again, to tables of its own."""

    def __init__(self, client: Any, *, tables: Mapping[str, str], named: Mapping[str, str]) -> None:
        pool = Config(max_pool_connections=WRITERS * THREADS)
        self._client = boto3.client(
            "dynamodb",
            region_name=client.meta.region_name,
            endpoint_url=client.meta.endpoint_url,
            config=pool,
        )
        self._table_of = {named[name]: table for name, table in tables.items()}

    def run(self, asked: list[dict[str, Any]]) -> float:
        """Send as many transactions, and return how many seconds that took."""
        moved = [self._moved(one) for one in asked]
        with ThreadPoolExecutor(WRITERS * THREADS) as writers:
            return _seconds(lambda: len(list(writers.map(self._send, moved))) == EVENTS)

    def _send(self, asked: dict[str, Any]) -> None:
        self._client.transact_write_items(**asked)

    def _moved(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a transaction that names the other tables."""
        parts = [
            {kind: {**of, "TableName": self._table_of[of["TableName"]]}}
            for part in asked["TransactItems"]
            for kind, of in part.items()
        ]
        return {**asked, "TransactItems": parts}


@contextmanager
def _listening(asked: list[dict[str, Any]]) -> Iterator[None]:
    """Keep what our stores ask within."""

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(dict(params))

    events = dynamodb.connection().client.meta.events
    events.register(_ASKED, note)
    try:
        yield
    finally:
        events.unregister(_ASKED, note)


def _seconds(work: Callable[[], bool]) -> float:
    before = time.perf_counter()
    assert work()
    return time.perf_counter() - before
