"""Whose things are: logins, log-outs, tokens and devices that are lost, over the fake server."""

from dataclasses import replace

from engage_mobile import (
    Answered,
    Because,
    Dropped,
    Engage,
    Operation,
    Outcome,
    Response,
)
from engage_mobile.operations import SECOND, Kind
from tests.sdk.phones import STATE, Scripted, Told, TurnedClock, basket, phone, settle
from tests.sdk.servers import NOBODY, Effect, FakeServer, user_token

CODE = [{"code": "WELCOME10"}]


def test_what_was_told_before_a_login_is_nobodys_and_what_after_is_theirs() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    engage.track("seen", {"mark": "before"})
    engage.identify(user_token("ada"))
    engage.track("seen", {"mark": "after"})
    engage.coupons.redeem(CODE, basket=basket("hers"))
    engage.log_out()
    engage.track("seen", {"mark": "later"})
    settle(engage, clock)
    assert server.effects() == {
        Effect("event", NOBODY, "before"): 1,
        Effect("event", "ada", "after"): 1,
        Effect("redemption", "ada", "hers"): 1,
        Effect("event", NOBODY, "later"): 1,
    }


def test_a_refused_login_drops_what_was_for_that_person() -> None:
    clock, told = TurnedClock(), Told()
    server = FakeServer(clock)
    engage = phone(server, clock, settled=told)
    engage.register(STATE)
    login = engage.identify("a token of somebody else")
    theirs = engage.coupons.redeem(CODE, basket=basket("theirs"))
    settle(engage, clock)
    engage.track("seen", {"mark": "ours"})
    settle(engage, clock)
    assert isinstance(login.result(), Dropped)
    assert theirs.result() == Dropped(because=Because.LOGIN_REFUSED)
    assert server.effects() == {Effect("event", NOBODY, "ours"): 1}


def test_a_token_is_renewed_in_the_middle_of_a_queue() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    settle(engage, clock)
    server.expire_tokens()
    first = engage.coupons.redeem(CODE, basket=basket("one"))
    second = engage.coupons.redeem(CODE, basket=basket("two"))
    settle(engage, clock)
    assert isinstance(first.result(), Answered)
    assert isinstance(second.result(), Answered)
    assert [request.path.split("/")[4] for request in server.requests] == [
        "devices",
        "redemptions",
        "devices",
        "redemptions",
        "redemptions",
    ]


def test_a_log_out_whose_answer_was_lost_makes_another_device_of_the_phone() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    engage.identify(user_token("ada"))
    settle(engage, clock)
    device_id = engage.device_id

    engage.log_out()
    engage.track("seen", {"mark": "later"})
    request = engage.next_request(clock.now)
    assert request is not None
    server.send(request)
    engage.take(None, now=clock.now)
    settle(engage, clock)
    assert engage.device_id != device_id
    assert server.effects() == {Effect("event", NOBODY, "later"): 1}


def test_a_device_that_the_server_forgot_is_nobodys_and_what_was_the_persons_is_dropped() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    signed_out: list[bool] = []
    engage = phone(server, clock, logged_out=lambda: signed_out.append(True))
    engage.register(STATE)
    engage.identify(user_token("ada"))
    settle(engage, clock)
    known = server.devices[engage.device_id]
    server.devices[engage.device_id] = replace(known, epoch=known.epoch + 1)  # revoked
    hers = engage.coupons.redeem(CODE, basket=basket("hers"))
    settle(engage, clock)
    assert hers.result() == Dropped(because=Because.IDENTITY_LOST)
    assert signed_out == [True]
    assert not server.effects()


def test_wishes_need_a_person_and_their_own_token() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock, user_token=lambda: user_token("ada"))
    engage.register(STATE)
    too_early = engage.put_preferences({"channels_off": ["sms"]})
    engage.identify(user_token("ada"))
    first = engage.put_preferences({"channels_off": ["email"]})
    second = engage.put_preferences({"channels_off": ["push"]})
    asked = engage.preferences()
    settle(engage, clock)
    assert too_early.result() == Dropped(because=Because.NOT_LOGGED_IN)
    assert first.result() == second.result()
    answered = asked.result()
    assert isinstance(answered, Answered)
    assert answered.body == {"channels_off": ["push"]}


