"""Redemptions: what is held, used, given back and told, on the fake and on DynamoDB Local."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.coupons.errors import (
    CouponChangedError,
    CouponExhaustedError,
    RedemptionNotFoundError,
    RedemptionRefusedError,
    RedemptionStateError,
    ReservationExpiredError,
)
from shared.coupons.model.codes import CodeKind
from shared.coupons.model.coupons import AfterRollback
from shared.coupons.model.limits import Limit, Period, Subject
from shared.coupons.model.places import LimitSheet
from shared.coupons.model.redemptions import RedemptionState, Spent, Ticket
from shared.coupons.model.rules import Reason
from shared.coupons.model.uses import Use
from shared.coupons.ports.redemptions import Change, Returns
from shared.coupons.service.audit import PAGE
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import IdempotencyKeyReusedError
from tests.contract.redeeming import (
    ADA,
    APP,
    BOB,
    DAILY,
    HOUR,
    ONE_EACH,
    TOTAL,
    CouponServices,
    a_coupon,
    contact,
    in_memory,
    on_dynamodb,
    red,
)

MINUTE = timedelta(minutes=1)
MONEY = Limit(limit_id="money", subject=Subject.COUPON, amount=2_500)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> CouponServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def figures(it: CouponServices, coupon_id: str = "cpn_1") -> list[tuple[int, ...]]:
    """Return granted, reserved, available and in flight of each window; all must add up."""
    audits = it.audit(coupon_id)
    assert all(one.is_balanced for one in audits)
    return [(one.granted, one.reserved, one.available, one.in_flight) for one in audits]


def test_a_redemption_is_stored_as_it_is_answered(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, ONE_EACH, MONEY))
    made = it.redeem(1, code="c0ffee", store_id="zurich-1", device_id="phone-1")
    assert made.state is RedemptionState.REDEEMED
    assert it.redemptions.get(red(1), app_id=APP) == made
    assert {type(draw).__name__ for draw in made.draws} == {"Ticket", "Entry", "Spent"}


def test_each_change_is_told_on_the_timeline(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.reserve(1)
    it.commit(1)
    it.roll_back(1)
    it.reserve(2)
    it.release(2)
    assert it.types() == [
        "coupon.reserved.v1",
        "coupon.redeemed.v1",
        "coupon.rolled_back.v1",
        "coupon.reserved.v1",
        "coupon.released.v1",
    ]
    assert {event["subject"] for event in it.told()} == {ADA}


def test_a_use_by_nobody_known_is_told_of_the_coupon(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.redeem(1, None, store_id="zurich-1")
    assert [event["subject"] for event in it.told()] == ["cpn_1"]


def test_a_limit_grants_its_uses_and_no_more(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    for number in range(3):
        it.redeem(number, contact(number))
    with pytest.raises(CouponExhaustedError) as refused:
        it.redeem(3, contact(3))
    assert refused.value.fields[0].code == "quantity_exceeded"
    assert figures(it) == [(3, 0, 0, 0)]


def test_overflow_grants_so_many_more(it: CouponServices) -> None:
    it.has(a_coupon(replace(TOTAL, overflow=1)))
    for number in range(4):
        it.redeem(number, contact(number))
    with pytest.raises(CouponExhaustedError):
        it.redeem(4, contact(4))


def test_that_a_coupon_is_exhausted_is_told_once_an_epoch(it: CouponServices) -> None:
    it.has(a_coupon(replace(TOTAL, uses=1)))
    it.reserve(1)
    for number in (2, 3):
        with pytest.raises(CouponExhaustedError):
            it.redeem(number, BOB)
        it.clock.advance(timedelta(seconds=2))
    assert Counter(it.types())["coupon.exhausted.v1"] == 1
    it.release(1)
    it.reserve(4)
    with pytest.raises(CouponExhaustedError):
        it.redeem(5, BOB)
    assert Counter(it.types())["coupon.exhausted.v1"] == 2


def test_a_release_reopens_what_was_sold_out(it: CouponServices) -> None:
    it.has(a_coupon(replace(TOTAL, uses=1)))
    it.reserve(1)
    with pytest.raises(CouponExhaustedError):
        it.redeem(2, BOB)
    it.release(1)
    assert it.redeem(2, BOB).state is RedemptionState.REDEEMED
    assert figures(it) == [(1, 0, 0, 0)]


def test_a_daily_limit_begins_anew_at_local_midnight(it: CouponServices) -> None:
    it.has(a_coupon(DAILY))
    it.clock.at = it.clock.at.replace(hour=22, minute=59)
    it.redeem(1)
    it.redeem(2)
    with pytest.raises(CouponExhaustedError):
        it.redeem(3)
    it.clock.advance(MINUTE)
    it.redeem(4)
    assert [one.place.window for one in it.audit()] == ["2026-11-23", "2026-11-24"]
    assert figures(it) == [(2, 0, 0, 0), (1, 0, 1, 0)]


def test_a_person_has_their_uses_and_no_more(it: CouponServices) -> None:
    it.has(a_coupon(replace(ONE_EACH, uses=2)))
    it.redeem(1)
    it.redeem(2)
    with pytest.raises(RedemptionRefusedError) as refused:
        it.redeem(3)
    assert refused.value.fields[0].code == "profile_limit_reached"
    it.redeem(4, BOB)


def test_a_rolling_window_lets_go_of_a_use_to_the_millisecond(it: CouponServices) -> None:
    it.has(a_coupon(replace(ONE_EACH, period=Period.ROLLING, hours=24)))
    it.redeem(1)
    it.clock.advance(24 * HOUR - timedelta(milliseconds=1))
    with pytest.raises(RedemptionRefusedError):
        it.redeem(2)
    it.clock.advance(timedelta(milliseconds=1))
    it.redeem(2)


def test_a_persons_budget_counts_money(it: CouponServices) -> None:
    it.has(a_coupon(Limit(limit_id="money", subject=Subject.CONTACT, amount=2_500)))
    it.redeem(1)
    it.redeem(2)
    with pytest.raises(RedemptionRefusedError):
        it.redeem(3)
    it.roll_back(2, {"2": 5})
    it.redeem(3)


def test_a_unique_code_is_used_once(it: CouponServices) -> None:
    it.has(a_coupon())
    it.redeem(1, code="c0ffee", kind=CodeKind.UNIQUE)
    with pytest.raises(CouponExhaustedError):
        it.redeem(2, BOB, code="c0ffee", kind=CodeKind.UNIQUE)
    it.redeem(3, BOB, code="decade", kind=CodeKind.UNIQUE)


def test_a_store_has_uses_of_its_own(it: CouponServices) -> None:
    it.has(a_coupon(Limit(limit_id="shop", subject=Subject.STORE, uses=1)))
    it.redeem(1, store_id="zurich-1")
    with pytest.raises(CouponExhaustedError):
        it.redeem(2, store_id="zurich-1")
    it.redeem(3, store_id="zurich-2")
    it.redeem(4)


def test_a_limit_of_people_needs_to_know_who_it_is(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    with pytest.raises(RedemptionRefusedError) as refused:
        it.redeem(1, None)
    assert refused.value.fields[0].code == "missing_customer"


def test_the_apps_limits_count_all_coupons_together(it: CouponServices) -> None:
    it.has(a_coupon(coupon_id="cpn_1"))
    it.has(a_coupon(coupon_id="cpn_2"))
    limit = Limit(limit_id="all", subject=Subject.APP, uses=3)
    sheet = LimitSheet(app_id=APP, coupon_id=None, limits=(limit,), version=1)
    it.put_version(APP, None, 1)
    it.redeem(1, coupon_ids=["cpn_1", "cpn_2"], app_limits=sheet)
    with pytest.raises(CouponExhaustedError):
        it.redeem(2, coupon_ids=["cpn_1", "cpn_2"], app_limits=sheet)
    it.redeem(3, coupon_ids=["cpn_2"], app_limits=sheet)
    (audit,) = it.audits.audit(sheet)
    assert (audit.granted, audit.available, audit.in_flight) == (3, 0, 0)


def test_money_budgets_are_drawn_to_the_last_cent(it: CouponServices) -> None:
    it.has(a_coupon(MONEY))
    it.redeem(1)
    it.redeem(2)
    with pytest.raises(RedemptionRefusedError) as refused:
        it.redeem(3)
    assert refused.value.fields[0].code == "budget_exceeded"
    assert figures(it) == [(2_000, 0, 500, 0)]


def test_money_that_is_held_is_told_apart_and_goes_back_with_the_hold(it: CouponServices) -> None:
    it.has(a_coupon(MONEY))
    it.redeem(1)
    it.reserve(2)
    assert figures(it) == [(1_000, 1_000, 500, 0)]
    it.release(2)
    assert figures(it) == [(1_000, 0, 1_500, 0)]


@pytest.mark.parametrize("by", [1, -1])
def test_a_counter_of_money_that_somebody_altered_is_found_out(by: int, it: CouponServices) -> None:
    it.has(a_coupon(replace(MONEY, amount=10_000, peak=1_600)))
    made = it.redeem(1)
    (drawn,) = made.draws
    assert isinstance(drawn, Spent)
    altered = Returns(amounts=(replace(drawn, amount=by),))
    assert it.redemption_store.change(Change(before=made, after=made, returns=altered))
    (audit,) = it.audit()
    assert (audit.granted, audit.available, audit.is_balanced) == (1_000, 9_000 + by, False)


def test_money_of_many_redemptions_is_recounted_page_by_page(it: CouponServices) -> None:
    it.has(a_coupon(replace(MONEY, amount=200_000)))
    for number in range(PAGE + 1):
        it.redeem(number)
    assert figures(it) == [(1_000 * (PAGE + 1), 0, 99_000, 0)]


def test_a_draw_takes_from_several_counters_where_none_has_enough(it: CouponServices) -> None:
    it.has(a_coupon(replace(MONEY, amount=3_000, peak=1_600)))
    for number in range(3):
        it.redeem(number)
    assert figures(it) == [(3_000, 0, 0, 0)]
    it.roll_back(2)
    assert figures(it) == [(2_000, 0, 1_000, 0)]


def test_money_goes_back_with_each_line_and_the_use_with_the_last(it: CouponServices) -> None:
    it.has(a_coupon(MONEY, replace(TOTAL, uses=1)))
    it.redeem(1)
    part = it.roll_back(1, {"1": 1}, key="rol_1")
    assert part.state is RedemptionState.REDEEMED
    assert figures(it) == [(750, 0, 1_750, 0), (1, 0, 0, 0)]
    whole = it.roll_back(1, {"1": 1, "2": 5}, key="rol_2")
    assert whole.state is RedemptionState.ROLLED_BACK
    assert figures(it) == [(0, 0, 2_500, 0), (0, 0, 1, 0)]
    told = [event["data"] for event in it.told() if event["type"] == "coupon.rolled_back.v1"]
    assert [(one["discount"], one["whole"], one["use_returned"]) for one in told] == [
        (250, False, False),
        (750, True, True),
    ]


def test_a_rollback_under_its_id_takes_place_once(it: CouponServices) -> None:
    it.has(a_coupon(MONEY))
    it.redeem(1)
    once = it.roll_back(1, {"2": 2})
    assert it.roll_back(1, {"2": 2}) == once
    with pytest.raises(IdempotencyKeyReusedError):
        it.roll_back(1, {"2": 1})
    with pytest.raises(InvalidFieldsError):
        it.roll_back(1, {"2": 4}, key="rol_2")
    assert figures(it) == [(800, 0, 1_700, 0)]


def test_only_what_was_redeemed_is_rolled_back(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.reserve(1)
    with pytest.raises(RedemptionStateError):
        it.roll_back(1)
    with pytest.raises(RedemptionNotFoundError):
        it.roll_back(2)


def test_an_id_answers_as_the_first_time(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, ONE_EACH))
    first = it.redeem(1)
    assert it.redeem(1) == first
    with pytest.raises(IdempotencyKeyReusedError):
        it.redeem(1, fingerprint="something else")
    assert figures(it) == [(1, 0, 2, 0)]
    assert it.types() == ["coupon.redeemed.v1"]


def test_a_reservation_is_committed_once_and_in_time(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.reserve(1)
    assert figures(it) == [(0, 1, 2, 0)]
    assert it.commit(1).state is RedemptionState.REDEEMED
    assert it.commit(1).state is RedemptionState.REDEEMED
    assert figures(it) == [(1, 0, 2, 0)]
    with pytest.raises(RedemptionStateError):
        it.release(1)


def test_a_reservation_that_ran_out_is_not_committed(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.reserve(1, hold=MINUTE)
    it.clock.advance(MINUTE)
    with pytest.raises(ReservationExpiredError):
        it.commit(1)
    assert figures(it) == [(0, 0, 3, 0)]
    assert it.types() == ["coupon.reserved.v1", "coupon.expired.v1"]


def test_who_renews_a_reservation_keeps_it(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.reserve(1, hold=2 * MINUTE)
    it.clock.advance(MINUTE)
    it.reserve(1, hold=5 * MINUTE)
    it.clock.advance(4 * MINUTE)
    it.sweeping.end_reservations(APP, most=10)
    assert it.commit(1).state is RedemptionState.REDEEMED
    assert figures(it) == [(1, 0, 2, 0)]


def test_the_sweep_ends_reservations_that_ran_out(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    for number in range(3):
        it.reserve(number, contact(number), hold=MINUTE)
    it.commit(2)
    it.clock.advance(5 * MINUTE)
    assert it.sweeping.end_reservations(APP, most=1) >= 1
    it.sweeping.end_reservations(APP, most=10)
    assert figures(it) == [(1, 0, 2, 0)]
    assert Counter(it.types())["coupon.expired.v1"] == 2
    assert it.sweeping.end_reservations(APP, most=10) == 0


def test_the_sweep_puts_back_a_ticket_that_nobody_used(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.redeem(1)
    place = it.counted()[0].place
    assert it.ticket_store.draw(place, 0) == 2
    assert figures(it) == [(1, 0, 1, 1)]
    it.sweep()
    assert figures(it) == [(1, 0, 2, 0)]
    assert it.redeem(2).state is RedemptionState.REDEEMED


def test_a_ticket_that_was_swept_comes_too_late(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    late = it.redeem(1)
    place = it.counted()[0].place
    assert it.ticket_store.draw(place, 0) == 2
    assert it.ticket_store.void(Ticket(place=place, shard=0, number=2))
    assert not it.ticket_store.void(Ticket(place=place, shard=0, number=1))
    made = it.redeem(2)
    assert [draw.number for draw in made.draws if isinstance(draw, Ticket)] == [3]
    assert late.draws != made.draws


def test_a_use_whose_redemption_never_came_is_given_up(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    counted = it.counted()[0]
    lost = Use(redemption_id=red(9), at=it.clock(), origin=ADA)
    assert it.redemptions.notes.note(counted, lost)
    with pytest.raises(RedemptionRefusedError):
        it.redeem(1)
    it.clock.advance(MINUTE)
    it.redeem(1)
    with pytest.raises(RedemptionRefusedError):
        it.redeem(9)
    assert it.redemption_store.find(red(9), app_id=APP).attempt == 1


def test_who_retries_a_crashed_request_finds_its_own_use(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    own = Use(redemption_id=red(1), at=it.clock(), amount=1_000, origin=ADA)
    assert it.redemptions.notes.note(it.counted()[0], own) is not None
    assert it.redeem(1).state is RedemptionState.REDEEMED


def test_a_refused_order_holds_nothing(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH, coupon_id="cpn_1"))
    it.has(a_coupon(replace(TOTAL, uses=0), coupon_id="cpn_2"))
    it.has(a_coupon(TOTAL, coupon_id="cpn_3"))
    with pytest.raises(CouponExhaustedError) as refused:
        it.redeem(1, coupon_ids=["cpn_1", "cpn_3", "cpn_2"])
    assert refused.value.fields[0].pointer == "/coupons/2"
    assert not it.use_store.uses(it.counted()[0].place).entries
    assert figures(it, "cpn_3") == [(0, 0, 3, 0)]
    assert it.redeem(1, coupon_ids=["cpn_1"]).attempt == 1


def test_a_coupon_stands_in_an_order_once(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    with pytest.raises(RedemptionRefusedError):
        it.redeem(1, coupon_ids=["cpn_1", "cpn_1"])


def test_a_use_is_kept_after_a_rollback_where_the_coupon_says_so(it: CouponServices) -> None:
    it.has(a_coupon(MONEY, TOTAL, after_rollback=AfterRollback.KEEP_USE))
    it.redeem(1)
    assert it.roll_back(1).state is RedemptionState.ROLLED_BACK
    assert figures(it) == [(1_000, 0, 1_500, 0), (1, 0, 2, 0)]


def test_a_limit_is_raised_while_it_runs(it: CouponServices) -> None:
    it.has(a_coupon(replace(TOTAL, uses=1)))
    it.redeem(1)
    with pytest.raises(CouponExhaustedError):
        it.redeem(2)
    it.relimited(replace(TOTAL, uses=200))
    (adjusted,) = it.limits.settle(it.sheet(), "total")
    assert (adjusted.capacity, adjusted.missing) == (200, 0)
    it.redeem(2)
    assert figures(it) == [(2, 0, 198, 0)]


def test_a_limit_is_lowered_as_far_as_it_is_not_used(it: CouponServices) -> None:
    it.has(a_coupon(replace(TOTAL, uses=150)))
    it.redeem(1)
    it.reserve(2)
    it.relimited(replace(TOTAL, uses=1))
    (adjusted,) = it.limits.settle(it.sheet(), "total")
    assert (adjusted.capacity, adjusted.missing) == (2, 1)
    assert figures(it) == [(1, 1, 0, 0)]
    it.release(2)
    it.limits.settle(it.sheet(), "total")
    assert figures(it) == [(1, 0, 0, 0)]


def test_limits_of_yesterday_open_no_window(it: CouponServices) -> None:
    old = it.has(a_coupon(TOTAL))
    it.relimited(replace(TOTAL, uses=1))
    it.coupons["cpn_1"] = old
    with pytest.raises(CouponChangedError):
        it.redeem(1)
    assert it.audit() == []


def test_limits_of_yesterday_change_no_window(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.redeem(1)
    it.relimited(replace(TOTAL, uses=5))
    stale = it.sheet()
    it.relimited(replace(TOTAL, uses=2))
    with pytest.raises(CouponChangedError):
        it.limits.settle(stale, "total")
    it.limits.settle(it.sheet(), "total")
    assert figures(it) == [(1, 0, 1, 0)]


def test_the_uses_of_a_person_are_recounted(it: CouponServices) -> None:
    it.has(a_coupon(replace(ONE_EACH, uses=4)))
    it.redeem(1)
    it.reserve(2)
    lost = Use(redemption_id=red(9), at=it.clock(), origin=ADA)
    it.redemptions.notes.note(it.counted()[0], lost)
    audit = it.audits.audit_uses(it.counted()[0])
    assert (audit.granted, audit.reserved, audit.available, audit.in_flight) == (1, 1, 1, 1)


def test_a_dry_run_says_what_is_left_and_takes_nothing(it: CouponServices) -> None:
    coupon = it.has(a_coupon(ONE_EACH, replace(TOTAL, uses=2), MONEY))

    def refusal(who: str) -> Reason | None:
        circumstances = it.order(99, who).circumstances
        return it.availability.refusal(coupon, fingerprint=None, who=circumstances)

    assert refusal(ADA) is None
    assert it.audit() == []
    it.redeem(1)
    assert (refusal(ADA), refusal(BOB)) == (Reason.PERSON_LIMIT, None)
    it.redeem(2, BOB)
    assert refusal(contact(3)) is Reason.EXHAUSTED
    it.roll_back(1)
    assert refusal(ADA) is None


def test_a_reservation_is_renewed_by_what_it_is(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    held = it.reserve(1, hold=MINUTE)
    assert held.reserved_until is not None
    renewed = it.redemptions.renew(held, hold=5 * MINUTE)
    assert renewed.reserved_until == held.reserved_until + 4 * MINUTE
    assert it.redemptions.find(red(1), app_id=APP) == renewed
    it.clock.advance(5 * MINUTE)
    it.sweeping.end_reservations(APP, most=10)
    with pytest.raises(ReservationExpiredError):
        it.redemptions.renew(renewed, hold=MINUTE)
