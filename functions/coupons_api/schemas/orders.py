"""Orders that use coupons, on the wire: validations, redemptions, rollbacks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from functions.coupons_api.schemas import Currency, Id
from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.redemptions import (
    Applied,
    GivenBack,
    Redemption,
    RedemptionState,
    Rollback,
)
from shared.coupons.model.reservations import LONGEST_HOLD
from shared.coupons.model.rules import Reason, Refusal
from shared.coupons.model.validation import MOST_PRESENTED, Presented, Status, Verdict
from shared.coupons.ports.validation import Best, Miss
from shared.coupons.service.validation import Validation
from shared.kernel.events import Channel
from shared.platform.http.schemas import In, Out

MOST_LINES = 200
MOST_PIECES = 1_000
MOST_AMOUNT = 10**9

Money: TypeAlias = Annotated[StrictInt, Field(ge=0, le=MOST_AMOUNT, description="Minor units.")]
Count: TypeAlias = Annotated[StrictInt, Field(ge=1, le=MOST_PIECES)]
Categories: TypeAlias = Annotated[tuple[Id, ...], Field(max_length=20)]


class LineIn(In):
    """Pieces of a product at a price each."""

    line_id: Id
    product_id: Id
    quantity: Count
    unit_price: Money
    categories: Categories = ()

    def line(self) -> Line:
        """Return the line in the words of the model."""
        return Line(
            line_id=self.line_id,
            product_id=self.product_id,
            quantity=self.quantity,
            unit_price=self.unit_price,
            categories=frozenset(self.categories),
        )


class BasketIn(In):
    """What somebody wants to buy; all amounts are minor units of one currency."""

    currency: Currency
    lines: Annotated[tuple[LineIn, ...], Field(min_length=1, max_length=MOST_LINES)]
    shipping: Money = 0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if len({line.line_id for line in self.lines}) < len(self.lines):
            raise PydanticCustomError("twice", "a line_id is unique in its basket")
        if self.basket().subtotal + self.shipping > MOST_AMOUNT:
            raise PydanticCustomError("too_large", "a basket costs at most 10^9 minor units")
        return self

    def basket(self) -> Basket:
        """Return the basket in the words of the model."""
        return Basket(
            currency=self.currency,
            lines=tuple(line.line() for line in self.lines),
            shipping=self.shipping,
        )


class RedeemableIn(In):
    """A code, or a coupon that was claimed."""

    code: Annotated[str, Field(min_length=1, max_length=256, examples=["WELCOME10"])] | None = None
    coupon_id: Annotated[str, Field(pattern=r"^cpn_[0-9A-Z]{26}$")] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.code is None) == (self.coupon_id is None):
            raise PydanticCustomError("one_of", "either code or coupon_id")
        return self

    def presented(self) -> Presented:
        """Return what is presented, in the words of the model."""
        return Presented(code=self.code, coupon_id=self.coupon_id)


class OrderIn(In):
    """An order, and what it wants to use."""

    redeemables: Annotated[tuple[RedeemableIn, ...], Field(min_length=1, max_length=MOST_PRESENTED)]
    basket: BasketIn
    quote: Annotated[str, Field(min_length=1, max_length=8_192)] | None = Field(
        default=None, description="Of a validation of the same basket by the same caller."
    )
    first_order: StrictBool | None = Field(
        default=None, description="Said by a till; of others it is not believed."
    )
    channel: Channel | None = Field(
        default=None, description="Said by a till; of others it is not believed."
    )

    def presented(self) -> tuple[Presented, ...]:
        """Return what is presented, in the words of the model."""
        return tuple(one.presented() for one in self.redeemables)


class ValidationIn(OrderIn):
    """An order to judge: nothing is used by it."""

    with_best: StrictBool = Field(
        default=False, description="Say which of what may be used to use together."
    )


class Mode(StrEnum):
    """What is to be done: `reserve` holds the uses for a while, `commit` takes them."""

    RESERVE = "reserve"
    COMMIT = "commit"


class RedemptionIn(OrderIn):
    """An order to use coupons in: all that it presents, or nothing."""

    mode: Mode = Mode.COMMIT
    hold_seconds: Annotated[StrictInt, Field(ge=1, le=int(LONGEST_HOLD.total_seconds()))] = Field(
        default=900, description="Of a reservation; the same request again renews it."
    )

    def hold(self) -> timedelta | None:
        """Return for how long the uses are to be held; ``None``: they are to be taken."""
        return timedelta(seconds=self.hold_seconds) if self.mode is Mode.RESERVE else None


class RefusalOut(Out):
    """A reason why a coupon cannot be used, and its figures."""

    reason: Reason
    detail: str
    figures: dict[str, int | str]

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        """Render a reason."""
        return cls(reason=refusal.reason, detail=refusal.detail, figures=dict(refusal.figures))


class AppliedOut(Out):
    """What a coupon gives, in minor units; the lines and shipping sum to the discount."""

    coupon_id: str
    discount: int
    lines: dict[str, int] = Field(description="By `line_id`.")
    shipping: int
    last_four: str | None = Field(description="Of the code by which it is used.")

    @classmethod
    def of(cls, applied: Applied) -> Self:
        """Render what a coupon gives."""
        return cls(
            coupon_id=applied.coupon_id,
            discount=applied.discount,
            lines=dict(applied.lines),
            shipping=applied.shipping,
            last_four=applied.last_four,
        )


class VerdictOut(Out):
    """What comes of one that was presented, in the order of the request."""

    status: Status
    coupon_id: str | None
    applied: AppliedOut | None
    refusals: tuple[RefusalOut, ...]

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Render a verdict."""
        return cls(
            status=verdict.status,
            coupon_id=verdict.coupon_id,
            applied=AppliedOut.of(verdict.applied) if verdict.applied else None,
            refusals=tuple(RefusalOut.of(one) for one in verdict.refusals),
        )


