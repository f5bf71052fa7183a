"""What may become of a coupon, and what a limit costs."""

from dataclasses import replace
from typing import Any

import pytest

from shared.coupons.errors import CouponStateError
from shared.coupons.model.coupons import LEADS_TO, Coupon, CouponState
from shared.coupons.model.documents import changed_by
from shared.coupons.model.limits import Counting, Limit, Period, Subject, write_units
from shared.kernel.errors import InvalidFieldsError
from tests.unit.coupons.definitions import WHOLE, coupon

RUNNING = replace(coupon(WHOLE), state=CouponState.ACTIVE, version=2)


def changed(before: Coupon, changes: dict[str, Any]) -> Coupon:
    return before.changed_to(changed_by(changes, before))


def refused(before: Coupon, changes: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFieldsError) as error:
        changed(before, changes)
    return [(one.pointer, one.code) for one in error.value.fields]


def limits(**first: Any) -> dict[str, Any]:
    return {"limits": [{**WHOLE["limits"][0], **first}, *WHOLE["limits"][1:]]}


@pytest.mark.parametrize("state", CouponState)
def test_a_coupon_moves_only_along_its_states(state: CouponState) -> None:
    before = replace(coupon(), state=state)
    for other in CouponState:
        if other in LEADS_TO[state]:
            after = before.moved_to(other)
            assert (after.state, after.version) == (other, before.version + 1)
        else:
            with pytest.raises(CouponStateError):
                before.moved_to(other)


def test_only_an_active_coupon_that_may_be_taken_is_open() -> None:
    assert RUNNING.is_open
    assert not replace(RUNNING, state=CouponState.PAUSED).is_open
    assert not replace(coupon(), state=CouponState.ACTIVE).is_open


def test_a_change_makes_the_next_version() -> None:
    after = changed(RUNNING, {"name": "Sommer"})
    assert (after.name, after.version, after.limits_version) == ("Sommer", 3, 1)
    assert after.state is CouponState.ACTIVE


@pytest.mark.parametrize("first", [{"uses": 2_000}, {"uses": 500}, {"overflow": 0}])
def test_how_much_a_limit_allows_changes_while_it_runs(first: dict[str, Any]) -> None:
    after = changed(RUNNING, limits(**first))
    assert after.limits_version == RUNNING.limits_version + 1
    assert [one.limit_id for one in after.limits] == [one.limit_id for one in RUNNING.limits]


def test_a_limit_may_be_taken_away_while_it_runs() -> None:
    assert changed(RUNNING, {"limits": []}).limits_version == 2


def test_a_draft_gets_new_limits_with_new_ids() -> None:
    new = {"subject": "device", "uses": 1}
    draft = replace(RUNNING, state=CouponState.DRAFT)
    after = changed(draft, {"limits": [*WHOLE["limits"][1:], new]})
    assert [one.limit_id for one in after.limits] == ["lim_2", "lim_3", "lim_4", "lim_2_4"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"discount": {**WHOLE["discount"], "amount_off": 900}}, ("/discount", "fixed")),
        ({"validity": {"zone": "UTC"}}, ("/validity/zone", "fixed")),
        (limits(period="day"), ("/limits/0", "fixed")),
        (limits(limit_id="lim_7"), ("/limits/0/limit_id", "unknown")),
        (limits(limit_id=None), ("/limits/0", "fixed")),
        ({"claims": {**WHOLE["claims"], "first": 499}}, ("/claims/first", "fixed")),
        ({"claims": {**WHOLE["claims"], "with_code": False}}, ("/claims/with_code", "fixed")),
    ],
)
def test_what_was_promised_or_counted_stays(
    changes: dict[str, Any], place: tuple[str, str]
) -> None:
    assert refused(RUNNING, changes) == [place]


def test_more_claims_may_be_granted_while_it_runs() -> None:
    assert changed(RUNNING, {"claims": {**WHOLE["claims"], "first": 501}}).claims.first == 501
    assert changed(RUNNING, {"claims": {**WHOLE["claims"], "first": None}}).claims.first is None


def test_the_currency_of_what_was_counted_stays() -> None:
    before = replace(coupon(rules={"currency": "EUR"}), state=CouponState.ACTIVE)
    assert refused(before, {"rules": {"currency": "CHF"}}) == [("/rules/currency", "fixed")]


def test_what_has_ended_is_not_changed() -> None:
    with pytest.raises(CouponStateError):
        changed(replace(RUNNING, state=CouponState.ENDED), {"name": "Herbst"})


@pytest.mark.parametrize(
    ("subject", "much", "counting"),
    [
        (Subject.CONTACT, {"uses": 100}, Counting.PACKED),
        (Subject.CONTACT, {"amount": 10**6}, Counting.PACKED),
        (Subject.DEVICE, {"uses": 1}, Counting.PACKED),
        (Subject.CODE, {"uses": 100}, Counting.PACKED),
        (Subject.CODE, {"uses": 90, "overflow": 11}, Counting.TICKETS),
        (Subject.CODE, {"amount": 5}, Counting.BUDGET),
        (Subject.COUPON, {"uses": 1}, Counting.TICKETS),
        (Subject.STORE, {"uses": 1}, Counting.TICKETS),
        (Subject.APP, {"uses": 1}, Counting.TICKETS),
        (Subject.COUPON, {"amount": 5}, Counting.BUDGET),
    ],
)
def test_subject_and_size_say_how_a_limit_is_counted(
    subject: Subject, much: Any, counting: Counting
) -> None:
    assert Limit(limit_id="lim_1", subject=subject, **much).counting is counting


def test_a_coupon_limit_and_one_per_person_cost_eight_units() -> None:
    both = (
        Limit(limit_id="lim_1", subject=Subject.COUPON, uses=1_000),
        Limit(limit_id="lim_2", subject=Subject.CONTACT, period=Period.DAY, uses=1),
    )
    assert write_units(both) == 8
    assert write_units(()) == 4
