"""What a reviewer should know of a policy document: its errors, and what is likely not meant.

A document with errors is refused wherever it is put. Notes are lawful, and are told only here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product
from typing import Any, TypeAlias

from shared.contact_policy.errors import PolicyInvalidError, PolicyTooLargeError
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.laws import LAWS
from shared.contact_policy.model.policy import (
    MINUTES_OF_DAY,
    CapRule,
    ConsentRule,
    CooldownRule,
    DedupeRule,
    GapRule,
    Hours,
    Policy,
    QuietHoursRule,
    Rolling,
    Scope,
    Weekday,
)
from shared.contact_policy.model.pressure import kind_of
from shared.kernel.decisions import Gate
from shared.kernel.events import Channel, Purpose

Rule: TypeAlias = ConsentRule | CooldownRule | QuietHoursRule | DedupeRule | GapRule | CapRule

_DAYS = tuple(Weekday)
_WEEK = len(_DAYS) * MINUTES_OF_DAY
_ALWAYS = (1 << _WEEK) - 1


class Severity(StrEnum):
    """Whether a document with such a finding can be put in force."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know of a document, with its place (RFC 6901); ``detail`` is for people."""

    severity: Severity
    pointer: str
    code: str
    detail: str


def lint(document: Any) -> tuple[Finding, ...]:
    """Return every error of a document, or, where it has none, what is likely not meant."""
    try:
        policy = policy_of(document)
    except PolicyInvalidError as refused:
        return tuple(
            Finding(
                severity=Severity.ERROR,
                pointer=problem.pointer,
                code=problem.code,
                detail=problem.detail,
            )
            for problem in refused.fields
        )
    except PolicyTooLargeError as refused:
        error = Severity.ERROR
        return (Finding(severity=error, pointer="", code=refused.code, detail=str(refused)),)
    return tuple(note for look in _LOOKS for note in look(policy))


def _note(pointer: str, code: str, detail: str) -> Finding:
    return Finding(severity=Severity.NOTE, pointer=pointer, code=code, detail=detail)


def _bypassed(policy: Policy) -> Iterator[Finding]:
    """Note rules all of whose purposes pass the rules' gate unasked."""
    for pointer, rule, gate in _rules(policy):
        if all(gate in policy.bypassed(purpose) for purpose in rule.scope.purposes):
            detail = f"{rule.id} never refuses: all of its purposes bypass {gate}"
            yield _note(pointer, "never_refuses", detail)


def _always_open(policy: Policy) -> Iterator[Finding]:
    """Note hours that are open at every minute of the week."""
    for place, rule in enumerate(policy.quiet_hours):
        if _open_minutes(rule.hours) == _ALWAYS and not rule.hours.holidays:
            detail = f"{rule.id} never refuses: every minute of the week is allowed"
            yield _note(f"/quiet_hours/{place}", "never_refuses", detail)


def _implied(policy: Policy) -> Iterator[Finding]:
    """Note rules that refuse nothing but what another refuses too; of two equal ones, the later."""
    sections: Mapping[str, Sequence[Rule]] = {
        "dedupe": policy.dedupe,
        "gaps": policy.gaps,
        "caps": policy.caps,
    }
    for section, rules in sections.items():
        for place, rule in enumerate(rules):
            wider = (
                other
                for other_place, other in enumerate(rules)
                if other_place != place
                and _implies(other, rule)
                and (other_place < place or not _implies(rule, other))
            )
            for other in islice(wider, 1):
                detail = f"{rule.id} never refuses alone: {other.id} refuses all that it does"
                yield _note(f"/{section}/{place}", "never_refuses", detail)


def _unasked(policy: Policy) -> Iterator[Finding]:
    """Note channels whose marketing nobody must have agreed to, whatever its topic."""
    covered = [rule.scope for rule in policy.consent if rule.topics is None]
    if channels := _uncovered(covered):
        detail = f"no rule covers marketing by {channels}: only an objection stops it"
        yield _note("/consent", "no_consent_rule", detail)


def _uncapped(policy: Policy) -> Iterator[Finding]:
    """Note channels on which marketing has no limit."""
    if channels := _uncovered([rule.scope for rule in policy.caps]):
        detail = f"no rule limits how much marketing reaches a person by {channels}"
        yield _note("/caps", "no_cap", detail)


