"""Every store of in-app messages, real or fake, keeps these promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import seal
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids, ulid_of
from shared.push.errors import (
    InAppChangedError,
    InAppInvalidError,
    InAppNotFoundError,
    InAppStateError,
    TooManyInAppError,
)
from shared.push.events import InAppUpdated
from shared.push.model import ReceiptKind
from shared.push.model.in_app import (
    MOST_ACTIVE,
    Caps,
    Comparison,
    Filter,
    InAppButton,
    InAppContent,
    InAppDraft,
    InAppMessage,
    InAppReceipt,
    InAppState,
    Layout,
    QuietTime,
    Trigger,
)
from shared.push.ports import ChunkStore, InAppStore
from shared.push.service.in_app import DisplayService, InAppService
from shared.push.service.messages import ReceiptsHeard
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.in_app import InMemoryInAppStore, NotedTouches, SettableSegments
from tests.fakes.inboxes import SettablePeople
from tests.fakes.push import InMemoryChunkStore, ScriptedPermission

APP = "app_" + "0" * 26
ADA, PHONE = "con_ada", "phone-001"
HELLO = InAppDraft(
    name="hello",
    content=InAppContent(layout=Layout.BANNER, title="Hello"),
    purpose=Purpose.SERVICE,
)
FULL = replace(
    HELLO,
    content=InAppContent(
        layout=Layout.FULLSCREEN,
        title="Schön",
        body="& gut",
        image="https://x.example/i.png",
        buttons=(
            InAppButton(id="see", title="See", url="shop://spring"),
            InAppButton(id="take", title="Take", coupon_id="cpn_1"),
        ),
        config={"theme": "dark"},
    ),
    trigger=Trigger(
        event="com.example.basket.filled",
        filters=(
            Filter(attribute="lines", comparison=Comparison.FROM, values=(2,)),
            Filter(attribute="shop", comparison=Comparison.IN, values=("zurich", "bern", True)),
            Filter(attribute="total", comparison=Comparison.EXISTS),
        ),
    ),
    segment_id="seg_1",
    topic="offers",
    offer_key="spring",
    priority=80,
    caps=Caps(per_session=1, per_day=2, total=3),
    quiet_time=QuietTime(start=time(21), end=time(8, 30)),
    starts_at=NOON,
    ends_at=NOON + timedelta(days=7),
)
NO = Drop(because=(Reason(gate=Gate.CASE, rule="complaint", detail="A complaint is open."),))


def put_off(by: timedelta) -> Defer:
    because = (Reason(gate=Gate.CAP, rule="per-day", detail="4 of 4."),)
    return Defer(until=NOON + by, because=because)


@dataclass(frozen=True, kw_only=True)
class InApp:
    """In-app messages on one kind of store."""

    store: InAppStore
    service: InAppService
    displays: DisplayService
    segments: SettableSegments
    permission: ScriptedPermission
    touches: NotedTouches
    clock: ManualClock
    told: Callable[[], list[str]]

    def create(self, draft: InAppDraft = HELLO, *, key: str | None = None) -> InAppMessage:
        attempt = Attempt(caller="ada", key=key, fingerprint=draft.name) if key else None
        return self.service.create_message(draft, app_id=APP, by="ada", attempt=attempt)[0]

    def active(self, draft: InAppDraft = HELLO) -> InAppMessage:
        return self.move("activate", self.create(draft))

    def move(self, verb: str, message: InAppMessage) -> InAppMessage:
        moved: InAppMessage = getattr(self.service, verb)(
            message.in_app_id, app_id=APP, version=message.version, by="ada"
        )
        return moved

    def rules(self) -> list[str]:
        found = self.displays.rules_for(PHONE, app_id=APP).rules
        return [one.message.in_app_id for one in found]

    def hear(
        self,
        message: InAppMessage,
        kind: ReceiptKind = ReceiptKind.DISPLAYED,
        *,
        shown_at: datetime | None = None,
        **changed: Any,
    ) -> ReceiptsHeard:
        receipt = InAppReceipt(
            in_app_id=message.in_app_id,
            display_id=ulid_of(shown_at or self.clock(), chance=1),
            kind=kind,
            at=shown_at or self.clock(),
        )
        return self.displays.hear([replace(receipt, **changed)], app_id=APP, device_id=PHONE)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> InApp:
    if request.param == "memory":
        memory, chunks = InMemoryInAppStore(), InMemoryChunkStore()

        def told() -> list[str]:
            events = [*memory.events, *chunks.events.values()]
            return [one.type for one in sorted(events, key=lambda one: one.sequence)]

        return assemble(memory, chunks, told=told)
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> InApp:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.push.store import DynamoChunkStore, DynamoInAppStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    return assemble(
        DynamoInAppStore(table=tables["push"], ledger=Ledger(table=tables["contact_events"])),
        DynamoChunkStore(table=tables["push"], ledger_table=tables["contact_events"]),
        told=told,
    )


def assemble(store: InAppStore, chunks: ChunkStore, *, told: Callable[[], list[str]]) -> InApp:
    clock, permission, touches = ManualClock(), ScriptedPermission(), NotedTouches()
    ids, segments = Ids(clock=clock), SettableSegments()
    return InApp(
        store=store,
        service=InAppService(messages=store, audience=segments, clock=clock, ids=ids),
        displays=DisplayService(
            messages=store,
            audience=segments,
            people=SettablePeople(on={PHONE: [ADA]}),
            leave=permission,
            touches=touches,
            ledger=chunks,
            clock=clock,
            ids=ids,
        ),
        segments=segments,
        permission=permission,
        touches=touches,
        clock=clock,
        told=told,
    )


@pytest.mark.parametrize("draft", [HELLO, FULL])
def test_a_message_comes_back_as_it_was_written(it: InApp, draft: InAppDraft) -> None:
    made = it.create(draft)
    assert (made.draft, made.state, made.version) == (draft, InAppState.DRAFT, 1)
    assert it.service.get_message(made.in_app_id, app_id=APP) == made
    assert it.told() == ["in_app.created.v1"]


def test_messages_are_listed_as_they_were_made_active_or_not(it: InApp) -> None:
    made = [it.active(), it.create(), it.active()]
    first = it.service.list_messages(APP, limit=2, cursor=None)
    rest = it.service.list_messages(APP, limit=2, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == made
    assert rest.next_cursor is None


def test_nobody_knows_a_message_of_another_app(it: InApp) -> None:
    made = it.active()
    with pytest.raises(InAppNotFoundError):
        it.store.get_message(made.in_app_id, app_id="app_other")
    assert it.store.active_messages("app_other") == []


def test_an_attempt_makes_one_message(it: InApp) -> None:
    assert it.create(key="k") == it.create(key="k")
    with pytest.raises(IdempotencyKeyReusedError):
        it.create(replace(HELLO, name="other"), key="k")


def test_a_message_is_told_of_while_it_is_active(it: InApp) -> None:
    made = it.create()
    assert it.rules() == []
    active = it.move("activate", made)
    assert it.rules() == [made.in_app_id]
    paused = it.move("pause", active)
    assert it.rules() == []
    it.move("activate", paused)
    assert it.rules() == [made.in_app_id]
    assert it.told() == [
        f"in_app.{what}.v1" for what in ("created", "activated", "paused", "activated")
    ]


def test_a_change_of_an_active_message_is_told_at_once(it: InApp) -> None:
    active = it.active()
    louder = replace(HELLO, content=replace(HELLO.content, layout=Layout.MODAL))
    it.service.update_message(
        active.in_app_id, louder, app_id=APP, version=active.version, by="ada"
    )
    (rule,) = it.displays.rules_for(PHONE, app_id=APP).rules
    assert rule.message.draft == louder
    assert rule.message.state is InAppState.ACTIVE


def test_of_two_who_change_a_message_one_does(it: InApp) -> None:
    made = it.create()
    it.move("activate", made)
    with pytest.raises(InAppChangedError):
        it.move("activate", made)
    with pytest.raises(InAppChangedError):
        it.service.update_message(made.in_app_id, HELLO, app_id=APP, version=1, by="ada")
    late = replace(made, version=2)
    event = InAppUpdated(
        app_id=APP, occurred_at=NOON, in_app_id=made.in_app_id, name="hello", version=2, by="ben"
    )
    with pytest.raises(InAppChangedError):
        it.store.replace_message(late, seal(event, sequence="0" * 26), before=made)
    assert len(it.told()) == 2


def test_states_follow_each_other(it: InApp) -> None:
    made = it.create()
    with pytest.raises(InAppStateError):
        it.move("pause", made)
    active = it.move("activate", made)
    with pytest.raises(InAppStateError):
        it.move("activate", active)


def test_what_is_over_is_not_told_and_not_activated(it: InApp) -> None:
    short = replace(HELLO, ends_at=NOON + timedelta(hours=1))
    it.active(short)
    late = it.create(short)
    assert len(it.rules()) == 1
    it.clock.advance(timedelta(hours=1))
    assert it.rules() == []
    with pytest.raises(InAppStateError):
        it.move("activate", late)


def test_an_app_has_so_many_active_messages(it: InApp) -> None:
    made = [it.active() for _ in range(MOST_ACTIVE)]
    with pytest.raises(TooManyInAppError):
        it.active()
    it.move("pause", made[0])
    it.active()


def test_a_device_is_told_what_is_for_its_segments(it: InApp) -> None:
    everybody, few = it.active(), it.active(replace(HELLO, segment_id="seg_few"))
    assert it.rules() == [everybody.in_app_id]
    it.segments.fits = {"seg_few", "seg_other"}
    assert it.rules() == [everybody.in_app_id, few.in_app_id]


def test_whom_the_policy_drops_is_told_nothing_and_nobody_is_counted(it: InApp) -> None:
    it.active()
    it.permission.answers = {ADA: NO}
    assert it.rules() == []
    it.permission.answers = {}
    assert len(it.rules()) == 1
    assert it.permission.counted == set()


def test_who_is_put_off_is_told_from_when_on_it_may_be_shown(it: InApp) -> None:
    it.active()
    it.permission.answers = {ADA: put_off(timedelta(minutes=30))}
    (rule,) = it.displays.rules_for(PHONE, app_id=APP).rules
    assert rule.not_before == NOON + timedelta(minutes=30)
    it.permission.answers = {ADA: put_off(timedelta(hours=1))}
    assert it.rules() == []


def test_a_display_is_a_touch_once_and_its_click_is_none(it: InApp) -> None:
    shown = it.active()
    assert it.hear(shown) == ReceiptsHeard(accepted=1, duplicates=0, unknown=())
    assert it.hear(shown, at=NOON + timedelta(hours=1)).duplicates == 1
    assert it.hear(shown, ReceiptKind.CLICKED).accepted == 1
    assert it.hear(shown, ReceiptKind.DISMISSED).accepted == 1
    it.clock.advance(timedelta(minutes=1))
    assert it.hear(shown).accepted == 1
    assert [one for one in it.told() if one.startswith("message.")] == [
        "message.sent.v1",
        "message.clicked.v1",
        "message.dismissed.v1",
        "message.sent.v1",
    ]
    assert [noted[:2] for noted in it.touches.noted.values()] == [(ADA, Purpose.SERVICE)] * 2


def test_a_late_receipt_counts_once_too(it: InApp) -> None:
    shown = it.move("pause", it.active())
    it.clock.advance(timedelta(days=40))
    assert it.hear(shown, shown_at=NOON).accepted == 1
    assert it.hear(shown, shown_at=NOON).duplicates == 1


@pytest.mark.parametrize("year", [1990, 2040])
def test_a_device_whose_clock_is_anywhere_counts_once(it: InApp, year: int) -> None:
    shown = it.active()
    shown_at = datetime(year, 1, 1, tzinfo=UTC)
    assert it.hear(shown, shown_at=shown_at).accepted == 1
    it.clock.advance(timedelta(days=2))
    assert it.hear(shown, shown_at=shown_at).duplicates == 1
    ((_, _, at),) = it.touches.noted.values()
    assert at == NOON


def test_a_receipt_of_nothing_is_named(it: InApp) -> None:
    heard = it.hear(it.active(), in_app_id="iam_nothing")
    assert heard == ReceiptsHeard(accepted=0, duplicates=0, unknown=(0,))


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        (replace(HELLO, content=InAppContent(layout=Layout.MODAL)), "/content"),
        (
            replace(HELLO, content=replace(HELLO.content, image="http://x.example/i.png")),
            "/content/image",
        ),
        (
            replace(
                HELLO,
                content=replace(
                    HELLO.content, buttons=(InAppButton(id="a", title="A", url="u", coupon_id="c"),)
                ),
            ),
            "/content/buttons/0",
        ),
        (
            replace(
                HELLO,
                content=replace(
                    HELLO.content,
                    buttons=(InAppButton(id="a", title="A"), InAppButton(id="a", title="B")),
                ),
            ),
            "/content/buttons/1/id",
        ),
        (replace(HELLO, content=replace(HELLO.content, body="x" * 9_000)), "/content"),
        (
            replace(
                HELLO,
                trigger=Trigger(
                    event="e", filters=(Filter(attribute="a", comparison=Comparison.IN),)
                ),
            ),
            "/trigger/filters/0",
        ),
        (
            replace(
                HELLO,
                trigger=Trigger(
                    filters=(Filter(attribute="a", comparison=Comparison.EXISTS),),
                ),
            ),
            "/trigger/filters",
        ),
        (replace(HELLO, quiet_time=QuietTime(start=time(8), end=time(8))), "/quiet_time"),
        (replace(HELLO, starts_at=NOON, ends_at=NOON), "/ends_at"),
    ],
)
def test_what_no_device_could_show_is_refused(it: InApp, draft: InAppDraft, pointer: str) -> None:
    with pytest.raises(InAppInvalidError) as refused:
        it.create(draft)
    assert [one.pointer for one in refused.value.fields] == [pointer]
