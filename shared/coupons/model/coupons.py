"""A coupon: the definition that its codes, claims and redemptions obey."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.coupons.errors import CouponStateError
from shared.coupons.model.discounts import (
    AmountOff,
    Discount,
    FixedPrice,
    PercentOff,
    ShippingOff,
)
from shared.coupons.model.limits import Limit, Subject
from shared.coupons.model.limits import problems_of as problems_of_limits
from shared.coupons.model.rules import NO_RULES, Rules
from shared.coupons.model.stacking import ALONE, Combination, Stacking
from shared.coupons.model.validity import Validity
from shared.kernel.errors import FieldProblem, InvalidFieldsError


class CouponState(StrEnum):
    """Where a coupon stands: only an active one can be claimed or used."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"

    @property
    def has_run(self) -> bool:
        """Say whether somebody may have used it by then."""
        return self is not CouponState.DRAFT


LEADS_TO: Mapping[CouponState, frozenset[CouponState]] = {
    CouponState.DRAFT: frozenset({CouponState.ACTIVE, CouponState.ENDED}),
    CouponState.ACTIVE: frozenset({CouponState.PAUSED, CouponState.ENDED}),
    CouponState.PAUSED: frozenset({CouponState.ACTIVE, CouponState.ENDED}),
    CouponState.ENDED: frozenset(),
}
"""What may follow a state."""

LIMITED = frozenset(Subject) - {Subject.APP}
"""Whose uses a coupon may limit; those of an app are limited in its settings."""


class AfterRollback(StrEnum):
    """What becomes of the use when a whole order is rolled back."""

    RETURN_USE = "return_use"
    KEEP_USE = "keep_use"


