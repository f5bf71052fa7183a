"""The gates of a decision, each a question: why not, and until when?

A gate looks at the facts and one candidate, and answers ``None`` where it lets pass. Else it gives
all its reasons, not only the first. Whatever refuses for a time lets go at an instant and does not
come back by itself, but for hours: so the latest of these instants, moved on to where hours are
open, is when the same request passes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple, TypeAlias

from shared.contact_policy.model import quiet_hours, windows
from shared.contact_policy.model.control_groups import is_control, is_held_out
from shared.contact_policy.model.facts import Facts
from shared.contact_policy.model.policy import (
    MARKETING,
    CapRule,
    ConsentRule,
    CooldownRule,
    Covering,
    Hours,
    Period,
    Requirement,
    Rolling,
    Scope,
)
from shared.contact_policy.model.pressure import FULL, kind_of, offer_hash
from shared.contact_policy.model.quiet_hours import Opening
from shared.contact_policy.model.standing import ConsentStatus, FrequencyWish
from shared.kernel.clock import from_milliseconds, milliseconds
from shared.kernel.decisions import Candidate, Gate, Reason
from shared.kernel.events import Purpose

ZONE_AMBIGUOUS = "zone_ambiguous"
"""The rule named where the possible zones share no allowed instant."""

OBJECTION = "objection"
HOURS_WISH = "hours_wish"
FREQUENCY_WISH = "frequency_wish"

_REFUSED = (ConsentStatus.WITHDRAWN, ConsentStatus.DENIED)
_HOUR = 3_600_000
_MINUTE = 60_000
_WISHED_HOURS = {Period.DAY: 24, Period.WEEK: 7 * 24, Period.MONTH: 30 * 24}


class Refusal(NamedTuple):
    """Why a gate refuses, and when it will not any more; ``None``: time does not cure it."""

    reasons: tuple[Reason, ...]
    until: datetime | None


Judge: TypeAlias = Callable[[Facts, Candidate], Refusal | None]


def erased(facts: Facts, _: Candidate) -> Refusal | None:
    """Refuse whoever was erased."""
    if not facts.effective.is_erased:
        return None
    reason = Reason(gate=Gate.ERASED, rule="erased", detail="The person was erased.")
    return Refusal((reason,), None)


def consent(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Refuse without the consent that a rule asks for, and against any objection."""
    status = _status(facts, candidate)
    reasons = tuple(_lacking(candidate, facts.policy.consent, status=status, gate=Gate.CONSENT))
    if not reasons and status in _REFUSED:
        detail = f"The person has {status} consent to {_kind(candidate)}."
        reasons = (Reason(gate=Gate.CONSENT, rule=OBJECTION, detail=detail),)
    return Refusal(reasons, None) if reasons else None


