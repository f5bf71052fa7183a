"""People joined and parted: their limits follow, and nobody gets a use too many in between."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.coupons.errors import RedemptionContendedError, RedemptionRefusedError
from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.moves import Move, MoveState
from shared.coupons.model.redemptions import Place
from shared.coupons.model.uses import Uses
from tests.contract.policy import merge
from tests.contract.redeeming import (
    ADA,
    APP,
    BOB,
    ONE_EACH,
    CouponServices,
    a_coupon,
    assemble,
    contact,
    in_memory,
    on_dynamodb,
)

CAT = contact(3)
JOINED = merge("edg_1", ADA, BOB)
TWICE = replace(ONE_EACH, uses=2)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> CouponServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def is_refused(it: CouponServices, number: int, who: str) -> bool:
    try:
        it.redeem(number, who)
    except RedemptionRefusedError:
        return True
    return False


def test_two_who_are_one_have_one_limit(it: CouponServices) -> None:
    it.has(a_coupon(TWICE))
    it.redeem(1, ADA)
    it.redeem(2, BOB)
    it.people.unite(JOINED)
    assert is_refused(it, 3, ADA)
    # Somebody who has not heard of the merge yet.
    assert is_refused(it, 4, BOB)
    it.redeem(5, CAT)


def test_who_is_parted_gets_their_own_uses_back(it: CouponServices) -> None:
    it.has(a_coupon(TWICE))
    it.redeem(1, BOB)
    it.people.unite(JOINED)
    it.redeem(2, ADA, origin_id=BOB)
    assert is_refused(it, 3, ADA)
    it.people.split(JOINED)
    assert is_refused(it, 4, BOB)
    it.redeem(5, ADA)
    it.redeem(6, ADA)
    assert is_refused(it, 7, ADA)


def test_uniting_and_parting_twice_changes_nothing_more(it: CouponServices) -> None:
    it.has(a_coupon(TWICE))
    it.redeem(1, BOB)
    it.people.unite(JOINED)
    it.people.unite(JOINED)
    it.redeem(2, ADA)
    assert is_refused(it, 3, BOB)
    it.people.split(JOINED)
    it.people.split(JOINED)
    it.redeem(4, BOB)
    it.redeem(5, ADA)
    assert is_refused(it, 6, BOB)
    assert is_refused(it, 7, ADA)


def test_two_who_are_joined_twice_are_parted_by_the_last(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    it.redeem(1, BOB)
    other = merge("edg_2", ADA, BOB)
    it.people.unite(JOINED)
    it.people.unite(other)
    it.people.split(JOINED)
    assert is_refused(it, 2, ADA)
    it.people.split(other)
    it.redeem(3, ADA)


def test_a_use_is_given_back_wherever_it_went(it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    it.reserve(1, BOB)
    it.people.unite(JOINED)
    it.release(1)
    it.redeem(2, ADA)
    it.people.split(JOINED)
    it.redeem(3, BOB)


def test_a_persons_money_is_united_too(it: CouponServices) -> None:
    it.has(a_coupon(Limit(limit_id="money", subject=Subject.CONTACT, amount=2_000)))
    it.redeem(1, ADA)
    it.redeem(2, BOB)
    it.people.unite(JOINED)
    assert is_refused(it, 3, ADA)


@pytest.mark.parametrize("state", [MoveState.JOINING, MoveState.PARTING])
def test_in_the_midst_of_a_move_nobody_uses_anything(state: MoveState, it: CouponServices) -> None:
    it.has(a_coupon(ONE_EACH))
    stores = (it.ticket_store, it.use_store, it.redemption_store)
    services = assemble(*stores, clock=it.clock, ids=it.ids, pause=lambda _: None)
    hasty = replace(it, **services)
    move = Move(app_id=APP, contact_id=BOB, moved_to=ADA, state=state)
    assert it.use_store.put_move(move)
    with pytest.raises(RedemptionContendedError):
        hasty.redeem(1, BOB)
    hasty.people.unite(JOINED)
    hasty.redeem(1, BOB)
    assert is_refused(hasty, 2, ADA)


class MovesMeanwhile:
    """A store in whose first write somebody else unites the person."""

    def __init__(self, it: CouponServices) -> None:
        self._it = it
        self._has_moved = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._it.use_store, name)

    def replace(self, place: Place, uses: Uses) -> bool:
        if not self._has_moved:
            self._has_moved = True
            self._it.people.unite(JOINED)
        return self._it.use_store.replace(place, uses)


def test_who_notes_a_use_while_the_person_moves_notes_it_where_they_are(
    it: CouponServices,
) -> None:
    it.has(a_coupon(ONE_EACH))
    it.redeem(1, ADA)
    store = MovesMeanwhile(it)
    services = assemble(
        it.ticket_store,
        store,  # type: ignore[arg-type] # it stands for the real store
        it.redemption_store,
        clock=it.clock,
        ids=it.ids,
    )
    slow = replace(it, **services)
    assert is_refused(slow, 2, BOB)
    it.people.split(JOINED)
    it.clock.advance(timedelta(minutes=1))
    it.redeem(3, BOB)
