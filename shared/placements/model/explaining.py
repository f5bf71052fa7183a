"""Why a decision came out as it did: the same decision, and what each ad met on its way.

The decision is made by the very code that decides in earnest, so its outcome is the same bit for
bit; only afterwards are those asked who were never drawn, and figures looked up.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shared.placements.model.ad_state import AdState, CouponStanding
from shared.placements.model.decision import Deciding, Slot
from shared.placements.model.gates import (
    Gate,
    Refusal,
    flight_refusal,
    ghost_draw,
    hold_on,
    pace_draw,
)
from shared.placements.model.live import LiveAd
from shared.placements.model.matching import ComparisonAnswer, answers_of
from shared.placements.model.requests import DecisionRequest, NoAd, Outcome
from shared.placements.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class AdTrace:
    """What one ad met in one slot.

    ``order`` is when it was drawn among the ads of the slot, from 1; ``None``: never, for others
    filled the slot before, or its flight was refused before any draw. ``gate`` is the one that
    refused it, with ``reason`` and the ``figures`` that it looked at; ``None`` where it passed, or
    would have passed all that is asked before a draw. ``answers`` are of its rule, where it failed.
    """

    ad_id: str
    flight_id: str
    tier: int
    is_given: bool
    order: int | None = None
    gate: Gate | None = None
    reason: NoAd | None = None
    figures: Mapping[str, object] = field(default_factory=dict)
    answers: tuple[ComparisonAnswer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTrace:
    """What happened in one slot: its ads by tier; ``no_ad`` where it stayed empty or short."""

    name: str
    wanted: int
    given: int
    no_ad: NoAd | None
    ads: Sequence[AdTrace]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision and how it came about."""

    outcome: Outcome
    snapshot_version: int
    snapshot_hash: str
    slots: Sequence[SlotTrace]


def explain(
    request: DecisionRequest,
    snapshot: Snapshot,
    state: AdState,
    *,
    rates: Mapping[str, float],
    refused: Collection[str] = frozenset(),
) -> Explanation:
    """Return what ``decide`` returns for the same, and why; it takes many times as long."""
    deciding = Deciding(request, snapshot, state, rates=rates, refused=refused)
    deciding.fill()
    outcome = deciding.outcome()
    return Explanation(
        outcome=outcome,
        snapshot_version=snapshot.version,
        snapshot_hash=snapshot.hash,
        slots=[_slot_trace(slot, deciding, outcome) for slot in deciding.slots],
    )


def _slot_trace(slot: Slot, deciding: Deciding, outcome: Outcome) -> SlotTrace:
    orders = {ad.number: order for order, ad in enumerate(slot.drawn, start=1)}
    tiers = slot.board.tiers.values() if slot.board else ()
    return SlotTrace(
        name=slot.wanted.name,
        wanted=slot.wanted.count,
        given=len(slot.given),
        no_ad=outcome.no_ad.get(slot.wanted.name),
        ads=[
            _ad_trace(ad, slot, deciding, orders.get(ad.number))
            for groups in tiers
            for group in groups
            for ad in group.ads
        ],
    )


def _ad_trace(ad: LiveAd, slot: Slot, deciding: Deciding, order: int | None) -> AdTrace:
    is_given = ad in slot.given
    refusal = slot.refusals.get(ad.number)
    if refusal is None and not is_given:
        refusal = _before_draws(ad, slot, deciding)
    figures = _PASSED if refusal is None else _FIGURES[refusal.gate]
    is_not_meant = refusal is not None and refusal.gate is Gate.TARGETING
    return AdTrace(
        ad_id=ad.ad_id,
        flight_id=ad.flight.flight_id,
        tier=ad.flight.tier,
        is_given=is_given,
        order=order,
        gate=None if refusal is None else refusal.gate,
        reason=None if refusal is None else refusal.reason,
        figures=figures(ad, slot, deciding),
        answers=answers_of(ad.flight.targeting.rule, slot.own.facts) if is_not_meant else (),
    )