class PartialRefund(StrEnum):
    """What becomes of the discount of the lines that stay when others are returned."""

    KEEP = "keep"
    """Each line keeps its share."""
    REEVALUATE = "reevaluate"
    """The discount is reckoned again for what stays; what is too much lessens the refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTerms:
    """Whether and how a coupon is taken in the app.

    ``enabled``: anybody may take it; without, it is only given. ``first`` claims are granted,
    exactly; ``None``: no bound. ``required``: only a claimed coupon can be used. ``with_code``:
    each claim has a unique code of its own. ``remind_before_hours``: a push so long before the
    claim ends.
    """

    enabled: bool = False
    required: bool = False
    with_code: bool = False
    first: int | None = None
    remind_before_hours: int | None = None
    reminder_template_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """What is promised.

    ``version`` grows with every change. ``limits_version`` grows when the limits change: counters
    of a new period are opened under it, so that none is opened by a limit of yesterday.
    """

    coupon_id: str
    app_id: str
    name: str
    discount: Discount
    validity: Validity
    created_at: datetime
    state: CouponState = CouponState.DRAFT
    limits: tuple[Limit, ...] = ()
    rules: Rules = NO_RULES
    stacking: Stacking = ALONE
    claims: ClaimTerms = field(default_factory=ClaimTerms)
    after_rollback: AfterRollback = AfterRollback.RETURN_USE
    partial_refund: PartialRefund = PartialRefund.KEEP
    metadata: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    version: int = 1
    limits_version: int = 1

    @property
    def currency(self) -> str | None:
        """Return the currency of its amounts; ``None``: it has none, and is for any."""
        if isinstance(self.discount, AmountOff | FixedPrice):
            return self.discount.currency
        return self.rules.currency

    @property
    def is_open(self) -> bool:
        """Say whether anybody may take it in the app."""
        return self.state is CouponState.ACTIVE and self.claims.enabled

    def moved_to(self, state: CouponState) -> "Coupon":
        """Return the coupon in another state.

        Raises:
            CouponStateError: that state does not follow this one.
        """
        if state not in LEADS_TO[self.state]:
            raise CouponStateError(f"it is {self.state}: it cannot become {state}")
        return replace(self, state=state, version=self.version + 1)

    def changed_to(self, terms: "Coupon") -> "Coupon":
        """Return its next version, with the terms of another definition.

        Limits keep the id that they name; one without gets a new one.

        Raises:
            CouponStateError: it has ended.
            InvalidFieldsError: its terms contradict each other, or change what cannot be changed
                once somebody may have used it.
        """
        if self.state is CouponState.ENDED:
            raise CouponStateError("it has ended: make another")
        problems = [*problems_of(terms), *_forbidden(self, terms)]
        if problems:
            raise InvalidFieldsError("the coupon cannot be changed so", fields=problems)
        limits = numbered(terms.limits, version=self.limits_version + 1)
        return replace(
            terms,
            coupon_id=self.coupon_id,
            app_id=self.app_id,
            created_at=self.created_at,
            state=self.state,
            limits=limits,
            version=self.version + 1,
            limits_version=self.limits_version + (limits != self.limits),
        )


def begun(terms: Coupon, *, coupon_id: str) -> Coupon:
    """Return a new draft with the terms of a definition.

    Raises:
        InvalidFieldsError: its terms contradict each other, or a limit names an id.
    """
    nothing_before = replace(terms, limits=())
    problems = [*problems_of(terms), *_forbidden_limits(nothing_before, terms)]
    if problems:
        raise InvalidFieldsError("the coupon is not well described", fields=problems)
    limits = numbered(terms.limits, version=terms.limits_version)
    return replace(terms, coupon_id=coupon_id, limits=limits)


def numbered(limits: Sequence[Limit], *, version: int) -> tuple[Limit, ...]:
    """Return limits of which each has an id; ``version`` is the one in which they are stored.

    An id is made of that version and the limit's place, so it is never given again, and short: each
    redemption carries it.
    """
    return tuple(
        one if one.limit_id else replace(one, limit_id=f"lim_{version}_{place}")
        for place, one in enumerate(limits, start=1)
    )


def check(coupon: Coupon) -> None:
    """Hold a definition to the rules between its fields.

    Raises:
        InvalidFieldsError: it breaks some; ``fields`` has every problem.
    """
    problems = list(problems_of(coupon))
    if problems:
        raise InvalidFieldsError("the coupon is not well described", fields=problems)


def problems_of(coupon: Coupon) -> Iterator[FieldProblem]:
    """Yield what is wrong between the fields of a definition."""
    yield from problems_of_limits(coupon.limits, subjects=LIMITED)
    yield from _problems_of_currency(coupon)
    yield from _problems_of_claims(coupon.claims)
    starts_at, ends_at = coupon.validity.starts_at, coupon.validity.ends_at
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        yield _problem("/validity/end", "order", "after the start")
    stacking = coupon.stacking
    if stacking.combination is Combination.EXCLUSIVE and stacking.combines_with:
        detail = "an exclusive coupon goes together with none"
        yield _problem("/stacking/combines_with", "exclusive", detail)


def _problems_of_currency(coupon: Coupon) -> Iterator[FieldProblem]:
    named = coupon.rules.currency
    if coupon.currency is None and any(_amounts(coupon)):
        yield _problem("/rules/currency", "missing", "its amounts need a currency")
    if named is not None and named != coupon.currency:
        yield _problem("/rules/currency", "differs", "a coupon has one currency: its discount's")


def _amounts(coupon: Coupon) -> Iterator[bool]:
    """Yield whether there is an amount, for each place that may have one."""
    yield coupon.rules.minimum_amount is not None
    yield any(limit.amount is not None for limit in coupon.limits)
    if isinstance(coupon.discount, PercentOff | ShippingOff):
        yield coupon.discount.max_discount is not None


def _problems_of_claims(terms: ClaimTerms) -> Iterator[FieldProblem]:
    if (terms.remind_before_hours is None) is not (terms.reminder_template_id is None):
        detail = "a reminder has both a time and a template"
        yield _problem("/claims/remind_before_hours", "kind", detail)


def _forbidden(before: Coupon, after: Coupon) -> Iterator[FieldProblem]:
    """Yield what must not be changed: promises that were made, and what was counted."""
    yield from _forbidden_limits(before, after)
    if not before.state.has_run:
        return
    if after.discount != before.discount:
        yield _problem("/discount", "fixed", "it was promised: make another coupon")
    if after.validity.zone != before.validity.zone:
        yield _problem("/validity/zone", "fixed", "uses are counted by its days")
    if after.currency != before.currency:
        yield _problem("/rules/currency", "fixed", "amounts are counted in it")
    yield from _forbidden_claims(before.claims, after.claims)


def _forbidden_limits(before: Coupon, after: Coupon) -> Iterator[FieldProblem]:
    known = {limit.limit_id: limit for limit in before.limits}
    for place, limit in enumerate(after.limits):
        pointer = f"/limits/{place}"
        if not limit.limit_id:
            if before.state.has_run:
                detail = "a new limit would not count the uses before it: only a draft gets one"
                yield _problem(pointer, "fixed", detail)
        elif limit.limit_id not in known:
            yield _problem(f"{pointer}/limit_id", "unknown", "leave it out for a new limit")
        elif limit.meaning != known[limit.limit_id].meaning:
            yield _problem(pointer, "fixed", "how much can be changed, not what is counted")


def _forbidden_claims(before: ClaimTerms, after: ClaimTerms) -> Iterator[FieldProblem]:
    lowered = after.first is not None and (before.first is None or after.first < before.first)
    if lowered:
        yield _problem("/claims/first", "fixed", "more may be granted than before, not fewer")
    if after.with_code is not before.with_code:
        yield _problem("/claims/with_code", "fixed", "claims were made the other way")


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)
