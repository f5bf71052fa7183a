"""Every store of chunks, real or fake, keeps these promises; the sender is tried on both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import pytest

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import seal
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.push.errors import (
    CredentialsError,
    LeaseHeldError,
    LeaseLostError,
    MessageNotFoundError,
    NobodyToTellError,
    PushNotConfiguredError,
)
from shared.push.model import (
    Apns,
    Button,
    Content,
    Copy,
    DeliveryResult,
    InterruptionLevel,
    Outcome,
    Receipt,
    ReceiptKind,
    State,
)
from shared.push.model.inbox import InboxMessage, InboxState
from shared.push.ports import ChunkStore, MessageArchive, Permission, Quota
from shared.push.service.messages import Accepted, Addressee, MessageService
from shared.push.service.permission import ChunkPermission
from shared.push.service.personal import PersonalMessages
from shared.push.service.placing import InboxCopies
from shared.push.service.sending import SendService
from shared.push.service.verdicts import Verdicts
from shared.push.store import DynamoChunkStore
from shared.registrations.events import AppCreated
from shared.registrations.model.apps import App, Platform
from shared.registrations.model.devices import DeviceState, PushPermission
from tests.contract.test_registration_stores import (
    SETTINGS,
    Registrations,
    in_memory,
    on_dynamodb,
)
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.inboxes import InMemoryInboxStore
from tests.fakes.push import (
    SENT,
    CountedQuota,
    InMemoryChunkStore,
    InMemoryQueue,
    Job,
    SameText,
    ScriptedChannel,
    ScriptedPermission,
    SettableCampaigns,
)

HELLO = Content(title="Hello", body="there")
LEASE = timedelta(seconds=125)
GONE = DeliveryResult(outcome=Outcome.ADDRESS_GONE, code="UNREGISTERED")
REJECTED = DeliveryResult(outcome=Outcome.REJECTED, code="INVALID_ARGUMENT")
LATER = DeliveryResult(
    outcome=Outcome.RETRY, code="QUOTA_EXCEEDED", retry_after=timedelta(seconds=60)
)
LOST = DeliveryResult(outcome=Outcome.UNKNOWN, code="timeout")


class AllChunks(ChunkStore, MessageArchive, Protocol):
    """Chunks as the sender and as an export see them."""


class AnApp:
    def __init__(self) -> None:
        self.is_configured = True

    def can_push(self, app_id: str) -> bool:
        return self.is_configured


@dataclass(frozen=True, kw_only=True)
class Push:
    """Push over registrations, on one kind of store."""

    registrations: Registrations
    chunks: ChunkStore
    app: AnApp
    messages: MessageService
    sender: SendService
    channel: ScriptedChannel
    queue: InMemoryQueue
    permission: ScriptedPermission
    inboxes: InMemoryInboxStore
    campaigns: SettableCampaigns
    texts: SameText
    quota: CountedQuota
    personal: PersonalMessages
    clock: ManualClock
    told: Callable[[], list[str]]

    def a_phone(self, name: str, **state: Any) -> str:
        """Register a device that is reachable at its own name; return its contact."""
        address = Address(kind=AddressKind.FID, value=name)
        full = {"platform": Platform.ANDROID, "address": address, **state}
        return self.registrations.register(APP, name, DeviceState(**full)).contact_id

    def send(
        self,
        *devices: str,
        key: str | None = None,
        content: Content = HELLO,
        copy_kept_for: timedelta | None = None,
    ) -> Accepted:
        attempt = Attempt(caller="ada", key=key, fingerprint=str(content)) if key else None
        return self.messages.send_now(
            [Addressee(device_id=device) for device in devices],
            app_id=APP,
            content=content,
            purpose=Purpose.TRANSACTIONAL,
            send_until=None,
            copy_kept_for=copy_kept_for,
            attempt=attempt,
        )

    def inbox(self, contact_id: str) -> list[InboxMessage]:
        return list(self.inboxes.newest(contact_id, app_id=APP))

    def work(self, accepted: Accepted, *, holder: str = "sender") -> tuple[State, ...]:
        self.sender.work(accepted.chunk.chunk_id, app_id=APP, holder=holder)
        return self.states(accepted)

    def states(self, accepted: Accepted) -> tuple[State, ...]:
        return self.chunks.get_chunk(accepted.chunk.chunk_id, app_id=APP).states


APP = "app_" + "0" * 26


def _put_app(registrations: Registrations) -> None:
    """Put the one app of these tests where registrations look for it."""
    app = App(app_id=APP, created_at=registrations.clock(), **SETTINGS)
    event = AppCreated(app_id=APP, occurred_at=app.created_at, name=app.name)
    sealed = seal(event, sequence=registrations.apps.ids.sequence())
    registrations.app_store.add_app(app, sealed, attempt=None)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Push:
    if request.param == "memory":
        memory = InMemoryChunkStore()

        def told() -> list[str]:
            events = sorted(memory.events.values(), key=lambda event: event.sequence)
            return [event.type for event in events]

        return assemble(in_memory(), memory, told=told)
    registrations = on_dynamodb(request)
    tables = request.getfixturevalue("tables")
    store = DynamoChunkStore(table=tables["push"], ledger_table=tables["contact_events"])
    return assemble(
        registrations,
        store,
        told=lambda: [kind for kind in registrations.told() if kind.startswith("message.")],
    )


def assemble(
    registrations: Registrations,
    chunks: AllChunks,
    *,
    told: Callable[[], list[str]],
    permission: Permission | None = None,
    quota: Quota | None = None,
) -> Push:
    clock = registrations.clock
    ids, app = Ids(clock=clock), AnApp()
    _put_app(registrations)
    channel, queue, scripted = ScriptedChannel(), InMemoryQueue(), ScriptedPermission()
    campaigns, texts, counted = SettableCampaigns(), SameText(), CountedQuota()
    inboxes = InMemoryInboxStore()
    return Push(
        registrations=registrations,
        chunks=chunks,
        app=app,
        messages=MessageService(
            chunks=chunks,
            devices=registrations.reach,
            apps=app,
            copies=InboxCopies(inboxes=inboxes, clock=clock),
            clock=clock,
            ids=ids,
        ),
        sender=SendService(
            chunks=chunks,
            devices=registrations.reach,
            campaigns=campaigns,
            permission=ChunkPermission(permission=permission or scripted),
            texts=texts,
            copies=InboxCopies(inboxes=inboxes, clock=clock),
            quota=quota or counted,
            channels=channel,
            queue=queue,
            clock=clock,
            ids=ids,
            lease=LEASE,
        ),
        channel=channel,
        queue=queue,
        permission=scripted,
        inboxes=inboxes,
        campaigns=campaigns,
        texts=texts,
        quota=counted,
        personal=PersonalMessages(archive=chunks),
        clock=clock,
        told=told,
    )


def test_a_chunk_comes_back_as_it_was_queued(it: Push) -> None:
    it.a_phone("phone-001")
    content = replace(
        HELLO,
        image="https://example.com/i.png",
        link="app://x",
        data={"k": "v"},
        time_to_live=timedelta(hours=1),
        collapse_key="c",
        buttons=(Button(id="buy", title="Buy", link="app://buy"),),
        channel_id="offers",
        apns=Apns(badge=0, interruption_level=InterruptionLevel.PASSIVE),
    )
    accepted = it.send("phone-001", content=content)
    assert it.chunks.get_chunk(accepted.chunk.chunk_id, app_id=APP) == accepted.chunk
    assert it.told() == ["message.queued.v1"]


def test_an_unknown_chunk_is_not_found(it: Push) -> None:
    with pytest.raises(MessageNotFoundError):
        it.chunks.get_chunk("0" * 26, app_id=APP)


def test_a_message_is_sent_and_told_once(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")
    assert it.work(accepted) == (State.SENT,)
    assert it.work(accepted) == (State.SENT,)
    assert len(it.channel.sent) == 1
    assert it.told() == ["message.queued.v1", "message.sent.v1"]


def test_a_repeated_attempt_queues_once(it: Push) -> None:
    it.a_phone("phone-001")
    first = it.send("phone-001", key="k")
    again = it.send("phone-001", key="k")
    assert (again.chunk.chunk_id, again.replayed) == (first.chunk.chunk_id, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.send("phone-001", key="k", content=replace(HELLO, title="Other"))
    assert it.told() == ["message.queued.v1"]


def test_nobody_to_tell_is_refused_and_nothing_is_stored(it: Push) -> None:
    with pytest.raises(NobodyToTellError) as refused:
        it.send("phone-404")
    assert refused.value.fields[0].pointer == "/recipients/0"
    assert it.told() == []


def test_an_app_without_credentials_is_refused(it: Push) -> None:
    it.a_phone("phone-001")
    it.app.is_configured = False
    with pytest.raises(PushNotConfiguredError):
        it.send("phone-001")


def test_a_contact_is_told_on_all_its_devices(it: Push) -> None:
    contact = it.registrations.logged_in(APP, "ada", "phone-001", "tablet-01")
    accepted = it.messages.send_now(
        [Addressee(contact_id=contact), Addressee(contact_id="con_" + "0" * 26)],
        app_id=APP,
        content=HELLO,
        purpose=Purpose.TRANSACTIONAL,
        send_until=None,
        attempt=None,
    )
    assert len(accepted.chunk.recipients) == 2
    assert accepted.chunk.unreached == (1,)


def test_a_dead_address_ends_the_message_and_leaves_the_device(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [GONE]
    accepted = it.send("phone-001")
    assert it.work(accepted) == (State.INVALID,)
    device = it.registrations.devices.get_device(app_id=APP, device_id="phone-001")
    assert device.state.address is None


def test_an_address_that_changed_during_the_send_is_kept(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [GONE]
    new = Address(kind=AddressKind.FID, value="new")

    def move() -> None:
        state = DeviceState(platform=Platform.ANDROID, address=new)
        it.registrations.register(APP, "phone-001", state, seq=2)

    it.channel.before_answer = move
    it.work(it.send("phone-001"))
    device = it.registrations.devices.get_device(app_id=APP, device_id="phone-001")
    assert device.state.address == new


def test_a_refused_message_fails_for_good(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [REJECTED]
    assert it.work(it.send("phone-001")) == (State.FAILED,)
    assert it.told()[-1] == "message.failed.v1"


def test_a_message_is_tried_again_when_the_provider_says(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [LATER]
    accepted = it.send("phone-001")
    assert it.work(accepted) == (State.PENDING,)
    assert it.queue.asked == [Job(accepted.chunk.chunk_id, timedelta(seconds=60))]
    assert it.work(accepted) == (State.SENT,)


def test_a_lost_answer_is_tried_again_and_flagged(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [LOST]
    accepted = it.send("phone-001")
    assert it.work(accepted) == (State.AMBIGUOUS,)
    assert it.work(accepted) == (State.SENT,)
    assert final(it, accepted).data["ambiguous"] is True


def test_a_lost_answer_that_is_not_tried_again_is_unknown(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [LOST]
    accepted = it.send("phone-001")
    it.work(accepted)
    it.clock.advance(timedelta(hours=2))
    assert it.work(accepted) == (State.UNKNOWN,)
    assert len(it.channel.sent) == 1


def test_nothing_is_sent_after_its_time(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")
    it.clock.advance(timedelta(hours=1))
    assert it.work(accepted) == (State.EXPIRED,)
    assert it.channel.sent == []


def test_what_changed_before_the_send_is_respected(it: Push) -> None:
    for name in ("gone-0001", "muted-001", "left-0001", "login-001", "bare-0001"):
        it.a_phone(name)
    it.registrations.identify(APP, "left-0001", "ada")
    accepted = it.send("gone-0001", "muted-001", "left-0001", "login-001", "bare-0001")
    it.registrations.devices.unregister_device(app_id=APP, device_id="gone-0001")
    it.a_phone("muted-001")
    muted = DeviceState(
        platform=Platform.ANDROID,
        address=Address(kind=AddressKind.FID, value="muted-001"),
        push_permission=PushPermission.DENIED,
    )
    it.registrations.register(APP, "muted-001", muted, seq=2)
    it.registrations.contacts.log_out(app_id=APP, device_id="left-0001")
    it.registrations.identify(APP, "login-001", "grace")
    bare = DeviceState(platform=Platform.ANDROID)
    it.registrations.register(APP, "bare-0001", bare, seq=2)
    states = dict(zip(accepted.chunk.recipients, it.work(accepted), strict=True))
    by_device = {recipient.device_id: state for recipient, state in states.items()}
    assert by_device == {
        "gone-0001": State.SKIPPED,
        "muted-001": State.SKIPPED,
        "left-0001": State.SKIPPED,
        "login-001": State.SENT,  # logging in joins the anonymous contact: the same person
        "bare-0001": State.SKIPPED,
    }


def test_two_senders_do_not_work_on_one_chunk(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")

    def barge_in() -> None:
        with pytest.raises(LeaseHeldError):
            it.work(accepted, holder="another")

    it.channel.before_answer = barge_in
    assert it.work(accepted) == (State.SENT,)


def test_a_sender_that_was_replaced_saves_nothing(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")

    def be_replaced() -> None:
        it.channel.before_answer = lambda: None
        it.clock.advance(LEASE)
        it.work(accepted, holder="another")

    it.channel.before_answer = be_replaced
    with pytest.raises(LeaseLostError):
        it.work(accepted)
    assert it.states(accepted) == (State.SENT,)
    assert it.told().count("message.sent.v1") == 1


def test_a_sender_that_died_after_telling_is_believed(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")
    dies = replace_save(it, accepted)
    with pytest.raises(KeyboardInterrupt):
        dies.work(accepted.chunk.chunk_id, app_id=APP, holder="dies")
    it.clock.advance(LEASE)
    assert it.work(accepted) == (State.SENT,)
    assert len(it.channel.sent) == 1


def test_a_sender_that_died_before_telling_leaves_an_ambiguous_message(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")

    def die() -> None:
        it.channel.before_answer = lambda: None
        raise KeyboardInterrupt

    it.channel.before_answer = die
    with pytest.raises(KeyboardInterrupt):
        it.work(accepted)
    it.clock.advance(LEASE)
    assert it.work(accepted, holder="another") == (State.SENT,)
    assert final(it, accepted).data["ambiguous"] is True


def test_unusable_credentials_give_the_lease_back(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")

    def refuse() -> None:
        it.channel.before_answer = lambda: None
        raise CredentialsError("revoked")

    it.channel.before_answer = refuse
    with pytest.raises(CredentialsError):
        it.work(accepted)
    assert it.work(accepted) == (State.SENT,)
    assert final(it, accepted).data["ambiguous"] is False


def test_each_receipt_counts_once_and_strangers_are_named(it: Push) -> None:
    it.a_phone("phone-001")
    accepted = it.send("phone-001")
    it.work(accepted)
    opened = Receipt(
        message_id=accepted.chunk.message_id(0), kind=ReceiptKind.OPENED, at=it.clock()
    )
    stranger = replace(opened, message_id=f"msg_{'0' * 26}_0")
    heard = it.messages.hear([opened, opened, stranger], app_id=APP, device_id="phone-001")
    assert (heard.accepted, heard.duplicates, heard.unknown) == (1, 1, (2,))
    foreign = it.messages.hear([opened], app_id=APP, device_id="phone-002")
    assert foreign.unknown == (0,)
    assert it.told().count("message.opened.v1") == 1


CAPPED = Reason(gate=Gate.CAP, rule="per-day", detail="4 of 4 today", limit=4, count=4)


def test_what_the_policy_drops_ends_as_skipped_with_its_reason(it: Push) -> None:
    ada, grace = it.a_phone("phone-001"), it.a_phone("phone-002")
    it.permission.answers[ada] = Drop(because=(CAPPED,))
    accepted = it.send("phone-001", "phone-002")
    it.work(accepted)
    assert state_of(it, accepted, ada) is State.SKIPPED
    assert state_of(it, accepted, grace) is State.SENT
    event = final_of(it, accepted, ada)
    assert (event.type, event.data["reason"]) == ("message.suppressed.v1", "cap")
    assert event.data["because"][0]["rule"] == "per-day"


def test_what_the_policy_defers_waits_and_is_told_once(it: Push) -> None:
    ada = it.a_phone("phone-001")
    until = NOON + timedelta(hours=8)
    it.permission.answers[ada] = Defer(until=until, because=(CAPPED,))
    accepted = it.send("phone-001")
    for _ in range(2):
        assert it.work(accepted) == (State.PENDING,)
    assert set(it.permission.put_offs) == {(ada, accepted.chunk.chunk_id, until)}
    assert it.told().count("message.suppressed.v1") == 1
    assert it.queue.asked == []
    it.permission.answers.clear()
    assert it.work(accepted) == (State.SENT,)


def test_a_person_with_two_devices_is_counted_once(it: Push) -> None:
    for name in ("phone-001", "phone-002"):
        it.a_phone(name)
        it.registrations.identify(APP, name, "ada")
    it.work(it.send("phone-001", "phone-002"))
    assert len(it.permission.counted) == 1


@pytest.mark.parametrize(
    ("result", "counts"),
    [(GONE, 0), (REJECTED, 0), (LATER, 1), (LOST, 1), (SENT, 1)],
)
def test_only_who_was_certainly_not_told_is_counted_no_more(
    it: Push, result: DeliveryResult, counts: int
) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [result]
    it.work(it.send("phone-001"))
    assert len(it.permission.counted) == counts


def test_who_waited_too_long_is_counted_no_more(it: Push) -> None:
    it.a_phone("phone-001")
    it.channel.script["phone-001"] = [LATER]
    accepted = it.send("phone-001")
    it.work(accepted)
    it.clock.advance(timedelta(hours=2))
    assert it.work(accepted) == (State.EXPIRED,)
    assert it.permission.counted == set()


def exported(it: Push, *contact_ids: str, limit: int = 50) -> list[Any]:
    """Return what people were sent, as an export reads it."""
    found: list[Any] = []
    cursor = None
    while True:
        page = it.personal.export(contact_ids, app_id=APP, cursor=cursor, limit=limit)
        found += page.items
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


def test_what_a_person_was_sent_is_exported(it: Push) -> None:
    ada, grace = it.a_phone("phone-001"), it.a_phone("phone-002")
    for number in range(3):
        it.work(it.send("phone-001", "phone-002", content=replace(HELLO, title=f"{number}")))
    it.messages.hear(
        [Receipt(message_id=exported(it, ada)[0]["message_id"], kind=ReceiptKind.OPENED, at=NOON)],
        app_id=APP,
        device_id="phone-001",
    )
    told = exported(it, ada, grace, limit=2)
    assert sorted((one["device_id"], one["title"]) for one in told) == sorted(
        (device, str(number)) for device in ("phone-001", "phone-002") for number in range(3)
    )
    assert {one["state"] for one in told} == {State.SENT}


def test_who_is_erased_leaves_no_trace_in_what_was_sent(it: Push) -> None:
    ada, grace = it.a_phone("phone-001"), it.a_phone("phone-002")
    alone, together = it.send("phone-001"), it.send("phone-001", "phone-002")
    waiting = it.send("phone-001")
    for accepted in (alone, together):
        it.work(accepted)
    for _ in range(2):
        it.personal.erase([ada], app_id=APP)
    with pytest.raises(MessageNotFoundError):
        it.states(alone)
    left = it.chunks.get_chunk(together.chunk.chunk_id, app_id=APP)
    assert {one.contact_id for one in left.recipients} == {"", grace}
    assert [one["device_id"] for one in exported(it, grace)] == ["phone-002"]
    assert it.states(waiting) == (State.PENDING,)


def test_of_events_recorded_together_each_key_holds_the_first(it: Push) -> None:
    it.a_phone("phone-001")
    it.a_phone("phone-002")
    accepted = it.send("phone-001", "phone-002")
    one, other = (
        Verdicts(clock=it.clock, ids=it.messages.ids).too_late(accepted.chunk, index).event
        for index in (0, 1)
    )
    assert one
    assert other
    late = replace(one, sequence=it.messages.ids.sequence())
    assert it.chunks.record_once([other]) == [True]
    assert it.chunks.record_once([one, late, other]) == [True, False, False]
    assert it.chunks.final_events(accepted.chunk, [0])[0].sequence == one.sequence


def index_of(accepted: Accepted, contact_id: str) -> int:
    """Return the place of a contact's message."""
    contacts = [one.contact_id for one in accepted.chunk.recipients]
    return contacts.index(contact_id)


