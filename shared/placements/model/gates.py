"""What a flight must pass before it is shown, gate by gate.

Its rule comes first: it is answered once for all flights that share it, and most flights are not
meant for most people. A slot matters to a rule only by the attributes and keywords that it adds,
and by its name; so slots that are alike in these are answered once. The other gates ask of the
flight, the request and the person, the cheapest first.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from zoneinfo import ZoneInfo

from shared.kernel import decisions
from shared.kernel.zones import is_zone
from shared.placements.model.ad_state import AdState, Hold
from shared.placements.model.demand import Daypart
from shared.placements.model.draws import fraction
from shared.placements.model.live import LiveFlight, Targeting
from shared.placements.model.matching import Facts
from shared.placements.model.requests import DecisionRequest, NoAd
from shared.placements.model.snapshot import Snapshot


class Gate(IntEnum):
    """What is asked, in this order; who is refused at a later one came further."""

    CONSENT = 1
    """Its rule asks what is known of the person, who did not agree to personalisation."""
    TARGETING = 2
    DATES = 3
    BUDGET = 4
    HOLD = 5
    KEYWORDS = 6
    DAYPARTS = 7
    PACING = 8
    COUPON = 9
    CAP = 10
    LABELS = 11
    DUPLICATE = 12
    GHOST = 13
    COMPANIONS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The gate that refuses, and the reason that the app is told."""

    gate: Gate
    reason: NoAd


@dataclass(slots=True, kw_only=True)
class Situation:
    """What all slots of a request have in common; ``rates_read`` are the shares that were asked.

    ``rates`` are shares of requests by flight (those not named: all), ``refused`` flights whose
    lease could not be had.
    """

    request: DecisionRequest
    state: AdState
    snapshot: Snapshot
    rates: Mapping[str, float]
    refused: Collection[str]
    seed: bytes
    local: datetime
    rates_read: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Asking:
    """What slots that are alike tell, and who was refused for it: rules, and flights by number."""

    facts: Facts
    keywords: frozenset[str]
    rules: dict[Targeting, Refusal | None] = field(default_factory=dict)
    flights: dict[int, Refusal | None] = field(default_factory=dict)


def local_time(request: DecisionRequest, state: AdState) -> datetime:
    """Return the instant where the contact is: the device's zone, else the kept one, else UTC.

    The kept one is read only with the person's consent to personalisation.
    """
    zone = request.timezone or (state.timezone if request.consent.personalisation else None)
    return request.at.astimezone(ZoneInfo(zone) if zone and is_zone(zone) else UTC)


def rule_refusal(targeting: Targeting, situation: Situation, asking: Asking) -> Refusal | None:
    """Return why no flight with this rule may be shown in slots that are alike."""
    if targeting not in asking.rules:
        asking.rules[targeting] = _rule(targeting, situation, asking)
    return asking.rules[targeting]


def flight_refusal(flight: LiveFlight, situation: Situation, asking: Asking) -> Refusal | None:
    """Return why a flight whose rule matches may not be shown in slots that are alike."""
    if flight.number not in asking.flights:
        refusals = (refuses(flight, situation, asking) for refuses in _GATES)
        asking.flights[flight.number] = next(filter(None, refusals), None)
    return asking.flights[flight.number]


def hold_on(flight: LiveFlight, situation: Situation) -> Hold | None:
    """Return what holds ads of a flight's purpose, or of its topic, at this moment."""
    return situation.state.hold_on(flight.purpose, flight.topic, at=situation.request.at)


def pace_draw(flight: LiveFlight, situation: Situation) -> float:
    """Return the flight's draw for the whole request, which must lie below its share."""
    return fraction(situation.seed, "pace", flight.flight_id)


def ghost_draw(flight: LiveFlight, contact_id: str) -> float:
    """Return where a person stands among 100: the same for a flight, or its set, at all times."""
    return 100 * fraction(b"ghost", flight.companions or flight.flight_id, contact_id)


def is_within(daypart: Daypart, local: datetime) -> bool:
    """Say whether a local time lies in a daypart; one that passes midnight is of its first day."""
    day, clock = local.weekday(), local.time()
    if daypart.start < daypart.until:
        return day in daypart.weekdays and daypart.start <= clock < daypart.until
    evening = day in daypart.weekdays and clock >= daypart.start
    return evening or ((day - 1) % 7 in daypart.weekdays and clock < daypart.until)


_NOT_NOW = Refusal(gate=Gate.DATES, reason=NoAd.NO_DEMAND)
_NO_LEASE = Refusal(gate=Gate.BUDGET, reason=NoAd.BUDGET)
_NO_CONSENT = Refusal(gate=Gate.CONSENT, reason=NoAd.CONSENT)
_OTHER_KEYWORDS = Refusal(gate=Gate.KEYWORDS, reason=NoAd.TARGETING)
_OTHER_HOURS = Refusal(gate=Gate.DAYPARTS, reason=NoAd.TARGETING)
_NOT_MEANT = Refusal(gate=Gate.TARGETING, reason=NoAd.TARGETING)
_PACED = Refusal(gate=Gate.PACING, reason=NoAd.PACED)
_HELD = Refusal(gate=Gate.HOLD, reason=NoAd.POLICY)
_HELD_BY: Mapping[str, Refusal] = {
    decisions.Gate.CASE: Refusal(gate=Gate.HOLD, reason=NoAd.HOLD),
    decisions.Gate.COOLDOWN: Refusal(gate=Gate.HOLD, reason=NoAd.HOLD),
    decisions.Gate.CONSENT: Refusal(gate=Gate.HOLD, reason=NoAd.CONSENT),
}


def _rule(targeting: Targeting, situation: Situation, asking: Asking) -> Refusal | None:
    if targeting.needs.is_personal and not situation.request.consent.personalisation:
        return _NO_CONSENT
    return None if targeting.matches(asking.facts) else _NOT_MEANT


def _dates(flight: LiveFlight, situation: Situation, _: Asking) -> Refusal | None:
    at = situation.request.at
    has_ended = flight.ends_at is not None and flight.ends_at <= at
    return _NOT_NOW if at < flight.starts_at or has_ended else None


def _budget(flight: LiveFlight, situation: Situation, _: Asking) -> Refusal | None:
    return _NO_LEASE if flight.flight_id in situation.refused else None


def _hold(flight: LiveFlight, situation: Situation, _: Asking) -> Refusal | None:
    hold = hold_on(flight, situation)
    return None if hold is None else _HELD_BY.get(hold.reason, _HELD)


def _keywords(flight: LiveFlight, _: Situation, asking: Asking) -> Refusal | None:
    if flight.keywords and flight.keywords.isdisjoint(asking.keywords):
        return _OTHER_KEYWORDS
    return None


def _dayparts(flight: LiveFlight, situation: Situation, _: Asking) -> Refusal | None:
    parts = flight.dayparts
    return _OTHER_HOURS if parts and not _is_within_any(parts, situation.local) else None


def _is_within_any(parts: tuple[Daypart, ...], local: datetime) -> bool:
    return any(is_within(part, local) for part in parts)


def _pacing(flight: LiveFlight, situation: Situation, _: Asking) -> Refusal | None:
    share = situation.rates.get(flight.flight_id)
    if share is None:
        return None
    situation.rates_read[flight.flight_id] = share
    return None if pace_draw(flight, situation) < share else _PACED


_GATES: tuple[Callable[[LiveFlight, Situation, Asking], Refusal | None], ...] = (
    _dates,
    _budget,
    _hold,
    _keywords,
    _dayparts,
    _pacing,
)
