"""The snapshot: what is live of an app's demand, the same bytes for the same demand."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from shared.kernel.events import Purpose
from shared.placements.errors import TargetingInvalidError
from shared.placements.model.ad_state import Topic
from shared.placements.model.compiling import compile_snapshot
from shared.placements.model.demand import (
    AdTemplate,
    CapMode,
    Choosing,
    Demand,
    Format,
    FrequencyCap,
    Pricing,
    Rate,
    Size,
    State,
    Target,
)
from shared.placements.model.snapshot import Snapshot
from tests.unit.placements.markets import APP, AT, Market

HOUR = timedelta(hours=1)


def market() -> Market:
    made = Market()
    made.placement("top")
    made.flight("a", ads=2, targeting='$segment contains "seg_1"', ends_at=AT + HOUR)
    made.flight("b", target=Target(lifetime=50, exact=True), starts_at=AT + 2 * HOUR)
    return made


def live(made: Market) -> list[str]:
    return [flight.flight_id for flight in made.snapshot().flights]


def test_what_is_asked_about_people_has_a_digest_that_changes_with_it() -> None:
    market = Market()
    market.placement("top")
    market.flight("shoes")
    assert market.snapshot().digest_of_names == 0
    market.flight("hats", targeting='$tag contains "vip"')
    tags = market.snapshot().digest_of_names
    market.flight("bags", coupon_id="cpn_1")
    coupons = market.snapshot().digest_of_names
    market.flight("socks", topic="shoes")
    assert market.snapshot().topics == {Topic(Purpose.MARKETING, "shoes")}
    assert len({0, tags, coupons, market.snapshot().digest_of_names}) == 4


def test_the_same_demand_gives_the_same_bytes_in_whatever_order_it_is_read() -> None:
    demand = market().demand
    chance = Random(1)  # noqa: S311 - any order will do
    shuffled = {
        name: tuple(chance.sample(things, len(things)))
        for name, things in (("flights", demand.flights), ("ads", demand.ads))
    }
    other = replace(demand, **shuffled)  # type: ignore[arg-type]
    assert other != demand
    assert compile_snapshot(other, at=AT) == compile_snapshot(demand, at=AT)


def test_what_a_snapshot_does_not_tell_changes_no_hash() -> None:
    made = market()
    before = made.snapshot().hash
    made.flights[0] = replace(made.flights[0], name="another", version=7)
    assert made.snapshot().hash == before
    made.flights[0] = replace(made.flights[0], weight=2)
    assert made.snapshot().hash != before


def test_time_changes_a_snapshot_only_where_something_ended() -> None:
    made = market()
    just_before = made.snapshot(AT + HOUR - timedelta(milliseconds=1))
    assert just_before.hash == made.snapshot().hash
    assert [one.flight_id for one in made.snapshot(AT + HOUR).flights] == ["flt_b"]


@pytest.mark.parametrize("state", [State.DRAFT, State.PAUSED, State.ENDED])
def test_nothing_below_what_is_inactive_is_live(state: State) -> None:
    for things in ("flights", "creatives", "ads"):
        made = market()
        listed = getattr(made, things)
        listed[:] = [replace(listed[0], state=state), *listed[1:]]
        assert len(made.snapshot().ads) == (1 if things == "flights" else 2)
    for named in ("advertisers", "campaigns"):
        made = market()
        known = getattr(made, named)
        known["a"] = replace(known["a"], state=state)
        assert live(made) == ["flt_b"]


def test_a_flight_without_a_live_ad_is_left_out() -> None:
    made = market()
    made.ads = [ad for ad in made.ads if ad.flight_id == "flt_b"]
    assert live(made) == ["flt_b"]


def test_a_flight_inherits_dates_labels_and_caps_from_above() -> None:
    made = Market()
    once = FrequencyCap(times=1, window_seconds=60)
    twice = FrequencyCap(times=2, window_seconds=60, mode=CapMode.STRICT)
    made.advertiser("a", labels=frozenset({"cars"}), caps=(once,))
    made.campaign("a", advertiser="a", starts_at=AT, ends_at=AT + HOUR, caps=(twice,))
    made.flight("a", ends_at=AT + 2 * HOUR, labels=frozenset({"fast"}))
    [flight] = made.snapshot().flights
    assert (flight.starts_at, flight.ends_at) == (AT, AT + HOUR)
    assert flight.labels == {"cars", "fast"}
    told = [(cap.level, cap.counts, cap.times, cap.strict) for cap in flight.caps]
    assert told == [("advertiser", "adv_a", 1, False), ("ad_campaign", "adc_a", 2, True)]


def test_a_companion_set_stands_in_its_lowest_tier_and_is_its_campaigns_own() -> None:
    made = Market()
    made.placement("top")
    made.flight("a", tier=4, companions="set")
    made.flight("b", tier=9, companions="set", campaign="a")
    made.flight("c", tier=2, companions="set")
    assert [flight.tier for flight in made.snapshot().flights] == [9, 9, 2]


def test_it_names_what_must_be_known_of_a_person() -> None:
    made = market()
    made.flight("c", targeting='$tag contains "vip" and $coupon["cpn_1"] = "claimed"')
    made.flight("d", coupon_id="cpn_2")
    snapshot = made.snapshot()
    assert snapshot.segments == {"seg_1"}
    assert snapshot.tags == {"vip"}
    assert snapshot.coupons == {"cpn_1", "cpn_2"}


def test_it_names_bounded_and_exact_flights_and_the_next_change() -> None:
    made = market()
    made.flight("c", target=Target(daily=5))
    snapshot = made.snapshot()
    assert snapshot.bounded == ["flt_b", "flt_c"]
    assert snapshot.exact == ["flt_b"]
    assert snapshot.next_change(after=AT) == AT + HOUR
    assert snapshot.next_change(after=AT + HOUR) == AT + 2 * HOUR
    assert snapshot.next_change(after=AT + 2 * HOUR) is None


def test_a_board_has_what_fits_by_size_template_and_booking() -> None:
    made = market()
    template = AdTemplate(ad_template_id="adt_1", app_id=APP, name="n", created_at=AT, schema={})
    made.placement("tall", sizes=(Size(width=300, height=600),), templates=("adt_1",))
    made.flight("tall", size=Size(width=300, height=600))
    made.flight("only-top", placements=("plc_top",))
    made.flight("nowhere", placements=("plc_gone",))
    made.flight("native")
    native = replace(made.creatives[-1], format=Format.NATIVE, size=None, ad_template_id="adt_1")
    made.creatives[-1] = native

    def shown(demand: Demand, name: str) -> set[str]:
        snapshot = Snapshot.load(compile_snapshot(demand, at=AT))
        board = snapshot.board(name)
        assert board is not None
        return {snapshot.flights[number].flight_id for number in board.by_flight}

    templated = replace(made.demand, ad_templates=(template,))
    assert shown(templated, "tall") == {"flt_tall", "flt_native"}
    assert shown(templated, "top") == {"flt_a", "flt_b", "flt_only-top"}
    paused = replace(made.demand, ad_templates=(replace(template, state=State.PAUSED),))
    assert shown(paused, "tall") == {"flt_tall"}


def test_there_is_no_board_for_a_placement_that_is_not_there_or_not_active() -> None:
    made = market()
    made.placement("off", state=State.PAUSED)
    assert made.snapshot().board("off") is None
    assert made.snapshot().board("none") is None


def test_all_that_is_told_of_a_creative_is_loaded() -> None:
    made = market()
    made.creatives[0] = replace(made.creatives[0], html="<b>x</b>", values={"a": 1}, coupon_id="c")
    stored, loaded = made.creatives[0], made.snapshot().ads[0].creative
    for name in ("creative_id", "format", "size", "url", "html", "alt", "values", "click_url"):
        assert getattr(loaded, name) == getattr(stored, name)
    assert made.snapshot().ads[0].coupons == {"c"}


def test_rules_that_say_the_same_are_kept_once() -> None:
    made = Market()
    made.flight("a", targeting='$country="FR"')
    made.flight("b", targeting=' ($country = "FR")')
    first, second = made.snapshot().flights
    assert first.targeting is second.targeting


def test_targeting_that_nobody_checked_stops_the_compiler() -> None:
    made = Market()
    made.flight("a", targeting="$nobody = 1")
    with pytest.raises(TargetingInvalidError):
        made.snapshot()


def test_a_click_or_a_conversion_is_worth_what_is_expected_of_it() -> None:
    made = Market()
    for name, pricing, amount in (
        ("cpm", Pricing.CPM, 250),
        ("cpc", Pricing.CPC, 50),
        ("cpa", Pricing.CPA, 500),
        ("flat", Pricing.FLAT, 90_000),
    ):
        made.flight(name, rate=Rate(pricing=pricing, amount=amount, currency="EUR"))
    made.flight("free")
    worth = {flight.flight_id: flight.worth for flight in made.snapshot().flights}
    assert worth == {
        "flt_cpm": 250,
        "flt_cpc": 50 * 1_000 * 0.005,
        "flt_cpa": 500 * 1_000 * 0.0005,
        "flt_flat": 1,
        "flt_free": 1,
    }


def test_an_app_of_five_thousand_ads_has_less_than_three_megabytes() -> None:
    made = Market()
    made.placement("top")
    for number in range(1_000):
        made.flight(
            f"01JD8Z0000000000000000{number:04}",
            ads=5,
            targeting=f'$country in ("FR", "DE") and $app.version >= v"4.{number}"',
            caps=(FrequencyCap(times=3, window_seconds=86_400),),
            rate=Rate(pricing=Pricing.CPM, amount=250, currency="EUR"),
            target=Target(lifetime=100_000, daily=5_000),
            ends_at=AT + HOUR,
        )
    assert len(made.ads) == 5_000
    assert len(compile_snapshot(made.demand, at=AT)) < 3_000_000


def test_the_settings_of_an_app_are_told() -> None:
    made = market()
    caps = (FrequencyCap(times=9, window_seconds=3_600),)
    made.settings = replace(
        made.settings, choosing={4: Choosing.AUCTION}, caps=caps, apart_minutes=5
    )
    snapshot = made.snapshot()
    assert snapshot.choosing == {4: Choosing.AUCTION}
    assert [(cap.counts, cap.times) for cap in snapshot.caps] == [(APP, 9)]
    assert snapshot.apart == timedelta(minutes=5)