def _never_open(policy: Policy) -> Iterator[Finding]:
    """Note hours that share no minute of the week, also with the hours of a law."""
    told: set[str] = set()
    laws = [LAWS[name].quiet_hours for name in policy.laws]
    for channel, purpose in product(Channel, Purpose):
        kind = kind_of(channel, purpose)
        own = policy.rules_by_kind[kind].quiet_hours
        if not own or Gate.QUIET_HOURS in policy.bypassed(purpose):
            continue
        for law in ((), *laws):
            asked = [*own, *(rule for rule in law if rule.scope.kinds >> kind & 1)]
            names = ", ".join(rule.id for rule in asked)
            if _shared_minutes(asked) == 0 and names not in told:
                told.add(names)
                detail = f"{names} share no minute of the week: {purpose} by {channel} never passes"
                yield _note("/quiet_hours", "never_open", detail)


def _closed_on_holidays(policy: Policy) -> Iterator[Finding]:
    """Note hours of a single weekday: when it is a holiday, nothing is open for over seven days."""
    for place, rule in enumerate(policy.quiet_hours):
        days = {day for window in rule.hours.windows for day in window.days}
        crosses = any(window.closes <= window.opens for window in rule.hours.windows)
        if rule.hours.holidays and len(days) == 1 and not crosses:
            detail = f"{rule.id} is closed for over 7 days, and drops, when its day is a holiday"
            yield _note(f"/quiet_hours/{place}", "closed_too_long", detail)


def _unnamed_topics(policy: Policy) -> Iterator[Finding]:
    """Note topics that consent rules ask about and that have no name on the preference page."""
    for place, rule in enumerate(policy.consent):
        for topic in sorted((rule.topics or frozenset()) - set(policy.topics)):
            detail = f"`topics` has no name for {topic}: nobody sees it on the preference page"
            yield _note(f"/consent/{place}/topics", "unnamed_topic", detail)


_LOOKS: Sequence[Callable[[Policy], Iterator[Finding]]] = (
    _bypassed,
    _always_open,
    _implied,
    _unasked,
    _uncapped,
    _never_open,
    _closed_on_holidays,
    _unnamed_topics,
)


def _rules(policy: Policy) -> Iterator[tuple[str, Rule, Gate]]:
    """Yield every rule with its place in the document and its gate."""
    sections: Mapping[str, tuple[Sequence[Rule], Gate]] = {
        "consent": (policy.consent, Gate.CONSENT),
        "cooldowns": (policy.cooldowns, Gate.COOLDOWN),
        "quiet_hours": (policy.quiet_hours, Gate.QUIET_HOURS),
        "dedupe": (policy.dedupe, Gate.DEDUPE),
        "gaps": (policy.gaps, Gate.MINIMUM_GAP),
        "caps": (policy.caps, Gate.CAP),
    }
    for section, (rules, gate) in sections.items():
        for place, rule in enumerate(rules):
            yield f"/{section}/{place}", rule, gate


def _implies(one: Rule, other: Rule) -> bool:
    """Say whether the first of two rules of a section refuses whatever the second refuses."""
    if other.scope.kinds & ~one.scope.kinds:
        return False
    match one, other:
        case GapRule(), GapRule():
            return one.minutes >= other.minutes
        case DedupeRule(), DedupeRule():
            return one.hours >= other.hours
        case CapRule(window=Rolling(hours=longer)), CapRule(window=Rolling(hours=hours)):
            return longer >= hours and one.limit <= other.limit and not other.reserved
        case _:
            return False


def _uncovered(scopes: Iterable[Scope]) -> str:
    """Return the channels on which no scope has marketing, in words; empty: there is none."""
    covered = 0
    for scope in scopes:
        covered |= scope.kinds
    return ", ".join(
        channel for channel in Channel if not covered >> kind_of(channel, Purpose.MARKETING) & 1
    )


def _open_minutes(hours: Hours) -> int:
    """Return the allowed minutes of a local week as bits, from Monday's midnight on."""
    allowed = 0
    for window in hours.windows:
        crosses = window.closes <= window.opens
        length = window.closes - window.opens + (MINUTES_OF_DAY if crosses else 0)
        for day in window.days:
            start = _DAYS.index(day) * MINUTES_OF_DAY + window.opens
            allowed |= (1 << length) - 1 << start
    return allowed & _ALWAYS | allowed >> _WEEK


def _shared_minutes(rules: Iterable[QuietHoursRule]) -> int:
    """Return the minutes of a local week that all rules allow, as bits."""
    shared = _ALWAYS
    for rule in rules:
        shared &= _open_minutes(rule.hours)
    return shared
