"""Triggers are kept, start, wait, and end once; on every store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.contact_events.errors import (
    OwnTriggerApprovalError,
    StaleError,
    TooManyTriggersError,
    TriggerChangedError,
    TriggerNotFoundError,
)
from shared.contact_events.model.firing import SETTLED, Instance, InstanceState
from shared.contact_events.model.triggers import Trigger
from shared.contact_events.ports import Entry, InstanceStore, TriggerStore
from shared.contact_events.service.firing import FireService
from shared.contact_events.service.following import FollowService, PerformingService
from shared.contact_events.service.triggers import (
    MOST_TRIGGERS,
    OLDEST,
    RunningTriggers,
    TriggerService,
)
from shared.contact_events.service.virtual import InMemoryInstances
from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.triggers import (
    AnsweringPolicy,
    GivenBack,
    InMemoryTriggerStore,
    JoinedPersons,
)
from tests.unit.contact_events.test_triggers import ADA, APP, REMINDER, an_event

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BOB = "con_" + "B" * 26
RULE_SAYS_NO = Reason(gate=Gate.CONSENT, rule="no_consent", detail="They never agreed.")


@dataclass(kw_only=True)
class It:
    triggers: TriggerStore
    instances: InstanceStore
    told: Callable[[], Sequence[Envelope]]
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    ledger: InMemoryEventStore = field(default_factory=InMemoryEventStore)
    persons: JoinedPersons = field(default_factory=JoinedPersons)
    number: int = 0

    def __post_init__(self) -> None:
        ids = Ids(clock=self.clock)
        self.policy = AnsweringPolicy(clock=self.clock)
        self.reviewing = TriggerService(triggers=self.triggers, clock=self.clock, ids=ids)
        running = RunningTriggers(triggers=self.triggers, elapsed=lambda: self.clock().timestamp())
        self.following = FollowService(
            running=running,
            instances=self.instances,
            ledger=self.ledger,
            persons=self.persons,
            clock=self.clock,
        )
        self.firing = FireService(
            running=running,
            instances=self.instances,
            ledger=self.ledger,
            persons=self.persons,
            permits=self.policy,
            clock=self.clock,
            ids=ids,
        )

    def in_force(self, **changes: Any) -> Trigger:
        made = self.reviewing.create_trigger({**REMINDER, **changes}, app_id=APP, by="ann")
        active = self.reviewing.approve(made.trigger_id, version=1, app_id=APP, by="ben")
        self.clock.advance(timedelta(seconds=OLDEST))
        return active

    def happens(self, event_type: str, *, after: timedelta = timedelta(), **said: Any) -> Envelope:
        """Record an event now, which happened so long after the clock's instant, and follow it."""
        self.number += 1
        event = an_event(event_type, self.clock() + after, number=self.number, **said)
        self.ledger.events.append(event)
        self.following.follow(event)
        return event

    def sent(self, **said: Any) -> Envelope:
        return self.happens("message.sent.v1", **{"message_id": "msg_1", **said})

    def opened(self, **said: Any) -> Envelope:
        return self.happens("message.opened.v1", **{"message_id": "msg_1", **said})

    def sweep(self, *, after: timedelta = timedelta()) -> Mapping[str, int]:
        self.clock.advance(after)
        kept = (self.instances.kept_of(one, app_id=APP) for one in (ADA, BOB))
        waiting = [one.minute for some in kept for one in some if not one.state.is_final]
        if waiting:
            # Nothing is in the minutes before: an engine would read them for seconds.
            self.instances.mark_swept(APP, until=min(waiting))
        return self.firing.fire_due(APP)

    def outcomes(self) -> list[Envelope]:
        made = {"contact.requested.v1", "trigger.fired.v1", "trigger.suppressed.v1"}
        return [one for one in self.told() if one.type in made]

    def only(self, trigger: Trigger, *, contact_id: str = ADA) -> Instance:
        (found,) = self.instances.instances_of(
            contact_id, trigger_id=trigger.trigger_id, app_id=APP
        )
        return found


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> It:
    if request.param == "memory":
        triggers, instances = InMemoryTriggerStore(), InMemoryInstances()
        return It(
            triggers=triggers,
            instances=instances,
            told=lambda: [*triggers.told, *instances.told],
        )
    from shared.contact_events.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoInstanceStore,
        DynamoTriggerStore,
    )
    from shared.platform.dynamodb import bind  # noqa: PLC0415
    from shared.platform.ledger import EventRow, from_row  # noqa: PLC0415

    table = request.getfixturevalue("tables")["contact_events"]

    def told() -> list[Envelope]:
        row = bind(EventRow, table=table)
        rows = row.scan(row.sequence.exists())
        return sorted(map(from_row, rows), key=lambda event: event.sequence)

    return It(
        triggers=DynamoTriggerStore(table=table),
        instances=DynamoInstanceStore(table=table),
        told=told,
    )


