"""What went wrong in real shops, one test for each case, on DynamoDB Local.

Each names the report that it comes from. Where two requests meet, they are started together, and
the store waits before it writes, so that they do meet.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from time import sleep
from typing import Any

import pytest

from shared.coupons.errors import (
    CouponError,
    CouponExhaustedError,
    RedemptionContendedError,
    RedemptionRefusedError,
)
from shared.coupons.model.coupons import AfterRollback
from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.redemptions import Redemption, RedemptionState
from shared.coupons.ports.redemptions import Change
from shared.kernel.envelope import Envelope
from tests.contract.redeeming import (
    APP,
    BOB,
    ONE_EACH,
    TOTAL,
    CouponServices,
    a_coupon,
    assemble,
    contact,
    on_dynamodb,
    red,
)

DELAY_SECONDS = 0.15
MINUTE = timedelta(minutes=1)
ONCE = replace(TOTAL, uses=1)
MONEY = Limit(limit_id="money", subject=Subject.COUPON, amount=3_000)


@pytest.fixture
def it(request: pytest.FixtureRequest) -> CouponServices:
    return on_dynamodb(request)


def together(*calls: Callable[[], Redemption]) -> list[Redemption | CouponError]:
    """Make calls at once; return what each came to."""
    ready = Barrier(len(calls))

    def made(call: Callable[[], Redemption]) -> Redemption | CouponError:
        ready.wait()
        try:
            return call()
        except CouponError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(made, calls))


def granted(answers: Sequence[Redemption | CouponError]) -> int:
    return sum(isinstance(one, Redemption) for one in answers)


def figures(it: CouponServices) -> tuple[int, int, int]:
    """Return what the first limit granted, holds and has left, once orphans are swept."""
    it.sweep()
    audit = it.audit()[0]
    assert audit.is_balanced
    assert audit.in_flight == 0
    return audit.granted, audit.reserved, audit.available


class Slow:
    """A store that waits before it writes: others read in the meantime."""

    def __init__(self, real: object) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if name in {"add", "change", "replace", "draw"}:
                sleep(DELAY_SECONDS)
            return method(*args, **kwargs)

        return call


def slowed(it: CouponServices) -> CouponServices:
    """Return the services of a process whose writes take long."""
    stores: list[Any] = [Slow(one) for one in (it.ticket_store, it.use_store, it.redemption_store)]
    return replace(it, **assemble(*stores, clock=it.clock, ids=it.ids))


def test_case_1_of_3000_requests_for_1000_uses_exactly_1000_succeed(it: CouponServices) -> None:
    # woocommerce#13505: a limit of 1,000, more than 1,500 orders, and a counter that showed 700.
    it.has(a_coupon(replace(TOTAL, uses=1_000)))

    def ask(number: int) -> str:
        try:
            return it.redeem(number, contact(number)).state.value
        except CouponExhaustedError as error:
            return error.code

    with ThreadPoolExecutor(48) as threads:
        answers = Counter(threads.map(ask, range(3_000)))
    assert answers == {"redeemed": 1_000, "quantity_exceeded": 2_000}
    assert figures(it) == (1_000, 0, 0)
    told = it.told()
    redeemed = [one["data"]["redemption_id"] for one in told if "redeemed" in one["type"]]
    assert len(redeemed) == len(set(redeemed)) == 1_000
    assert sum("exhausted" in one["type"] for one in told) == 1


def test_case_2_of_five_at_once_three_succeed(it: CouponServices) -> None:
    # eventyay#1398: at most 3, redeemed 5 times.
    it.has(a_coupon(TOTAL))
    calls = [lambda number=number: it.redeem(number, contact(number)) for number in range(5)]
    assert granted(together(*calls)) == 3
    assert figures(it) == (3, 0, 0)


def test_case_3_the_last_use_is_taken_once_however_slow_the_writes(it: CouponServices) -> None:
    # ACIDRain (SIGMOD 2017), saleor#544, django-oscar#2101, opencart#4812, magento2#6364.
    it.has(a_coupon(ONCE, ONE_EACH))
    slow = slowed(it)
    calls = [lambda number=number: slow.redeem(number, contact(number)) for number in range(6)]
    assert granted(together(*calls)) == 1
    assert figures(it) == (1, 0, 0)


def test_case_4_one_order_completed_twice_is_one_redemption(it: CouponServices) -> None:
    # saleor#15855: one checkout completed twice; the loser refunds the winner's payment.
    it.has(a_coupon(TOTAL, ONE_EACH))
    slow = slowed(it)
    first, second = together(lambda: slow.redeem(1), lambda: slow.redeem(1))
    assert first == second
    assert isinstance(first, Redemption)
    assert figures(it) == (1, 0, 2)
    assert it.types() == ["coupon.redeemed.v1"]


def test_case_5_nothing_is_granted_that_was_not_written(it: CouponServices) -> None:
    # shopper#510, Leetcode-City#542: a guarded update hit no row, and nobody looked.
    it.has(a_coupon(TOTAL))

    class WritesNothing(Slow):
        def add(self, _redemption: Redemption, _events: Sequence[Envelope]) -> Any:
            raise TimeoutError

    stores: list[Any] = [it.ticket_store, it.use_store, WritesNothing(it.redemption_store)]
    broken = replace(it, **assemble(*stores, clock=it.clock, ids=it.ids))
    with pytest.raises(TimeoutError):
        broken.redeem(1)
    assert figures(it) == (0, 0, 3)
    assert it.types() == []


@pytest.mark.parametrize("limit", [ONCE, ONE_EACH], ids=["of the coupon", "of the person"])
def test_case_6_who_was_told_that_it_is_free_may_still_be_too_late(
    limit: Limit, it: CouponServices
) -> None:
    # vendure#4660: locked while validating, not while settling; five fixes failed.
    it.has(a_coupon(limit))
    slow = slowed(it)
    answers = together(lambda: slow.redeem(1), lambda: slow.reserve(2), lambda: slow.redeem(3))
    assert granted(answers) == 1


def test_case_7_two_codes_of_one_coupon_share_its_limit(it: CouponServices) -> None:
    # shopware#11245 (single-packet attack), shopware#18716 (two codes, one promotion's cap).
    it.has(a_coupon(ONCE))
    slow = slowed(it)
    answers = together(
        lambda: slow.redeem(1, code="c0ffee"), lambda: slow.redeem(2, BOB, code="decade")
    )
    assert granted(answers) == 1
    assert figures(it) == (1, 0, 0)


def test_case_8_a_budget_is_exact_while_one_rolls_back_and_others_redeem(
    it: CouponServices,
) -> None:
    # medusa#16595: a revert without a lock loses a concurrent use.
    it.has(a_coupon(MONEY))
    it.redeem(1)
    it.redeem(2)
    together(
        lambda: it.roll_back(1),
        lambda: it.redeem(3),
        lambda: it.redeem(4),
        lambda: it.roll_back(2, {"2": 2}),
    )
    (audit,) = it.audit()
    kept = [it.redemption_store.find(red(number), app_id=APP) for number in range(1, 5)]
    spent = sum(
        one.redemption.discount - _returned(one.redemption) for one in kept if one.redemption
    )
    assert (audit.granted, audit.available) == (spent, 3_000 - spent)


def _returned(redemption: Redemption) -> int:
    return sum(sum(part.returned.values()) for part in redemption.parts)


def test_case_9_two_rollbacks_in_one_millisecond_are_one(it: CouponServices) -> None:
    # Voucherify's changelog: two rollbacks in one millisecond were both done.
    it.has(a_coupon(TOTAL))
    it.redeem(1)
    slow = slowed(it)
    answers = together(
        lambda: slow.roll_back(1, key="rol_1"), lambda: slow.roll_back(1, key="rol_2")
    )
    assert answers[0] == answers[1]
    assert figures(it) == (0, 0, 3)
    assert Counter(it.types())["coupon.rolled_back.v1"] == 1


def test_case_9_who_never_wins_is_told_to_ask_again(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL))
    it.redeem(1)

    class Busy(Slow):
        def change(self, _change: Change) -> bool:
            return False

    stores: list[Any] = [it.ticket_store, it.use_store, Busy(it.redemption_store)]
    services = assemble(*stores, clock=it.clock, ids=it.ids, pause=lambda _: None)
    busy = replace(it, **services)
    with pytest.raises(RedemptionContendedError) as refused:
        busy.roll_back(1)
    assert refused.value.code == "multiple_requests"


def test_case_10_a_person_holds_one_use_whatever_the_number_of_orders(it: CouponServices) -> None:
    # woocommerce#12096: two unpaid orders hold a coupon of one use a user, and both pay.
    it.has(a_coupon(ONE_EACH))
    it.reserve(1)
    with pytest.raises(RedemptionRefusedError):
        it.reserve(2)
    it.commit(1)
    with pytest.raises(RedemptionRefusedError):
        it.redeem(3)


def test_case_11_a_failed_payment_does_not_stand_in_its_own_way(it: CouponServices) -> None:
    # woocommerce#27673, #31245, #67737: one's own hold blocks the next try.
    it.has(a_coupon(ONCE, ONE_EACH))
    first = it.reserve(1, hold=5 * MINUTE)
    it.clock.advance(4 * MINUTE)
    again = it.reserve(1, hold=5 * MINUTE)
    assert first.reserved_until is not None
    assert again.reserved_until == first.reserved_until + 4 * MINUTE
    assert it.commit(1).state is RedemptionState.REDEEMED
    assert figures(it) == (1, 0, 0)


def test_case_12_who_cancels_frees_the_hold(it: CouponServices) -> None:
    # woocommerce#27179: a cancelled order keeps its hold.
    it.has(a_coupon(ONCE, ONE_EACH))
    it.reserve(1)
    it.release(1)
    assert it.reserve(2).state is RedemptionState.RESERVED


def test_case_12_no_hold_is_for_ever(it: CouponServices) -> None:
    # woocommerce#26002: an empty time switched the check off.
    it.has(a_coupon(ONCE))
    for hold in (timedelta(0), -MINUTE, timedelta(days=8)):
        with pytest.raises(Exception, match="seven days"):
            it.reserve(1, hold=hold)
    it.reserve(1, hold=MINUTE)
    it.clock.advance(5 * MINUTE)
    it.sweeping.end_reservations(APP, most=10)
    assert it.redeem(2, BOB).state is RedemptionState.REDEEMED


def test_case_13_an_order_that_fails_before_its_commit_eats_nothing(it: CouponServices) -> None:
    # magento2#33100, #34058: a failed order eats the coupon.
    it.has(a_coupon(ONCE, ONE_EACH))

    class Crashes(Slow):
        def add(self, _redemption: Redemption, _events: Sequence[Envelope]) -> Any:
            raise ConnectionError

    stores: list[Any] = [it.ticket_store, it.use_store, Crashes(it.redemption_store)]
    crashing = replace(it, **assemble(*stores, clock=it.clock, ids=it.ids))
    with pytest.raises(ConnectionError):
        crashing.redeem(1)
    assert figures(it) == (0, 0, 1)
    assert it.redeem(2).state is RedemptionState.REDEEMED


def test_case_14_no_count_that_comes_later_decides(it: CouponServices) -> None:
    # magento2#38017, merchdocs#861: an asynchronous counter may exceed the limit.
    it.has(a_coupon(ONCE))
    it.redeem(1)
    # No event was relayed, no sweep ran, and another process knows nothing yet.
    stores = (it.ticket_store, it.use_store, it.redemption_store)
    other = replace(it, **assemble(*stores, clock=it.clock, ids=it.ids))
    with pytest.raises(CouponExhaustedError):
        other.redeem(2, BOB)


@pytest.mark.parametrize(
    ("after_rollback", "left"), [(AfterRollback.RETURN_USE, 1), (AfterRollback.KEEP_USE, 0)]
)
def test_case_15_a_cancelled_order_gives_the_use_back_or_keeps_it(
    after_rollback: AfterRollback, left: int, it: CouponServices
) -> None:
    # Sylius#10125, vendure#1466: a cancelled order keeps the use.
    it.has(a_coupon(ONCE, ONE_EACH, after_rollback=after_rollback))
    it.redeem(1)
    it.roll_back(1)
    assert figures(it) == (1 - left, 0, left)
    if left:
        assert it.redeem(2).state is RedemptionState.REDEEMED
    else:
        with pytest.raises(CouponError):
            it.redeem(2)
