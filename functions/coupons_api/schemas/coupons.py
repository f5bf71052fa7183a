"""Definitions of coupons, and the settings of apps, on the wire.

What fields mean together is judged by the model, which names each problem's place; here stands what
each may be alone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from functions.coupons_api.schemas import Amount, Currency, Id, Ids, Version
from shared.coupons.model.coupons import AfterRollback, Coupon, CouponState, PartialRefund
from shared.coupons.model.discounts import Level
from shared.coupons.model.documents import document_of, document_of_limit, document_of_settings
from shared.coupons.model.limits import MOST_LIMITS, Counting, Limit, Subject, write_units
from shared.coupons.model.rules import Reason
from shared.coupons.model.settings import CouponSettings
from shared.coupons.model.stacking import Base, Combination
from shared.coupons.service.limits import Adjusted
from shared.kernel.events import Channel
from shared.platform.http.schemas import In, Out

Pieces: TypeAlias = Annotated[StrictInt, Field(ge=1, le=10_000)]
Percent: TypeAlias = Annotated[
    StrictFloat | StrictInt,
    Field(gt=0, le=100, description="Two decimals at most: 12.5 is an eighth.", examples=[10]),
]
Uses: TypeAlias = Annotated[StrictInt, Field(ge=1, le=10**9)]
Hours: TypeAlias = Annotated[StrictInt, Field(ge=1, le=366 * 24)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, examples=["A tenth off"])]
TimeOfDay: TypeAlias = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["18:00"])
]
Moment: TypeAlias = Annotated[
    str,
    Field(
        max_length=64,
        description="A date, which is the whole local day, or an instant with its zone.",
        examples=["2026-12-24", "2026-11-27T09:00:00Z"],
    ),
]


class ScopeIn(In):
    """Which lines: of one of the products or categories; without either, all."""

    products: Ids = ()
    categories: Ids = ()
    at_most: Pieces | None = Field(default=None, description="Pieces of a line that it touches.")


class _LeveledIn(In):
    applies_to: ScopeIn | None = None


class PercentIn(_LeveledIn):
    """A share of the price; at most `max_discount` minor units."""

    kind: Literal["percent"]
    percent_off: Percent
    level: Level = Level.ORDER
    max_discount: Amount | None = None


class AmountIn(_LeveledIn):
    """An amount off the order, or off each piece of the lines."""

    kind: Literal["amount"]
    amount_off: Amount
    currency: Currency
    level: Level = Level.ORDER


class FixedPriceIn(_LeveledIn):
    """A new price of each piece, or of all the lines together."""

    kind: Literal["fixed_price"]
    price: Annotated[StrictInt, Field(ge=0, le=10**12, description="Minor units.")]
    currency: Currency
    level: Level = Level.LINE


class UnitIn(In):
    """Pieces of a product for nothing, as far as they are in the basket."""

    kind: Literal["unit"]
    product_id: Id
    quantity: Pieces = 1


class ShippingIn(In):
    """Shipping, wholly or a share of it."""

    kind: Literal["shipping"]
    percent_off: Percent = 100
    max_discount: Amount | None = None


class BuyXGetYIn(In):
    """For every `buy` pieces, the next `get` cheapest cost less."""

    kind: Literal["buy_x_get_y"]
    buy: Pieces
    get: Pieces
    applies_to: ScopeIn | None = None
    gets: ScopeIn | None = None
    percent_off: Percent = 100
    times: Pieces | None = None


Discount: TypeAlias = Annotated[
    PercentIn | AmountIn | FixedPriceIn | UnitIn | ShippingIn | BuyXGetYIn,
    Field(discriminator="kind"),
]


class HoursIn(In):
    """Hours of a day; they may go on past midnight."""

    start: TimeOfDay
    end: TimeOfDay


class ValidityIn(In):
    """When a coupon can be used, by the wall clock of its zone."""

    zone: Annotated[str, Field(max_length=64, examples=["Europe/Zurich"])] = "UTC"
    start: Moment | None = None
    end: Moment | None = None
    weekdays: Annotated[
        tuple[Annotated[StrictInt, Field(ge=1, le=7)], ...],
        Field(max_length=7, description="1 is Monday; none is every day."),
    ] = ()
    hours: Annotated[tuple[HoursIn, ...], Field(max_length=10)] = ()
    after_claim_minutes: Annotated[StrictInt, Field(ge=1, le=2 * 366 * 24 * 60)] | None = None


class LimitIn(In):
    """At most so many `uses`, or so much `amount` of discount, of a subject in a period.

    Of a limit that stands, `limit_id` says which it is; a new one has none.
    """

    limit_id: Id | None = None
    subject: Subject
    period: Literal["ever", "day", "week", "month", "rolling"] = "ever"
    uses: Uses | None = None
    amount: Amount | None = None
    hours: Hours | None = Field(default=None, description="Of the rolling period, and no other.")
    overflow: Annotated[StrictInt, Field(ge=0, le=10**9)] = Field(
        default=0, description="Uses more that are granted rather than refused."
    )
    peak: Annotated[StrictInt, Field(ge=1, le=25_600)] = Field(
        default=6_400, description="Uses a second that are expected at most."
    )


class RulesIn(In):
    """What must hold, all of it; of sets one is enough, but for consents, of which all."""

    currency: Currency | None = Field(default=None, description="Of every amount in the coupon.")
    minimum_amount: Amount | None = None
    minimum_quantity: Uses | None = None
    products: Ids = ()
    categories: Ids = ()
    segments: Ids = ()
    first_order: StrictBool = False
    channels: Annotated[tuple[Channel, ...], Field(max_length=len(Channel))] = ()
    app_version: Annotated[str, Field(min_length=1, max_length=64, examples=["2.10"])] | None = None
    operating_systems: Ids = ()
    push_permission: StrictBool = False
    consents: Annotated[tuple[Channel, ...], Field(max_length=len(Channel))] = ()
    placements_seen: Ids = ()
    stores: Ids = ()
    texts: dict[Reason, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict, description="What the holder is told instead, by the reason."
    )


class StackingIn(In):
    """How it stands to other coupons: an exclusive one goes together with none."""

    category: Id = "default"
    combination: Combination = Combination.EXCLUSIVE
    combines_with: Ids = ()
    order: Annotated[StrictInt, Field(ge=0, le=1_000)] = Field(
        default=100, description="Lower ones are applied first."
    )
    base: Base = Base.DISCOUNTED
    once_per_line: StrictBool = False


class ClaimTermsIn(In):
    """Whether and how it is taken in the app."""

    enabled: StrictBool = False
    required: StrictBool = Field(default=False, description="Only who claimed it can use it.")
    with_code: StrictBool = Field(default=False, description="Each claim brings a code of its own.")
    first: Uses | None = Field(default=None, description="So many claims are granted, exactly.")
    remind_before_hours: Hours | None = None
    reminder_template_id: Id | None = None


Limits: TypeAlias = Annotated[tuple[LimitIn, ...], Field(max_length=MOST_LIMITS)]
Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(max_length=500)]],
    Field(max_length=50),
]
Description: TypeAlias = Annotated[str, Field(max_length=2_000)]


class CouponIn(In):
    """A coupon: what it promises, to whom, when, and how often."""

    name: Name
    description: Description = ""
    discount: Discount
    validity: ValidityIn | None = None
    limits: Limits = ()
    rules: RulesIn | None = None
    stacking: StackingIn | None = None
    claims: ClaimTermsIn | None = None
    after_rollback: AfterRollback = AfterRollback.RETURN_USE
    partial_refund: PartialRefund = PartialRefund.KEEP
    metadata: Metadata = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what was sent as a document of the model."""
        return self.model_dump(mode="json", exclude_unset=True)