def state_of(it: Push, accepted: Accepted, contact_id: str) -> State:
    return it.states(accepted)[index_of(accepted, contact_id)]


def final_of(it: Push, accepted: Accepted, contact_id: str) -> Any:
    index = index_of(accepted, contact_id)
    return it.chunks.final_events(accepted.chunk, [index])[index]


def final(it: Push, accepted: Accepted) -> Any:
    return it.chunks.final_events(accepted.chunk, [0])[0]


def replace_save(it: Push, accepted: Accepted) -> SendService:
    """Return a sender whose process dies when it wants to save what came of the messages."""

    class Dying(type(it.chunks)):  # type: ignore[misc]
        def save_states(self, *args: Any, give_back: bool, **kwargs: Any) -> None:
            if give_back:
                raise KeyboardInterrupt
            super().save_states(*args, give_back=give_back, **kwargs)

    dying = object.__new__(Dying)
    dying.__dict__.update(it.chunks.__dict__)
    return replace(it.sender, chunks=dying)


def test_a_copy_of_what_is_sent_stays_in_the_inbox_of_each_person(it: Push) -> None:
    ada, ben = it.a_phone("phone-001"), it.a_phone("phone-002")
    accepted = it.send("phone-001", "phone-002", copy_kept_for=timedelta(days=7))
    kept = it.chunks.get_chunk(accepted.chunk.chunk_id, app_id=APP)
    assert kept.copy == Copy(kept_for=timedelta(days=7), order_at=NOON)
    assert it.inbox(ada) == []
    it.work(accepted)
    told = [one.contact_id for one in accepted.chunk.recipients]
    for contact_id in (ada, ben):
        (copy,) = it.inbox(contact_id)
        assert copy.message_id == accepted.chunk.message_id(told.index(contact_id))
        assert copy.content == HELLO
        assert copy.until - copy.sent_at == timedelta(days=7)


