"""The sweep ends what nobody ends, reminds of what is about to, and goes on where it stopped."""

from datetime import timedelta
from typing import Any

import pytest

from functions.sweep_coupons.wiring import rounds
from shared.coupons.model.claims import ClaimState
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.redemptions import Place, RedemptionState
from shared.coupons.model.rounds import Spot
from tests.deployment import Context
from tests.functional.bus import told
from tests.functional.offers import Offers
from tests.functional.shops import Shop

MINUTE = timedelta(minutes=1)
FCM = {"project_id": "engage-local", "secret": "engage/fcm/local"}
ALL_DONE = {"reservations": 0, "unfinished_apps": 0}


@pytest.fixture
def offers(shop: Shop) -> Offers:
    return Offers.of(shop)


def sweep(offers: Offers) -> dict[str, Any]:
    return offers.shop.deployed.invoke("sweep_coupons", {})


def caught_up(offers: Offers) -> None:
    """Sweep until nothing is left to do."""
    while sweep(offers)["unfinished_apps"]:
        pass


def test_without_anything_to_do_nothing_is_done(offers: Offers) -> None:
    offers.has()
    assert sweep(offers) == ALL_DONE


def test_a_reservation_that_ran_out_is_ended_and_its_use_can_be_had_again(
    offers: Offers, dynamodb_client: Any
) -> None:
    coupon = offers.has(limits=[{"subject": "coupon", "uses": 1}])
    offers.reserved(coupon)
    assert sweep(offers) == ALL_DONE
    offers.shop.clock.advance(20 * MINUTE)
    assert sweep(offers)["reservations"] == 1
    assert offers.redemption().state is RedemptionState.EXPIRED
    assert len(told(offers.shop.deployed, dynamodb_client, "coupon.expired.v1")) == 1
    assert offers.redeemed(coupon, 2).state is RedemptionState.REDEEMED


def lost_ticket(offers: Offers) -> tuple[Coupon, Place]:
    """Return a coupon of one use, of which the ticket was drawn by somebody who then crashed."""
    coupon = offers.has(limits=[{"subject": "coupon", "uses": 2}])
    draw = offers.redeemed(coupon).draws[0]
    assert hasattr(draw, "place")
    place: Place = draw.place
    drawn = [offers.tickets.draw(place, counter) for counter in range(16)]
    assert any(drawn)
    return coupon, place


def left(offers: Offers, place: Place) -> int:
    window = offers.tickets.window(place)
    assert window is not None
    return sum(counter.left for counter in offers.tickets.counters(window))


def test_a_ticket_that_nobody_used_is_put_back(offers: Offers) -> None:
    _, place = lost_ticket(offers)
    assert left(offers, place) == 0
    sweep(offers)
    assert left(offers, place) == 0
    offers.shop.clock.advance(MINUTE)
    sweep(offers)
    assert left(offers, place) == 1


def test_tickets_of_a_coupon_that_is_not_active_are_left_alone(offers: Offers) -> None:
    coupon, place = lost_ticket(offers)
    offers.coupons.pause(coupon.coupon_id, app_id=coupon.app_id, by="ada")
    for _ in range(2):
        sweep(offers)
        offers.shop.clock.advance(MINUTE)
    assert left(offers, place) == 0


def test_a_round_that_runs_out_of_time_goes_on_where_it_stopped(offers: Offers) -> None:
    app_id = offers.shop.app_id
    coupons = [offers.has(limits=[{"subject": "coupon", "uses": 1}]) for _ in range(3)]
    spots = [
        Spot(coupon_id=one.coupon_id, limit_id=one.limits[0].limit_id)
        for one in sorted(coupons, key=lambda one: one.coupon_id)
    ]
    answers = iter([True, True, False])
    assert not rounds().go_on(app_id, has_time=lambda: next(answers))
    assert rounds().rounds.spot_of(app_id) == spots[2]
    answers = iter([True])
    assert rounds().go_on(app_id, has_time=lambda: next(answers))
    assert rounds().rounds.spot_of(app_id) is None


