"""Decides which ads fill the slots of a request: pure, and the same again from the same inputs.

Tiers are filled from the highest on, each in all slots before the next, so nothing of a lower tier
takes anything from a higher one. In a tier ads are drawn in turn and pass the gates of ``gates``
and those that look at what was given before: frequency caps, labels that keep apart, duplicates,
people who are kept as ghosts, companions. The first that pass fill the slot; nobody else is asked.

Who is refused is refused at one gate. A slot that stays empty or short is given the reason of the
ad that came furthest, for that is what kept it from being filled; a slot that was refused nobody
has no demand, or no more of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from shared.placements.model.ad_state import AdState, CouponStanding
from shared.placements.model.counting import Company, Counts
from shared.placements.model.draws import chance_of, in_order, seed_of
from shared.placements.model.gates import (
    Asking,
    Gate,
    Refusal,
    Situation,
    flight_refusal,
    ghost_draw,
    local_time,
    rule_refusal,
)
from shared.placements.model.live import Cap, LiveAd, LiveFlight, Targeting
from shared.placements.model.matching import facts_of
from shared.placements.model.requests import Choice, DecisionRequest, NoAd, Outcome, Wanted
from shared.placements.model.snapshot import Board, Group, Snapshot
from shared.placements.model.targeting import Field

MOST_TRIALS = 1_000
"""How many ways to place companions are tried in one request."""

_DAY = timedelta(days=1)

_COUPON_USED = Refusal(gate=Gate.COUPON, reason=NoAd.COUPON_USED)
_CAPPED = Refusal(gate=Gate.CAP, reason=NoAd.FREQUENCY_CAP)
_CAPPED_TODAY = Refusal(gate=Gate.CAP, reason=NoAd.DAILY_CAP)
_COMPETITOR = Refusal(gate=Gate.LABELS, reason=NoAd.COMPETITOR)
_DUPLICATE = Refusal(gate=Gate.DUPLICATE, reason=NoAd.DUPLICATE)
_GHOST = Refusal(gate=Gate.GHOST, reason=NoAd.GHOST)
_ALONE = Refusal(gate=Gate.COMPANIONS, reason=NoAd.COMPANIONS)


def decide(
    request: DecisionRequest,
    snapshot: Snapshot,
    state: AdState,
    *,
    rates: Mapping[str, float],
    refused: Collection[str] = frozenset(),
) -> Outcome:
    """Return what fills the slots, each of another name.

    ``rates`` are the shares of requests that flights take; those not named take all. ``refused``
    are flights whose lease could not be had in an earlier turn of the same decision.

    Without consent to capping the device's own figures count instead of the state's; without
    consent to personalisation no flight is shown that asks what is known of the person. What holds
    ads of a purpose, and that a coupon was redeemed, is asked at all times.
    """
    deciding = Deciding(request, snapshot, state, rates=rates, refused=refused)
    deciding.fill()
    return deciding.outcome()


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """A wanted placement while it is filled.

    ``alike`` is shared by slots that tell the same, ``own`` tells the slot's name, too. ``drawn``
    are ads in the order in which they were drawn, ``refusals`` of them by their number, and
    ``undrawn`` why others were refused before they could be drawn.
    """

    wanted: Wanted
    board: Board | None
    alike: Asking
    own: Asking
    given: list[LiveAd] = field(default_factory=list)
    drawn: list[LiveAd] = field(default_factory=list)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    undrawn: list[Refusal] = field(default_factory=list)

    @property
    def is_test(self) -> bool:
        """Say whether what is shown in it is forced."""
        return self.wanted.test_ad is not None or self.wanted.test_flight is not None

    @property
    def has_room(self) -> bool:
        """Say whether it takes one more ad."""
        return len(self.given) < self.wanted.count and not self.is_test

    @property
    def placement_id(self) -> str:
        """Return the placement's id; empty where there is no such placement, and so no ad."""
        return "" if self.board is None else self.board.placement.placement_id

    @property
    def caps(self) -> tuple[Cap, ...]:
        """Return the caps of the placement itself."""
        return () if self.board is None else self.board.placement.caps


