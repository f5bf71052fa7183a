"""Where clicks lead: to what is stored for the creative, whatever the request says."""

from dataclasses import dataclass

from typing_extensions import override

from shared.placements.model.demand import Creative, Flight, Kind, Placement
from shared.placements.model.engagements import Grant
from shared.placements.model.macros import fill, in_url
from shared.placements.model.showing import Booked, values_of
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.demand import DemandStore
from shared.placements.ports.engagements import Landings
from shared.placements.service.snapshots import SnapshotCache


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landing:
    """A URL with macros, and what they are about."""

    url: str
    booked: Booked


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLandings(Landings):
    """Finds a live ad's URL in the snapshot, another one's among what is booked."""

    snapshots: SnapshotCache[Snapshot]
    demand: DemandStore

    @override
    def url_of(self, grant: Grant) -> str | None:
        landing = self._live(grant) or self._booked(grant)
        if landing is None:
            return None
        return fill(landing.url, values_of(grant, landing.booked, {}), write=in_url)

    def _live(self, grant: Grant) -> _Landing | None:
        loaded = self.snapshots.find(grant.app_id)
        if loaded is None:
            return None
        snapshot = loaded.snapshot
        ad, name = snapshot.by_id.get(grant.ad_id), snapshot.name_of(grant.placement_id)
        if ad is None or name is None or ad.creative.click_url is None:
            return None
        booked = Booked(
            ad_campaign_id=ad.flight.ad_campaign_id,
            advertiser_id=ad.flight.advertiser_id,
            placement=name,
        )
        return _Landing(url=ad.creative.click_url, booked=booked)

    def _booked(self, grant: Grant) -> _Landing | None:
        """Return the landing of an ad that may have ended: who sees it may still tap it."""
        names = (
            (Kind.CREATIVE, grant.creative_id),
            (Kind.FLIGHT, grant.flight_id),
            (Kind.PLACEMENT, grant.placement_id),
        )
        found = self.demand.find(names, app_id=grant.app_id)
        match [found.get(name) for name in names]:
            case [Creative(click_url=str() as url) as creative, Flight() as flight, placement]:
                name = placement.name if isinstance(placement, Placement) else ""
                booked = Booked(
                    ad_campaign_id=flight.ad_campaign_id,
                    advertiser_id=creative.advertiser_id,
                    placement=name,
                )
                return _Landing(url=url, booked=booked)
            case _:
                return None
