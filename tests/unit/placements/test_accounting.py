"""What events of ads are worth, and to whom conversions are owed."""

import pytest

from shared.placements.model.accounting import counted_event, event_key, price_of, rejected_event
from shared.placements.model.demand import Pricing, Rate
from shared.placements.model.engagements import Engagement, Rejection
from tests.fakes.ads import a_grant
from tests.fakes.clock import NOON


def rate(pricing: Pricing) -> Rate:
    return Rate(pricing=pricing, amount=7, currency="CHF")


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        (Pricing.CPM, 7_000),
        (Pricing.CPC, 7_000_000),
        (Pricing.CPA, 7_000_000),
        (Pricing.FLAT, 0),
    ],
)
def test_a_price_is_of_one_event_in_millionths(pricing: Pricing, price: int) -> None:
    assert price_of(rate(pricing)) == price


def test_a_thousand_impressions_add_up_to_their_rate() -> None:
    assert 1_000 * price_of(rate(Pricing.CPM)) == 7 * 1_000_000


def test_what_has_no_rate_is_worth_nothing() -> None:
    assert price_of(None) == 0


@pytest.mark.parametrize(
    ("pricing", "paid"),
    [
        (Pricing.CPM, Engagement.IMPRESSION),
        (Pricing.CPC, Engagement.CLICK),
        (Pricing.CPA, Engagement.CONVERSION),
        (Pricing.FLAT, None),
        (None, None),
    ],
)
def test_only_what_a_flight_pays_for_has_a_price(
    pricing: Pricing | None, paid: Engagement | None
) -> None:
    grant = a_grant(pricing=pricing, price=5)
    for engagement in Engagement:
        price = counted_event(grant, engagement, at=NOON).price
        assert price == (5 if engagement is paid else 0)


def test_what_is_rejected_has_no_price() -> None:
    event = rejected_event(a_grant(), Engagement.IMPRESSION, Rejection.LATE, at=NOON)
    assert event.price == 0


def test_events_of_an_ad_differ_in_their_keys_and_the_same_event_does_not() -> None:
    keys = {
        event_key(NOON, "token", engagement, reason=reason)
        for engagement in Engagement
        for reason in (None, *Rejection)
        for _ in range(2)
    }
    assert len(keys) == len(Engagement) * (1 + len(Rejection))
    assert event_key(NOON, "token", Engagement.CLICK).id == "token#click"
