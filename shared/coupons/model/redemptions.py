"""A redemption: one order, the coupons used in it, and what was drawn for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from shared.coupons.model.baskets import Basket
from shared.coupons.model.limits import Subject


class RedemptionState(StrEnum):
    """Where a redemption stands; the last three count no more."""

    RESERVED = "reserved"
    REDEEMED = "redeemed"
    RELEASED = "released"
    EXPIRED = "expired"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a limit is counted: of which subject, in which window (``ever``, ``2026-11-23``).

    ``coupon_id`` is whose limit it is; ``None``: the app's. ``subject`` is the kind of subject that
    ``subject_id`` names.
    """

    app_id: str
    coupon_id: str | None
    limit_id: str
    subject: Subject
    subject_id: str
    window: str

    def is_of_same_limit(self, other: "Place") -> bool:
        """Say whether both are places of one limit, whatever the subject and window."""
        return (self.coupon_id, self.limit_id) == (other.coupon_id, other.limit_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A number drawn from one of a place's counters."""

    place: Place
    shard: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A use noted in the packed item of a place's subject."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """An amount drawn from one of a place's budgets."""

    place: Place
    shard: int
    amount: int


Draw: TypeAlias = Ticket | Entry | Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What one coupon gives in one order, in the order of application.

    ``lines`` is the discount of each line that has one, by ``line_id``; with ``shipping`` they sum
    to ``discount``.
    """

    coupon_id: str
    discount: int
    lines: Mapping[str, int]
    shipping: int = 0
    fingerprint: str | None = None
    last_four: str | None = None
    claim_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One coupon's part of a redemption: what it gave, what was drawn, what was given back since.

    ``draws`` is what it holds of the coupon's and the app's limits now: what was given back is
    gone from it. ``returned`` is the discount taken back by rollbacks, by ``line_id``, and
    ``returned_shipping`` that of shipping.
    ``keeps_use``: a rollback gives no use back, as was promised when the coupon was used.
    """

    applied: Applied
    draws: tuple[Draw, ...] = ()
    returned: Mapping[str, int] = field(default_factory=dict)
    returned_shipping: int = 0
    keeps_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """The discount that one coupon gets back by a refund, in minor units, by ``line_id``."""

    coupon_id: str
    lines: Mapping[str, int]
    shipping: int = 0

    @property
    def discount(self) -> int:
        """Return what it gets back in all."""
        return sum(self.lines.values()) + self.shipping


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """What one refund does, in minor units.

    ``pieces`` are those returned now, ``lines`` what is paid back to the buyer for them, where that
    is something, by ``line_id``; ``shipping`` likewise. ``lessened`` is already taken from them:
    what stays is worth less discount than it had. ``given_back`` is in the order of the
    redemption's parts.
    """

    pieces: Mapping[str, int]
    lines: Mapping[str, int]
    given_back: tuple[GivenBack, ...]
    shipping: int = 0
    lessened: int = 0

    @property
    def amount(self) -> int:
        """Return what is paid back to the buyer."""
        return sum(self.lines.values()) + self.shipping

    @property
    def discount(self) -> int:
        """Return the discount that all coupons get back."""
        return sum(each.discount for each in self.given_back)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """A rollback that took place, and what came back and was given back by it.

    ``rollback_id`` is made from the request's key: the same request again finds its own rollback.
    """

    rollback_id: str
    at: datetime
    refund: Refund

    @property
    def pieces(self) -> Mapping[str, int]:
        """Return which pieces came back, by ``line_id``."""
        return self.refund.pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """One order with its coupons, as it was answered first.

    ``fingerprint`` is of the request that made it. ``contact_id`` is the contact under whom it was
    made, which may be one person with others by now. ``returned_lines`` has the pieces given back
    by line. ``reserved_until`` is when a reservation ends.
    """

    redemption_id: str
    app_id: str
    fingerprint: str
    basket: Basket
    parts: tuple[Part, ...]
    state: RedemptionState
    made_at: datetime
    contact_id: str | None = None
    device_id: str | None = None
    store_id: str | None = None
    till_id: str | None = None
    reserved_until: datetime | None = None
    returned_lines: Mapping[str, int] = field(default_factory=dict)
    rollbacks: tuple[Rollback, ...] = ()
    attempt: int = 0
    version: int = 1

    @property
    def discount(self) -> int:
        """Return what all its coupons gave together."""
        return sum(part.applied.discount for part in self.parts)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """Return all that it holds of any limit."""
        return tuple(draw for part in self.parts for draw in part.draws)

    @property
    def pieces_left(self) -> Mapping[str, int]:
        """Return the pieces of each line that were not given back, where there are some."""
        left = {
            line.line_id: line.quantity - self.returned_lines.get(line.line_id, 0)
            for line in self.basket.lines
        }
        return {line_id: pieces for line_id, pieces in left.items() if pieces}

    def has_run_out(self, now: datetime) -> bool:
        """Say whether it is a reservation that was not committed in time."""
        return (
            self.state is RedemptionState.RESERVED
            and self.reserved_until is not None
            and self.reserved_until <= now
        )

    def rollback(self, rollback_id: str) -> Rollback | None:
        """Return the rollback of an id, if it took place."""
        return next((one for one in self.rollbacks if one.rollback_id == rollback_id), None)
