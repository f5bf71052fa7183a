"""How often a person saw what, and what a request gives: for caps, labels and duplicates."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.placements.model.ad_state import AdState, Seen
from shared.placements.model.live import Cap, LiveAd, LiveFlight
from shared.placements.model.requests import DecisionRequest
from shared.placements.model.snapshot import Snapshot


class Counts:
    """What counts in the frequency caps of one request: what was seen, and what is given in it.

    A promise counts until it ends. Without the person's consent to capping their state is not
    counted, but the device's own figures by flight are, in every window; they give those of ad
    campaigns, advertisers and the app, too, and an ad counts like its flight: caps of placements
    alone count nothing then but the request itself.
    """

    def __init__(self, request: DecisionRequest, snapshot: Snapshot, state: AdState) -> None:
        self._at = request.at
        self._app_id = snapshot.app_id
        self._capping = request.consent.capping
        self._seen = _by_id(standing(state, request), snapshot) if self._capping else {}
        self._told = Counter[str]() if self._capping else _told(request, snapshot)
        self._given: Counter[str] = Counter()

    def of(self, cap: Cap, ad: LiveAd) -> int:
        """Return how often what the cap counts was seen or given in its window."""
        key = cap.counts
        found = self._given[key]
        if not self._capping:
            return found + self._told[ad.flight.flight_id if cap.level == "ad" else key]
        since = self._at - cap.window
        return found + sum(at > since for at in self._seen.get(key, ()))

    def give(self, ad: LiveAd, placement_id: str) -> None:
        """Count an ad that this request gives."""
        self._given.update(self._keys(ad, placement_id))

    def take_back(self, ad: LiveAd, placement_id: str) -> None:
        """Do not count it after all."""
        self._given.subtract(self._keys(ad, placement_id))

    def _keys(self, ad: LiveAd, placement_id: str) -> Iterable[str]:
        return (*_above(ad.flight), ad.ad_id, placement_id, self._app_id)


class Company:
    """What an ad would stand beside: what this request gives, and what this session showed.

    Companions stand together though they share a label. What the same advertiser showed earlier in
    the session does not part either: nobody competes with themselves.
    """

    def __init__(self, request: DecisionRequest, snapshot: Snapshot, state: AdState) -> None:
        self._session = tuple(_recent(request, snapshot, state))
        self._seen = {(label, one.advertiser_id) for one in self._session for label in one.labels}
        self._given: list[LiveAd] = []
        self._ads: set[str] = set()
        self._creatives: set[str] = set()
        self._labels: dict[str, str | None] = {}

    @property
    def flights(self) -> set[str]:
        """Return the flights that are given, or were seen in this session."""
        return {ad.flight.flight_id for ad in self._given} | {
            one.flight_id for one in self._session
        }

    def give(self, ad: LiveAd) -> None:
        """Note an ad that this request gives."""
        self._given.append(ad)
        self._ads.add(ad.ad_id)
        self._creatives.add(ad.creative.creative_id)
        self._labels |= dict.fromkeys(ad.flight.labels, ad.flight.companions)

    def take_back(self) -> None:
        """Forget the ad that was given last."""
        remaining = self._given[:-1]
        self._given, self._ads, self._creatives, self._labels = [], set(), set(), {}
        for ad in remaining:
            self.give(ad)

    def has(self, ad: LiveAd) -> bool:
        """Say whether an ad, or another with its creative, is given."""
        return ad.ad_id in self._ads or ad.creative.creative_id in self._creatives

    def parts(self, flight: LiveFlight) -> bool:
        """Say whether a label of the flight keeps it apart from what is given or was seen."""
        for label in flight.labels.intersection(self._labels):
            if flight.companions is None or self._labels[label] != flight.companions:
                return True
        return any(
            label in flight.labels and advertiser_id != flight.advertiser_id
            for label, advertiser_id in self._seen
        )


def standing(state: AdState, request: DecisionRequest) -> Iterable[Seen]:
    """Return what was seen, and the promises that did not end."""
    at = request.at
    return (seen for seen in state.seen if seen.held_until is None or seen.held_until > at)


def _recent(request: DecisionRequest, snapshot: Snapshot, state: AdState) -> Iterable[Seen]:
    """Return what was seen in this session: as long ago as labels are kept apart."""
    if not request.consent.capping:
        return ()
    since = request.at - snapshot.apart
    return (seen for seen in standing(state, request) if seen.at > since)


def _above(one: Seen | LiveFlight) -> tuple[str, str, str]:
    return one.flight_id, one.ad_campaign_id, one.advertiser_id


def _by_id(seen: Iterable[Seen], snapshot: Snapshot) -> Mapping[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    for one in seen:
        for key in (*_above(one), one.ad_id, one.placement_id, snapshot.app_id):
            found[key].append(one.at)
    return found


def _told(request: DecisionRequest, snapshot: Snapshot) -> Counter[str]:
    found: Counter[str] = Counter()
    for flight in snapshot.flights if request.seen else ():
        times = request.seen.get(flight.flight_id, 0)
        found.update(dict.fromkeys((*_above(flight), snapshot.app_id), times))
    return found
