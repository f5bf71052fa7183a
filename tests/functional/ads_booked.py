"""Ads that can be given: what is booked, compiled and kept where decisions find it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.model.compiling import compile_snapshot
from shared.placements.model.demand import (
    Ad,
    AdCampaign,
    AdSettings,
    Advertiser,
    Creative,
    Demand,
    Flight,
    Format,
    Placement,
    Size,
    State,
    Thing,
)
from shared.placements.model.pointers import Pointer, key_of
from shared.placements.model.snapshot import Snapshot
from shared.placements.service.telling import created
from shared.placements.store import DynamoDemandStore
from shared.platform.ledger import Ledger
from tests.deployment import Deployment
from tests.functional.standing_ads import StandingAds

BANNER = Size(width=320, height=50)
LANDING = "https://shop.example/spring?ad={{ad_id}}"


@dataclass(kw_only=True)
class BookedAds:
    """An app's demand; each flight has one ad, with an image that leads to the shop."""

    deployed: Deployment
    app_id: str
    placements: list[Placement] = field(default_factory=list)
    flights: list[Flight] = field(default_factory=list)
    creatives: list[Creative] = field(default_factory=list)
    ads: list[Ad] = field(default_factory=list)
    ids: Ids = field(default_factory=lambda: Ids(clock=system_clock))

    def __post_init__(self) -> None:
        self.at = system_clock() - timedelta(days=1)
        self.advertiser = Advertiser(
            advertiser_id=self.ids.new("adv"), app_id=self.app_id, name="Shoes", created_at=self.at
        )
        self.campaign = AdCampaign(
            ad_campaign_id=self.ids.new("adc"),
            app_id=self.app_id,
            advertiser_id=self.advertiser.advertiser_id,
            name="Spring",
            created_at=self.at,
        )

    def placement(self, name: str, **more: Any) -> str:
        made = Placement(
            placement_id=self.ids.new("plc"),
            app_id=self.app_id,
            name=name,
            created_at=self.at,
            sizes=(BANNER,),
        )
        self.placements.append(replace(made, **more))
        return made.placement_id

    def flight(self, name: str, *, creative: dict[str, Any] | None = None, **more: Any) -> str:
        """Book a flight that runs, with one ad; return the ad's id."""
        flight = Flight(
            flight_id=self.ids.new("flt"),
            app_id=self.app_id,
            ad_campaign_id=self.campaign.ad_campaign_id,
            name=name,
            created_at=self.at,
            starts_at=self.at,
            state=State.ACTIVE,
        )
        shown = Creative(
            creative_id=self.ids.new("crv"),
            app_id=self.app_id,
            advertiser_id=self.advertiser.advertiser_id,
            name=name,
            created_at=self.at,
            format=Format.IMAGE,
            size=BANNER,
            url=f"https://cdn.example/{name}.png",
            alt=f"What {name} has to say",
            click_url=LANDING,
        )
        ad = Ad(
            ad_id=self.ids.new("ad"),
            app_id=self.app_id,
            flight_id=flight.flight_id,
            creative_id=shown.creative_id,
            name=name,
            created_at=self.at,
        )
        self.flights.append(replace(flight, **more))
        self.creatives.append(replace(shown, **creative or {}))
        self.ads.append(ad)
        return ad.ad_id

    def published(self, *, settings: AdSettings | None = None, epoch: int = 0) -> None:
        """Compile what is booked, and point at it."""
        at = system_clock()
        content = compile_snapshot(self._demand(settings), at=at)
        found = sha256(content).hexdigest()
        stored, before = self._standing.store, self._standing.pointer()
        version = (before.version if before else 0) + 1
        key = key_of(self.app_id, version=version, content_hash=found)
        stored.put(key, content)
        pointer = Pointer(
            app_id=self.app_id,
            version=version,
            hash=found,
            key=key,
            compiled_at=at,
            stored_at=at,
            due_at=at + timedelta(days=1),
            epoch=epoch,
            revision=(before.revision if before else 0) + 1,
        )
        assert stored.move(pointer, before=before)

    def snapshot(self) -> Snapshot:
        """Return what decisions are made from now."""
        return self._standing.snapshot()

    def keep(self) -> None:
        """Put the flights, their creatives and the placements where what is booked is kept."""
        ledger = Ledger(table=self.deployed.tables["contact_events"])
        kept = DynamoDemandStore(table=self.deployed.tables["placements"], ledger=ledger)
        things: list[Thing] = [*self.placements, *self.flights, *self.creatives]
        for thing in things:
            event = created(thing, by="editor", clock=system_clock, ids=self.ids)
            assert kept.add(thing, event)

    def forget_flights(self) -> None:
        """End all flights."""
        for ended in (self.flights, self.creatives, self.ads):
            ended.clear()

    def _demand(self, settings: AdSettings | None) -> Demand:
        return Demand(
            app_id=self.app_id,
            settings=settings or AdSettings(app_id=self.app_id),
            placements=tuple(self.placements),
            advertisers=(self.advertiser,),
            ad_campaigns=(self.campaign,),
            flights=tuple(self.flights),
            creatives=tuple(self.creatives),
            ads=tuple(self.ads),
        )

    @property
    def _standing(self) -> StandingAds:
        return StandingAds(deployed=self.deployed, app_id=self.app_id)


def names(placements: Sequence[str]) -> dict[str, Any]:
    """Return the body of a request for one ad in each of some placements."""
    return {"placements": [{"name": name} for name in placements]}
