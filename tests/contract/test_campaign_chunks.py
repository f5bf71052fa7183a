"""The sender's work on parts of campaigns, on every store of chunks, real or fake."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import bind, commit
from shared.push.errors import LeaseLostError
from shared.push.model import Chunk, Recipient, State
from shared.push.model.books import Line, Place, line_of
from shared.push.model.campaigns import CampaignState
from shared.push.ports import Waiting
from shared.push.service.sending import SendService
from shared.push.store import DynamoChunkStore
from shared.push.store.books import (
    LineRow,
    WaitingRow,
    line_from,
    run_partition,
    waiting_from,
)
from shared.push.store.chunks import ChunkRows
from shared.registrations.model.apps import Platform
from shared.registrations.model.devices import DeviceState
from tests.contract.test_chunk_stores import (
    APP,
    GONE,
    LATER,
    LEASE,
    LOST,
    REJECTED,
    Push,
    assemble,
)
from tests.contract.test_registration_stores import in_memory, on_dynamodb
from tests.fakes.campaigns_sent import AT_MOST_ONCE, CAMPAIGN, RUN, a_chunk
from tests.fakes.clock import NOON
from tests.fakes.push import InMemoryChunkStore, Job

CONTROL = Reason(gate=Gate.CONTROL_GROUP, rule="campaign_holdout", detail="5 %")
QUIET = Reason(gate=Gate.QUIET_HOURS, rule="night", detail="21:00 to 08:00")
CAPPED = Reason(gate=Gate.CAP, rule="week", detail="3 of 3")


@dataclass(frozen=True, kw_only=True)
class Campaigning:
    """Push with chunks of campaigns, their lines and what waits."""

    push: Push
    plan: Callable[[Chunk], None]
    line: Callable[[Chunk], Line]
    waiting: Callable[[], Sequence[Waiting]]

    def planned(self, *devices: str, **part: Any) -> Chunk:
        """Register devices, and plan a chunk for them; every second one gets variant b."""
        recipients = [
            Recipient(device_id=name, contact_id=self.push.a_phone(name), variant="ab"[at % 2])
            for at, name in enumerate(devices)
        ]
        chunk = a_chunk(APP, recipients, **part)
        self.plan(chunk)
        return chunk

    def work(self, chunk: Chunk, *, sender: SendService | None = None, **options: Any) -> Chunk:
        options.setdefault("holder", "sender")
        (sender or self.push.sender).work(chunk.chunk_id, app_id=APP, **options)
        return self.now(chunk)

    def now(self, chunk: Chunk) -> Chunk:
        """Return a chunk as it is kept; its line in the books says the same."""
        found = self.push.chunks.get_chunk(chunk.chunk_id, app_id=APP)
        assert self.line(chunk) == line_of(found)
        assert self.line(chunk).is_balanced
        return found

    def final(self, chunk: Chunk, index: int = 0) -> Envelope:
        return self.push.chunks.final_events(chunk, [index])[index]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Campaigning:
    if request.param == "memory":
        memory = InMemoryChunkStore()

        def told() -> list[str]:
            return [event.type for event in memory.events.values()]

        return Campaigning(
            push=assemble(in_memory(), memory, told=told),
            plan=memory.plan,
            line=lambda chunk: memory.lines[APP, chunk.chunk_id],
            waiting=lambda: list(memory.waiting.values()),
        )
    registrations = on_dynamodb(request)
    tables = request.getfixturevalue("tables")
    store = DynamoChunkStore(table=tables["push"], ledger_table=tables["contact_events"])
    rows = ChunkRows(table=tables["push"])
    lines = bind(LineRow, table=tables["push"])
    waits = bind(WaitingRow, table=tables["push"])
    partition = run_partition(APP, CAMPAIGN, RUN)
    return Campaigning(
        push=assemble(
            registrations,
            store,
            told=lambda: [kind for kind in registrations.told() if kind.startswith("message.")],
        ),
        plan=lambda chunk: commit(rows.writes_of_new_chunk(chunk)),
        line=lambda chunk: line_from(lines.get(partition, f"L#{chunk.chunk_id}")),
        waiting=lambda: [
            waiting_from(row) for row in waits.query(partition, waits.sk.startswith("D#"))
        ],
    )


def test_a_part_of_a_campaign_comes_back_as_it_was_planned_and_waits(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002", is_throttled=True, delivery=AT_MOST_ONCE)
    assert it.now(chunk) == chunk
    assert it.waiting() == [Waiting(chunk_id=chunk.chunk_id, due_at=NOON, size=2)]


def test_messages_of_a_campaign_name_it_and_their_variant(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002", "phone-003")
    it.push.channel.script["phone-003"] = [GONE]
    worked = it.work(chunk)
    assert worked.states == (State.SENT, State.SENT, State.INVALID)
    assert it.line(chunk).tally == {
        Place("a", State.SENT): 1,
        Place("b", State.SENT): 1,
        Place("a", State.INVALID, "UNREGISTERED"): 1,
    }
    said = [it.final(chunk, index).data for index in range(3)]
    assert {one["campaign_id"] for one in said} == {CAMPAIGN}
    assert [one["variant"] for one in said] == ["a", "b", "a"]
    assert it.push.quota.taken == 3


def test_a_paused_campaign_sends_nothing_and_its_chunk_waits_again(it: Campaigning) -> None:
    chunk = it.planned("phone-001")
    it.push.campaigns.states[CAMPAIGN] = CampaignState.PAUSED
    it.push.clock.advance(timedelta(minutes=1))
    assert it.work(chunk).states == (State.PENDING,)
    due = NOON + timedelta(minutes=1)
    assert it.waiting()[-1] == Waiting(chunk_id=chunk.chunk_id, due_at=due, size=1)
    assert (it.push.channel.sent, it.push.queue.asked) == ([], [])
    it.push.campaigns.states[CAMPAIGN] = CampaignState.SENDING
    assert it.work(chunk, holder="another").states == (State.SENT,)


def test_a_pause_is_seen_in_the_middle_of_a_chunk(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002", "phone-003")
    states = it.push.campaigns.states

    def pause() -> None:
        states[CAMPAIGN] = CampaignState.PAUSED

    it.push.channel.before_answer = pause
    sender = replace(it.push.sender, slice_size=2)
    assert it.work(chunk, sender=sender).states == (State.SENT, State.SENT, State.PENDING)
    assert it.waiting() == [Waiting(chunk_id=chunk.chunk_id, due_at=NOON, size=1)]


def test_a_cancelled_campaign_skips_what_is_left_and_admits_what_it_cannot_know(
    it: Campaigning,
) -> None:
    chunk = it.planned("phone-001", "phone-002")
    it.push.channel.script["phone-001"] = [LOST]
    it.push.channel.script["phone-002"] = [LATER]
    assert it.work(chunk).states == (State.AMBIGUOUS, State.PENDING)
    it.push.campaigns.states[CAMPAIGN] = CampaignState.CANCELLED
    worked = it.work(chunk)
    assert worked.states == (State.UNKNOWN, State.SKIPPED)
    assert worked.reasons == {0: "cancelled", 1: "cancelled"}
    assert len(it.push.channel.sent) == 2
    # Who was not told is counted no more; of the other nobody knows.
    assert it.push.permission.counted == {f"push/{CAMPAIGN}/{chunk.recipients[0].contact_id}"}


def test_a_throttled_chunk_is_sent_only_when_it_was_released(it: Campaigning) -> None:
    chunk = it.planned("phone-001", is_throttled=True)
    it.push.clock.advance(timedelta(hours=1))
    assert it.work(chunk).states == (State.PENDING,)
    assert {one.due_at for one in it.waiting()} == {NOON, NOON + timedelta(hours=1)}
    assert it.work(chunk, is_released=True).states == (State.SENT,)


def test_a_throttled_chunk_of_a_cancelled_campaign_needs_no_release_to_end(
    it: Campaigning,
) -> None:
    chunk = it.planned("phone-001", is_throttled=True)
    it.push.campaigns.states[CAMPAIGN] = CampaignState.CANCELLED
    assert it.work(chunk).states == (State.SKIPPED,)
    assert len(it.waiting()) == 1


def test_what_the_policy_puts_off_waits_for_its_release_from_the_first_minute_on(
    it: Campaigning,
) -> None:
    chunk = it.planned("phone-001", "phone-002", "phone-003")
    first, second, _ = (one.contact_id for one in chunk.recipients)
    soon, later = NOON + timedelta(minutes=90, seconds=1), NOON + timedelta(hours=8)
    it.push.permission.answers = {
        first: Defer(until=later, because=(QUIET,)),
        second: Defer(until=soon, because=(QUIET,)),
    }
    sender = replace(it.push.sender, slice_size=1)
    assert it.work(chunk, sender=sender).states == (State.PENDING, State.PENDING, State.SENT)
    due = NOON + timedelta(minutes=91)
    assert it.waiting()[-1] == Waiting(chunk_id=chunk.chunk_id, due_at=due, size=2)
    assert (it.push.permission.put_offs, it.push.queue.asked) == ([], [])
    assert it.push.told().count("message.suppressed.v1") == 2
    del it.push.permission.answers[second]
    it.push.clock.at = due
    assert it.work(chunk).states == (State.PENDING, State.SENT, State.SENT)
    assert it.waiting()[-1] == Waiting(chunk_id=chunk.chunk_id, due_at=later, size=1)


def test_what_must_be_tried_again_stays_released(it: Campaigning) -> None:
    chunk = it.planned("phone-001", is_throttled=True)
    it.push.channel.script["phone-001"] = [LATER]
    it.work(chunk, is_released=True)
    job = Job(chunk.chunk_id, timedelta(seconds=60), is_released=True)
    assert it.push.queue.asked == [job]


def test_an_answer_lost_is_unknown_at_once_where_nothing_may_come_twice(it: Campaigning) -> None:
    chunk = it.planned("phone-001", delivery=AT_MOST_ONCE)
    it.push.channel.script["phone-001"] = [LOST]
    worked = it.work(chunk)
    assert (worked.states, worked.reasons) == ((State.UNKNOWN,), {0: "answer_lost"})
    assert it.final(chunk).type == "message.unconfirmed.v1"
    assert it.push.queue.asked == []


@pytest.mark.parametrize(
    ("mode", "state"),
    [({}, State.SENT), ({"delivery": AT_MOST_ONCE}, State.UNKNOWN)],
)
def test_only_what_a_vanished_sender_was_sending_is_in_doubt(
    it: Campaigning, mode: dict[str, Any], state: State
) -> None:
    chunk = it.planned("phone-001", "phone-002", **mode)

    def die() -> None:
        it.push.channel.before_answer = lambda: None
        raise KeyboardInterrupt

    it.push.channel.before_answer = die
    with pytest.raises(KeyboardInterrupt):
        it.work(chunk, sender=replace(it.push.sender, slice_size=1))
    assert it.now(chunk).states == (State.TRYING, State.PENDING)
    it.push.clock.advance(LEASE)
    assert it.work(chunk, holder="another").states == (state, State.SENT)
    assert it.final(chunk, 1).data["ambiguous"] is False
    assert it.final(chunk, 0).data.get("ambiguous", True) is True


def test_a_suppression_that_a_vanished_sender_told_is_believed(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002")
    it.push.registrations.devices.unregister_device(app_id=APP, device_id="phone-001")

    class Dying(type(it.push.chunks)):  # type: ignore[misc]
        def save_states(self, *args: Any, give_back: bool, **kwargs: Any) -> None:
            if give_back:
                raise KeyboardInterrupt
            super().save_states(*args, give_back=give_back, **kwargs)

    dying = object.__new__(Dying)
    dying.__dict__.update(it.push.chunks.__dict__)
    with pytest.raises(KeyboardInterrupt):
        it.work(chunk, sender=replace(it.push.sender, chunks=dying))
    it.push.a_phone("phone-001")
    it.push.clock.advance(LEASE)
    assert it.work(chunk, holder="another").states == (State.SKIPPED, State.SENT)
    assert [one.address.value for one in it.push.channel.sent] == ["phone-002"]


def test_whom_a_control_group_holds_out_is_no_skipped_message(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002")
    held, capped = (one.contact_id for one in chunk.recipients)
    it.push.permission.answers[held] = Drop(because=(CONTROL,))
    it.push.permission.answers[capped] = Drop(because=(CAPPED,))
    worked = it.work(chunk)
    assert worked.states == (State.HELD_OUT, State.SKIPPED)
    assert worked.reasons == {0: "control_group", 1: "cap"}
    event = it.final(chunk)
    assert (event.type, event.data["campaign_id"]) == ("message.suppressed.v1", CAMPAIGN)
    assert it.push.quota.taken == 0


def test_a_text_that_cannot_be_made_fails_its_recipient_alone_and_counts_nobody(
    it: Campaigning,
) -> None:
    chunk = it.planned("phone-001", "phone-002")
    it.push.texts.unrendered["phone-001"] = "too_large:de"
    worked = it.work(chunk)
    assert worked.states == (State.FAILED, State.SENT)
    assert worked.reasons == {0: "too_large:de"}
    assert it.push.permission.counted == {f"push/{CAMPAIGN}/{chunk.recipients[1].contact_id}"}


def test_a_rehearsal_reaches_nobody_counts_nobody_and_tells_nothing(it: Campaigning) -> None:
    names = ["sent-0001", "gone-0001", "held-0001", "quiet-001", "large-001", "bad-00001"]
    chunk = it.planned(*names, is_rehearsal=True, is_throttled=True)
    contacts = dict(zip(names, (one.contact_id for one in chunk.recipients), strict=True))
    it.push.channel.script = {"gone-0001": [GONE], "bad-00001": [REJECTED]}
    it.push.permission.answers = {
        contacts["held-0001"]: Drop(because=(CONTROL,)),
        contacts["quiet-001"]: Defer(until=NOON + timedelta(hours=8), because=(QUIET,)),
    }
    it.push.texts.unrendered["large-001"] = "too_large:de"
    it.push.campaigns.states[CAMPAIGN] = CampaignState.PAUSED
    it.push.clock.at = NOON - timedelta(days=3)
    worked = it.work(chunk)
    assert worked.states == (
        *(State.SENT, State.INVALID, State.HELD_OUT),
        *(State.DEFERRED, State.FAILED, State.FAILED),
    )
    assert worked.reasons[3] == "quiet_hours"
    assert worked.reasons[4] == "too_large:de"
    assert len(it.push.channel.validated) == 3
    assert (it.push.channel.sent, it.push.told(), it.push.permission.counted) == ([], [], set())
    assert (it.push.permission.judged_at, it.push.permission.put_offs) == ([NOON], [])
    device = it.push.registrations.devices.get_device(app_id=APP, device_id="gone-0001")
    assert device.state.address is not None


def test_a_rehearsal_asks_again_where_no_answer_came(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002", is_rehearsal=True, delivery=AT_MOST_ONCE)
    it.push.channel.script = {"phone-001": [LOST], "phone-002": [LATER]}
    assert it.work(chunk).states == (State.PENDING, State.PENDING)
    assert it.work(chunk).states == (State.SENT, State.SENT)


def test_without_quota_a_chunk_comes_again_when_the_quota_says(it: Campaigning) -> None:
    chunk = it.planned("phone-001")
    it.push.quota.pause = timedelta(seconds=7)
    assert it.work(chunk).states == (State.PENDING,)
    assert it.push.queue.asked == [Job(chunk.chunk_id, timedelta(seconds=7))]
    assert (it.push.channel.sent, it.push.permission.counted) == ([], set())


def test_many_who_are_turned_away_stop_all_senders_and_few_do_not(it: Campaigning) -> None:
    few = it.planned(*(f"few-{number:05d}" for number in range(9)), number=1)
    many = it.planned(*(f"many-{number:04d}" for number in range(12)), number=2)
    it.push.channel.script = {one.device_id: [LATER] for one in few.recipients}
    it.work(few)
    assert it.push.quota.stops == []
    it.push.channel.script = {one.device_id: [LATER] for one in many.recipients[:10]}
    it.work(many)
    assert it.push.quota.stops == [NOON + timedelta(seconds=60)]


def test_no_slice_is_begun_that_the_process_may_not_end(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002")
    ends_at = NOON + timedelta(seconds=31)

    def take_a_while() -> None:
        it.push.clock.advance(timedelta(seconds=2))

    it.push.channel.before_answer = take_a_while
    sender = replace(it.push.sender, slice_size=1)
    worked = it.work(chunk, sender=sender, ends_at=ends_at)
    assert worked.states == (State.SENT, State.PENDING)
    assert it.push.queue.asked == [Job(chunk.chunk_id, timedelta(0))]


def test_a_person_in_two_chunks_is_counted_once_and_until_no_device_is_left(
    it: Campaigning,
) -> None:
    contact = it.push.registrations.logged_in(APP, "ada", "phone-001", "tablet-01")
    recipients = {
        device: Recipient(device_id=device, contact_id=contact, variant="a")
        for device in ("phone-001", "tablet-01")
    }
    for device in recipients:
        address = Address(kind=AddressKind.FID, value=device)
        state = DeviceState(platform=Platform.ANDROID, address=address)
        it.push.registrations.register(APP, device, state, seq=9)
    one, other = (
        a_chunk(APP, [recipient], number=number)
        for number, recipient in enumerate(recipients.values())
    )
    it.plan(one)
    it.plan(other)
    it.push.channel.script = {"phone-001": [REJECTED], "tablet-01": [REJECTED]}
    assert it.work(one).states == (State.FAILED,)
    key = f"push/{CAMPAIGN}/{contact}"
    assert it.push.permission.counted == {key}
    it.push.registrations.devices.unregister_device(app_id=APP, device_id="phone-001")
    assert it.work(other).states == (State.FAILED,)
    assert it.push.permission.counted == set()


def test_who_was_told_on_a_device_that_is_gone_stays_counted(it: Campaigning) -> None:
    contact = it.push.registrations.logged_in(APP, "ada", "phone-001", "tablet-01")
    one, other = (
        a_chunk(APP, [Recipient(device_id=device, contact_id=contact, variant="a")], number=number)
        for number, device in enumerate(["phone-001", "tablet-01"])
    )
    for device, chunk in (("phone-001", one), ("tablet-01", other)):
        address = Address(kind=AddressKind.FID, value=device)
        state = DeviceState(platform=Platform.ANDROID, address=address)
        it.push.registrations.register(APP, device, state, seq=9)
        it.plan(chunk)
    assert not it.push.chunks.was_told(other, contact)
    assert it.work(one).states == (State.SENT,)
    it.push.registrations.devices.unregister_device(app_id=APP, device_id="phone-001")
    it.push.channel.script["tablet-01"] = [GONE]
    assert it.work(other).states == (State.INVALID,)
    assert it.push.permission.counted == {f"push/{CAMPAIGN}/{contact}"}
    assert it.push.chunks.was_told(other, contact)
    foreign = replace(other, terms=replace(other.terms, campaign_id="cmp_other"))
    assert not it.push.chunks.was_told(foreign, contact)


def test_who_lost_the_chunk_changes_neither_states_nor_books(it: Campaigning) -> None:
    chunk = it.planned("phone-001")

    def be_replaced() -> None:
        it.push.channel.before_answer = lambda: None
        it.push.clock.advance(LEASE)
        it.work(chunk, holder="another")

    it.push.channel.before_answer = be_replaced
    with pytest.raises(LeaseLostError):
        it.work(chunk)
    assert it.now(chunk).states == (State.SENT,)
    assert it.push.told().count("message.sent.v1") == 1


def test_hundreds_of_messages_keep_their_reasons(it: Campaigning) -> None:
    names = [f"phone-{number:03d}" for number in range(300)]
    contacts = [f"con_{number:026d}" for number in range(300)]
    recipients = [
        Recipient(device_id=name, contact_id=contact, variant="a")
        for name, contact in zip(names, contacts, strict=True)
    ]
    chunk = a_chunk(APP, recipients)
    it.plan(chunk)
    lease: dict[str, Any] = {"app_id": APP, "at": NOON, "until": NOON + LEASE, "holder": "sender"}
    taken = it.push.chunks.take_lease(chunk.chunk_id, **lease)
    assert taken is not None
    reasons = {index: f"reason {index % 150}" for index in range(1, 300)}
    moved = taken.with_states(dict.fromkeys(reasons, State.SKIPPED), reasons=reasons)
    it.push.chunks.save_states(moved, before=taken, holder="sender", give_back=True)
    assert it.now(chunk) == moved


def test_who_is_erased_stays_in_the_books_and_in_nothing_else(it: Campaigning) -> None:
    chunk = it.planned("phone-001", "phone-002")
    worked = it.work(chunk)
    it.push.personal.erase([chunk.recipients[0].contact_id], app_id=APP)
    left = it.now(chunk)
    assert [one.contact_id for one in left.recipients] == ["", chunk.recipients[1].contact_id]
    assert line_of(left) == line_of(worked)
    it.push.personal.erase([chunk.recipients[1].contact_id], app_id=APP)
    assert it.line(chunk) == line_of(worked)


def test_what_a_campaign_told_a_person_is_exported_by_its_name(it: Campaigning) -> None:
    chunk = it.planned("phone-001")
    it.work(chunk)
    contact_id = chunk.recipients[0].contact_id
    (told,) = it.push.personal.export([contact_id], app_id=APP, cursor=None, limit=10).items
    assert (told["campaign_id"], told["variant"], told["state"]) == (CAMPAIGN, "a", State.SENT)