def preference(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Refuse a channel or topic that the person switched off, and wait for a pause to end."""
    wishes = facts.effective.preferences
    off = []
    if any(candidate.channel in wish.channels_off for wish in wishes):
        off.append(("channel_off", f"The person switched {candidate.channel} off."))
    if any(candidate.topic in wish.topics_off for wish in wishes):
        off.append(("topic_off", f"The person switched the topic {candidate.topic} off."))
    reasons = [Reason(gate=Gate.PREFERENCE, rule=rule, detail=detail) for rule, detail in off]
    until = facts.effective.paused_until
    if until is not None and until > facts.now:
        detail = "The person asked for a pause."
        reasons.append(Reason(gate=Gate.PREFERENCE, rule="pause", detail=detail, until=until))
    return _refusal(reasons)


def law(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Refuse what a law forbids that may protect the person: consent, rest, number and hours."""
    packs = facts.laws
    if not packs:
        return None
    rules = [rule for pack in packs for rule in pack.consent]
    status = _status(facts, candidate)
    lacking = tuple(_lacking(candidate, rules, status=status, gate=Gate.LAW))
    if lacking:
        return Refusal(lacking, None)
    rests = [rule for pack in packs for rule in pack.cooldowns]
    caps = [rule for pack in packs for rule in pack.caps if _covers(rule.scope, candidate)]
    reasons = [
        *_cooling(facts, candidate, rests, gate=Gate.LAW),
        *_over(facts, candidate, caps, gate=Gate.LAW),
    ]
    waiting = _refusal(reasons)
    if waiting is not None and waiting.until is None:
        return waiting
    hours = [
        _Hours(rule.id, rule.hours, facts.countries | {pack.country})
        for pack in packs
        for rule in pack.quiet_hours
        if _covers(rule.scope, candidate)
    ]
    earliest = facts.now if waiting is None or waiting.until is None else waiting.until
    closed = _closed(facts, hours, gate=Gate.LAW, earliest=earliest)
    if closed is None:
        return waiting
    return Refusal((*reasons, *closed.reasons), closed.until)


def case(facts: Facts, _: Candidate) -> Refusal | None:
    """Refuse while something of the person is not settled."""
    reasons = tuple(
        Reason(
            gate=Gate.CASE,
            rule=found.kind,
            detail=f"The case {case_id} ({found.kind}) is open.",
            reference=case_id,
        )
        for case_id, found in facts.effective.cases()
    )
    return Refusal(reasons, None) if reasons else None


def cooldown(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until the person has had their rest."""
    return _refusal(list(_cooling(facts, candidate, facts.policy.cooldowns, gate=Gate.COOLDOWN)))


def control_group(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Refuse whoever is set aside, by any of their ids, and whom the campaign holds out."""
    reasons = [
        Reason(
            gate=Gate.CONTROL_GROUP,
            rule=group.id,
            detail=f"The person is in the control group {group.id}.",
        )
        for group in facts.control_groups
        if group.covers(candidate)
        and (facts.effective.is_forced_control(group.id) or is_control(group, facts.person))
    ]
    if is_held_out(candidate, facts.person):
        detail = (
            f"The campaign holds out {candidate.holdout_percent:g} %, and the person is among them."
        )
        reasons.append(Reason(gate=Gate.CONTROL_GROUP, rule="campaign_holdout", detail=detail))
    return _refusal(reasons)


def hours(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until all hours are open in every zone in which the person may be."""
    return _closed(facts, _asked(facts, candidate), gate=Gate.QUIET_HOURS, earliest=facts.now)


def hours_remarks(facts: Facts, candidate: Candidate) -> tuple[Reason, ...]:
    """Return what must be said of hours that let pass: that the zones could not decide it."""
    if len(facts.zones) == 1:
        return ()
    asked = _asked(facts, candidate)
    if not asked:
        return ()
    opening = _opening(facts, asked, at=facts.now)
    return (_ambiguous(Gate.QUIET_HOURS),) if opening and opening.is_ambiguous else ()


def dedupe(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until the same offer is no news of the last hours."""
    offer = offer_hash(candidate.offer_key)
    if not offer or not facts.counts.told(offer):
        return None
    reasons = []
    for rule in _covering(facts, candidate).dedupe:
        window = rule.hours * _HOUR
        seen = [
            min(touch.at + window, touch.gone_at)
            for touch in facts.counts.of(rule.scope.kinds, since=facts.moment - window)
            if touch.offer == offer
        ]
        if seen:
            reasons.append(
                Reason(
                    gate=Gate.DEDUPE,
                    rule=rule.id,
                    detail=f"The same offer was told within {rule.hours} hours.",
                    limit=1.0,
                    count=float(len(seen)),
                    until=from_milliseconds(max(seen)),
                )
            )
    return _refusal(reasons)


def minimum_gap(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until the last touch is long enough ago."""
    reasons = []
    for rule in _covering(facts, candidate).gaps:
        gap = rule.minutes * _MINUTE
        latest = facts.counts.latest(rule.scope.kinds)
        if latest is None or latest <= facts.moment - gap:
            continue
        near = facts.counts.of(rule.scope.kinds, since=facts.moment - gap)
        ends = max(min(touch.at + gap, touch.gone_at) for touch in near)
        reasons.append(
            Reason(
                gate=Gate.MINIMUM_GAP,
                rule=rule.id,
                detail=f"Touches need {rule.minutes} minutes between them.",
                limit=float(rule.minutes),
                count=max(facts.moment - latest, 0) / _MINUTE,
                until=from_milliseconds(ends),
            )
        )
    return _refusal(reasons)


def cap(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until the touch fits under every cap, the person's own included."""
    rules: Sequence[CapRule] = _covering(facts, candidate).caps
    if candidate.purpose is Purpose.MARKETING:
        wishes = [wish.frequency for wish in facts.effective.preferences if wish.frequency]
        rules = [*rules, *map(_wished, wishes)]
    return _refusal(list(_over(facts, candidate, rules, gate=Gate.CAP)))


def priority(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Wait until the touch fits under what the caps leave to its priority."""
    rules = [
        rule
        for rule in _covering(facts, candidate).reserving
        if rule.limit_for(candidate.priority) < rule.limit
    ]
    return _refusal(list(_over(facts, candidate, rules, gate=Gate.PRIORITY)))


def pressure_full(facts: Facts, _: Candidate) -> Refusal | None:
    """Refuse when as many touches are kept of the person as can be."""
    kept = len(facts.pressure)
    if kept < FULL:
        return None
    reason = Reason(
        gate=Gate.PRESSURE_FULL,
        rule="pressure_full",
        detail=f"{kept} touches of the person are kept; from {FULL} on there is no marketing.",
        limit=float(FULL),
        count=float(kept),
    )
    return Refusal((reason,), None)


def expiry(facts: Facts, candidate: Candidate) -> Refusal | None:
    """Refuse what is worth nothing any more."""
    if candidate.expires_at is None or facts.now < candidate.expires_at:
        return None
    return Refusal((expired(),), None)


def expired() -> Reason:
    """Return the reason of what expires before it may be told."""
    detail = "It expires before it may be told."
    return Reason(gate=Gate.EXPIRY, rule="expires_at", detail=detail)


GATES: tuple[tuple[Gate, Judge], ...] = (
    (Gate.ERASED, erased),
    (Gate.CONSENT, consent),
    (Gate.PREFERENCE, preference),
    (Gate.LAW, law),
    (Gate.CASE, case),
    (Gate.COOLDOWN, cooldown),
    (Gate.CONTROL_GROUP, control_group),
    (Gate.QUIET_HOURS, hours),
    (Gate.DEDUPE, dedupe),
    (Gate.MINIMUM_GAP, minimum_gap),
    (Gate.CAP, cap),
    (Gate.PRIORITY, priority),
    (Gate.PRESSURE_FULL, pressure_full),
    (Gate.EXPIRY, expiry),
)
"""Every gate with its judge, in the order of judging."""


class _Hours(NamedTuple):
    """Hours that a rule asks for, with the countries whose public holidays are closed."""

    rule: str
    hours: Hours
    countries: frozenset[str]


def _refusal(reasons: Sequence[Reason]) -> Refusal | None:
    """Return a refusal until the last of its reasons has ended; one without an end has none."""
    if not reasons:
        return None
    ends = [reason.until for reason in reasons if reason.until is not None]
    return Refusal(tuple(reasons), max(ends) if len(ends) == len(reasons) else None)


def _covering(facts: Facts, candidate: Candidate) -> Covering:
    return facts.policy.rules_by_kind[kind_of(candidate.channel, candidate.purpose)]


def _covers(scope: Scope, candidate: Candidate) -> bool:
    return bool(scope.kinds >> kind_of(candidate.channel, candidate.purpose) & 1)


def _kind(candidate: Candidate) -> str:
    about = f" about {candidate.topic}" if candidate.topic else ""
    return f"{candidate.purpose} by {candidate.channel}{about}"


def _status(facts: Facts, candidate: Candidate) -> ConsentStatus | None:
    return facts.effective.consent(candidate.purpose, candidate.channel, candidate.topic)


def _lacking(
    candidate: Candidate,
    rules: Iterable[ConsentRule],
    *,
    status: ConsentStatus | None,
    gate: Gate,
) -> Iterator[Reason]:
    """Yield a reason for every rule whose consent the person has not given."""
    kind = kind_of(candidate.channel, candidate.purpose)
    for rule in rules:
        if not rule.covers(kind, candidate.topic):
            continue
        if status in _REFUSED:
            detail = f"The person has {status} consent to {_kind(candidate)}."
        elif rule.requires is Requirement.OPT_IN and status is not ConsentStatus.GRANTED:
            known = "consent is not confirmed yet" if status else "there is no consent"
            detail = f"To {_kind(candidate)} {known}."
        else:
            continue
        yield Reason(gate=gate, rule=rule.id, detail=detail)


def _cooling(
    facts: Facts, candidate: Candidate, rules: Iterable[CooldownRule], *, gate: Gate
) -> Iterator[Reason]:
    """Yield a reason for every rest that the person still needs."""
    for rule in rules:
        at = facts.effective.last(rule.after, candidate.channel)
        if at is None or not _covers(rule.scope, candidate):
            continue
        until = at + timedelta(days=rule.days)
        if until > facts.now:
            yield Reason(
                gate=gate,
                rule=rule.id,
                detail=f"After a {rule.after} the person is left alone for {rule.days} days.",
                limit=float(rule.days),
                count=(facts.now - at) / timedelta(days=1),
                until=until,
            )


def _over(
    facts: Facts, candidate: Candidate, rules: Iterable[CapRule], *, gate: Gate
) -> Iterator[Reason]:
    """Yield a reason for every cap, of some that cover it, under which the touch does not fit."""
    weight = facts.policy.weight_of(candidate)
    for rule in rules:
        limit = rule.limit_for(candidate.priority) if gate is Gate.PRIORITY else rule.limit
        used = windows.used(rule, facts.counts, zones=facts.zones, now=facts.moment)
        if used + weight <= limit:
            continue
        until = None
        if weight <= limit:
            free = windows.free_at(
                rule,
                facts.counts,
                zones=facts.zones,
                now=facts.moment,
                weight=weight,
                limit=limit,
            )
            until = from_milliseconds(free)
        yield Reason(
            gate=gate,
            rule=rule.id,
            detail=_exceeded(candidate, rule, gate, weight=weight, used=used, limit=limit),
            limit=limit / 100,
            count=used / 100,
            until=until,
        )


def _exceeded(
    candidate: Candidate, rule: CapRule, gate: Gate, *, weight: int, used: int, limit: int
) -> str:
    window = (
        f"the last {rule.window.hours} hours"
        if isinstance(rule.window, Rolling)
        else f"this {rule.window.period}"
    )
    kept = f" for priority {candidate.priority}" if gate is Gate.PRIORITY else ""
    return (
        f"In {window} {used / 100:g} of {limit / 100:g}{kept} is used,"
        f" and this weighs {weight / 100:g}."
    )


@cache
def _wished(wish: FrequencyWish) -> CapRule:
    return CapRule(
        id=FREQUENCY_WISH,
        scope=Scope(purposes=MARKETING),
        limit=wish.limit,
        window=Rolling(hours=_WISHED_HOURS[wish.per]),
    )


def _asked(facts: Facts, candidate: Candidate) -> list[_Hours]:
    """Return the hours that the policy and the person ask for."""
    rules = _covering(facts, candidate).quiet_hours
    return [
        *(
            _Hours(rule.id, rule.hours, facts.countries if rule.hours.holidays else frozenset())
            for rule in rules
        ),
        *(
            _Hours(HOURS_WISH, wish.hours, frozenset())
            for wish in facts.effective.preferences
            if wish.hours
        ),
    ]


def _opening(facts: Facts, asked: Sequence[_Hours], *, at: datetime) -> Opening | None:
    return quiet_hours.next_opening(
        [(one.hours, one.countries) for one in asked],
        zones=facts.zones,
        app_zone=facts.app_zone,
        now=milliseconds(at) // 1000,
    )


def _closed(
    facts: Facts, asked: Sequence[_Hours], *, gate: Gate, earliest: datetime
) -> Refusal | None:
    """Return why hours are closed at an instant, and when they open; ``None`` if they are open."""
    if not asked:
        return None
    opening = _opening(facts, asked, at=earliest)
    second = milliseconds(earliest) // 1000
    if opening is not None and opening.at <= second:
        return None
    until = None if opening is None else from_milliseconds(opening.at * 1000)
    zones = (facts.app_zone,) if opening is not None and opening.is_ambiguous else facts.zones
    reasons = tuple(
        Reason(
            gate=gate,
            rule=one.rule,
            detail=f"It is no time to contact the person in {', '.join(zones)}.",
            until=until,
        )
        for one in asked
        if not quiet_hours.is_open(one.hours, one.countries, zones=zones, now=second)
    )
    remarks = (_ambiguous(gate),) if opening is not None and opening.is_ambiguous else ()
    return Refusal((*reasons, *remarks), until)


def _ambiguous(gate: Gate) -> Reason:
    detail = "The zones in which the person may be share no allowed instant; the app's decides."
    return Reason(gate=gate, rule=ZONE_AMBIGUOUS, detail=detail)
