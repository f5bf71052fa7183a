"""What a state says after other domains told of something."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.kernel.events import Purpose
from shared.placements.model.ad_state import (
    FACTS_LAST,
    STATE_FULL,
    AdState,
    CouponStanding,
    Hold,
    Known,
    Topic,
)

NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOBODY = AdState(app_id="app_1", contact_id="con_1")
CASE = Hold(reason="case", detail="A complaint is open.", until=NOW + HOUR)
FULL = Hold(reason=STATE_FULL, detail="More is known than can be counted.", until=NOW + HOUR)


def held(hold: Hold) -> Known:
    return Known(holds={Purpose.MARKETING: hold})


def test_a_hold_that_is_new_takes_back_what_devices_keep() -> None:
    state = NOBODY.told(held(CASE), at=NOW)
    assert state.epoch == 1
    assert state.told(held(CASE), at=NOW).epoch == 1


def test_a_hold_after_one_that_ended_is_new() -> None:
    later = NOW + 2 * HOUR
    again = Hold(reason="case", detail="Another complaint is open.", until=later + HOUR)
    assert NOBODY.told(held(CASE), at=NOW).told(held(again), at=later).epoch == 2


def test_a_topic_that_is_switched_off_takes_back_what_devices_keep() -> None:
    off = Known(topic_holds={Topic(Purpose.MARKETING, "shoes"): CASE})
    state = NOBODY.told(off, at=NOW)
    assert (state.epoch, state.topic_holds) == (1, off.topic_holds)
    assert state.told(off, at=NOW).epoch == 1
    assert state.told(Known(), at=NOW).topic_holds == {}


def test_who_is_held_for_seeing_too_much_stays_so_until_that_ends() -> None:
    full = AdState(app_id="app_1", contact_id="con_1", holds={Purpose.MARKETING: FULL})
    assert full.told(Known(), at=NOW).holds == {Purpose.MARKETING: FULL}
    assert full.told(Known(), at=NOW + HOUR).holds == {}
    told = full.told(held(CASE), at=NOW)
    assert (told.holds, told.epoch) == ({Purpose.MARKETING: CASE}, 1)


@pytest.mark.parametrize(
    ("after", "device_id", "policy_version", "is_fresh"),
    [
        (timedelta(), "dev_1", 3, True),
        (FACTS_LAST - timedelta(seconds=1), "dev_1", 3, True),
        (FACTS_LAST, "dev_1", 3, False),
        (timedelta(), "dev_2", 3, False),
        (timedelta(), "dev_1", 4, False),
    ],
)
def test_answers_are_fresh_for_hours_for_a_device_under_a_policy(
    after: timedelta, device_id: str, policy_version: int, is_fresh: bool
) -> None:
    known = Known(device_epochs={"dev_1": 0}, policy_version=3)
    state = NOBODY.told(known, at=NOW)
    fresh = state.is_fresh(NOW + after, device_id=device_id, policy_version=policy_version)
    assert fresh is is_fresh


def test_answers_about_other_segments_than_live_ads_name_are_not_fresh() -> None:
    state = NOBODY.told(Known(device_epochs={"dev_1": 0}, names=5), at=NOW)
    assert state.is_fresh(NOW, device_id="dev_1", policy_version=0, names=5)
    assert not state.is_fresh(NOW, device_id="dev_1", policy_version=0, names=6)


def test_a_state_without_answers_is_not_fresh() -> None:
    assert not NOBODY.is_fresh(NOW, device_id="dev_1", policy_version=0)


@pytest.mark.parametrize("answered", [{}, {"cpn_1": CouponStanding.CLAIMED}])
def test_what_was_redeemed_stays_so_whatever_is_answered(
    answered: dict[str, CouponStanding],
) -> None:
    state = NOBODY.with_coupon("cpn_1", CouponStanding.REDEEMED)
    told = state.told(Known(coupons=answered), at=NOW)
    assert told.coupons == {"cpn_1": CouponStanding.REDEEMED}
    assert told.epoch == state.epoch


def test_what_was_claimed_is_no_more_where_nothing_is_answered() -> None:
    state = NOBODY.with_coupon("cpn_1", CouponStanding.CLAIMED)
    assert state.told(Known(), at=NOW).coupons == {}


def test_a_use_that_was_undone_is_forgotten() -> None:
    state = NOBODY.with_coupon("cpn_1", CouponStanding.REDEEMED)
    known = Known(coupons={"cpn_1": CouponStanding.CLAIMED})
    assert state.without_coupon("cpn_1").told(known, at=NOW).coupons == known.coupons
    assert NOBODY.without_coupon("cpn_1") is NOBODY


def test_an_older_answer_does_not_bring_back_a_revoked_device() -> None:
    state = NOBODY.with_device("dev_1", 5)
    known = Known(device_epochs={"dev_1": 4, "dev_2": 0})
    assert state.told(known, at=NOW).device_epochs == {"dev_1": 5, "dev_2": 0}