def _before_draws(ad: LiveAd, slot: Slot, deciding: Deciding) -> Refusal | None:
    """Return what refuses an ad whatever else is given; the rest is asked only of who is drawn."""
    return deciding.rule_refusal(ad.flight.targeting, slot) or flight_refusal(
        ad.flight, deciding.situation, slot.alike
    )


_Figures = Callable[[LiveAd, Slot, Deciding], Mapping[str, object]]


def _consent(ad: LiveAd, *_: object) -> Mapping[str, object]:
    return {"asks": sorted(ad.flight.targeting.needs.names)}


def _targeting(ad: LiveAd, *_: object) -> Mapping[str, object]:
    return {"targeting": ad.flight.targeting.text}


def _dates(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    at = deciding.situation.request.at
    return {"starts_at": ad.flight.starts_at, "ends_at": ad.flight.ends_at, "at": at}


def _hold(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    hold = hold_on(ad.flight, deciding.situation)
    told = {} if hold is None else {"reason": hold.reason, "detail": hold.detail}
    about = {} if ad.flight.topic is None else {"topic": ad.flight.topic}
    return {"purpose": ad.flight.purpose, **about, "until": hold and hold.until, **told}


def _keywords(ad: LiveAd, slot: Slot, _: Deciding) -> Mapping[str, object]:
    return {"one_of": sorted(ad.flight.keywords), "found": sorted(slot.alike.keywords)}


def _dayparts(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    return {"dayparts": ad.flight.dayparts, "local_time": deciding.situation.local}


def _pacing(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    share = deciding.situation.rates.get(ad.flight.flight_id)
    if share is None:
        return {}
    return {"share": share, "draw": pace_draw(ad.flight, deciding.situation)}


def _coupon(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    standings = deciding.situation.state.coupons
    redeemed = (one for one in ad.coupons if standings.get(one) is CouponStanding.REDEEMED)
    return {"redeemed": sorted(redeemed)}


def _cap(ad: LiveAd, slot: Slot, deciding: Deciding) -> Mapping[str, object]:
    """Return the cap, and what it counts after the whole request."""
    cap = deciding.cap_reached(ad, slot)
    if cap is None:
        return {}
    return {
        "level": cap.level,
        "of": cap.counts,
        "times": cap.times,
        "window_seconds": int(cap.window.total_seconds()),
        "count": deciding.counts.of(cap, ad),
    }


def _labels(ad: LiveAd, *_: object) -> Mapping[str, object]:
    return {"labels": sorted(ad.flight.labels)}


def _duplicate(ad: LiveAd, *_: object) -> Mapping[str, object]:
    return {"creative_id": ad.creative.creative_id}


def _ghost(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    draw = ghost_draw(ad.flight, deciding.situation.request.contact_id)
    return {"percent": ad.flight.ghost_percent, "draw": draw}


def _companions(ad: LiveAd, _: Slot, deciding: Deciding) -> Mapping[str, object]:
    together = deciding.situation.snapshot.companions[ad.flight.companions or ""]
    return {"companions": [flight.flight_id for flight in together]}


def _nothing(*_: object) -> Mapping[str, object]:
    return {}


_PASSED: _Figures = _pacing
_FIGURES: Mapping[Gate, _Figures] = {
    Gate.CONSENT: _consent,
    Gate.TARGETING: _targeting,
    Gate.DATES: _dates,
    Gate.BUDGET: _nothing,
    Gate.HOLD: _hold,
    Gate.KEYWORDS: _keywords,
    Gate.DAYPARTS: _dayparts,
    Gate.PACING: _pacing,
    Gate.COUPON: _coupon,
    Gate.CAP: _cap,
    Gate.LABELS: _labels,
    Gate.DUPLICATE: _duplicate,
    Gate.GHOST: _ghost,
    Gate.COMPANIONS: _companions,
}
