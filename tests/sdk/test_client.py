"""What an app sees of the client, over the fake server."""

import pytest

from engage_mobile import (
    Answered,
    Because,
    Dropped,
    MemoryQueue,
    Operation,
    Outcome,
    Response,
)
from engage_mobile.operations import DAY, SECOND, Kind
from tests.sdk.phones import STATE, Offline, Scripted, Told, TurnedClock, basket, phone, settle
from tests.sdk.servers import NOBODY, Effect, FakeServer

CODE = [{"code": "WELCOME10"}]


def test_a_phone_registers_and_tells_what_happened() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    registered = engage.register(STATE)
    engage.track("com.example.basket.filled", {"mark": "one"})
    assert not registered.done()
    settle(engage, clock)
    assert isinstance(registered.result(), Answered)
    assert engage.contact_id == server.devices[engage.device_id].contact_id
    assert server.effects() == {Effect("event", NOBODY, "one"): 1}


def test_a_call_returns_at_once_and_raises_nothing_without_a_network() -> None:
    clock, network = TurnedClock(), Offline()
    engage = phone(network, clock)
    engage.register(STATE)
    heard = engage.coupons.redeem(CODE, basket=basket("one"))
    assert network.asked == 0
    assert engage.pump(clock.now) is not None
    assert not heard.done()
    assert engage.waiting == 2


def test_a_later_refresh_replaces_an_earlier_one_that_was_not_sent() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    first = engage.register(STATE)
    second = engage.refresh(locale="fr-CH")
    assert engage.waiting == 1
    settle(engage, clock)
    assert first.result() == second.result()
    assert len(server.requests) == 1
    assert server.devices[engage.device_id].state["locale"] == "fr-CH"
    assert server.devices[engage.device_id].client_seq == 2


def test_the_oldest_telemetry_gives_way_and_a_redemption_is_refused_aloud() -> None:
    clock, told = TurnedClock(), Told()
    engage = phone(Offline(), clock, most=2, settled=told)
    oldest = engage.track("seen", {"mark": "one"})
    first = engage.coupons.redeem(CODE, basket=basket("two"))
    second = engage.coupons.redeem(CODE, basket=basket("three"))
    third = engage.coupons.redeem(CODE, basket=basket("four"))
    late = engage.track("seen", {"mark": "five"})
    full = Dropped(because=Because.QUEUE_FULL)
    assert [one.result() for one in (oldest, third, late)] == [full] * 3
    assert not first.done()
    assert not second.done()
    assert [outcome for _, outcome in told.outcomes] == [full] * 3
    engage.log_out()
    assert engage.waiting == 3  # a person who left must not go on being told of


def test_a_restart_goes_on_with_the_same_key_and_tells_the_app() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    queue = MemoryQueue()
    engage = phone(server, clock, queue=queue)
    engage.register(STATE)
    settle(engage, clock)
    engage.coupons.redeem(CODE, basket=basket("one"))
    request = engage.next_request(clock.now)
    assert request is not None
    server.send(request)

    told = Told()
    again = phone(server, clock, queue=queue, settled=told)
    settle(again, clock)
    ((operation, outcome),) = told.outcomes
    assert operation.kind is Kind.REDEEM
    assert isinstance(outcome, Answered)
    assert outcome.replayed
    assert sum(server.effects().values()) == 1


def test_what_is_older_than_the_servers_memory_of_keys_is_not_tried_again() -> None:
    clock, told = TurnedClock(), Told()
    server = FakeServer(clock)
    engage = phone(server, clock, settled=told)
    heard = engage.coupons.redeem(CODE, basket=basket("one"))
    engage.track("seen", {"mark": "old"})
    clock.go_on(29 * DAY)
    engage.register(STATE)
    settle(engage, clock)
    assert heard.result() == Dropped(because=Because.EXPIRED)
    assert server.effects() == {Effect("event", NOBODY, "old"): 1}


def test_one_event_that_is_refused_takes_no_other_with_it() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    settle(engage, clock)
    good = engage.track("seen", {"mark": "good"})
    bad = engage.track("seen", {"mark": "bad"})
    refused = Response(status=422, content=b'{"code": "invalid_fields"}')
    assert engage.next_request(clock.now) is not None
    engage.take(refused, now=clock.now)  # the two together
    settle_first = engage.next_request(clock.now)
    assert settle_first is not None
    engage.take(server.send(settle_first), now=clock.now)
    assert engage.next_request(clock.now) is not None
    engage.take(refused, now=clock.now)
    assert isinstance(good.result(), Answered)
    assert isinstance(bad.result(), Dropped)


def test_an_app_that_fails_to_hear_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    clock = TurnedClock()
    server = FakeServer(clock)

    def settled(operation: Operation, outcome: Outcome) -> None:
        raise ValueError(operation.kind)

    engage = phone(server, clock, settled=settled)
    heard = engage.register(STATE)
    settle(engage, clock)
    assert isinstance(heard.result(), Answered)
    assert len(server.requests) == 1
    assert "failed to hear of key-000002" in caplog.text


def test_a_try_is_noted_before_it_is_made() -> None:
    clock = TurnedClock()
    queue = MemoryQueue()
    engage = phone(FakeServer(clock), clock, queue=queue)
    engage.register(STATE)
    assert engage.next_request(clock.now) is not None
    assert [one.attempts for one in queue.first(9)] == [1]
    again = phone(FakeServer(clock), clock, queue=queue)
    again.refresh(locale="fr-CH")
    assert again.waiting == 2  # what may have been heard does not give way


def test_the_servers_time_is_known_after_a_restart() -> None:
    clock, queue = TurnedClock(), MemoryQueue()
    server = FakeServer(lambda: clock.now + DAY)
    engage = phone(server, clock, queue=queue)
    engage.register(STATE)
    settle(engage, clock)
    again = phone(server, clock, queue=queue)
    again.track("seen", {"mark": "one"})
    (waiting,) = queue.first(9)
    assert '"time":"2026-11-24T12:00:0' in str(waiting.body)


def test_a_question_is_given_up_when_nobody_waits_any_more() -> None:
    clock = TurnedClock()
    engage = phone(Offline(), clock)
    engage.register(STATE)
    heard = engage.coupons.list_usable()
    due_at = engage.pump(clock.now)
    assert due_at is not None
    while not heard.done():
        clock.now = due_at
        due_at = engage.pump(clock.now)
        assert due_at is not None
    assert heard.result() == Dropped(because=Because.EXPIRED)
    assert engage.waiting == 1


def test_an_answer_of_a_login_page_is_no_answer() -> None:
    clock = TurnedClock()
    page = Response(status=200, content=b"<html>Welcome to our hotel</html>")
    network = Scripted(page, page)
    engage = phone(network, clock)
    heard = engage.register(STATE)
    due_at = engage.pump(clock.now)
    assert due_at == clock.now + 1 + SECOND // 2
    assert not heard.done()
