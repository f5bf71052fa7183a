"""A definition as a document: what is read, what is refused and where, what comes back."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.coupons import AfterRollback, ClaimTerms, PartialRefund
from shared.coupons.model.discount_documents import document_of_discount
from shared.coupons.model.discounts import (
    AmountOff,
    BuyXGetY,
    Discount,
    FixedPrice,
    FreeUnit,
    Level,
    PercentOff,
    Scope,
    ShippingOff,
)
from shared.coupons.model.documents import (
    changed_by,
    document_of,
    document_of_settings,
    settings_of,
)
from shared.coupons.model.limits import Limit, Period, Subject
from shared.coupons.model.settings import CouponSettings
from shared.coupons.model.stacking import Base, Combination, Stacking
from shared.coupons.model.validity import Hours, Validity
from shared.kernel.errors import InvalidFieldsError
from tests.unit.coupons.definitions import APP, PLAIN, WHOLE, coupon


def places(document: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFieldsError) as refused:
        coupon(document)
    return [(one.pointer, one.code) for one in refused.value.fields]


def test_what_is_left_out_is_the_default() -> None:
    plain = coupon()
    assert plain.discount == PercentOff(hundredths=1_000)
    assert plain.validity == Validity()
    assert plain.stacking == Stacking()
    assert plain.claims == ClaimTerms()
    assert plain.limits == ()
    assert coupon({**PLAIN, "validity": None, "limits": None}) == plain


def test_everything_that_is_written_is_read() -> None:
    whole = coupon(WHOLE)
    assert whole.discount == AmountOff(
        amount=1_000,
        currency="EUR",
        level=Level.ORDER,
        scope=Scope(products=frozenset({"shoes"}), categories=frozenset({"feet"}), at_most=2),
    )
    assert whole.validity == Validity(
        zone="Europe/Zurich",
        start=date(2026, 11, 23),
        end=datetime(2026, 12, 24, 17, tzinfo=UTC),
        weekdays=frozenset({1, 5}),
        hours=(Hours(start=time(18), end=time(2)),),
        after_claim=timedelta(days=7),
    )
    assert whole.limits[1] == Limit(
        limit_id="lim_2", subject=Subject.CONTACT, period=Period.ROLLING, hours=24, uses=1
    )
    assert whole.stacking == Stacking(
        category="season",
        combination=Combination.JOINT,
        combines_with=frozenset({"season", "shipping"}),
        order=20,
        base=Base.INITIAL,
        once_per_line=True,
    )
    assert whole.claims.first == 500
    assert whole.after_rollback is AfterRollback.KEEP_USE
    assert whole.partial_refund is PartialRefund.REEVALUATE
    assert whole.metadata == {"season": "spring"}


@pytest.mark.parametrize("document", [PLAIN, WHOLE])
def test_a_definition_comes_back_from_its_document(document: dict[str, Any]) -> None:
    there = document_of(coupon(document))
    assert coupon(json.loads(json.dumps(there))) == coupon(document)


scopes = st.builds(
    Scope,
    products=st.frozensets(st.sampled_from(["a", "b"])),
    categories=st.frozensets(st.sampled_from(["x", "y"])),
    at_most=st.none() | st.integers(1, 9),
)
hundredths = st.integers(1, 10_000)
amounts = st.integers(1, 10**12)
levels = st.sampled_from(Level)
discounts = st.one_of(
    st.builds(PercentOff, hundredths=hundredths, level=levels, scope=scopes),
    st.builds(AmountOff, amount=amounts, currency=st.just("EUR"), level=levels, scope=scopes),
    st.builds(FixedPrice, price=amounts, currency=st.just("EUR"), level=levels, scope=scopes),
    st.builds(FreeUnit, product_id=st.just("cup"), quantity=st.integers(1, 9)),
    st.builds(ShippingOff, hundredths=hundredths),
    st.builds(
        BuyXGetY,
        buy=st.integers(1, 9),
        get=st.integers(1, 9),
        scope=scopes,
        gets=scopes,
        hundredths=hundredths,
        times=st.none() | st.integers(1, 9),
    ),
)


@given(discount=discounts)
def test_every_discount_comes_back_from_its_document(discount: Discount) -> None:
    written = json.loads(json.dumps(document_of_discount(discount)))
    assert coupon({**PLAIN, "discount": written}).discount == discount


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"nam": "x"}, ("/nam", "unknown")),
        ({"name": ""}, ("/name", "text")),
        ({"name": None}, ("/name", "missing")),
        ({"discount": 10}, ("/discount", "type")),
        ({"discount": {"kind": "gift"}}, ("/discount/kind", "word")),
        ({"discount": {"kind": "percent"}}, ("/discount/percent_off", "missing")),
        (
            {"discount": {"kind": "percent", "percent_off": 100.01}},
            ("/discount/percent_off", "number"),
        ),
        (
            {"discount": {"kind": "percent", "percent_off": 0.125}},
            ("/discount/percent_off", "number"),
        ),
        (
            {"discount": {"kind": "amount", "amount_off": 5, "currency": "eur"}},
            ("/discount/currency", "pattern"),
        ),
        ({"discount": {"kind": "unit", "product_id": 7}}, ("/discount/product_id", "text")),
        ({"validity": {"zone": "Mars/Base"}}, ("/validity/zone", "timezone")),
        ({"validity": {"start": "tomorrow"}}, ("/validity/start", "moment")),
        ({"validity": {"start": "2026-11-23T09:00:00"}}, ("/validity/start", "moment")),
        ({"validity": {"end": "9999-12-31"}}, ("/validity/end", "range")),
        ({"validity": {"weekdays": [0]}}, ("/validity/weekdays/0", "number")),
        (
            {"validity": {"hours": [{"start": "08:00", "end": "08:00"}]}},
            ("/validity/hours/0", "empty"),
        ),
        (
            {"validity": {"hours": [{"start": "8:00", "end": "09:00"}]}},
            ("/validity/hours/0/start", "pattern"),
        ),
        (
            {"validity": {"start": "2026-11-23", "end": "2026-11-22"}},
            ("/validity/end", "order"),
        ),
        ({"limits": [{"uses": 1}]}, ("/limits/0/subject", "missing")),
        ({"limits": [{"subject": "coupon"}]}, ("/limits/0/uses", "kind")),
        (
            {
                "limits": [{"subject": "coupon", "uses": 1, "amount": 1}],
                "rules": {"currency": "EUR"},
            },
            ("/limits/0/uses", "kind"),
        ),
        ({"limits": [{"subject": "app", "uses": 1}]}, ("/limits/0/subject", "subject")),
        ({"limits": [{"subject": "contact", "uses": 101}]}, ("/limits/0/uses", "too_many")),
        (
            {"limits": [{"subject": "device", "uses": 100, "overflow": 1}]},
            ("/limits/0/uses", "too_many"),
        ),
        (
            {"limits": [{"subject": "contact", "uses": 1, "period": "rolling"}]},
            ("/limits/0/hours", "kind"),
        ),
        ({"limits": [{"subject": "contact", "uses": 1, "hours": 1}]}, ("/limits/0/hours", "kind")),
        (
            {"limits": [{"subject": "coupon", "uses": 1, "period": "rolling", "hours": 1}]},
            ("/limits/0/period", "not_counted"),
        ),
        ({"limits": [{"subject": "store", "uses": 1}] * 5}, ("/limits", "count")),
        ({"limits": [{"subject": "store", "amount": 1}]}, ("/rules/currency", "missing")),
        ({"rules": {"minimum_amount": 1}}, ("/rules/currency", "missing")),
        ({"rules": {"app_version": "beta"}}, ("/rules/app_version", "version")),
        ({"rules": {"channels": ["fax"]}}, ("/rules/channels/0", "word")),
        ({"rules": {"texts": {"because": "x"}}}, ("/rules/texts/because", "word")),
        ({"stacking": {"combines_with": ["x"]}}, ("/stacking/combines_with", "exclusive")),
        ({"claims": {"remind_before_hours": 5}}, ("/claims/remind_before_hours", "kind")),
        ({"after_rollback": "both"}, ("/after_rollback", "word")),
        ({"metadata": {"a/b": 5}}, ("/metadata/a~1b", "text")),
        ({"metadata": {"": "x"}}, ("/metadata/", "name")),
        ({"rules": {"products": [f"p{one}" for one in range(201)]}}, ("/rules/products", "length")),
        (
            {"metadata": {f"{one}": "x" * 500 for one in range(40)}},
            ("", "too_large"),
        ),
    ],
)
def test_a_problem_is_told_with_its_place(wrong: dict[str, Any], place: tuple[str, str]) -> None:
    assert places({**PLAIN, **wrong}) == [place]


def test_all_problems_are_told_together() -> None:
    wrong = {"name": 1, "discount": {"kind": "shipping", "percent_off": "all"}, "limits": {}}
    assert places(wrong) == [
        ("/name", "text"),
        ("/discount/percent_off", "number"),
        ("/limits", "type"),
    ]


def test_a_discount_and_its_rules_have_one_currency() -> None:
    assert places({**WHOLE, "rules": {"currency": "CHF"}}) == [("/rules/currency", "differs")]
    assert coupon(WHOLE).currency == "EUR"
    assert coupon(PLAIN, rules={"currency": "CHF"}).currency == "CHF"
    assert coupon(PLAIN).currency is None


def test_a_change_replaces_the_fields_that_it_names() -> None:
    before = coupon(WHOLE)
    after = changed_by({"name": "Sommer", "rules": {"stores": ["chur"]}, "metadata": None}, before)
    assert (after.name, after.metadata) == ("Sommer", {})
    assert (after.rules.stores, after.rules.segments) == (frozenset({"chur"}), frozenset())
    assert after.discount == before.discount
    assert after.coupon_id == before.coupon_id
    with pytest.raises(InvalidFieldsError):
        changed_by([], before)


def test_settings_come_back_from_their_document() -> None:
    document = {
        "limits": [{"limit_id": "lim_9", "subject": "app", "period": "day", "amount": 100_000}],
        "zone": "Europe/Zurich",
    }
    settings = settings_of(document, app_id=APP)
    assert settings.limits[0].subject is Subject.APP
    assert settings_of(document_of_settings(settings), app_id=APP) == settings
    assert settings_of({}, app_id=APP) == CouponSettings(app_id=APP)


def test_settings_limit_the_app_alone() -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        settings_of({"limits": [{"subject": "coupon", "uses": 1}], "guess": 1}, app_id=APP)
    assert [one.pointer for one in refused.value.fields] == ["/guess", "/limits/0/subject"]