def test_a_trigger_is_drafted_approved_changed_paused_and_deleted(it: It) -> None:
    draft = it.reviewing.create_trigger(REMINDER, app_id=APP, by="ann")
    trigger_id = draft.trigger_id
    assert it.reviewing.get_trigger(trigger_id, app_id=APP) == draft
    with pytest.raises(OwnTriggerApprovalError):
        it.reviewing.approve(trigger_id, version=1, app_id=APP, by="ann")
    active = it.reviewing.approve(trigger_id, version=1, app_id=APP, by="ben")
    same = it.reviewing.put_trigger(trigger_id, REMINDER, app_id=APP, version=1, by="ann")
    assert same == active
    changed = it.reviewing.put_trigger(
        trigger_id, {**REMINDER, "after": "PT2H"}, app_id=APP, version=1, by="ann"
    )
    assert (changed.version, changed.in_force) == (2, 1)
    with pytest.raises(TriggerChangedError):
        it.reviewing.put_trigger(trigger_id, REMINDER, app_id=APP, version=1, by="ann")
    it.reviewing.pause(trigger_id, app_id=APP, by="ann")
    resumed = it.reviewing.resume(trigger_id, app_id=APP, by="ann")
    assert it.reviewing.list_triggers(APP) == [resumed]
    it.reviewing.delete_trigger(trigger_id, app_id=APP, by="ann")
    assert it.reviewing.list_triggers(APP) == []
    with pytest.raises(TriggerNotFoundError):
        it.reviewing.get_trigger(trigger_id, app_id=APP)
    assert it.triggers.rule_of(trigger_id, 1, app_id=APP) == draft.rule
    assert [one.type.split(".")[1] for one in it.told()] == [
        "created",
        "approved",
        "updated",
        "paused",
        "resumed",
        "deleted",
    ]


def test_of_two_who_change_a_trigger_at_once_one_is_told_so(it: It) -> None:
    active = it.in_force()
    event = it.told()[-1]
    paused = active.paused(at=it.clock())
    it.triggers.replace(paused, event=replace(event, sequence=Ids(clock=it.clock).sequence()))
    with pytest.raises(StaleError):
        it.triggers.replace(paused, event=event)
    with pytest.raises(StaleError):
        it.triggers.remove(active, event=event)
    assert it.triggers.find(active.trigger_id, app_id=APP) == paused


def test_an_app_has_so_many_triggers_at_most() -> None:
    triggers, instances = InMemoryTriggerStore(), InMemoryInstances()
    it = It(triggers=triggers, instances=instances, told=list)
    for _ in range(MOST_TRIGGERS):
        it.reviewing.create_trigger(REMINDER, app_id=APP, by="ann")
    with pytest.raises(TooManyTriggersError):
        it.reviewing.create_trigger(REMINDER, app_id=APP, by="ann")