class Deciding:
    """One decision being made; ``slots`` tell afterwards how it came about."""

    def __init__(
        self,
        request: DecisionRequest,
        snapshot: Snapshot,
        state: AdState,
        *,
        rates: Mapping[str, float],
        refused: Collection[str],
    ) -> None:
        self.situation = Situation(
            request=request,
            state=state,
            snapshot=snapshot,
            rates=rates,
            refused=refused,
            seed=seed_of(request.decision_id, snapshot.hash),
            local=local_time(request, state),
        )
        self.counts = Counts(request, snapshot, state)
        self.slots = _slots(request, snapshot, state)
        self.company = Company(request, snapshot, state)
        self._given: list[tuple[Slot, LiveAd]] = []
        self._trials = 0
        self._ghosts: dict[str, None] = {}

    def fill(self) -> None:
        """Fill the slots, tier by tier."""
        for slot in self.slots:
            if slot.is_test:
                self._force(slot)
        boards = [slot.board for slot in self.slots if slot.board is not None]
        for tier in sorted({tier for board in boards for tier in board.tiers}):
            for slot in self.slots:
                if slot.board is not None and slot.has_room and tier in slot.board.tiers:
                    self._fill(slot, tier)

    def outcome(self) -> Outcome:
        """Return what is answered."""
        return Outcome(
            choices={slot.wanted.name: self._choices(slot) for slot in self.slots},
            no_ad={
                slot.wanted.name: reason
                for slot in self.slots
                if (reason := _no_ad(slot)) is not None
            },
            despite={
                ad.ad_id: slot.refusals[ad.number].reason
                for slot in self.slots
                if slot.is_test
                for ad in slot.given
                if ad.number in slot.refusals
            },
            ghosts=tuple(self._ghosts),
        )

    def refusal(self, ad: LiveAd, slot: Slot) -> Refusal | None:
        """Return the first gate that refuses an ad in a slot; companions are not asked here."""
        return (
            self.rule_refusal(ad.flight.targeting, slot)
            or flight_refusal(ad.flight, self.situation, slot.alike)
            or self._refusal_of_ad(ad, slot)
        )

    def cap_reached(self, ad: LiveAd, slot: Slot) -> Cap | None:
        """Return the first cap, of all levels, that lets the ad not be shown once more."""
        for caps in (ad.caps, slot.caps, self.situation.snapshot.caps):
            for cap in caps:
                if self.counts.of(cap, ad) >= cap.times:
                    return cap
        return None

    def rule_refusal(self, targeting: Targeting, slot: Slot) -> Refusal | None:
        """Return why no flight with a rule may be shown in a slot."""
        asking = slot.own if targeting.asks_placement else slot.alike
        return rule_refusal(targeting, self.situation, asking)

    def _refusal_of_ad(self, ad: LiveAd, slot: Slot) -> Refusal | None:
        if ad.coupons and self._is_used(ad):
            return _COUPON_USED
        if cap := self.cap_reached(ad, slot):
            return _CAPPED_TODAY if cap.window == _DAY else _CAPPED
        if ad.flight.labels and self.company.parts(ad.flight):
            return _COMPETITOR
        if self.company.has(ad):
            return _DUPLICATE
        ghosts, contact_id = ad.flight.ghost_percent, self.situation.request.contact_id
        if ghosts and ghost_draw(ad.flight, contact_id) < ghosts:
            return _GHOST
        return None

    def _is_used(self, ad: LiveAd) -> bool:
        standings = self.situation.state.coupons
        return any(standings.get(coupon) is CouponStanding.REDEEMED for coupon in ad.coupons)

    def _fill(self, slot: Slot, tier: int) -> None:
        chance = chance_of(self.situation.seed, "tier", str(tier), slot.wanted.name)

        for group in slot.board.tiers[tier] if slot.board else ():
            for ad in in_order(group, chance, racing=partial(self._racing, group, slot)):
                slot.drawn.append(ad)
                if self._passes(ad, slot):
                    self._give_with_companions(ad, slot)
                elif slot.refusals[ad.number] is _GHOST:
                    self._ghosts[ad.flight.flight_id] = None
                if not slot.has_room:
                    return

    def _racing(self, group: Group, slot: Slot) -> Iterable[int]:
        """Yield the places of ads whose flights may be shown; note why the others may not."""
        for targeting, flights in group.flights.items():
            if refusal := self.rule_refusal(targeting, slot):
                slot.undrawn.append(refusal)
                continue
            for flight, places in flights.items():
                if refusal := flight_refusal(flight, self.situation, slot.alike):
                    slot.undrawn.append(refusal)
                else:
                    yield from places

    def _passes(self, ad: LiveAd, slot: Slot) -> bool:
        """Say whether an ad may be shown, and note why not."""
        refusal = self.refusal(ad, slot)
        if refusal is None:
            return True
        slot.refusals[ad.number] = refusal
        return False

    def _give_with_companions(self, ad: LiveAd, slot: Slot) -> None:
        before = len(self._given)
        self._give(ad, slot)
        if not self._give_all(self._missing(ad.flight)):
            self._take_back(before)
            slot.refusals[ad.number] = _ALONE

    def _missing(self, flight: LiveFlight) -> Sequence[LiveFlight]:
        """Return the companions that are neither given here nor were seen in this session."""
        if flight.companions is None:
            return ()
        there = self.company.flights
        companions = self.situation.snapshot.companions[flight.companions]
        return [one for one in companions if one.flight_id not in there]

    def _give_all(self, flights: Sequence[LiveFlight]) -> bool:
        """Find a slot for one ad of each flight, trying all ways; give them, or nothing."""
        if not flights:
            return True
        before = len(self._given)
        for slot, ad in self._ways(flights[0]):
            self._trials += 1
            if self._trials > MOST_TRIALS:
                return False
            if self.refusal(ad, slot) is None:
                self._give(ad, slot)
                if self._give_all(flights[1:]):
                    return True
                self._take_back(before)
        return False

    def _ways(self, flight: LiveFlight) -> Iterable[tuple[Slot, LiveAd]]:
        for slot in self.slots:
            if slot.has_room and slot.board is not None:
                for ad in slot.board.by_flight.get(flight.number, ()):
                    yield slot, ad

    def _give(self, ad: LiveAd, slot: Slot) -> None:
        slot.given.append(ad)
        self._given.append((slot, ad))
        self.counts.give(ad, slot.placement_id)
        self.company.give(ad)

    def _take_back(self, until: int) -> None:
        while len(self._given) > until:
            slot, ad = self._given.pop()
            slot.given.pop()
            self.company.take_back()
            self.counts.take_back(ad, slot.placement_id)

    def _force(self, slot: Slot) -> None:
        """Give what a test asks for, and note what would have refused it; it counts nowhere."""
        flights = () if slot.board is None else slot.board.by_flight.values()
        for ad in (ad for ads in flights for ad in ads):
            asked = slot.wanted.test_ad in {None, ad.ad_id}
            asked = asked and slot.wanted.test_flight in {None, ad.flight.flight_id}
            if asked and len(slot.given) < slot.wanted.count:
                self._passes(ad, slot)
                slot.given.append(ad)

    def _choices(self, slot: Slot) -> Sequence[Choice]:
        return tuple(self._choice(ad, slot) for ad in slot.given)

    def _choice(self, ad: LiveAd, slot: Slot) -> Choice:
        flight, situation = ad.flight, self.situation
        caps = (*ad.caps, *slot.caps, *situation.snapshot.caps)
        is_strict = situation.request.consent.capping and any(cap.strict for cap in caps)
        return Choice(
            placement_id=slot.placement_id,
            name=slot.wanted.name,
            ad_id=ad.ad_id,
            flight_id=flight.flight_id,
            creative_id=ad.creative.creative_id,
            ad_campaign_id=flight.ad_campaign_id,
            advertiser_id=flight.advertiser_id,
            tier=flight.tier,
            labels=flight.labels,
            strict=is_strict and not slot.is_test,
            leased=flight.target.exact and not slot.is_test,
            test=slot.is_test,
        )


