"""Which limits count a use, and how each is counted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.coupons.model.codes import CodeKind
from shared.coupons.model.limits import Counting, Limit, Subject
from shared.coupons.model.places import ONE_USE, LimitSheet, Subjects, counted_by, sheet_of
from shared.coupons.service.redemptions import redemption_id_of
from shared.kernel.ids import is_ulid
from tests.contract.redeeming import a_coupon

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def of(subject: Subject, **most: Any) -> Limit:
    return Limit(limit_id=subject.value, subject=subject, **most)


@pytest.mark.parametrize(
    ("limit", "counting"),
    [
        (of(Subject.CONTACT, uses=100), Counting.PACKED),
        (of(Subject.CONTACT, amount=5_000), Counting.PACKED),
        (of(Subject.CODE, uses=100), Counting.PACKED),
        (of(Subject.CODE, uses=99, overflow=2), Counting.TICKETS),
        (of(Subject.CODE, amount=5_000), Counting.BUDGET),
        (of(Subject.COUPON, uses=1), Counting.TICKETS),
        (of(Subject.APP, amount=1), Counting.BUDGET),
    ],
)
def test_a_limit_is_counted_as_its_subject_and_size_ask(limit: Limit, counting: Counting) -> None:
    assert limit.counting is counting


def test_each_limit_counts_its_own_subject() -> None:
    limits = tuple(of(subject, uses=1) for subject in Subject)
    sheet = LimitSheet(app_id="app_1", coupon_id="cpn_1", limits=limits, version=1)
    subjects = Subjects(contact_id="con_1", device_id="dev_1", fingerprint="f", store_id="s")
    found = {one.place.subject: one.place.subject_id for one in counted_by(sheet, subjects, NOON)}
    assert found == {
        Subject.CONTACT: "con_1",
        Subject.DEVICE: "dev_1",
        Subject.CODE: "f",
        Subject.COUPON: "cpn_1",
        Subject.STORE: "s",
        Subject.APP: "app_1",
    }


def test_a_limit_of_stores_counts_nothing_where_there_is_none() -> None:
    sheet = LimitSheet(
        app_id="app_1", coupon_id="cpn_1", limits=(of(Subject.STORE, uses=1),), version=1
    )
    assert counted_by(sheet, Subjects(), NOON) == ()


def test_a_unique_code_has_one_use_unless_the_coupon_says_how_many() -> None:
    own = of(Subject.CODE, uses=5)
    assert sheet_of(a_coupon(), code=CodeKind.UNIQUE).limits == (ONE_USE,)
    assert sheet_of(a_coupon(), code=CodeKind.GENERIC).limits == ()
    assert sheet_of(a_coupon(own), code=CodeKind.UNIQUE).limits == (own,)


def test_a_key_makes_the_same_id_for_ever_and_another_for_each_caller() -> None:
    one = redemption_id_of("app_1", caller="dev_1", key="k")
    assert one == redemption_id_of("app_1", caller="dev_1", key="k")
    assert is_ulid(one.removeprefix("red_"))
    others = {
        redemption_id_of("app_2", caller="dev_1", key="k"),
        redemption_id_of("app_1", caller="dev_2", key="k"),
        redemption_id_of("app_1", caller="dev_1", key="l"),
    }
    assert len(others | {one}) == 4