class CouponChangeIn(In):
    """Changes of a coupon: a field that is named is new, one that is null the default again."""

    version: Version
    name: Name | None = None
    description: Description | None = None
    discount: Discount | None = None
    validity: ValidityIn | None = None
    limits: Limits | None = None
    rules: RulesIn | None = None
    stacking: StackingIn | None = None
    claims: ClaimTermsIn | None = None
    after_rollback: AfterRollback | None = None
    partial_refund: PartialRefund | None = None
    metadata: Metadata | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was sent as a document of the model."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"version"})


class LimitOut(Out):
    """A limit, how it is counted, and what that adds to the write units of a redemption."""

    limit_id: str
    subject: Subject
    period: str
    uses: int | None
    amount: int | None
    hours: int | None
    overflow: int
    peak: int
    counting: Counting
    write_units: int

    @classmethod
    def of(cls, limit: Limit) -> Self:
        """Render a limit."""
        return cls(
            **document_of_limit(limit), counting=limit.counting, write_units=limit.write_units
        )


class CouponOut(Out):
    """A coupon, its defaults written out."""

    coupon_id: str
    state: CouponState
    version: int
    created_at: datetime
    name: str
    description: str
    discount: Discount
    validity: ValidityIn
    limits: tuple[LimitOut, ...]
    rules: RulesIn
    stacking: StackingIn
    claims: ClaimTermsIn
    after_rollback: AfterRollback
    partial_refund: PartialRefund
    metadata: dict[str, str]
    write_units: int = Field(
        description="Of one redemption with this coupon alone, the ledger's index apart."
    )

    @classmethod
    def of(cls, coupon: Coupon) -> Self:
        """Render a coupon."""
        return cls.model_validate(_described(coupon))