class BestOut(Out):
    """The best combination that was found; `exact`: there is no better one."""

    coupon_ids: tuple[str, ...]
    discount: int
    total: int
    exact: bool

    @classmethod
    def of(cls, best: Best) -> Self:
        """Render a combination."""
        priced = best.priced
        return cls(
            coupon_ids=tuple(one.coupon_id for one in priced.applied),
            discount=priced.before - priced.total,
            total=priced.total,
            exact=best.exact,
        )


class MissOut(Out):
    """A coupon that lacks only a little: what is missing, and the discount that it then gives."""

    coupon_id: str
    missing_amount: int
    missing_pieces: int
    unlocks: int

    @classmethod
    def of(cls, miss: Miss) -> Self:
        """Render what is missing."""
        return cls(
            coupon_id=miss.coupon_id,
            missing_amount=miss.missing_amount,
            missing_pieces=miss.missing_pieces,
            unlocks=miss.unlocks,
        )


class ValidationOut(Out):
    """What comes of an order, in minor units; `applied` is in the order of application."""

    currency: str
    before: int
    discount: int
    total: int
    redeemables: tuple[VerdictOut, ...]
    applied: tuple[AppliedOut, ...]
    best: BestOut | None
    miss: MissOut | None
    quote: str | None = Field(
        description="Proves for 15 minutes what was said here; null where nothing is applied."
    )

    @classmethod
    def of(cls, found: Validation, *, currency: str) -> Self:
        """Render what comes of an order."""
        priced = found.priced
        return cls(
            currency=currency,
            before=priced.before,
            discount=priced.before - priced.total,
            total=priced.total,
            redeemables=tuple(VerdictOut.of(one) for one in found.verdicts),
            applied=tuple(AppliedOut.of(one) for one in priced.applied),
            best=BestOut.of(found.best) if found.best else None,
            miss=MissOut.of(found.miss) if found.miss else None,
            quote=found.quote,
        )


class GivenBackOut(Out):
    """The discount that one coupon got back, in minor units."""

    coupon_id: str
    discount: int
    lines: dict[str, int]
    shipping: int

    @classmethod
    def of(cls, back: GivenBack) -> Self:
        """Render what a coupon got back."""
        return cls(
            coupon_id=back.coupon_id,
            discount=back.discount,
            lines=dict(back.lines),
            shipping=back.shipping,
        )


