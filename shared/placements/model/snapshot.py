"""What decisions are made from: an app's live ads, as ``compiling`` wrote them, ready to be asked.

Loading reads the lists; targeting is compiled when it is first asked, and a placement's board (who
may stand in it, by tier) is made when the placement is first asked for.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate, chain, groupby
from zlib import crc32

from shared.placements.model.ad_state import Topic
from shared.placements.model.compiling import hash_of
from shared.placements.model.demand import Choosing
from shared.placements.model.fitting import fits
from shared.placements.model.live import (
    Cap,
    LiveAd,
    LiveFlight,
    LivePlacement,
    Targeting,
    ad_of,
    caps_of,
    creative_of,
    flight_of,
    placement_of,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Ads among which chance decides; ``cumulative`` adds up their weights.

    ``flights`` has each flight with the places of its ads, by targeting.
    """

    ads: Sequence[LiveAd]
    weights: Sequence[float]
    cumulative: Sequence[float]
    flights: Mapping[Targeting, Mapping[LiveFlight, Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """Who may stand in a placement: groups in the order in which they are asked, by tier."""

    placement: LivePlacement
    tiers: Mapping[int, Sequence[Group]]
    by_flight: Mapping[int, Sequence[LiveAd]]


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """All of an app's live ads. ``version`` is the pointer's number, ``hash`` that of the content.

    ``topics``, ``segments``, ``tags`` and ``coupons`` are those that its decisions may ask of a
    person. What was seen longer than ``memory`` ago counts nowhere: no cap has a longer window, and
    labels and companions ask for a session alone.
    """

    app_id: str
    version: int
    hash: str
    choosing: Mapping[int, Choosing]
    caps: tuple[Cap, ...]
    apart: timedelta
    memory: timedelta
    topics: frozenset[Topic]
    segments: frozenset[str]
    tags: frozenset[str]
    coupons: frozenset[str]
    placements: Sequence[LivePlacement]
    flights: Sequence[LiveFlight]
    ads: Sequence[LiveAd]
    companions: Mapping[str, Sequence[LiveFlight]]
    _places: Mapping[str, int]
    _boards: dict[str, Board] = field(default_factory=dict)
    _by_id: dict[str, LiveAd] = field(default_factory=dict)

    @classmethod
    def load(cls, content: bytes, *, version: int = 0) -> "Snapshot":
        """Return the snapshot that ``compile_snapshot`` wrote."""
        told = json.loads(content)
        settings = told["settings"]
        placements = [placement_of(one) for one in told["placements"]]
        targetings = [Targeting(text) for text in told["targetings"]]
        flights = [flight_of(one, place, targetings) for place, one in enumerate(told["flights"])]
        creatives = [creative_of(one) for one in told["creatives"]]
        ads = [ad_of(one, place, flights, creatives) for place, one in enumerate(told["ads"])]
        caps = caps_of(settings, {"app": told["app_id"]})
        apart = timedelta(minutes=settings.get("apart", 0))
        return cls(
            app_id=told["app_id"],
            version=version,
            hash=hash_of(content),
            choosing={int(t): Choosing(how) for t, how in settings.get("choosing", {}).items()},
            caps=caps,
            apart=apart,
            memory=max(
                apart if any(one.labels or one.companions for one in flights) else timedelta(),
                _longest(caps, placements, ads),
            ),
            topics=frozenset(
                Topic(one.purpose, one.topic) for one in flights if one.topic is not None
            ),
            segments=frozenset(told["segments"]),
            tags=frozenset(told["tags"]),
            coupons=frozenset(told["coupons"]),
            placements=placements,
            flights=flights,
            ads=ads,
            companions=_sets(flights),
            _places={placement.name: place for place, placement in enumerate(placements)},
        )

    @property
    def bounded(self) -> Sequence[str]:
        """Return the flights whose delivery ends at a figure: those that pacing has shares for."""
        return [flight.flight_id for flight in self.flights if flight.is_bounded]

    @property
    def digest_of_names(self) -> int:
        """Return a digest of all that a person is asked: others hardly ever have the same."""
        topics = {" ".join(topic) for topic in self.topics}
        named = "\n".join(sorted(topics | self.segments | self.tags | self.coupons))
        return crc32(named.encode())

    @property
    def exact(self) -> Sequence[str]:
        """Return the flights for which a lease must be had before they are given."""
        return [flight.flight_id for flight in self.flights if flight.target.exact]

    @property
    def by_id(self) -> Mapping[str, LiveAd]:
        """Return the ads by their ids."""
        if not self._by_id:
            # Put there at once: another thread must not see a part of it.
            self._by_id = {ad.ad_id: ad for ad in self.ads}
        return self._by_id

    def name_of(self, placement_id: str) -> str | None:
        """Return the name of a placement; ``None``: it is not live."""
        for placement in self.placements:
            if placement.placement_id == placement_id:
                return placement.name
        return None

    def next_change(self, *, after: datetime) -> datetime | None:
        """Return the next instant at which a flight starts or ends."""
        starts = (flight.starts_at for flight in self.flights)
        ends = (flight.ends_at for flight in self.flights if flight.ends_at is not None)
        return min(
            (at for instants in (starts, ends) for at in instants if at > after), default=None
        )

    def board(self, name: str) -> Board | None:
        """Return who may stand in the placement of a name; ``None``: there is no such placement."""
        if name not in self._boards and name in self._places:
            self._boards[name] = self._made(self._places[name])
        return self._boards.get(name)

    def _made(self, place: int) -> Board:
        placement = self.placements[place]
        by_flight: dict[int, list[LiveAd]] = defaultdict(list)
        for ad in self.ads:
            allowed = ad.flight.placements
            if (allowed is None or place in allowed) and fits(ad.creative, placement):
                by_flight[ad.flight.number].append(ad)
        by_tier: dict[int, list[tuple[LiveAd, float]]] = defaultdict(list)
        for ads in by_flight.values():
            whole = sum(ad.weight for ad in ads)
            by_tier[ads[0].flight.tier] += [(ad, ad.weight / whole) for ad in ads]
        tiers = {tier: self._groups(tier, by_tier[tier]) for tier in sorted(by_tier)}
        return Board(placement=placement, tiers=tiers, by_flight=by_flight)

    def _groups(self, tier: int, shares: Sequence[tuple[LiveAd, float]]) -> Sequence[Group]:
        """Return a tier's groups: one in a lottery, in an auction one for each worth.

        In a lottery a flight has one ticket for all its ads in the placement, worth times weight.
        """
        if self.choosing.get(tier) is not Choosing.AUCTION:
            return [
                _group((ad, share * ad.flight.worth * ad.flight.weight) for ad, share in shares)
            ]
        ranked = sorted(shares, key=lambda one: -one[0].flight.worth)
        return [
            _group((ad, share * ad.flight.weight) for ad, share in equals)
            for _, equals in groupby(ranked, key=lambda one: one[0].flight.worth)
        ]


def _group(weighted: Iterable[tuple[LiveAd, float]]) -> Group:
    ads, weights = zip(*weighted, strict=True)
    flights: dict[Targeting, dict[LiveFlight, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, ad in enumerate(ads):
        flights[ad.flight.targeting][ad.flight].append(place)
    return Group(
        ads=ads,
        weights=weights,
        cumulative=tuple(accumulate(weights)),
        flights=flights,
    )


def _longest(
    caps: Iterable[Cap], placements: Iterable[LivePlacement], ads: Iterable[LiveAd]
) -> timedelta:
    """Return the longest window of caps: of the app, of placements, of ads and above."""
    of_placements = (cap for placement in placements for cap in placement.caps)
    of_ads = (cap for ad in ads for cap in ad.caps)
    return max((cap.window for cap in chain(caps, of_placements, of_ads)), default=timedelta())


def _sets(flights: Iterable[LiveFlight]) -> Mapping[str, Sequence[LiveFlight]]:
    found: dict[str, list[LiveFlight]] = defaultdict(list)
    for flight in flights:
        if flight.companions is not None:
            found[flight.companions].append(flight)
    return dict(found)
