"""Every store of inboxes, real or fake, keeps these promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Channel, Purpose
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.push.errors import InboxStateError, MessageNotFoundError
from shared.push.events import MessageOpened
from shared.push.model import Button, Content
from shared.push.model.inbox import (
    MOST_KEPT,
    InboxCounts,
    InboxMessage,
    InboxState,
    Placed,
    Placing,
)
from shared.push.ports import InboxStore
from shared.push.service.inbox import InboxService, Listed, PersonalInbox
from shared.push.service.placing import PlacingService
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.inboxes import InMemoryInboxStore, SettablePeople
from tests.fakes.push import ScriptedPermission

APP = "app_" + "0" * 26
ADA, GUEST, BEN = "con_ada", "con_guest", "con_ben"
PHONE, TABLET, OTHER = "phone-001", "tablet-01", "phone-002"
HELLO = Content(title="Hello", body="there", link="app://x", data={"k": "v"})
NIGHT = Defer(
    until=NOON + timedelta(hours=9),
    because=(Reason(gate=Gate.QUIET_HOURS, rule="night", detail="They sleep."),),
)
NO = Drop(because=(Reason(gate=Gate.CONSENT, rule="objected", detail="They objected."),))
UNSEEN, SEEN, READ = InboxState.UNSEEN, InboxState.SEEN, InboxState.READ
INTERACTED, ARCHIVED = InboxState.INTERACTED, InboxState.ARCHIVED


@dataclass(frozen=True, kw_only=True)
class Inboxes:
    """Inboxes on one kind of store."""

    store: InboxStore
    service: InboxService
    placing: PlacingService
    people: SettablePeople
    permission: ScriptedPermission
    clock: ManualClock
    told: Callable[[], list[tuple[str, str]]]

    def place(
        self,
        *contact_ids: str,
        content: Content = HELLO,
        kept_for: timedelta = timedelta(days=30),
        key: str | None = None,
    ) -> list[Placed]:
        self.clock.advance(timedelta(seconds=1))
        attempt = Attempt(caller="ada", key=key, fingerprint=str(content)) if key else None
        placed, _ = self.placing.place(
            contact_ids,
            app_id=APP,
            content=content,
            purpose=Purpose.SERVICE,
            kept_for=kept_for,
            attempt=attempt,
        )
        return list(placed)

    def a_message(self, contact_id: str = ADA, *, title: str = "Hello") -> str:
        return self.place(contact_id, content=Content(title=title))[0].message_id

    def look(self, device_id: str = PHONE, *, limit: int = 50, cursor: str | None = None) -> Listed:
        return self.service.list_messages(device_id, app_id=APP, limit=limit, cursor=cursor)

    def titles(self, device_id: str = PHONE) -> list[str | None]:
        return [one.content.title for one in self.look(device_id).page.items]

    def mark(self, message_id: str, state: InboxState, *, device_id: str = PHONE) -> InboxMessage:
        return self.service.mark(message_id, state, app_id=APP, device_id=device_id)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Inboxes:
    if request.param == "memory":
        memory = InMemoryInboxStore()
        return assemble(memory, told=lambda: [(one.type, one.subject.id) for one in memory.events])
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Inboxes:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.push.store import DynamoInboxStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[tuple[str, str]]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        by_sequence = sorted(rows, key=lambda row: row["sequence"]["S"])
        return [(row["type"]["S"], row["pk"]["S"].rpartition("#")[2]) for row in by_sequence]

    ledger = Ledger(table=tables["contact_events"])
    return assemble(DynamoInboxStore(table=tables["push"], ledger=ledger), told=told)


def assemble(store: InboxStore, *, told: Callable[[], list[tuple[str, str]]]) -> Inboxes:
    clock, permission = ManualClock(), ScriptedPermission()
    ids = Ids(clock=clock)
    people = SettablePeople(on={PHONE: [ADA], TABLET: [ADA], OTHER: [BEN]})
    return Inboxes(
        store=store,
        service=InboxService(inboxes=store, people=people, clock=clock, ids=ids),
        placing=PlacingService(
            inboxes=store, people=people, leave=permission, clock=clock, ids=ids
        ),
        people=people,
        permission=permission,
        clock=clock,
        told=told,
    )


def test_a_message_stands_in_the_inbox_of_each_device_of_its_person(it: Inboxes) -> None:
    content = replace(
        HELLO, image="https://x.example/i.png", buttons=(Button(id="buy", title="Buy"),)
    )
    (placed,) = it.place(ADA, content=content)
    assert (placed.placing, placed.contact_id) == (Placing.PLACED, ADA)
    for device_id in (PHONE, TABLET):
        (found,) = it.look(device_id).page.items
        assert (found.message_id, found.state) == (placed.message_id, UNSEEN)
        assert found.content == content
        assert found.until - found.sent_at == timedelta(days=30)
    assert it.look(OTHER) == Listed(page=it.look(OTHER).page, counts=InboxCounts())
    assert it.told() == [("message.sent.v1", ADA)]


def test_the_newest_stands_first(it: Inboxes) -> None:
    for title in "abc":
        it.a_message(title=title)
    assert it.titles() == ["c", "b", "a"]


def test_pages_follow_each_other_without_a_gap_whatever_comes_meanwhile(it: Inboxes) -> None:
    for title in "abcde":
        it.a_message(title=title)
    first = it.look(limit=2).page
    it.a_message(title="new")
    second = it.look(limit=2, cursor=first.next_cursor).page
    third = it.look(limit=2, cursor=second.next_cursor).page
    told = [one.content.title for page in (first, second, third) for one in page.items]
    assert told == ["e", "d", "c", "b", "a"]
    assert third.next_cursor is None


def test_counts_are_of_the_whole_inbox(it: Inboxes) -> None:
    seen, read, archived, _ = [it.a_message() for _ in range(4)]
    it.mark(seen, SEEN)
    it.mark(read, READ)
    it.mark(archived, ARCHIVED)
    assert it.look(limit=1).counts == InboxCounts(unseen=1, unread=2)


def test_an_archived_message_is_listed_alone(it: Inboxes) -> None:
    gone, left = it.a_message(title="gone"), it.a_message(title="left")
    it.mark(gone, ARCHIVED)
    assert it.titles() == ["left"]
    kept = it.service.list_messages(PHONE, app_id=APP, limit=9, cursor=None, archived=True)
    assert [one.message_id for one in kept.page.items] == [gone]
    assert left


def test_a_message_goes_on_and_every_step_is_told_once(it: Inboxes) -> None:
    message_id = it.a_message()
    for state in (SEEN, READ, READ, INTERACTED, ARCHIVED):
        assert it.mark(message_id, state).state is state
    assert [kind for kind, _ in it.told()] == [
        "message.sent.v1",
        "message.seen.v1",
        "message.opened.v1",
        "message.clicked.v1",
        "message.archived.v1",
    ]


def test_steps_may_be_left_out(it: Inboxes) -> None:
    message_id = it.a_message()
    it.mark(message_id, INTERACTED)
    assert [kind for kind, _ in it.told()] == ["message.sent.v1", "message.clicked.v1"]


@pytest.mark.parametrize(
    ("reached", "asked"),
    [(SEEN, UNSEEN), (READ, SEEN), (INTERACTED, READ), (ARCHIVED, READ), (ARCHIVED, UNSEEN)],
)
def test_a_message_does_not_go_back(it: Inboxes, reached: InboxState, asked: InboxState) -> None:
    message_id = it.a_message()
    it.mark(message_id, reached)
    with pytest.raises(InboxStateError):
        it.mark(message_id, asked)
    assert len(it.told()) == 2


def test_nobody_moves_a_message_of_somebody_else(it: Inboxes) -> None:
    message_id = it.a_message(ADA)
    with pytest.raises(MessageNotFoundError):
        it.mark(message_id, READ, device_id=OTHER)


def test_a_message_is_over_at_its_time(it: Inboxes) -> None:
    (short,) = it.place(ADA, kept_for=timedelta(hours=1))
    it.clock.advance(timedelta(hours=1))
    assert it.look().page.items == []
    assert it.look().counts == InboxCounts()
    with pytest.raises(MessageNotFoundError):
        it.mark(short.message_id, READ)


def test_an_inbox_shows_its_newest_hundred(it: Inboxes) -> None:
    oldest = it.a_message(title="oldest")
    for _ in range(MOST_KEPT):
        it.a_message(title="newer")
    assert it.look().counts.unread == MOST_KEPT
    with pytest.raises(MessageNotFoundError):
        it.mark(oldest, READ)


def test_who_was_joined_has_one_inbox_and_who_is_parted_their_own(it: Inboxes) -> None:
    it.people.on["guest-01"] = [GUEST]
    it.a_message(GUEST, title="to a guest")
    it.a_message(ADA, title="to Ada")
    it.people.on[PHONE] = it.people.on["guest-01"] = [ADA, GUEST]
    assert it.titles(PHONE) == it.titles("guest-01") == ["to Ada", "to a guest"]
    it.people.on[PHONE], it.people.on["guest-01"] = [ADA], [GUEST]
    assert (it.titles(PHONE), it.titles("guest-01")) == (["to Ada"], ["to a guest"])


def test_what_both_of_the_joined_were_told_stands_there_once(it: Inboxes) -> None:
    it.people.on["guest-01"] = [GUEST]
    to_ada, to_guest = it.place(ADA, GUEST)
    it.mark(to_guest.message_id, READ, device_id="guest-01")
    it.people.on[PHONE] = it.people.on["guest-01"] = [ADA, GUEST]
    (only,) = it.look().page.items
    assert only.state is READ
    it.mark(to_ada.message_id, ARCHIVED)
    assert it.look().page.items == []
    it.people.on["guest-01"] = [GUEST]
    assert it.look("guest-01").page.items == []
    assert [kind for kind, _ in it.told()].count("message.archived.v1") == 1


def test_whom_the_policy_does_not_let_be_told_has_no_message(it: Inboxes) -> None:
    it.people.on["guest-01"] = [GUEST]
    it.permission.answers = {ADA: NIGHT, BEN: NO}
    ada, ben, guest, nobody = it.place(ADA, BEN, GUEST, "con_nobody")
    assert (ada.placing, ada.reason, ada.until) == (Placing.DEFERRED, "quiet_hours", NIGHT.until)
    assert (ben.placing, ben.reason) == (Placing.REFUSED, "consent")
    assert guest.placing is Placing.PLACED
    assert (nobody.placing, nobody.reason) == (Placing.REFUSED, "contact_not_found")
    assert it.titles(PHONE) == it.titles(OTHER) == []
    assert sorted(it.told()) == [
        ("message.sent.v1", GUEST),
        ("message.suppressed.v1", ADA),
        ("message.suppressed.v1", BEN),
    ]
    assert len(it.permission.counted) == 1


def test_an_attempt_places_once_and_answers_the_same(it: Inboxes) -> None:
    it.permission.answers = {BEN: NIGHT}
    first = it.place(ADA, BEN, key="k")
    it.permission.answers = {}
    assert it.place(ADA, BEN, key="k") == first
    assert (len(it.titles(PHONE)), it.titles(OTHER)) == (1, [])
    with pytest.raises(IdempotencyKeyReusedError):
        it.place(ADA, content=Content(title="Another"), key="k")


def test_an_attempt_that_broke_off_goes_on_under_its_id(it: Inboxes) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint=str(HELLO))
    begun = it.store.begin(attempt, app_id=APP, batch_id="0" * 26, at=NOON)
    assert begun == "0" * 26
    (placed,) = it.place(ADA, key="k")
    assert placed.message_id == f"msg_{begun}_0"
    assert it.store.begin(attempt, app_id=APP, batch_id="1" * 26, at=NOON) == begun


def test_an_empty_message_is_refused(it: Inboxes) -> None:
    with pytest.raises(InvalidFieldsError):
        it.place(ADA, content=Content())


def test_of_two_who_move_a_message_one_does(it: Inboxes) -> None:
    it.a_message()
    (found,) = it.look().page.items
    assert it.store.move(found, READ, opened(found, "1" * 26))
    assert not it.store.move(found, READ, opened(found, "2" * 26))
    assert not it.store.move(found, SEEN, None)
    assert len(it.told()) == 2


def test_copies_are_kept_once(it: Inboxes) -> None:
    it.a_message()
    (found,) = it.look().page.items
    another = replace(found, key="cmp_1", contact_id=BEN)
    again = replace(found, content=Content(title="Changed"))
    assert list(it.store.keep_each([again, another])) == [False, True]
    assert it.titles(PHONE) == ["Hello"]


def test_an_inbox_is_exported_and_erased(it: Inboxes) -> None:
    it.people.on["guest-01"] = [GUEST]
    for _ in range(3):
        it.place(ADA, GUEST)
    personal = PersonalInbox(inboxes=it.store)
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    while True:
        page = personal.export([ADA, GUEST], app_id=APP, cursor=cursor, limit=2)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(found) == 6
    assert (found[0]["title"], found[0]["state"]) == ("Hello", UNSEEN)
    personal.erase([ADA], app_id=APP)
    assert it.titles(PHONE) == []
    assert len(it.titles("guest-01")) == 3
    personal.erase([ADA], app_id=APP)


def opened(message: InboxMessage, sequence: str) -> Envelope:
    event = MessageOpened(
        app_id=APP,
        occurred_at=NOON,
        channel=Channel.INAPP,
        contact_id=message.contact_id,
        device_id=PHONE,
        message_id=message.message_id,
        purpose=message.purpose,
    )
    return seal(event, sequence=sequence, key=RowKey(at=NOON, id=sequence))