class RollbackOut(Out):
    """A rollback: which pieces came back, and what is paid back for them, in minor units."""

    rollback_id: str
    redemption_id: str
    at: datetime
    pieces: dict[str, int]
    amount: int
    lines: dict[str, int]
    shipping: int
    lessened: int = Field(
        description="Taken from the amount already: what stays is worth less discount than it had."
    )
    given_back: tuple[GivenBackOut, ...]

    @classmethod
    def of(cls, rollback: Rollback, *, redemption_id: str) -> Self:
        """Render a rollback."""
        refund = rollback.refund
        return cls(
            rollback_id=rollback.rollback_id,
            redemption_id=redemption_id,
            at=rollback.at,
            pieces=dict(refund.pieces),
            amount=refund.amount,
            lines=dict(refund.lines),
            shipping=refund.shipping,
            lessened=refund.lessened,
            given_back=tuple(GivenBackOut.of(one) for one in refund.given_back),
        )


class RedemptionOut(Out):
    """An order with the coupons used in it, in minor units."""

    redemption_id: str
    state: RedemptionState
    made_at: datetime
    reserved_until: datetime | None
    contact_id: str | None
    device_id: str | None
    store_id: str | None
    till_id: str | None
    currency: str
    before: int
    discount: int
    total: int
    applied: tuple[AppliedOut, ...]

    @classmethod
    def of(cls, redemption: Redemption) -> Self:
        """Render a redemption as it is now."""
        return cls(**_described(redemption))

    @classmethod
    def first(cls, redemption: Redemption) -> Self:
        """Render a redemption as it was answered first, whatever became of it since.

        A reservation is shown as it stands: who asks again wants to know whether it is held.
        """
        if redemption.reserved_until is not None:
            return cls.of(redemption)
        return cls(**_described(redemption) | {"state": RedemptionState.REDEEMED})


class RedemptionWithRollbacksOut(RedemptionOut):
    """A redemption as it is now, with all that was rolled back."""

    pieces_left: dict[str, int] = Field(description="By `line_id`, where there are some.")
    rollbacks: tuple[RollbackOut, ...]

    @classmethod
    def whole(cls, redemption: Redemption) -> Self:
        """Render a redemption and its rollbacks."""
        return cls(
            **_described(redemption),
            pieces_left=dict(redemption.pieces_left),
            rollbacks=tuple(
                RollbackOut.of(one, redemption_id=redemption.redemption_id)
                for one in redemption.rollbacks
            ),
        )


class ReturnedIn(In):
    """Pieces of a line that come back."""

    line_id: Id
    quantity: Count


class RollbackIn(In):
    """What comes back: some pieces of some lines, or, with none named, all that is left."""

    lines: Annotated[tuple[ReturnedIn, ...], Field(min_length=1, max_length=MOST_LINES)] | None = (
        None
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        if self.lines and len({one.line_id for one in self.lines}) < len(self.lines):
            raise PydanticCustomError("twice", "a line is named once")
        return self

    def pieces(self) -> Mapping[str, int] | None:
        """Return the pieces by line; ``None``: all that is left."""
        if self.lines is None:
            return None
        return {one.line_id: one.quantity for one in self.lines}


def _described(redemption: Redemption) -> dict[str, Any]:
    basket = redemption.basket
    before = basket.subtotal + basket.shipping
    return {
        "redemption_id": redemption.redemption_id,
        "state": redemption.state,
        "made_at": redemption.made_at,
        "reserved_until": redemption.reserved_until,
        "contact_id": redemption.contact_id,
        "device_id": redemption.device_id,
        "store_id": redemption.store_id,
        "till_id": redemption.till_id,
        "currency": basket.currency,
        "before": before,
        "discount": redemption.discount,
        "total": before - redemption.discount,
        "applied": tuple(AppliedOut.of(part.applied) for part in redemption.parts),
    }
