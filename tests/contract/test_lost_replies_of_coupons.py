"""A write whose answer is lost may have happened: who asks again by the same id gets one use."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.redemptions import Redemption, RedemptionState
from tests.contract.redeeming import (
    ONE_EACH,
    TOTAL,
    CouponServices,
    a_coupon,
    assemble,
    in_memory,
    on_dynamodb,
)

MONEY = Limit(limit_id="money", subject=Subject.COUPON, amount=2_500)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> CouponServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


class LosesOneReply:
    """A store that makes a call, and whose answer does not come, once."""

    def __init__(self, real: object, name: str) -> None:
        self._real, self._name = real, name

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if name != self._name:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            method(*args, **kwargs)
            self._name = ""
            raise TimeoutError(name)

        return call


def losing(it: CouponServices, name: str) -> CouponServices:
    stores: list[Any] = [
        LosesOneReply(one, name) for one in (it.ticket_store, it.use_store, it.redemption_store)
    ]
    return replace(it, **assemble(*stores, clock=it.clock, ids=it.ids))


def asked_until_answered(ask: Callable[[], Redemption]) -> Redemption:
    with pytest.raises(TimeoutError):
        ask()
    return ask()


def is_one_use_of_three(it: CouponServices) -> bool:
    it.sweep()
    total, money = it.audit()
    return (total.granted, total.available, money.granted) == (1, 2, 1_000)


@pytest.mark.parametrize("name", ["open_window", "draw", "replace", "add", "find"])
def test_a_redemption_is_made_once(name: str, it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, MONEY, ONE_EACH))
    lossy = losing(it, name)
    made = asked_until_answered(lambda: lossy.redeem(1))
    assert made.state is RedemptionState.REDEEMED
    assert it.types() == ["coupon.redeemed.v1"]
    assert is_one_use_of_three(it)
    assert it.audits.audit_uses(it.counted()[-1]).granted == 1


def test_a_reservation_is_committed_once(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, MONEY, ONE_EACH))
    it.reserve(1)
    lossy = losing(it, "change")
    assert asked_until_answered(lambda: lossy.commit(1)).state is RedemptionState.REDEEMED
    assert it.types() == ["coupon.reserved.v1", "coupon.redeemed.v1"]
    assert is_one_use_of_three(it)


@pytest.mark.parametrize("name", ["change", "replace", "window"])
def test_a_reservation_is_released_once(name: str, it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, MONEY, ONE_EACH))
    it.reserve(1)
    lossy = losing(it, name)
    assert asked_until_answered(lambda: lossy.release(1)).state is RedemptionState.RELEASED
    assert it.types() == ["coupon.reserved.v1", "coupon.released.v1"]
    it.redeem(2)
    assert is_one_use_of_three(it)


def test_a_redemption_is_rolled_back_once(it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, MONEY, ONE_EACH))
    it.redeem(1)
    lossy = losing(it, "change")
    made = asked_until_answered(lambda: lossy.roll_back(1, {"2": 5}))
    assert made.state is RedemptionState.REDEEMED
    assert Counter(it.types())["coupon.rolled_back.v1"] == 1
    assert [one.granted for one in it.audit()] == [1, 500]


@pytest.mark.parametrize("name", ["void", "put_sweep_mark"])
def test_a_ticket_is_put_back_once(name: str, it: CouponServices) -> None:
    it.has(a_coupon(TOTAL, MONEY, ONE_EACH))
    it.redeem(1)
    assert it.ticket_store.draw(it.counted()[0].place, 0) == 2
    lossy = losing(it, name)
    for _ in range(3):
        try:
            lossy.sweep()
        except TimeoutError:
            continue
    assert is_one_use_of_three(it)
