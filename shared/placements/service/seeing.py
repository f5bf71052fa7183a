"""Use case of the folder: what people saw is noted where caps count it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from typing_extensions import override

from shared.kernel.clock import Clock
from shared.placements.errors import AdStateContendedError
from shared.placements.model.ad_state import Seen
from shared.placements.model.live import LiveAd
from shared.placements.ports.folding import SeenAds, Sighting
from shared.placements.service.promises import PromiseService


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenService(SeenAds):
    """Notes what was shown of ads that are live: nothing else is ever counted again.

    ``ads`` returns an app's live ads by id as this process knows them, ``ads_since`` those that
    anybody decided by up to an instant, ``is_erased`` says of an app's contact whether nothing
    may be kept of it any more.
    """

    promises: PromiseService
    ads: Callable[[str], Mapping[str, LiveAd]]
    ads_since: Callable[[str, datetime], Mapping[str, LiveAd]]
    is_erased: Callable[[str, str], bool]
    clock: Clock

    @override
    def note(self, contact_id: str, seen: Sequence[Sighting], *, app_id: str) -> bool:
        # First, as it may bring what is counted up to date.
        ads = self._live(seen, app_id=app_id)
        is_counted = self.promises.longest(app_id) > timedelta(0)
        if not is_counted or self.is_erased(app_id, contact_id):
            return True
        known = [
            _seen(one, ads[one.ad_id], contact_id=contact_id) for one in seen if one.ad_id in ads
        ]
        try:
            self.promises.show_all(contact_id, known, app_id=app_id, at=self.clock())
        except AdStateContendedError:
            return False
        return True

    def _live(self, seen: Sequence[Sighting], *, app_id: str) -> Mapping[str, LiveAd]:
        ads = self.ads(app_id)
        unknown = [one.at for one in seen if one.ad_id not in ads]
        return self.ads_since(app_id, max(unknown)) if unknown else ads


def _seen(sighting: Sighting, ad: LiveAd, *, contact_id: str) -> Seen:
    flight = ad.flight
    return Seen(
        ad_id=sighting.ad_id,
        flight_id=flight.flight_id,
        ad_campaign_id=flight.ad_campaign_id,
        advertiser_id=flight.advertiser_id,
        placement_id=sighting.placement_id,
        at=sighting.at,
        token_id=sighting.token_id,
        labels=flight.labels,
        origin=contact_id,
    )