def _slots(request: DecisionRequest, snapshot: Snapshot, state: AdState) -> Sequence[Slot]:
    """Return the slots; those that are alike in keywords and attributes ask together."""
    facts = facts_of(request, state)
    alike: dict[object, Asking] = {}
    slots = []
    for wanted in request.wanted:
        board = snapshot.board(wanted.name)
        of_placement = frozenset() if board is None else board.placement.keywords
        keywords = request.keywords | wanted.keywords | of_placement
        attributes = {n: v for n, v in wanted.attributes.items() if not n.startswith("$")}
        told = {**facts, **attributes, Field.KEYWORDS.value: keywords}
        # 1 and True are equal, but no rule takes one for the other.
        kind = (keywords, frozenset((name, type(v), v) for name, v in attributes.items()))
        asking = alike.setdefault(kind, Asking(facts=told, keywords=keywords))
        own = Asking(facts={**told, Field.PLACEMENT.value: wanted.name}, keywords=keywords)
        slots.append(Slot(wanted=wanted, board=board, alike=asking, own=own))
    return slots


def _no_ad(slot: Slot) -> NoAd | None:
    """Return why a slot stays empty or short: the reason of the ad that came furthest."""
    if len(slot.given) >= slot.wanted.count:
        return None
    if slot.board is None:
        return NoAd.NO_PLACEMENT
    given = {ad.number for ad in slot.given}
    refusals = [one for number, one in slot.refusals.items() if number not in given]
    refusals += slot.undrawn
    furthest = max(refusals, key=lambda one: one.gate, default=None)
    return NoAd.NO_DEMAND if furthest is None else furthest.reason