def test_a_call_begins_nothing_once_its_time_is_over(
    offers: Offers, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers.reserved(offers.has())
    offers.shop.clock.advance(20 * MINUTE)
    left_of_it = iter([300_000, *[200_000] * 100])
    with monkeypatch.context() as late:
        late.setattr(Context, "get_remaining_time_in_millis", lambda _: next(left_of_it))
        assert sweep(offers) == {"reservations": 0, "unfinished_apps": 1}
    assert sweep(offers)["reservations"] == 1


def test_a_claim_ends_and_that_is_told_once(offers: Offers, dynamodb_client: Any) -> None:
    coupon = offers.has(claims={"enabled": True}, validity={"after_claim_minutes": 10})
    offers.claimed(coupon)
    offers.shop.clock.advance(20 * MINUTE)
    caught_up(offers)
    caught_up(offers)
    claim = offers.claim_of(coupon)
    assert claim is not None
    assert claim.state is ClaimState.EXPIRED
    assert len(told(offers.shop.deployed, dynamodb_client, "claim.expired.v1")) == 1


@pytest.fixture
def reminding(shop: Shop) -> Offers:
    """Return the offers of a shop that can push."""
    return Offers.of(Shop.opened(shop.deployed, shop.clock, fcm=FCM))


def reminded(offers: Offers, title: str = "{{ coupon }} ends") -> Coupon:
    """Return a coupon that Ada claimed, at the moment when she is to be reminded."""
    template = {
        "name": "reminder",
        "default_locale": "en",
        "contents": {"en": {"title": title}},
        "variables": {"coupon": "Your coupon"},
    }
    made = offers.shop.call("POST /templates", template)
    assert made.status == 201, made.body
    coupon = offers.has(
        claims={
            "enabled": True,
            "remind_before_hours": 47,
            "reminder_template_id": made.body["template_id"],
        },
        validity={"after_claim_minutes": 47 * 60 + 10},
    )
    offers.claimed(coupon)
    # A sweep looks at each minute that passed, in 16 parts: so let there be few.
    offers.shop.clock.advance(15 * MINUTE)
    return coupon


def test_a_person_is_reminded_once_by_a_message_of_marketing(
    reminding: Offers, dynamodb_client: Any
) -> None:
    coupon = reminded(reminding)
    caught_up(reminding)
    claim = reminding.claim_of(coupon)
    assert claim is not None
    assert claim.remind_at is None
    # As if the call had crashed between the message and its note.
    before = claim
    reminding.claims.claims.replace_claim(claim.moved_to(ClaimState.HELD), None, before=before)
    caught_up(reminding)
    (event,) = told(reminding.shop.deployed, dynamodb_client, "message.queued.v1")
    assert (event["data"]["messages"], event["purpose"]) == (1, "marketing")


def test_who_bought_with_the_coupon_is_reminded_no_more(
    reminding: Offers, dynamodb_client: Any
) -> None:
    coupon, shop = reminded(reminding), reminding.shop
    # As the API does for each coupon of an order that was paid.
    reminding.claims.note_used(coupon.coupon_id, contact_id=shop.contact_id, app_id=shop.app_id)
    caught_up(reminding)
    claim = reminding.claim_of(coupon)
    assert claim is not None
    assert claim.state is ClaimState.USED
    assert told(shop.deployed, dynamodb_client, "message.queued.v1") == []


def test_who_cannot_be_told_keeps_nobody_else_from_it(offers: Offers, dynamodb_client: Any) -> None:
    # This shop has no Firebase project.
    coupon = reminded(offers)
    caught_up(offers)
    claim = offers.claim_of(coupon)
    assert claim is not None
    assert claim.remind_at is None
    assert told(offers.shop.deployed, dynamodb_client, "message.queued.v1") == []