class ShortOut(Out):
    """A window of a limit that could not be lowered as far as was wished.

    Nothing more is granted in it. `missing` is how much more is used or held than the limit says.
    """

    limit_id: str
    window: str
    subject: Subject
    subject_id: str
    capacity: int
    missing: int

    @classmethod
    def of(cls, window: Adjusted) -> Self:
        """Render a window."""
        place = window.place
        return cls(
            limit_id=place.limit_id,
            window=place.window,
            subject=place.subject,
            subject_id=place.subject_id,
            capacity=window.capacity,
            missing=window.missing,
        )


class ChangedCouponOut(CouponOut):
    """A coupon after a change."""

    not_lowered: tuple[ShortOut, ...] = Field(
        description="Open windows of its limits in which more is used or held than these say."
    )

    @classmethod
    def after(cls, coupon: Coupon, short: Sequence[Adjusted]) -> Self:
        """Render a coupon, and what could not follow its limits."""
        shown = tuple(ShortOut.of(one) for one in short)
        return cls.model_validate({**_described(coupon), "not_lowered": shown})


class CouponsOut(Out):
    """A page of coupons, in the order of their creation."""

    items: tuple[CouponOut, ...]
    next_cursor: str | None


class CouponSettingsIn(In):
    """What holds for all coupons of the app together; the whole of it."""

    version: Annotated[
        StrictInt, Field(ge=0, le=10**9, description="The version that was read; 0 at first.")
    ]
    limits: Limits = Field(default=(), description="Of subject `app`, and no other.")
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Zurich"])] = "UTC"

    def document(self) -> dict[str, Any]:
        """Return what was sent as a document of the model."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"version"})


class CouponSettingsOut(Out):
    """What holds for all coupons of the app together."""

    version: int
    limits: tuple[LimitOut, ...]
    zone: str
    write_units: int = Field(description="What these limits add to each redemption.")

    @classmethod
    def of(cls, settings: CouponSettings) -> Self:
        """Render an app's settings."""
        return cls.model_validate(
            {
                **document_of_settings(settings),
                "version": settings.version,
                "limits": tuple(LimitOut.of(one) for one in settings.limits),
                "write_units": sum(one.write_units for one in settings.limits),
            }
        )


def _described(coupon: Coupon) -> dict[str, Any]:
    return {
        **document_of(coupon),
        "coupon_id": coupon.coupon_id,
        "state": coupon.state,
        "version": coupon.version,
        "created_at": coupon.created_at,
        "limits": tuple(LimitOut.of(one) for one in coupon.limits),
        "write_units": write_units(coupon.limits),
    }
