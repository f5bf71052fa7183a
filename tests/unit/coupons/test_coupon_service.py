"""The use cases of those who run coupons."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.coupons.errors import (
    CouponChangedError,
    CouponNotFoundError,
    CouponSettingsChangedError,
    CouponStateError,
)
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.documents import document_of_limit
from shared.coupons.service.coupons import CouponService
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import EveryApp, Everything, InMemoryCouponStore, NotedLimits
from tests.unit.coupons.definitions import APP, PLAIN, WHOLE

NEW_LIMITS = [{**one, "limit_id": None} for one in WHOLE["limits"]]
SALE = {**WHOLE, "limits": NEW_LIMITS}


@dataclass(kw_only=True)
class Office:
    coupons: InMemoryCouponStore = field(default_factory=InMemoryCouponStore)
    elsewhere: Everything = field(default_factory=Everything)
    running: NotedLimits = field(default_factory=NotedLimits)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.service = CouponService(
            apps=EveryApp(),
            elsewhere=self.elsewhere,
            coupons=self.coupons,
            running=self.running,
            clock=self.clock,
            ids=Ids(clock=self.clock),
        )

    def create(self, document: Any = None, attempt: Attempt | None = None) -> tuple[Coupon, bool]:
        return self.service.create_coupon(document or SALE, app_id=APP, by="ada", attempt=attempt)

    def change(self, coupon: Coupon, **changes: Any) -> Coupon:
        return self.service.change_coupon(
            coupon.coupon_id, changes, app_id=APP, version=coupon.version, by="ben"
        )

    def told(self) -> list[str]:
        return [event.type for event in self.coupons.events]


@pytest.fixture
def it() -> Office:
    return Office()


def test_a_new_coupon_is_a_draft_whose_limits_have_ids(it: Office) -> None:
    coupon, replayed = it.create()
    assert (coupon.state, coupon.version, replayed) == (CouponState.DRAFT, 1, False)
    assert coupon.created_at == it.clock.at
    ids = [one.limit_id for one in coupon.limits]
    assert ids == ["lim_1_1", "lim_1_2", "lim_1_3", "lim_1_4"]
    assert it.service.get_coupon(coupon.coupon_id, app_id=APP) == coupon
    assert it.told() == ["coupon.created.v1"]


def test_a_new_coupon_takes_no_limit_of_another(it: Office) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        it.create(WHOLE)
    assert refused.value.fields[0].pointer == "/limits/0/limit_id"
    assert it.told() == []


def pointers(refused: pytest.ExceptionInfo[InvalidFieldsError]) -> list[str]:
    return [problem.pointer for problem in refused.value.fields]


def test_a_coupon_names_no_segment_or_template_that_there_is_not(it: Office) -> None:
    it.elsewhere.gone = {"vips", "tpl_1"}
    named = {
        "rules": {"segments": ["vips", "students"]},
        "claims": {"remind_before_hours": 1, "reminder_template_id": "tpl_1"},
        "validity": {"end": "2026-12-24"},
    }
    with pytest.raises(InvalidFieldsError) as refused:
        it.create({**PLAIN, **named})
    assert pointers(refused) == ["/rules/segments", "/claims/reminder_template_id"]
    assert it.told() == []
    coupon, _ = it.create(PLAIN)
    with pytest.raises(InvalidFieldsError) as refused:
        it.change(coupon, **named)
    assert pointers(refused) == ["/rules/segments", "/claims/reminder_template_id"]


def test_what_a_coupon_named_before_it_was_gone_stands_in_no_ones_way(it: Office) -> None:
    coupon, _ = it.create({**PLAIN, "rules": {"segments": ["vips"]}})
    it.elsewhere.gone = {"vips", "students"}
    changed = it.change(coupon, name="Another")
    with pytest.raises(InvalidFieldsError) as refused:
        it.change(changed, rules={"segments": ["vips", "students"]})
    assert pointers(refused) == ["/rules/segments"]


def test_the_same_attempt_makes_one_coupon(it: Office) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    first, _ = it.create(attempt=attempt)
    assert it.create(attempt=attempt) == (first, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.create(PLAIN, Attempt(caller="ada", key="k", fingerprint="other"))
    assert len(it.coupons.kept) == 1


def test_a_coupon_is_activated_paused_and_ended(it: Office) -> None:
    coupon, _ = it.create()
    for move, state in (
        (it.service.activate, CouponState.ACTIVE),
        (it.service.pause, CouponState.PAUSED),
        (it.service.activate, CouponState.ACTIVE),
        (it.service.end, CouponState.ENDED),
    ):
        assert move(coupon.coupon_id, app_id=APP, by="ada").state is state
    assert it.told()[1:] == [
        "coupon.activated.v1",
        "coupon.paused.v1",
        "coupon.activated.v1",
        "coupon.ended.v1",
    ]
    with pytest.raises(CouponStateError):
        it.service.activate(coupon.coupon_id, app_id=APP, by="ada")


def test_a_change_names_the_version_that_was_read(it: Office) -> None:
    coupon, _ = it.create()
    after = it.change(coupon, name="Herbst")
    assert (after.name, after.version) == ("Herbst", 2)
    with pytest.raises(CouponChangedError):
        it.change(coupon, name="Winter")
    assert it.told() == ["coupon.created.v1", "coupon.updated.v1"]


def test_counters_follow_a_limit_that_is_changed_while_it_runs(it: Office) -> None:
    draft, _ = it.create()
    drafted = it.change(draft, limits=[])
    assert it.running.adjusted == []
    drafted = it.change(drafted, limits=NEW_LIMITS)
    # An id is not given again, not even that of a limit which is gone.
    assert not {one.limit_id for one in drafted.limits} & {one.limit_id for one in draft.limits}
    running = it.service.activate(drafted.coupon_id, app_id=APP, by="ada")
    first, *others = (document_of_limit(one) for one in running.limits)
    raised = it.change(running, limits=[{**first, "uses": 5_000}, *others])
    assert it.running.adjusted == [(running.limits_version, raised.limits_version)]
    it.change(raised, name="Sommer")
    assert len(it.running.adjusted) == 1


def test_an_app_sees_its_own_coupons_alone(it: Office) -> None:
    coupon, _ = it.create()
    assert [one.coupon_id for one in it.service.list_coupons(APP, limit=9, cursor=None).items] == [
        coupon.coupon_id
    ]
    assert it.service.list_coupons("app_other", limit=9, cursor=None).items == []
    with pytest.raises(CouponNotFoundError):
        it.service.get_coupon(coupon.coupon_id, app_id="app_other")


def test_settings_are_replaced_by_version(it: Office) -> None:
    day = {"subject": "app", "period": "day", "uses": 9_000}
    first = it.service.replace_settings({"limits": [day]}, app_id=APP, version=0, by="ada")
    assert first.version == 1
    assert it.service.get_settings(APP) == first
    with pytest.raises(CouponSettingsChangedError):
        it.service.replace_settings({}, app_id=APP, version=0, by="ada")
    known = document_of_limit(first.limits[0])
    raised = it.service.replace_settings(
        {"limits": [{**known, "uses": 10_000}]}, app_id=APP, version=1, by="ada"
    )
    assert raised.limits[0].limit_id == first.limits[0].limit_id
    assert it.running.adjusted == [(0, 1), (1, 2)]
    for wrong in ({**known, "period": "week"}, {**known, "limit_id": "lim_x"}):
        with pytest.raises(InvalidFieldsError):
            it.service.replace_settings({"limits": [wrong]}, app_id=APP, version=2, by="ada")
    assert it.told() == ["coupon_settings.updated.v1"] * 2
