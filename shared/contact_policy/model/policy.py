"""The contact policy of an app: which rules hold, for which channels and purposes.

All rules that cover a candidate hold together. A rule for one channel never lifts another rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import ceil

from shared.contact_policy.model.pressure import HEAVIEST, kind_of, kinds_of
from shared.kernel.decisions import Candidate, Gate
from shared.kernel.events import Channel, Purpose

MINUTES_OF_DAY = 1_440

EVERY_CHANNEL = frozenset(Channel)
MARKETING = frozenset({Purpose.MARKETING})

BYPASSABLE = frozenset(Gate) - {Gate.ERASED, Gate.EXPIRY}
"""Nothing passes the gate of an erased person; expiry is no rule of the policy."""


class Requirement(StrEnum):
    """What a person must have said before they are contacted."""

    OPT_IN = "opt_in"
    """They agreed, and the agreement has not expired."""
    NO_OBJECTION = "no_objection"
    """They did not object."""


class CooldownCause(StrEnum):
    """After what a person is left alone for a while."""

    COMPLAINT = "complaint"
    """A case was closed: the complaint is answered, its memory is fresh."""
    REFUSAL = "refusal"
    """They said no, for instance on the phone."""
    BOUNCE = "bounce"
    """A message could not be delivered."""


class Weekday(StrEnum):
    """A day of the week, in ISO's order."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Period(StrEnum):
    """A period of the calendar in the person's zone; a week is ISO 8601's, from Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The channels and purposes that a rule covers. ``kinds`` is the same as bits of touches."""

    channels: frozenset[Channel] = EVERY_CHANNEL
    purposes: frozenset[Purpose] = MARKETING
    kinds: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", kinds_of(self.channels, self.purposes))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule:
    """What must have been said; ``topics`` narrows it to some topics, ``None`` is every topic."""

    id: str
    scope: Scope
    requires: Requirement
    topics: frozenset[str] | None = None

    def covers(self, kind: int, topic: str | None) -> bool:
        """Say whether the rule speaks of this kind of touch and this topic."""
        return bool(self.scope.kinds >> kind & 1) and (self.topics is None or topic in self.topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownRule:
    """How many days of 24 hours a person is left alone after something."""

    id: str
    scope: Scope
    after: CooldownCause
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When contact is allowed on some weekdays, in minutes of the local day.

    ``closes`` is not allowed any more. A window that closes before it opens ends on the next day;
    1,440 is midnight at the end.
    """

    days: frozenset[Weekday] = frozenset(Weekday)
    opens: int
    closes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When contact is allowed: in any of the windows, and on no public holiday if so asked."""

    windows: tuple[Window, ...]
    holidays: bool = False
    """Public holidays are closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHoursRule:
    """When contact is allowed, in the person's local time; all other hours are quiet."""

    id: str
    scope: Scope
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupeRule:
    """How many hours the same offer is not told again, on any channel that the rule covers."""

    id: str
    scope: Scope
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRule:
    """How many minutes lie between any two touches that the rule covers, at least."""

    id: str
    scope: Scope
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """The last so many hours."""

    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The current day, week or month in the person's zone."""

    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A part of a cap, in hundredths, that only what has at least this priority may use."""

    priority: int
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule:
    """How much touches may weigh together within a window; ``limit`` is in hundredths."""

    id: str
    scope: Scope
    limit: int
    window: Rolling | Calendar
    reserved: tuple[Reserved, ...] = ()

    def limit_for(self, priority: int) -> int:
        """Return what a candidate of some priority may use of the limit, in hundredths."""
        kept = sum(part.slots for part in self.reserved if part.priority > priority)
        return self.limit - kept


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The whole policy of an app.

    ``weights`` are in hundredths, for every channel. ``channel_order`` lists the channels to try
    instead, best first. ``topics`` are what people may switch off, by their names for people.
    ``bypass`` says which gates a purpose passes unasked; its touches are
    counted all the same. ``laws`` names packs of ``model.laws``.
    """

    description: str = ""
    weights: Mapping[Channel, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    channel_order: tuple[Channel, ...] = ()
    topics: Mapping[str, str] = field(default_factory=dict)
    consent: tuple[ConsentRule, ...] = ()
    cooldowns: tuple[CooldownRule, ...] = ()
    quiet_hours: tuple[QuietHoursRule, ...] = ()
    dedupe: tuple[DedupeRule, ...] = ()
    gaps: tuple[GapRule, ...] = ()
    caps: tuple[CapRule, ...] = ()
    bypass: Mapping[Purpose, frozenset[Gate]] = field(default_factory=lambda: dict(DEFAULT_BYPASS))
    laws: tuple[str, ...] = ()

    def bypassed(self, purpose: Purpose) -> frozenset[Gate]:
        """Return the gates that a purpose passes unasked."""
        return self.bypass.get(purpose, frozenset())

    def weight_of(self, candidate: Candidate) -> int:
        """Return how much a candidate counts, in hundredths: rounded up, and at least 1."""
        if candidate.weight is None:
            return self.weights[candidate.channel]
        return hundredths(candidate.weight)

    @cached_property
    def rules_by_kind(self) -> Mapping[int, "Covering"]:
        """Return the rules that cover each kind of touch."""
        return {
            kind: Covering(
                quiet_hours=tuple(rule for rule in self.quiet_hours if _covers(rule.scope, kind)),
                dedupe=tuple(rule for rule in self.dedupe if _covers(rule.scope, kind)),
                gaps=tuple(rule for rule in self.gaps if _covers(rule.scope, kind)),
                caps=tuple(rule for rule in self.caps if _covers(rule.scope, kind)),
                reserving=tuple(
                    rule for rule in self.caps if rule.reserved and _covers(rule.scope, kind)
                ),
            )
            for kind in (kind_of(channel, purpose) for channel in Channel for purpose in Purpose)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """The rules of a policy that cover one kind of touch; ``reserving`` caps keep a part."""

    quiet_hours: tuple[QuietHoursRule, ...]
    dedupe: tuple[DedupeRule, ...]
    gaps: tuple[GapRule, ...]
    caps: tuple[CapRule, ...]
    reserving: tuple[CapRule, ...]


def hundredths(weight: float) -> int:
    """Return a weight in hundredths, rounded up, from 1 to the heaviest that a touch can have."""
    # Floats near a hundredth mean it: 0.29 * 100 is 28.999999999999996.
    return min(max(ceil(round(weight * 100, 6)), 1), HEAVIEST)


def _covers(scope: Scope, kind: int) -> bool:
    return bool(scope.kinds >> kind & 1)


DEFAULT_WEIGHTS: Mapping[Channel, int] = dict.fromkeys(Channel, 100) | {Channel.AD: 10}
"""Every touch weighs one, an ad impression a tenth."""

DEFAULT_BYPASS: Mapping[Purpose, frozenset[Gate]] = {
    # What somebody waits for (a receipt, a code to log in with) comes at any hour and any pressure.
    Purpose.TRANSACTIONAL: frozenset(
        {
            Gate.PREFERENCE,
            Gate.CASE,
            Gate.COOLDOWN,
            Gate.CONTROL_GROUP,
            Gate.QUIET_HOURS,
            Gate.DEDUPE,
            Gate.MINIMUM_GAP,
            Gate.CAP,
            Gate.PRIORITY,
            Gate.PRESSURE_FULL,
        }
    ),
    # What serves the contract (an outage, the answer to a complaint) does not compete with
    # marketing for a cap. It keeps to quiet hours and to what the person switched off.
    Purpose.SERVICE: frozenset(
        {
            Gate.CASE,
            Gate.CONTROL_GROUP,
            Gate.MINIMUM_GAP,
            Gate.CAP,
            Gate.PRIORITY,
            Gate.PRESSURE_FULL,
        }
    ),
}
"""What purposes bypass where the document does not say otherwise. Consent and law stay."""
