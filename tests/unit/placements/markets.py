"""Demand for tests, a few words a thing: what a word does not say is as plain as can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.placements.model.ad_state import AdState, Seen
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
)
from shared.placements.model.pointers import Pointer
from shared.placements.model.requests import DecisionRequest, Wanted
from shared.placements.model.snapshot import Snapshot
from shared.placements.service.snapshots import SnapshotCache
from tests.fakes.placements_snapshots import InMemorySnapshots

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
APP = "app_1"
BANNER = Size(width=320, height=50)


@dataclass(slots=True, kw_only=True)
class Market:
    """An app's demand while it is made up."""

    settings: AdSettings = field(default_factory=lambda: AdSettings(app_id=APP))
    placements: list[Placement] = field(default_factory=list)
    advertisers: dict[str, Advertiser] = field(default_factory=dict)
    campaigns: dict[str, AdCampaign] = field(default_factory=dict)
    flights: list[Flight] = field(default_factory=list)
    creatives: list[Creative] = field(default_factory=list)
    ads: list[Ad] = field(default_factory=list)

    def placement(self, name: str, **more: Any) -> str:
        """Add a slot for banners; return its id."""
        made = Placement(
            placement_id=f"plc_{name}", app_id=APP, name=name, created_at=AT, sizes=(BANNER,)
        )
        self.placements.append(replace(made, **more))
        return made.placement_id

    def advertiser(self, name: str, **more: Any) -> None:
        """Add an advertiser with one ad campaign of its own."""
        self.advertisers[name] = replace(
            Advertiser(advertiser_id=f"adv_{name}", app_id=APP, name=name, created_at=AT), **more
        )
        self.campaign(name, advertiser=name)

    def campaign(self, name: str, *, advertiser: str, **more: Any) -> None:
        """Add an ad campaign of an advertiser that there is."""
        made = AdCampaign(
            ad_campaign_id=f"adc_{name}",
            app_id=APP,
            advertiser_id=self.advertisers[advertiser].advertiser_id,
            name=name,
            created_at=AT,
        )
        self.campaigns[name] = replace(made, **more)

    def flight(
        self,
        name: str,
        *,
        campaign: str | None = None,
        ads: int = 1,
        size: Size = BANNER,
        **more: Any,
    ) -> str:
        """Add an active flight of its own advertiser (or of a campaign) with ads; return its id."""
        if campaign is None and name not in self.campaigns:
            self.advertiser(name)
        flight = Flight(
            flight_id=f"flt_{name}",
            app_id=APP,
            ad_campaign_id=self.campaigns[campaign or name].ad_campaign_id,
            name=name,
            created_at=AT,
            starts_at=AT - timedelta(days=1),
            state=State.ACTIVE,
        )
        self.flights.append(replace(flight, **more))
        for number in range(ads):
            self.ad(f"{name}.{number}", flight_id=flight.flight_id, size=size)
        return flight.flight_id

    def ad(self, name: str, *, flight_id: str, size: Size = BANNER, **more: Any) -> None:
        """Add an ad with an image of its own."""
        self.creatives.append(
            Creative(
                creative_id=f"crv_{name}",
                app_id=APP,
                advertiser_id="adv",
                name=name,
                created_at=AT,
                format=Format.IMAGE,
                size=size,
                url=f"https://cdn.example/{name}.png",
                alt=f"What {name} has to say",
                click_url=f"https://shop.example/{name}",
            )
        )
        made = Ad(
            ad_id=f"ad_{name}",
            app_id=APP,
            flight_id=flight_id,
            creative_id=f"crv_{name}",
            name=name,
            created_at=AT,
        )
        self.ads.append(replace(made, **more))

    @property
    def demand(self) -> Demand:
        """Return all that was added."""
        return Demand(
            app_id=APP,
            settings=self.settings,
            placements=tuple(self.placements),
            advertisers=tuple(self.advertisers.values()),
            ad_campaigns=tuple(self.campaigns.values()),
            flights=tuple(self.flights),
            creatives=tuple(self.creatives),
            ads=tuple(self.ads),
        )

    def snapshot(self, at: datetime = AT) -> Snapshot:
        """Return the snapshot of it."""
        return Snapshot.load(compile_snapshot(self.demand, at=at), version=1)


def nothing_fails(error: Exception) -> None:
    """Raise what kept a snapshot from being loaded."""
    raise error


def cache_of(
    market: Market, *, epoch: int = 0, failed: Callable[[Exception], None] = nothing_fails
) -> SnapshotCache[Snapshot]:
    """Return what a process knows of a market that was compiled."""
    snapshots = InMemorySnapshots()
    snapshots.put("key", compile_snapshot(market.demand, at=AT))
    pointer = Pointer(
        app_id=APP,
        version=1,
        hash="hash",
        key="key",
        compiled_at=AT,
        stored_at=AT,
        due_at=AT + DAY,
        epoch=epoch,
    )
    snapshots.move(pointer, before=None)
    return SnapshotCache(snapshots=snapshots, load=Snapshot.load, clock=lambda: AT, failed=failed)


def asked(*wanted: str | Wanted, number: int = 1, **more: Any) -> DecisionRequest:
    """Return a request for slots by name; ``number`` makes another decision of it."""
    slots = tuple(Wanted(name=one) if isinstance(one, str) else one for one in wanted)
    made = DecisionRequest(
        decision_id=f"dec_{number}",
        app_id=APP,
        device_id="dev_1",
        contact_id="con_1",
        wanted=slots,
        at=AT,
    )
    return replace(made, **more)


def person(*seen: Seen, **more: Any) -> AdState:
    """Return a person's state."""
    return replace(AdState(app_id=APP, contact_id="con_1", version=1, seen=seen), **more)


def saw(flight: str, *, ago: timedelta = timedelta(hours=1), **more: Any) -> Seen:
    """Return that an ad of a flight was seen in the placement ``top``."""
    made = Seen(
        ad_id=f"ad_{flight}.0",
        flight_id=f"flt_{flight}",
        ad_campaign_id=f"adc_{flight}",
        advertiser_id=f"adv_{flight}",
        placement_id="plc_top",
        at=AT - ago,
        token_id="1",
    )
    return replace(made, **more)


def names_of(choices: Sequence[Any]) -> list[str]:
    """Return the flights that were chosen, by the names under which they were added."""
    return [choice.flight_id.removeprefix("flt_") for choice in choices]
