"""What a trigger's document may say, who may approve it, and what starts and cancels it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.errors import (
    OwnTriggerApprovalError,
    TriggerChangedError,
    TriggerInvalidError,
    TriggerStateError,
)
from shared.contact_events.model.durations import duration_of, iso8601
from shared.contact_events.model.firing import (
    SETTLED,
    TOO_LATE,
    cancelled_by,
    held_reservations,
    is_too_late,
    started,
)
from shared.contact_events.model.trigger_documents import document_of, trigger_of
from shared.contact_events.model.triggers import Reentry, Running, Trigger, TriggerState
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import ulid_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
APP, ADA = "app_" + "1" * 26, "con_" + "A" * 26
REMINDER: dict[str, Any] = {
    "name": "unopened push",
    "when": {"type": "message.sent.v1", "filter": "channel = 'push'"},
    "after": "PT1H",
    "unless": [{"type": "message.opened.v1", "same": "message"}],
    "then": {"request": {"channel": "email", "purpose": "marketing", "text": "spring-offer"}},
}


def an_event(
    event_type: str,
    at: datetime = NOON,
    *,
    contact_id: str = ADA,
    channel: str | None = "push",
    number: int = 0,
    kind: str = "contact",
    **data: Any,
) -> Envelope:
    return Envelope(
        app_id=APP,
        sequence=ulid_of(at, chance=number),
        type=event_type,
        source="push",
        time=at,
        subject=Subject(kind=kind, id=contact_id),
        channel=channel,
        data=data,
    )


def running(**changes: Any) -> Running:
    rule = trigger_of({**REMINDER, **changes})
    return Running(app_id=APP, trigger_id="trg_" + "1" * 26, version=1, rule=rule)


def a_trigger(by: str = "ann") -> Trigger:
    return Trigger(
        app_id=APP,
        trigger_id="trg_" + "1" * 26,
        rule=trigger_of(REMINDER),
        version=1,
        authors=(by,),
        created_at=NOON,
        updated_at=NOON,
    )


@given(st.integers(0, 400 * 86_400))
def test_a_duration_is_read_as_it_is_written(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert duration_of(iso8601(duration)) == duration


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "P1M", "PT-1H", "P1W", "PT1.5H"])
def test_what_is_no_duration_of_fixed_length_is_none(text: str) -> None:
    assert duration_of(text) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"after": "P30D", "reentry": "once"},
        {"reentry": {"once_per": "P7D"}, "unless": [{"type": "order.completed.v1"}]},
        {"then": {"release_reservations": {}}},
    ],
)
def test_a_document_says_what_was_read_of_it(changes: dict[str, Any]) -> None:
    rule = trigger_of({**REMINDER, **changes})
    assert trigger_of(document_of(rule)) == rule
    assert trigger_of(yaml.safe_load(yaml.safe_dump(document_of(rule)))) == rule


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"name": ""}, "/name", "text"),
        ({"when": {"type": "message.sent"}}, "/when/type", "pattern"),
        ({"when": {"type": "a.b.v1", "filter": "channel ="}}, "/when/filter", "cesql"),
        ({"when": {"type": "contact.requested.v1"}}, "/when", "own"),
        ({"after": "P31D"}, "/after", "duration"),
        ({"after": 3600}, "/after", "duration"),
        ({"unless": [{"type": "a.b.v1", "same": "shop"}]}, "/unless/0/same", "word"),
        ({"then": {}}, "/then", "one_of"),
        ({"then": {"request": {}, "release_reservations": {}}}, "/then", "one_of"),
        ({"then": {"request": {"channel": "fax"}}}, "/then/request/channel", "word"),
        ({"reentry": "often"}, "/reentry", "word"),
        ({"reentry": {"once_per": "PT1S"}}, "/reentry/once_per", "duration"),
        ({"color": "red"}, "/color", "unknown"),
    ],
)
def test_what_a_document_may_not_say_is_named(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(TriggerInvalidError) as refusal:
        trigger_of({**REMINDER, **changes})
    assert (pointer, code) in [(one.pointer, one.code) for one in refusal.value.fields]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*REMINDER, "type", "request"]), inner, max_size=4)
        ),
    )
)
def test_no_document_is_half_understood(document: Any) -> None:
    try:
        rule = trigger_of(document)
    except TriggerInvalidError:
        return
    assert trigger_of(document_of(rule)) == rule


def test_another_than_its_authors_puts_a_version_in_force() -> None:
    draft = a_trigger(by="ann").changed(
        trigger_of({**REMINDER, "after": "PT2H"}), by="ben", at=NOON
    )
    assert (draft.state, draft.in_force, draft.version) == (TriggerState.DRAFT, None, 2)
    for author in ("ann", "ben"):
        with pytest.raises(OwnTriggerApprovalError):
            draft.approved(2, by=author, at=NOON)
    with pytest.raises(TriggerChangedError):
        draft.approved(1, by="eve", at=NOON)
    active = draft.approved(2, by="eve", at=NOON)
    assert (active.state, active.in_force) == (TriggerState.ACTIVE, 2)
    with pytest.raises(TriggerStateError):
        active.approved(2, by="eve", at=NOON)


def test_what_is_in_force_goes_on_until_the_next_version_is_approved() -> None:
    active = a_trigger(by="ann").approved(1, by="ben", at=NOON)
    changed = active.changed(trigger_of({**REMINDER, "after": "PT2H"}), by="ben", at=NOON)
    assert (changed.state, changed.in_force, changed.authors) == (TriggerState.DRAFT, 1, ("ben",))
    assert changed.approved(2, by="ann", at=NOON).in_force == 2


def test_a_paused_trigger_is_not_in_force() -> None:
    with pytest.raises(TriggerStateError):
        a_trigger().paused(at=NOON)
    active = a_trigger().approved(1, by="ben", at=NOON)
    paused = active.paused(at=NOON)
    assert (paused.state, paused.in_force) == (TriggerState.PAUSED, None)
    with pytest.raises(TriggerStateError):
        paused.paused(at=NOON)
    with pytest.raises(TriggerStateError):
        active.resumed(at=NOON)
    assert paused.resumed(at=NOON).in_force == 1


def test_only_events_of_a_contact_that_pass_the_filter_start_a_trigger() -> None:
    assert running().starts_by(an_event("message.sent.v1"))
    assert not running().starts_by(an_event("message.sent.v1", channel="sms"))
    assert not running().starts_by(an_event("message.opened.v1"))
    assert not running().starts_by(an_event("message.sent.v1", kind="device"))


def test_a_filter_sees_the_data_of_an_event_and_not_what_its_sender_sent() -> None:
    large = running(when={"type": "order.completed.v1", "filter": "data_amount > 100"})
    assert large.starts_by(an_event("order.completed.v1", amount=101))
    assert not large.starts_by(an_event("order.completed.v1", amount=100))
    sealed = running(when={"type": "order.completed.v1", "filter": "EXISTS data_raw"})
    assert not sealed.starts_by(an_event("order.completed.v1", raw="sealed"))


def test_it_is_due_after_its_wait_counted_from_the_event() -> None:
    cause = an_event("message.sent.v1")
    assert started(running(), cause, at=NOON + MINUTE).due_at == NOON + HOUR
    assert started(running(), cause, at=NOON + 2 * HOUR).due_at == NOON + 2 * HOUR + SETTLED


def test_an_event_of_tomorrow_happens_now() -> None:
    cause = an_event("message.sent.v1", NOON + timedelta(days=1))
    assert started(running(), cause, at=NOON).due_at == NOON + HOUR


def test_what_would_have_been_due_long_ago_starts_nothing() -> None:
    cause = an_event("message.sent.v1")
    assert not is_too_late(running(), cause, at=NOON + HOUR + TOO_LATE)
    assert is_too_late(running(), cause, at=NOON + HOUR + TOO_LATE + MINUTE)


@pytest.mark.parametrize(
    ("minutes", "message_id", "cancels"),
    [(59, "msg_1", True), (60, "msg_1", False), (-5, "msg_1", True), (59, "msg_2", False)],
)
def test_only_the_same_message_opened_before_it_was_due_cancels(
    minutes: int, message_id: str, cancels: bool
) -> None:
    instance = started(running(), an_event("message.sent.v1", message_id="msg_1"), at=NOON)
    opened = an_event("message.opened.v1", NOON + minutes * MINUTE, message_id=message_id, number=1)
    assert (cancelled_by(running(), instance, [opened]) == opened) is cancels


def test_what_a_person_did_before_cancels_nothing() -> None:
    bought = running(unless=[{"type": "order.completed.v1"}])
    instance = started(bought, an_event("message.sent.v1"), at=NOON)
    before = an_event("order.completed.v1", NOON - MINUTE)
    after = an_event("order.completed.v1", NOON + MINUTE)
    assert cancelled_by(bought, instance, [before]) is None
    assert cancelled_by(bought, instance, [before, after]) == after


def test_events_without_the_shared_id_share_nothing() -> None:
    instance = started(running(), an_event("message.sent.v1"), at=NOON)
    assert cancelled_by(running(), instance, [an_event("message.opened.v1", NOON + MINUTE)]) is None


def test_an_event_does_not_cancel_what_it_started() -> None:
    both = running(unless=[{"type": "message.sent.v1"}])
    cause = an_event("message.sent.v1")
    instance = started(both, cause, at=NOON)
    again = an_event("message.sent.v1", NOON + MINUTE, number=1)
    assert cancelled_by(both, instance, [cause]) is None
    assert cancelled_by(both, instance, [cause, again]) == again


@pytest.mark.parametrize(
    ("reentry", "passed", "admits"),
    [
        ("each", 0, True),
        ("once", 400, False),
        ({"once_per": "P7D"}, 6, False),
        ({"once_per": "P7D"}, 7, True),
    ],
)
def test_a_person_enters_again_as_the_document_says(
    reentry: Any, passed: int, admits: bool
) -> None:
    rule = running(reentry=reentry).rule
    assert rule.admits(NOON, entered_at=None)
    assert rule.admits(NOON + timedelta(days=passed), entered_at=NOON) is admits
    assert rule.reentry in Reentry


def test_reservations_are_held_until_an_event_says_otherwise() -> None:
    events = [
        an_event("coupon.reserved.v1", redemption_id="red_1", coupon_id="cpn_1"),
        an_event("coupon.reserved.v1", redemption_id="red_2", coupon_id="cpn_2"),
        an_event("coupon.reserved.v1", redemption_id="red_3", coupon_id="cpn_2"),
        an_event("coupon.redeemed.v1", redemption_id="red_2", coupon_id="cpn_2"),
    ]
    assert held_reservations(events, coupon_id=None) == ("red_1", "red_3")
    assert held_reservations(events, coupon_id="cpn_2") == ("red_3",)
