"""Which rule refuses what, and that all reasons are told together, in one order."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.rules import (
    NO_RULES,
    SENTENCES,
    Circumstances,
    Reason,
    Rules,
    refusals,
    version_of,
)
from shared.kernel.events import Channel

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOES = Line(
    line_id="1", product_id="shoes", quantity=1, unit_price=5_000, categories=frozenset({"feet"})
)
SOCKS = Line(line_id="2", product_id="socks", quantity=3, unit_price=500)
BASKET = Basket(currency="EUR", lines=(SHOES, SOCKS))
SOMEBODY = Circumstances(
    app_id="app_1",
    at=AT,
    contact_id="con_1",
    device_id="dev_1",
    channel=Channel.INAPP,
    platform="ios",
    app_version="2.10.0",
    push_permission=True,
    first_order=True,
    segments=frozenset({"seg_1"}),
    consents=frozenset({Channel.PUSH, Channel.EMAIL}),
    placements_seen=frozenset({"home"}),
    store_id="bern",
)
NOBODY = Circumstances(app_id="app_1", at=AT)
STRICT = Rules(
    minimum_amount=10_000,
    minimum_quantity=9,
    segments=frozenset({"seg_2"}),
    first_order=True,
    channels=frozenset({Channel.WEB}),
    app_version="3",
    operating_systems=frozenset({"android"}),
    push_permission=True,
    consents=frozenset({Channel.SMS}),
    placements_seen=frozenset({"checkout"}),
    stores=frozenset({"zurich"}),
)


def reasons(rules: Rules, who: Circumstances = SOMEBODY, basket: Basket | None = BASKET) -> Any:
    return [one.reason for one in refusals(rules, basket, who)]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"currency": "CHF"}, Reason.CURRENCY),
        ({"minimum_amount": 6_501}, Reason.MINIMUM_AMOUNT),
        ({"minimum_amount": 5_001, "categories": frozenset({"feet"})}, Reason.MINIMUM_AMOUNT),
        ({"minimum_quantity": 5}, Reason.QUANTITY),
        ({"minimum_quantity": 4, "products": frozenset({"socks"})}, Reason.QUANTITY),
        ({"products": frozenset({"hat"})}, Reason.PRODUCTS),
        ({"segments": frozenset({"seg_2"})}, Reason.SEGMENT),
        ({"channels": frozenset({Channel.WEB})}, Reason.CHANNEL),
        ({"app_version": "2.11"}, Reason.APP_VERSION),
        ({"operating_systems": frozenset({"android"})}, Reason.OPERATING_SYSTEM),
        ({"consents": frozenset({Channel.PUSH, Channel.SMS})}, Reason.CONSENT),
        ({"placements_seen": frozenset({"checkout"})}, Reason.AD_NOT_SEEN),
        ({"stores": frozenset({"zurich"})}, Reason.STORE),
    ],
)
def test_a_rule_that_does_not_hold_is_the_one_reason(asked: Any, reason: Reason) -> None:
    assert reasons(replace(NO_RULES, **asked)) == [reason]


@pytest.mark.parametrize(
    "asked",
    [
        {"currency": "EUR", "minimum_amount": 6_500, "minimum_quantity": 4},
        {"minimum_amount": 5_000, "categories": frozenset({"feet"})},
        {"products": frozenset({"socks"}), "minimum_quantity": 3},
        {"segments": frozenset({"seg_1", "seg_2"}), "first_order": True},
        {"channels": frozenset({Channel.INAPP, Channel.WEB})},
        {"app_version": "2.9", "operating_systems": frozenset({"ios"})},
        {"push_permission": True, "consents": frozenset({Channel.PUSH, Channel.EMAIL})},
        {"placements_seen": frozenset({"home"}), "stores": frozenset({"bern"})},
    ],
)
def test_a_rule_that_holds_is_no_reason(asked: Any) -> None:
    assert reasons(replace(NO_RULES, **asked)) == []


def test_all_reasons_are_told_in_the_order_of_their_words() -> None:
    told = reasons(STRICT, replace(SOMEBODY, first_order=False, push_permission=False))
    assert told == [
        Reason.MINIMUM_AMOUNT,
        Reason.QUANTITY,
        Reason.SEGMENT,
        Reason.FIRST_ORDER,
        Reason.CHANNEL,
        Reason.APP_VERSION,
        Reason.OPERATING_SYSTEM,
        Reason.PUSH_PERMISSION,
        Reason.CONSENT,
        Reason.AD_NOT_SEEN,
        Reason.STORE,
    ]


def test_what_is_not_known_does_not_hold() -> None:
    told = reasons(STRICT, NOBODY, None)
    assert told == [
        Reason.CONTACT_REQUIRED,
        Reason.SEGMENT,
        Reason.CHANNEL,
        Reason.APP_VERSION,
        Reason.OPERATING_SYSTEM,
        Reason.PUSH_PERMISSION,
        Reason.AD_NOT_SEEN,
        Reason.STORE,
    ]


def test_figures_say_how_much_is_missing() -> None:
    amount, pieces = refusals(Rules(minimum_amount=6_710, minimum_quantity=6), BASKET, SOMEBODY)
    assert amount.figures == {"minimum": 6_710, "missing": 210}
    assert pieces.figures == {"minimum": 6, "missing": 2}


def test_amounts_of_another_currency_are_not_compared() -> None:
    assert reasons(Rules(currency="JPY", minimum_amount=9_000)) == [Reason.CURRENCY]


def test_a_coupon_may_have_texts_of_its_own() -> None:
    rules = Rules(push_permission=True, stores=frozenset({"x"}), texts={Reason.STORE: "Nur Bern!"})
    own, ours = (
        next(one.detail for one in refusals(rules, None, NOBODY) if one.reason is reason)
        for reason in (Reason.STORE, Reason.PUSH_PERMISSION)
    )
    assert own == "Nur Bern!"
    assert ours == SENTENCES[Reason.PUSH_PERMISSION]


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("2.9", "2.10"), ("2.10", "2.10.1"), ("1", "1.0.1"), ("9", "10"), ("2.1-beta", "2.2")],
)
def test_versions_compare_by_their_numbers(older: str, newer: str) -> None:
    assert version_of(older) < version_of(newer)  # type: ignore[operator]
    assert reasons(Rules(app_version=newer), replace(SOMEBODY, app_version=older))
    assert not reasons(Rules(app_version=older), replace(SOMEBODY, app_version=newer))


@given(
    numbers=st.lists(st.integers(0, 999), min_size=1, max_size=4),
    zeros=st.integers(0, 2),
    tail=st.sampled_from(["", "-rc.1", "+42", " (7)"]),
)
def test_zeros_at_the_end_and_what_follows_the_numbers_do_not_matter(
    numbers: list[int], zeros: int, tail: str
) -> None:
    text = ".".join(map(str, numbers))
    assert version_of(text) == version_of(text + ".0" * zeros + tail)


def test_what_begins_with_no_number_is_no_version() -> None:
    assert version_of("beta") is None
    assert reasons(Rules(app_version="1"), replace(SOMEBODY, app_version="beta"))
