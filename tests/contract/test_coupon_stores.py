"""Every store of coupons, real or fake, keeps these promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.coupons.errors import (
    CouponChangedError,
    CouponNotFoundError,
    CouponSettingsChangedError,
)
from shared.coupons.events import CouponCreated, CouponSettingsUpdated
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.documents import settings_of
from shared.coupons.model.settings import CouponSettings
from shared.coupons.ports.coupons import CouponStore
from shared.kernel.envelope import Envelope, seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import InMemoryCouponStore
from tests.unit.coupons.definitions import APP, AT, PLAIN, WHOLE, coupon


@dataclass(frozen=True, kw_only=True)
class Kept:
    coupons: CouponStore
    told: Callable[[], list[str]]
    clock: ManualClock

    def event(self, coupon: Coupon) -> Envelope:
        event = CouponCreated(
            app_id=coupon.app_id,
            occurred_at=AT,
            coupon_id=coupon.coupon_id,
            name=coupon.name,
            version=coupon.version,
            by="ada",
        )
        return seal(event, sequence=Ids(clock=self.clock).sequence())

    def add(self, coupon_id: str, document: dict[str, Any] = PLAIN) -> Coupon:
        new = replace(coupon(document), coupon_id=coupon_id)
        self.coupons.add_coupon(new, self.event(new), attempt=None)
        return new

    def move(self, before: Coupon, state: CouponState) -> Coupon:
        after = before.moved_to(state)
        self.coupons.replace_coupon(after, self.event(after), before=before)
        return after

    def set(self, before: CouponSettings, document: dict[str, Any]) -> CouponSettings:
        after = settings_of(document, app_id=APP, version=before.version + 1)
        event = CouponSettingsUpdated(app_id=APP, occurred_at=AT, version=after.version, by="ada")
        sealed = seal(event, sequence=Ids(clock=self.clock).sequence())
        self.coupons.replace_settings(after, sealed, before=before)
        return after


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        coupons = InMemoryCouponStore()
        return Kept(
            coupons=coupons,
            told=lambda: [event.type for event in coupons.events],
            clock=ManualClock(),
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Kept:
    from shared.coupons.store.coupons import (  # noqa: PLC0415 - needs the environment's tables
        DynamoCouponStore,
    )
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - the same

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in rows]

    ledger = Ledger(table=tables["contact_events"])
    return Kept(
        coupons=DynamoCouponStore(table=tables["coupons"], ledger=ledger),
        told=told,
        clock=ManualClock(),
    )


@pytest.mark.parametrize("document", [PLAIN, WHOLE])
def test_a_coupon_comes_back_as_it_was_stored(it: Kept, document: dict[str, Any]) -> None:
    first = it.add("cpn_1", document)
    assert it.coupons.get_coupon("cpn_1", app_id=APP) == first
    after = replace(first.moved_to(CouponState.ACTIVE), limits_version=2)
    it.coupons.replace_coupon(after, it.event(after), before=first)
    assert it.coupons.get_coupon("cpn_1", app_id=APP) == after
    assert it.told() == ["coupon.created.v1"] * 2
    with pytest.raises(CouponNotFoundError):
        it.coupons.get_coupon("cpn_1", app_id="app_other")


def test_a_coupon_is_added_once_for_an_attempt(it: Kept) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    assert it.coupons.recall(attempt, app_id=APP) is None
    first, again = (replace(coupon(), coupon_id=one) for one in ("cpn_1", "cpn_2"))
    assert it.coupons.add_coupon(first, it.event(first), attempt=attempt)
    assert not it.coupons.add_coupon(again, it.event(again), attempt=attempt)
    remembered = it.coupons.recall(attempt, app_id=APP)
    assert remembered is not None
    assert (remembered.fingerprint, remembered.result) == ("f", "cpn_1")
    assert it.told() == ["coupon.created.v1"]
    with pytest.raises(CouponNotFoundError):
        it.coupons.get_coupon("cpn_2", app_id=APP)


def test_of_two_changes_of_one_version_one_is_refused(it: Kept) -> None:
    first = it.add("cpn_1")
    it.move(first, CouponState.ACTIVE)
    with pytest.raises(CouponChangedError):
        it.move(first, CouponState.ENDED)
    assert it.coupons.get_coupon("cpn_1", app_id=APP).state is CouponState.ACTIVE
    assert len(it.told()) == 2


def test_some_coupons_are_found_together(it: Kept) -> None:
    one, two = it.add("cpn_1"), it.add("cpn_2", WHOLE)
    found = it.coupons.find_coupons(["cpn_2", "cpn_1", "cpn_2", "cpn_9"], app_id=APP)
    assert found == {"cpn_1": one, "cpn_2": two}
    assert it.coupons.find_coupons(["cpn_1"], app_id="app_other") == {}
    assert it.coupons.find_coupons([], app_id=APP) == {}


def test_coupons_are_listed_page_by_page(it: Kept) -> None:
    for number in (3, 1, 2):
        it.add(f"cpn_{number}")
    page = it.coupons.list_coupons(APP, limit=2, cursor=None)
    assert [one.coupon_id for one in page.items] == ["cpn_1", "cpn_2"]
    rest = it.coupons.list_coupons(APP, limit=2, cursor=page.next_cursor)
    assert [one.coupon_id for one in rest.items] == ["cpn_3"]
    assert rest.next_cursor is None


def test_who_asks_what_may_be_taken_sees_active_coupons_newest_first(it: Kept) -> None:
    for number in (1, 2, 3):
        it.move(it.add(f"cpn_{number}", WHOLE), CouponState.ACTIVE)
    it.move(it.add("cpn_4"), CouponState.ACTIVE)
    it.add("cpn_5", WHOLE)
    it.move(it.coupons.get_coupon("cpn_2", app_id=APP), CouponState.PAUSED)

    def ids(limit: int) -> list[str]:
        return [one.coupon_id for one in it.coupons.open_coupons(APP, limit=limit)]

    assert ids(9) == ["cpn_3", "cpn_1"]
    assert ids(1) == ["cpn_3"]
    it.move(it.coupons.get_coupon("cpn_2", app_id=APP), CouponState.ACTIVE)
    assert ids(9) == ["cpn_3", "cpn_2", "cpn_1"]
    assert it.coupons.open_coupons("app_other", limit=9) == []


def test_settings_are_the_defaults_before_anybody_decides(it: Kept) -> None:
    assert it.coupons.get_settings(APP) == CouponSettings(app_id=APP)


def test_of_two_settings_of_one_version_one_is_refused(it: Kept) -> None:
    nothing = it.coupons.get_settings(APP)
    first = it.set(
        nothing, {"limits": [{"limit_id": "lim_1", "subject": "app", "uses": 5}], "zone": "UTC"}
    )
    assert it.coupons.get_settings(APP) == first
    with pytest.raises(CouponSettingsChangedError):
        it.set(nothing, {})
    second = it.set(first, {"zone": "Europe/Zurich"})
    with pytest.raises(CouponSettingsChangedError):
        it.set(first, {})
    assert it.coupons.get_settings(APP) == second
    assert it.told() == ["coupon_settings.updated.v1"] * 2
