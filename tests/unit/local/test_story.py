"""The story's parts that need no stack: documents, prices, and what is shown at the end."""

from io import StringIO
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from infra.local import prices
from infra.local import story_documents as documents
from infra.local.story import Chapter
from infra.local.story_books import Sum
from infra.local.story_pictures import next_commands, story
from infra.local.story_stage import plain
from shared.push.model import estimates
from tests.capacity import OPERATIONS

BOOKS = {
    "planned": 3,
    "pending": 0,
    "sent": 2,
    "skipped": 1,
    "because": {"skipped": {"case": 1}},
    "balanced": True,
}


def text_of(what: Any) -> str:
    told = StringIO()
    Console(file=told, width=120).print(what)
    return told.getvalue()


def test_an_event_is_spoken_of_without_organisation_and_version() -> None:
    assert plain("com.example.shop.message.queued.v1") == "message.queued"


@pytest.mark.parametrize("name", sorted(prices.UNITS.keys() & OPERATIONS.keys()))
def test_units_that_are_paid_for_are_those_that_are_measured(name: str) -> None:
    ours, measured = prices.UNITS[name], OPERATIONS[name]
    assert (ours.writes, ours.reads) == (measured.writes, measured.reads)


def test_all_units_but_those_of_an_ads_event_are_measured() -> None:
    assert prices.UNITS.keys() - OPERATIONS.keys() == {"an ad event"}


def test_prices_are_those_that_campaigns_are_estimated_by() -> None:
    own = (estimates._WRITE, estimates._READ, estimates._EVENT)
    assert own == (prices.WRITE, prices.READ, prices.EVENT)


def test_a_bill_is_its_lines_the_requests_and_the_campaign() -> None:
    bill = prices.bill({"one receipt": 1_000_000}, requests=1_000_000, campaign_usd=0.5)
    # Two writes with the index, two reads, an event; and what its request costs.
    assert bill["lines"][0]["cost_usd"] == pytest.approx(2 * 0.625 + 2 * 0.125 + 1)
    assert bill["requests_usd"] == pytest.approx(1.2)
    assert bill["total_usd"] == pytest.approx(2.5 + 1.2 + 0.5)


@given(st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_file_of_devices(seed: int) -> None:
    first, again = (list(documents.device_rows("run", 5, Random(seed))) for _ in range(2))  # noqa: S311 - it must repeat
    assert first == again
    zones = documents.zones_of(first)
    assert len(zones) == 5
    assert set(zones.values()) <= set(documents.ZONES)


@given(st.lists(st.integers(), unique=True, max_size=30), st.floats(0, 1), st.integers(0, 99))
def test_a_share_of_some_is_as_large_as_asked_and_in_their_order(
    some: list[int], share: float, seed: int
) -> None:
    chosen = documents.chosen(some, share=share, chance=Random(seed))  # noqa: S311 - it must repeat
    assert len(chosen) == round(len(some) * share)
    assert chosen == [one for one in some if one in chosen]


def test_two_numbers_are_one_or_not() -> None:
    assert Sum(what="uses", here=2, there=2).holds
    assert not Sum(what="uses", here=2, there=3).holds


def test_the_end_shows_every_chapter_and_what_to_try_next() -> None:
    chapters = [
        Chapter(title="An app", evidence={"app_id": "app_1", "coupon_id": "cpn_1"}),
        Chapter(
            title="A campaign",
            evidence={
                "campaign_id": "cmp_1",
                "flight_id": "flt_1",
                "by_second": {"Asia/Tokyo": [1, 2]},
            },
        ),
        Chapter(
            title="The books",
            evidence={
                "campaign": BOOKS,
                "ads": {
                    **dict.fromkeys(("loaded", "viewable50", "viewable100", "clicks"), 0),
                    "impressions": 7,
                    "coupon_claims": 1,
                    "conversions": 0,
                },
                "coupon": {"granted": 4, "limit": 9},
                "sums": [{"what": "uses", "here": 4, "there": 4}],
            },
        ),
        Chapter(
            title="A timeline",
            evidence={
                "contact_id": "con_1",
                "events": [{"time": "now", "channel": None, "type": "device.registered"}],
            },
        ),
        Chapter(
            title="The cost", evidence=prices.bill({"one receipt": 3}, requests=2, campaign_usd=0.1)
        ),
    ]
    told = text_of(story(chapters))
    for words in ("1. An app", "Asia/Tokyo", "case 1", "7 impressions", "4 of 9 used"):
        assert words in told
    assert "device.registered" in told
    assert "one receipt" in told
    commands = [command for command, _ in next_commands(chapters)]
    assert commands == [
        "engage campaign --app app_1 --as admin results cmp_1",
        "engage ads --app app_1 --as admin results flt_1",
        "engage coupon --app app_1 --as admin audit cpn_1",
    ]