def test_a_push_unopened_for_an_hour_asks_for_an_e_mail_once(it: It) -> None:
    trigger = it.in_force()
    cause = it.sent()
    assert it.sweep(after=HOUR) == {}
    assert it.outcomes() == []
    assert it.sweep(after=MINUTE + SETTLED) == {"fired": 1}
    assert it.sweep(after=MINUTE) == {}
    (request,) = it.outcomes()
    fired = it.only(trigger)
    assert (request.type, request.channel, request.purpose) == (
        "contact.requested.v1",
        "email",
        "marketing",
    )
    assert (request.subject.id, request.cause) == (ADA, cause.id)
    assert request.data["instance_id"] == fired.instance_id
    assert request.data["reservation_id"] == f"rsv_{fired.instance_id}"
    assert (fired.state, fired.ended_at) == (InstanceState.FIRED, it.clock() - MINUTE)
    (asked,) = it.policy.asked
    assert asked.expires_at == fired.due_at + timedelta(days=1)


def test_a_push_opened_at_59_minutes_asks_for_nothing(it: It) -> None:
    trigger = it.in_force()
    it.sent()
    it.clock.advance(59 * MINUTE)
    opened = it.opened()
    assert it.only(trigger).because == opened.id
    it.sweep(after=HOUR)
    assert (it.only(trigger).state, it.outcomes()) == (InstanceState.CANCELLED, [])


def test_an_opening_that_nobody_brought_is_found_when_it_is_due(it: It) -> None:
    trigger = it.in_force()
    it.sent()
    opened = an_event("message.opened.v1", it.clock() + MINUTE, message_id="msg_1", number=9)
    it.ledger.events.append(opened)
    assert it.sweep(after=HOUR + MINUTE + SETTLED) == {"cancelled": 1}
    assert it.only(trigger).because == opened.id
    assert it.outcomes() == []


def test_an_opening_that_comes_before_its_push_cancels_it_at_its_start(it: It) -> None:
    trigger = it.in_force()
    opened = it.opened()
    it.sent(after=-MINUTE)
    cancelled = it.only(trigger)
    assert (cancelled.state, cancelled.because) == (InstanceState.CANCELLED, opened.id)
    assert it.sweep(after=2 * HOUR) == {}


def test_what_is_known_too_late_changes_nothing(it: It) -> None:
    it.in_force()
    it.sent()
    it.sweep(after=HOUR + MINUTE + SETTLED)
    it.opened(after=-HOUR)
    it.sweep(after=HOUR)
    assert len(it.outcomes()) == 1


def test_the_same_event_again_starts_nothing_more(it: It) -> None:
    trigger = it.in_force()
    cause = it.sent()
    it.clock.advance(MINUTE)
    it.following.follow(cause)
    assert it.only(trigger).started_at == it.clock() - MINUTE
    assert it.sweep(after=HOUR + SETTLED) == {"fired": 1}
    it.following.follow(cause)
    assert it.sweep(after=HOUR) == {}


def test_what_the_policy_refuses_is_suppressed_with_its_rule(it: It) -> None:
    trigger = it.in_force()
    it.policy.answers = [Drop(because=(RULE_SAYS_NO,))]
    it.sent()
    assert it.sweep(after=HOUR + MINUTE + SETTLED) == {"suppressed": 1}
    (suppressed,) = it.outcomes()
    assert (suppressed.type, suppressed.data["reason"]) == ("trigger.suppressed.v1", "no_consent")
    assert suppressed.data["because"][0]["detail"] == "They never agreed."
    assert it.only(trigger).because == "no_consent"


def test_what_the_policy_puts_off_fires_when_it_may(it: It) -> None:
    trigger = it.in_force()
    morning = NOON + timedelta(hours=20)
    it.policy.answers = [Defer(until=morning, because=(RULE_SAYS_NO,))]
    it.sent()
    assert it.sweep(after=HOUR + MINUTE + SETTLED) == {"put_off": 1}
    put_off = it.only(trigger)
    assert (put_off.state, put_off.due_at) == (InstanceState.WAITING, morning)
    it.clock.at = morning
    assert it.sweep() == {}
    assert it.sweep(after=MINUTE + SETTLED) == {"fired": 1}
    assert [one.type for one in it.outcomes()] == ["contact.requested.v1"]


