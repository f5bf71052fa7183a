"""What operations cost in DynamoDB's own units; an index entry is one unit more, and not counted.

Single writes and reads are as DynamoDB Local reports them. Of a transaction it reports four units a
table, however many items (1.25.1), so these are counted by the documented rule: two units for each
item and each 1 kB begun. Items are of at most 1 kB, as the design counts them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from shared.kernel.addresses import Address, AddressKind
from shared.platform import dynamodb
from shared.platform.ledger import Ledger
from shared.push.store import DynamoChunkStore
from shared.registrations.model.apps import Platform
from shared.registrations.model.devices import DeviceState
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore
from tests.contract.test_chunk_stores import APP, Push
from tests.contract.test_chunk_stores import assemble as assemble_push
from tests.contract.test_registration_stores import assemble as assemble_registrations
from tests.tables import definition

PHONE = DeviceState(
    platform=Platform.ANDROID,
    address=Address(kind=AddressKind.FID, value="c" * 22),
    locale="de-CH",
    timezone="Europe/Zurich",
    app_version="1.2.3",
    os_version="16",
    model="Phone 9",
)


class Meter:
    """Adds up the units of what goes by."""

    def __init__(self) -> None:
        self.writes = self.reads = 0.0

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        if model.name == "TransactWriteItems":
            self.writes += sum(2 * _kilobytes(item) for item in params["TransactItems"])

    def note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed["ConsumedCapacity"]
        if model.name in {"PutItem", "UpdateItem", "DeleteItem"}:
            self.writes += consumed["CapacityUnits"]
        elif model.name == "BatchGetItem":
            self.reads += sum(one["CapacityUnits"] for one in consumed)
        elif model.name in {"GetItem", "Query"}:
            self.reads += consumed["CapacityUnits"]


def _kilobytes(write: dict[str, Any]) -> int:
    """Return the units of 1 kB of a write; of an update and a delete, whose item is not sent, one.

    An item is as large as the names and values of its attributes in UTF-8 (AWS: CapacityUnit
    calculations); a number takes less than its digits.
    """
    item = write["Put"]["Item"] if "Put" in write else {}
    size = sum(
        len(name.encode()) + len(str(next(iter(value.values()))).encode())
        for name, value in item.items()
    )
    return max(1, -(-size // 1024))


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the units of what the stores do within."""
    meter, events = Meter(), dynamodb.connection().client.meta.events
    events.register("before-parameter-build.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.note)
    try:
        yield meter
    finally:
        events.unregister("before-parameter-build.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.note)


@pytest.fixture
def it(aws: None, dynamodb_client: Any) -> Push:
    names = {}
    for name in ("registrations", "contact_events", "push"):
        names[name] = f"{name}-{uuid4().hex[:12]}"
        made = definition(name, table=names[name], indexed=False)
        dynamodb_client.create_table(**made)
    ledger = Ledger(table=names["contact_events"])
    registrations = assemble_registrations(
        DynamoAppStore(table=names["registrations"], ledger=ledger),
        DynamoDeviceStore(table=names["registrations"], ledger=ledger),
        DynamoContactStore(table=names["registrations"], ledger=ledger),
        told=list,
    )
    store = DynamoChunkStore(table=names["push"], ledger_table=names["contact_events"])
    return assemble_push(registrations, store, told=list)


def test_a_first_registration_takes_six_units(it: Push) -> None:
    with metered() as meter:
        it.registrations.register(APP, "phone-001", PHONE)
    assert meter.writes == 6


def test_an_unchanged_refresh_takes_one_unit(it: Push) -> None:
    it.registrations.register(APP, "phone-001", PHONE)
    with metered() as meter:
        it.registrations.register(APP, "phone-001", PHONE, seq=2)
    assert (meter.writes, meter.reads) == (1, 1)


def test_what_arrives_late_takes_no_unit_but_the_look(it: Push) -> None:
    it.registrations.register(APP, "phone-001", PHONE, seq=2)
    with metered() as meter:
        it.registrations.register(APP, "phone-001", PHONE, seq=1)
    assert (meter.writes, meter.reads) == (0, 1)


def test_an_outcome_takes_one_unit(it: Push) -> None:
    for number in range(10):
        it.a_phone(f"phone-{number:03d}")
    accepted = it.send(*(f"phone-{number:03d}" for number in range(10)))
    with metered() as meter:
        it.work(accepted)
    # One a message for its ledger row; the chunk's item once for its lease, once for its states.
    assert meter.writes == 10 + 2
