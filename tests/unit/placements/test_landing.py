"""A click leads to what is stored for the creative, also when its ad has ended."""

from dataclasses import replace
from typing import Any

from shared.kernel.ids import Ids
from shared.placements.model.demand import Thing
from shared.placements.service.landing import StoredLandings
from shared.placements.service.telling import created
from tests.fakes.ads import a_grant
from tests.fakes.clock import ManualClock
from tests.fakes.placements_demand import InMemoryDemandStore
from tests.unit.placements.markets import APP, Market, cache_of

CLICK = "https://shop.example/?in={{placement}}&of={{ad_campaign_id}}"


class Shop:
    """What was booked, of which one flight is live."""

    def __init__(self) -> None:
        self.market, self.clock = Market(), ManualClock()
        self.market.placement("top")
        self.market.flight("shoes")
        self.stores(click_url=CLICK)
        self.demand = InMemoryDemandStore()
        self.grant = a_grant(
            app_id=APP,
            ad_id="ad_shoes.0",
            flight_id="flt_shoes",
            creative_id="crv_shoes.0",
            placement_id="plc_top",
        )

    def stores(self, **fields: Any) -> None:
        self.market.creatives[0] = replace(self.market.creatives[0], **fields)

    def keeps(self, *things: Thing) -> None:
        ids = Ids(clock=self.clock)
        for thing in things:
            assert self.demand.add(thing, created(thing, by="ada", clock=self.clock, ids=ids))

    def url(self, **changes: Any) -> str | None:
        landings = StoredLandings(snapshots=cache_of(self.market), demand=self.demand)
        return landings.url_of(replace(self.grant, **changes))


def test_a_live_ad_leads_to_its_creatives_url() -> None:
    assert Shop().url() == "https://shop.example/?in=top&of=adc_shoes"


def test_an_ad_that_has_ended_leads_where_it_is_booked_to() -> None:
    shop = Shop()
    shop.keeps(shop.market.creatives[0], shop.market.flights[0], shop.market.placements[0])
    shop.market.ads.clear()
    assert shop.url() == "https://shop.example/?in=top&of=adc_shoes"


def test_an_ad_whose_placement_is_gone_leads_on_without_its_name() -> None:
    shop = Shop()
    shop.keeps(shop.market.creatives[0], shop.market.flights[0])
    assert shop.url(placement_id="plc_gone") == "https://shop.example/?in=&of=adc_shoes"


def test_an_app_of_which_nothing_is_compiled_has_landings_all_the_same() -> None:
    shop = Shop()
    shop.keeps(
        replace(shop.market.creatives[0], app_id="app_2"),
        replace(shop.market.flights[0], app_id="app_2"),
    )
    assert shop.url(app_id="app_2") == "https://shop.example/?in=&of=adc_shoes"


def test_what_leads_nowhere_has_no_url() -> None:
    shop = Shop()
    assert shop.url(ad_id="ad_gone") is None
    shop.stores(click_url=None)
    shop.keeps(shop.market.creatives[0], shop.market.flights[0])
    assert shop.url() is None