def test_a_first_registration_whose_answer_was_lost_loses_nothing() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    engage.track("seen", {"mark": "one"})
    request = engage.next_request(clock.now)
    assert request is not None
    server.send(request)
    engage.take(None, now=clock.now)
    settle(engage, clock)
    assert server.effects() == {Effect("event", NOBODY, "one"): 1}
    assert len(server.devices) == 2


def test_a_refused_registration_rests_until_the_app_says_something_better() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    refused = Response(status=401, content=b'{"code": "app_check_required"}')
    network = Scripted(refused)
    engage = phone(network, clock)
    heard = engage.register(STATE)
    due_at = engage.pump(clock.now)
    assert due_at == clock.now + 300 * SECOND
    assert isinstance(heard.result(), Dropped)
    engage.refresh(locale="fr-CH")
    request = engage.next_request(clock.now)
    assert request is not None
    engage.take(server.send(request), now=clock.now)
    assert engage.contact_id is not None


def test_a_log_out_of_nobody_is_done_without_a_request() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    heard = engage.log_out()
    settle(engage, clock)
    assert heard.result() == Answered(status=200)
    assert len(server.requests) == 1


def test_a_login_that_may_have_been_heard_before_it_was_refused_leaves_nobody_logged_in() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    settle(engage, clock)
    heard = engage.identify(user_token("ada"))
    request = engage.next_request(clock.now)
    assert request is not None
    server.send(request)
    engage.take(None, now=clock.now)
    clock.go_on(SECOND)
    for _ in range(2):  # by now the app's token is too old; in between the device's is renewed
        assert engage.next_request(clock.now) is not None
        engage.take(Response(status=401, content=b'{"code": "unauthenticated"}'), now=clock.now)
        request = engage.next_request(clock.now)
        if request is not None and request.path.endswith(engage.device_id):
            engage.take(server.send(request), now=clock.now)
    engage.track("seen", {"mark": "nobodys"})
    settle(engage, clock)
    assert heard.result() == Dropped(
        because=Because.UNAUTHENTICATED, status=401, problem={"code": "unauthenticated"}
    )
    assert server.effects() == {Effect("event", NOBODY, "nobodys"): 1}


def test_a_device_that_was_erased_begins_anew_as_nobodys() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    signed_out: list[bool] = []
    engage = phone(server, clock, logged_out=lambda: signed_out.append(True))
    engage.register(STATE)
    engage.identify(user_token("ada"))
    settle(engage, clock)
    device_id = engage.device_id
    del server.devices[device_id]
    hers = engage.coupons.redeem(CODE, basket=basket("hers"))
    settle(engage, clock)
    assert hers.result() == Dropped(because=Because.IDENTITY_LOST)
    assert signed_out == [True]
    assert engage.device_id == device_id
    assert not server.effects()


def test_a_login_whose_answer_was_lost_is_not_lost_when_the_token_is_renewed() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register(STATE)
    settle(engage, clock)
    engage.identify(user_token("ada"))
    engage.track("seen", {"mark": "hers"})
    request = engage.next_request(clock.now)
    assert request is not None
    server.send(request)
    engage.take(None, now=clock.now)
    server.expire_tokens()
    settle(engage, clock)
    assert server.effects() == {Effect("event", "ada", "hers"): 1}


def test_a_login_from_where_the_app_hears_is_kept() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    phones: list[Engage] = []

    def settled(operation: Operation, outcome: Outcome) -> None:
        if operation.kind is Kind.REGISTER:
            phones[0].identify(user_token("ada"))
            phones[0].track("seen", {"mark": "hers"})

    engage = phone(server, clock, settled=settled)
    phones.append(engage)
    engage.register(STATE)
    settle(engage, clock)
    engage.log_out()
    engage.identify(user_token("bob"))
    engage.track("seen", {"mark": "his"})
    settle(engage, clock)
    assert server.effects() == {
        Effect("event", "ada", "hers"): 1,
        Effect("event", "bob", "his"): 1,
    }