def test_an_opening_while_it_is_put_off_cancels_it(it: It) -> None:
    it.in_force()
    it.policy.answers = [Defer(until=NOON + 9 * HOUR, because=(RULE_SAYS_NO,))]
    it.sent()
    it.sweep(after=2 * HOUR)
    it.opened()
    assert it.sweep(after=9 * HOUR) == {}
    assert it.outcomes() == []


def test_what_waits_of_a_paused_or_deleted_trigger_is_suppressed(it: It) -> None:
    paused, deleted = it.in_force(), it.in_force()
    it.sent()
    it.reviewing.pause(paused.trigger_id, app_id=APP, by="ann")
    it.reviewing.delete_trigger(deleted.trigger_id, app_id=APP, by="ann")
    assert it.sweep(after=HOUR + MINUTE + SETTLED) == {"suppressed": 2}
    assert {one.data["reason"] for one in it.outcomes()} == {"trigger_paused", "trigger_deleted"}
    it.sent(message_id="msg_2")
    assert it.only(paused).cause == it.only(deleted).cause


def test_an_instance_keeps_the_version_that_started_it(it: It) -> None:
    trigger = it.in_force()
    it.sent()
    it.reviewing.put_trigger(
        trigger.trigger_id, {**REMINDER, "after": "P2D"}, app_id=APP, version=1, by="ann"
    )
    it.reviewing.approve(trigger.trigger_id, version=2, app_id=APP, by="ben")
    it.sweep(after=HOUR + MINUTE + SETTLED)
    (request,) = it.outcomes()
    assert request.data["trigger_version"] == 1


def test_a_person_enters_once_by_whichever_of_their_contacts(it: It) -> None:
    it.persons.joined = [[ADA, BOB]]
    trigger = it.in_force(reentry="once")
    it.sent(contact_id=BOB)
    it.sent(message_id="msg_2")
    it.sent(message_id="msg_3", contact_id=BOB)
    assert it.only(trigger, contact_id=BOB).state is InstanceState.WAITING
    assert it.instances.instances_of(ADA, trigger_id=trigger.trigger_id, app_id=APP) == []


def test_a_person_enters_again_after_the_pause(it: It) -> None:
    trigger = it.in_force(reentry={"once_per": "P1D"})
    for number, passed in enumerate((0, 23, 1)):
        it.clock.advance(passed * HOUR)
        it.sent(message_id=f"msg_{number}")
    started = it.instances.instances_of(ADA, trigger_id=trigger.trigger_id, app_id=APP)
    assert [one.ids["message_id"] for one in started] == ["msg_0", "msg_2"]


def test_of_two_who_enter_one_person_at_once_one_reads_again(it: It) -> None:
    trigger = it.in_force(reentry="once")
    it.sent()
    first = it.only(trigger)
    other = replace(first, cause="evt_" + "7" * 26)
    with pytest.raises(StaleError):
        it.instances.add(other, entry=Entry(contact_id=ADA, before=None))
    entered = it.instances.entries([ADA, BOB], trigger_id=trigger.trigger_id, app_id=APP)
    assert entered == {ADA: first.caused_at}


def test_a_merged_person_is_asked_for_under_the_contact_that_stands(it: It) -> None:
    it.in_force()
    it.sent()
    it.persons.joined = [[BOB, ADA]]
    it.sweep(after=HOUR + MINUTE + SETTLED)
    (request,) = it.outcomes()
    assert request.subject.id == BOB


def test_what_a_merged_person_did_under_another_contact_cancels(it: It) -> None:
    trigger = it.in_force(unless=[{"type": "order.completed.v1"}])
    it.sent()
    it.persons.joined = [[BOB, ADA]]
    it.clock.advance(MINUTE)
    it.happens("order.completed.v1", contact_id=BOB)
    assert it.only(trigger).state is InstanceState.CANCELLED


