"""What devices report of a campaign's messages says of which campaign and text they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from shared.kernel.addresses import Address, Target
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import Purpose
from shared.kernel.ids import Ids
from shared.push.events import MessagesQueued
from shared.push.model import Chunk, Content, Part, Receipt, ReceiptKind, Recipient, State
from shared.push.service.messages import MessageService
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.push import InMemoryChunkStore

APP, CAMPAIGN = f"app_{'0' * 26}", f"cmp_{'0' * 26}"
PHONE = "phone-001"


class NoDevices:
    def targets(self, device_ids: Iterable[str], *, app_id: str) -> Mapping[str, Target]:
        return {}

    def targets_of_contact(self, contact_id: str, *, app_id: str) -> Sequence[Target]:
        return ()

    def is_same_person(self, one: str, other: str, *, app_id: str) -> bool:
        return one == other

    def remove_dead_address(self, *, app_id: str, device_id: str, address: Address) -> bool:
        return False


class EveryApp:
    def can_push(self, app_id: str) -> bool:
        return True


def reported(chunk: Chunk, ids: Ids) -> Envelope:
    store, clock = InMemoryChunkStore(), ManualClock()
    queued = MessagesQueued(
        app_id=APP,
        occurred_at=NOON,
        chunk_id=chunk.chunk_id,
        purpose=chunk.purpose,
        messages=1,
        send_until=chunk.send_until,
    )
    store.add_chunk(chunk, seal(queued, sequence=ids.sequence()), attempt=None)
    service = MessageService(
        chunks=store, devices=NoDevices(), apps=EveryApp(), clock=clock, ids=ids
    )
    opened = Receipt(message_id=chunk.message_id(0), kind=ReceiptKind.OPENED, at=NOON)
    assert service.hear([opened], app_id=APP, device_id=PHONE).accepted == 1
    (event,) = (one for one in store.events.values() if one.type == "message.opened.v1")
    return event


@pytest.fixture
def ids() -> Ids:
    return Ids(clock=ManualClock())


def a_chunk(ids: Ids, recipient: Recipient) -> Chunk:
    return Chunk(
        app_id=APP,
        chunk_id=ids.sequence(),
        content=Content(title="Hello"),
        purpose=Purpose.MARKETING,
        recipients=(recipient,),
        states=(State.SENT,),
        planned_at=NOON,
        send_until=NOON,
    )


def test_a_receipt_of_a_campaign_names_it_and_the_text(ids: Ids) -> None:
    recipient = Recipient(device_id=PHONE, contact_id="ada", variant="B")
    part = Part(campaign_id=CAMPAIGN, run_id=ids.sequence())
    event = reported(replace(a_chunk(ids, recipient), part=part, content=None), ids)
    assert (event.data["campaign_id"], event.data["variant"]) == (CAMPAIGN, "B")


def test_a_receipt_of_another_message_names_none(ids: Ids) -> None:
    event = reported(a_chunk(ids, Recipient(device_id=PHONE, contact_id="ada")), ids)
    assert (event.data["campaign_id"], event.data["variant"]) == (None, None)