def test_who_may_not_be_told_has_no_copy(it: Push) -> None:
    ada = it.a_phone("phone-001")
    refused = Drop(because=(Reason(gate=Gate.CONSENT, rule="objected", detail="They objected."),))
    it.permission.answers[ada] = refused
    assert it.work(it.send("phone-001", copy_kept_for=timedelta(days=7))) == (State.SKIPPED,)
    assert it.inbox(ada) == []


def test_whom_no_push_reached_has_a_copy_that_counts(it: Push) -> None:
    ada = it.a_phone("phone-001")
    it.channel.script["phone-001"] = [GONE]
    accepted = it.send("phone-001", copy_kept_for=timedelta(days=7))
    assert it.work(accepted) == (State.INVALID,)
    assert len(it.inbox(ada)) == len(it.permission.counted) == 1


def test_who_opens_a_push_has_read_its_copy(it: Push) -> None:
    ada = it.a_phone("phone-001")
    accepted = it.send("phone-001", copy_kept_for=timedelta(days=7))
    it.work(accepted)
    for kind, state in (
        (ReceiptKind.DELIVERED, InboxState.UNSEEN),
        (ReceiptKind.OPENED, InboxState.READ),
        (ReceiptKind.CLICKED, InboxState.INTERACTED),
        (ReceiptKind.OPENED, InboxState.INTERACTED),
    ):
        receipt = Receipt(message_id=accepted.chunk.message_id(0), kind=kind, at=NOON)
        it.messages.hear([receipt], app_id=APP, device_id="phone-001")
        assert it.inbox(ada)[0].state is state
    assert it.told().count("message.opened.v1") == 1


def test_a_sender_that_died_leaves_one_copy_that_counts(it: Push) -> None:
    ada = it.a_phone("phone-001")
    accepted = it.send("phone-001", copy_kept_for=timedelta(days=7))

    def die() -> None:
        it.channel.before_answer = lambda: None
        raise KeyboardInterrupt

    it.channel.before_answer = die
    with pytest.raises(KeyboardInterrupt):
        it.work(accepted)
    (copy,) = it.inbox(ada)
    it.clock.advance(LEASE)
    assert it.work(accepted, holder="another") == (State.SENT,)
    assert it.inbox(ada) == [copy]
    assert len(it.permission.counted) == 1