def test_nothing_is_kept_of_who_was_erased(it: It) -> None:
    trigger = it.in_force(reentry="once")
    it.sent()
    it.sent(contact_id=BOB, message_id="msg_2")
    it.instances.erase(ADA, app_id=APP)
    it.persons.erased = {ADA, BOB}
    it.sent(message_id="msg_3")
    assert it.sweep(after=2 * HOUR) == {}
    assert it.outcomes() == []
    for contact_id in (ADA, BOB):
        assert it.instances.kept_of(contact_id, app_id=APP) == []
    assert it.instances.entries([ADA, BOB], trigger_id=trigger.trigger_id, app_id=APP) == {}


def test_a_purchase_gives_back_what_the_person_holds_reserved(it: It) -> None:
    it.in_force(
        when={"type": "order.completed.v1"},
        after="PT0S",
        unless=[],
        then={"release_reservations": {}},
    )
    it.happens("coupon.reserved.v1", redemption_id="red_1", coupon_id="cpn_1")
    it.happens("order.completed.v1", channel="web")
    assert it.sweep(after=SETTLED + 2 * MINUTE) == {"fired": 1}
    (fired,) = it.outcomes()
    back = GivenBack()
    PerformingService(reservations=back).perform(fired)
    assert back.redemptions == ["red_1"]
    it.happens("coupon.released.v1", redemption_id="red_1", coupon_id="cpn_1")
    it.clock.advance(MINUTE)
    it.happens("order.completed.v1", channel="web")
    it.sweep(after=SETTLED + 2 * MINUTE)
    assert it.outcomes()[-1].data["reason"] == "nothing_reserved"


def test_an_outage_is_caught_up_with_and_time_is_kept(it: It) -> None:
    it.in_force()
    for number in range(6):
        it.sent(message_id=f"msg_{number}")
        it.clock.advance(MINUTE)
    it.clock.advance(3 * HOUR)
    lot = iter([True, True, False])
    assert it.firing.fire_due(APP, has_time=lambda: next(lot)) == {"fired": 2}
    assert it.sweep() == {"fired": 4}
    assert it.instances.swept_until(APP) == it.clock().replace(second=0) - MINUTE
    assert len(it.outcomes()) == 6


def test_the_mark_of_the_sweep_never_goes_back(it: It) -> None:
    assert it.instances.swept_until(APP) is None
    it.in_force()
    it.sent()
    it.instances.mark_swept(APP, until=NOON + HOUR)
    it.instances.mark_swept(APP, until=NOON)
    assert it.instances.swept_until(APP) == NOON + HOUR


def test_what_ended_meanwhile_does_not_fire_and_its_place_is_given_back(it: It) -> None:
    trigger = it.in_force()
    it.sent()
    waiting = it.only(trigger)

    class Slow(AnsweringPolicy):
        @override
        def ask(self, candidate: Any, *, key: str) -> Any:
            answer = super().ask(candidate, key=key)
            it.instances.replace(
                waiting.ended(InstanceState.CANCELLED, at=it.clock(), because="evt_1")
            )
            return answer

    slow = Slow(clock=it.clock)
    it.clock.advance(HOUR + MINUTE + SETTLED)
    assert replace(it.firing, permits=slow).fire_due(APP) == {}
    assert (slow.held, it.outcomes()) == ({}, [])
    assert it.only(trigger).state is InstanceState.CANCELLED


def minutes(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def test_a_timer_lies_in_the_minute_in_which_it_is_due(it: It) -> None:
    it.in_force()
    it.sent()
    due = it.clock() + HOUR
    (found,) = it.instances.due_in(APP, minute=minutes(due))
    assert found.due_at == due
    assert list(it.instances.due_in(APP, minute=minutes(due) + MINUTE)) == []
