"""How often, and for how much, a coupon may be used."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.kernel.errors import FieldProblem


class Subject(StrEnum):
    """Whose uses a limit counts; ``app`` is all coupons of the app together."""

    CONTACT = "contact"
    DEVICE = "device"
    CODE = "code"
    COUPON = "coupon"
    STORE = "store"
    APP = "app"


class Period(StrEnum):
    """In which time uses are counted: calendar periods are those of the coupon's zone."""

    EVER = "ever"
    DAY = "day"
    WEEK = "week"
    """From Monday."""
    MONTH = "month"
    ROLLING = "rolling"
    """The last ``hours``."""


class Counting(StrEnum):
    """How a limit is counted; each is exact, they differ in what they cost and carry."""

    PACKED = "packed"
    """One small item of a subject holds its uses, compare-and-swap: up to 100 uses."""
    TICKETS = "tickets"
    """Numbered tickets of many counters: thousands a second."""
    BUDGET = "budget"
    """An amount on several counters, inside the transaction."""


MOST_LIMITS = 4
MOST_PACKED = 100
"""Uses in a packed item."""

WRITE_UNITS = {Counting.PACKED: 1, Counting.TICKETS: 3, Counting.BUDGET: 4}
"""What a limit adds to a redemption of 4 units (itself 2, its event 2), items of 1 kB at most."""

OWN_UNITS = 4

ALWAYS_PACKED = frozenset({Subject.CONTACT, Subject.DEVICE})
"""Their uses lie in one small item; those of a code may be counted by tickets instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most ``uses`` uses, or ``amount`` minor units of discount, of a subject in a period.

    ``limit_id`` is unique in the coupon and never given again. ``overflow`` is how many uses more
    are granted rather than refused. ``hours`` belongs to the rolling period. ``peak`` is the
    greatest number of uses a second that is expected: so many counters are kept.
    """

    limit_id: str
    subject: Subject
    period: Period = Period.EVER
    uses: int | None = None
    amount: int | None = None
    hours: int | None = None
    overflow: int = 0
    peak: int = 6_400

    @property
    def counting(self) -> Counting:
        """Return how the limit is counted."""
        if self.subject in _PERSONAL and self._is_packed:
            return Counting.PACKED
        return Counting.TICKETS if self.amount is None else Counting.BUDGET

    @property
    def capacity(self) -> int:
        """Return the greatest number of uses, or the amount, that is granted in a window."""
        return (self.amount if self.uses is None else self.uses + self.overflow) or 0

    @property
    def write_units(self) -> int:
        """Return what it adds to a redemption."""
        return WRITE_UNITS[self.counting]

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what it counts: all of it but how much."""
        return self.subject, self.period, self.hours, self.uses is None

    @property
    def _is_packed(self) -> bool:
        if self.amount is not None:
            return self.subject is not Subject.CODE
        return self.capacity <= MOST_PACKED


_PERSONAL = frozenset({Subject.CONTACT, Subject.DEVICE, Subject.CODE})


def write_units(limits: Iterable[Limit]) -> int:
    """Return the write units of a redemption under some limits, the ledger's index apart."""
    return OWN_UNITS + sum(limit.write_units for limit in limits)


def problems_of(
    limits: Sequence[Limit], *, subjects: frozenset[Subject], pointer: str = "/limits"
) -> Iterator[FieldProblem]:
    """Yield what is wrong with the limits of a coupon or of an app, which are for ``subjects``."""
    if len(limits) > MOST_LIMITS:
        yield FieldProblem(pointer=pointer, code="count", detail=f"at most {MOST_LIMITS} limits")
    seen: set[str] = set()
    for place, limit in enumerate(limits):
        here = f"{pointer}/{place}"
        if limit.limit_id and limit.limit_id in seen:
            yield FieldProblem(pointer=f"{here}/limit_id", code="twice", detail="an id is unique")
        seen.add(limit.limit_id)
        if limit.subject not in subjects:
            words = ", ".join(one for one in Subject if one in subjects)
            detail = f"here a limit is for {words}"
            yield FieldProblem(pointer=f"{here}/subject", code="subject", detail=detail)
        for name, code, detail in _problems(limit):
            yield FieldProblem(pointer=f"{here}/{name}", code=code, detail=detail)


def _problems(limit: Limit) -> Iterator[tuple[str, str, str]]:
    if (limit.uses is None) is (limit.amount is None):
        yield "uses", "kind", "exactly one of uses, amount is needed"
    if limit.amount is not None and limit.overflow:
        yield "overflow", "kind", "only uses may overflow: name a greater amount"
    if (limit.period is Period.ROLLING) is (limit.hours is None):
        yield "hours", "kind", "the rolling period has hours, and no other has"
    if limit.counting is Counting.PACKED:
        return
    if limit.subject in ALWAYS_PACKED:
        yield "uses", "too_many", f"of a {limit.subject} at most {MOST_PACKED} uses are counted"
    elif limit.period is Period.ROLLING:
        detail = f"the last hours are counted of a contact, a device, or up to {MOST_PACKED} uses"
        yield "period", "not_counted", f"{detail} of a code"
