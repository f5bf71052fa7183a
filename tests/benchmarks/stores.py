"""D1: our stores beside boto3's client, which sends the very same requests to DynamoDB Local.

What our stores ask is recorded once, then boto3's client replays it on a second set of tables. Only
this process's CPU counts: our side with its rows, conditions and models, boto3's with nothing.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from shared.contact_events.model.timelines import TimelineQuery
from shared.contact_events.store import DynamoEventStore, DynamoReceiptStore
from shared.kernel.clock import system_clock
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import Ids
from shared.platform import dynamodb
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from shared.registrations.model.devices import Device
from shared.registrations.store import DynamoDeviceStore
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Tell, interleaved
from tests.capacity import PHONE
from tests.contract.test_chunk_stores import APP
from tests.tables import definition

TITLES = {"D1": "DynamoDB: CPU of a call of our stores, beside boto3's client"}
CONTACT = "con_" + "0" * 26
_HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)
_OPERATIONS = {
    "get": "GetItem",
    "put": "PutItem",
    "transact": "TransactWriteItems",
    "query of 20": "Query",
}
_GOALS = {"query of 20": Goal(1.3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Our stores over two tables of their own."""

    registrations: str
    ledger: str

    @classmethod
    def made(cls, client: Any) -> "Stores":
        """Make the tables, a device to get, and a timeline of 20 events."""
        names = {}
        for name in ("registrations", "contact_events"):
            names[name] = f"{name}-{uuid4().hex[:12]}"
            client.create_table(**definition(name, table=names[name]))
        stores = cls(registrations=names["registrations"], ledger=names["contact_events"])
        transact = stores.calls()["transact"]
        transact.run(transact.prepare("phone-001"))
        ledger, ids = Ledger(table=stores.ledger), Ids(clock=system_clock)
        for _ in range(20):
            commit({"event": ledger.record(_event(ids, CONTACT))})
        return stores

    def calls(self) -> dict[str, "Call"]:
        """Return each kind of call."""
        ledger, ids = Ledger(table=self.ledger), Ids(clock=system_clock)
        devices = DynamoDeviceStore(table=self.registrations, ledger=ledger)
        receipts = DynamoReceiptStore(table=self.ledger)
        events = DynamoEventStore(table=self.ledger)
        sequences = [ids.sequence() for _ in range(20)]

        def query(_: str) -> None:
            found = list(events.timeline(CONTACT, app_id=APP, query=TimelineQuery()))
            assert len(found) == 20

        return {
            "get": Call(lambda _: devices.get_device(app_id=APP, device_id="phone-001")),
            "put": Call(lambda name: receipts.add_receipt(_HOUR, batch=name, sequences=sequences)),
            "transact": Call(
                lambda both: devices.commit_device(both[0], before=None, event=both[1]),
                lambda name: (_device(name), _event(ids, f"con_{name}")),
            ),
            "query of 20": Call(query),
        }


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a store, and what makes its argument of a name that no other call had."""

    run: Callable[[Any], Any]
    prepare: Callable[[str], Any] = str


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Measure each kind of call, in runs of a hundred."""
    rounds, count = (5, 50) if quick else (15, 100)
    comparisons = []
    with local_dynamodb() as client:
        ours, theirs = Stores.made(client), Stores.made(client)
        for place, (kind, call) in enumerate(ours.calls().items()):
            asked = _recorded(kind, call, count=(rounds + 1) * count)
            replay = _Replay(client, kind, [_moved(one, ours, theirs) for one in asked])
            sides = {
                "ours": partial(_milliseconds, call, count),
                "boto3": partial(_milliseconds, Call(replay.next), count),
            }
            for side in sides.values():
                side()  # connections are open, and what is made once is made
            measured = interleaved(sides, rounds=rounds, tell=_within(tell, place))
            comparisons.append(
                Comparison(
                    what=kind,
                    peer="boto3's client",
                    unit="ms",
                    goal=_GOALS.get(kind, Goal(1.2)),
                    ours=measured["ours"],
                    theirs=measured["boto3"],
                )
            )
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


class _Replay:
    """Boto3's client, sending what was recorded, each request once."""

    def __init__(self, client: Any, kind: str, asked: list[dict[str, Any]]) -> None:
        calls = {
            "GetItem": client.get_item,
            "PutItem": client.put_item,
            "TransactWriteItems": client.transact_write_items,
            "Query": client.query,
        }
        self._call = calls[_OPERATIONS[kind]]
        self._asked = iter(asked)

    def next(self, _: str) -> None:
        self._call(**next(self._asked))


def _recorded(kind: str, call: Call, *, count: int) -> list[dict[str, Any]]:
    """Return what the store asks of DynamoDB in so many calls."""
    asked: list[dict[str, Any]] = []
    with _listening(kind, asked):
        for number in range(count):
            call.run(call.prepare(f"recorded-{number:06d}"))
    assert len(asked) == count
    return asked


@contextmanager
def _listening(kind: str, asked: list[dict[str, Any]]) -> Iterator[None]:
    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(dict(params))

    event = f"before-parameter-build.dynamodb.{_OPERATIONS[kind]}"
    events = dynamodb.connection().client.meta.events
    events.register(event, note)
    try:
        yield
    finally:
        events.unregister(event, note)


def _moved(value: Any, ours: Stores, theirs: Stores) -> Any:
    """Return a request that names the other tables."""
    if isinstance(value, dict):
        return {name: _moved(part, ours, theirs) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, ours, theirs) for part in value]
    tables = {ours.registrations: theirs.registrations, ours.ledger: theirs.ledger}
    return tables.get(value, value) if isinstance(value, str) else value


def _milliseconds(call: Call, count: int) -> float:
    prepared = [call.prepare(f"run-{uuid4().hex}") for _ in range(count)]
    before = time.process_time()
    for each in prepared:
        call.run(each)
    return (time.process_time() - before) / count * 1000


def _within(tell: Tell, place: int) -> Tell:
    kinds = len(_OPERATIONS)
    return lambda done, total: tell(place * total + done, kinds * total)


def _event(ids: Ids, contact_id: str) -> Envelope:
    return Envelope(
        app_id=APP,
        sequence=ids.sequence(),
        type="message.sent.v1",
        source="push",
        time=system_clock(),
        subject=Subject(kind="contact", id=contact_id),
        channel="push",
        direction="out",
        purpose="marketing",
        data={"message_id": f"msg_{'0' * 26}_1", "device_id": "phone-001", "provider_id": None},
    )


def _device(name: str) -> Device:
    address = PHONE.address
    assert address is not None
    now = system_clock()
    return Device(
        app_id=APP,
        device_id=name,
        contact_id=f"con_{name}",
        is_anonymous=True,
        epoch=0,
        state=replace(PHONE, address=replace(address, value=f"fid-{name}")),
        registered_at=now,
        last_seen_at=now,
        client_seq=1,
    )
