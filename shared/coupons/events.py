"""Facts the coupons domain publishes."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from shared.kernel.events import DomainEvent, Subject

SOURCE = "coupons"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionEvent(DomainEvent):
    """A fact about a coupon's definition, and who brought it about."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "coupon_id"
    coupon_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponCreated(DefinitionEvent):
    """A coupon was drafted."""

    type: ClassVar[str] = "coupon.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponUpdated(DefinitionEvent):
    """A coupon's terms were changed."""

    type: ClassVar[str] = "coupon.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponActivated(DefinitionEvent):
    """A coupon can be claimed and used from now on."""

    type: ClassVar[str] = "coupon.activated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponPaused(DefinitionEvent):
    """A coupon cannot be claimed or used until it is activated again."""

    type: ClassVar[str] = "coupon.paused.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponEnded(DefinitionEvent):
    """A coupon cannot be claimed or used any more."""

    type: ClassVar[str] = "coupon.ended.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponSettingsUpdated(DomainEvent):
    """What an app decides for all its coupons together was changed."""

    type: ClassVar[str] = "coupon_settings.updated.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponEvent(DomainEvent):
    """A fact about one coupon and one contact, on that contact's timeline.

    Where nobody knows the contact, as at a till, it is a fact about the coupon alone.
    """

    source: ClassVar[str] = SOURCE
    coupon_id: str
    contact_id: str | None

    @property
    @override
    def subject(self) -> Subject:
        """Return the contact, or else the coupon."""
        if self.contact_id is None:
            return Subject(kind="coupon", id=self.coupon_id)
        return Subject(kind="contact", id=self.contact_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponClaimed(CouponEvent):
    """The coupon is the contact's now: taken, or given (``by`` device, contact or marketer).

    ``ad_token_id``, ``flight_id`` and ``ad_id`` name the ad by a tap on which it was taken.
    """

    type: ClassVar[str] = "coupon.claimed.v1"
    claim_id: str
    by: str
    last_four: str | None = None
    ad_token_id: str | None = None
    flight_id: str | None = None
    ad_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseEvent(CouponEvent):
    """A fact about one coupon's part of a redemption; amounts are minor units of ``currency``."""

    redemption_id: str
    currency: str
    discount: int
    last_four: str | None = None
    device_id: str | None = None
    store_id: str | None = None
    till_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponReserved(UseEvent):
    """A use is held until ``reserved_until``."""

    type: ClassVar[str] = "coupon.reserved.v1"
    reserved_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponRedeemed(UseEvent):
    """A use took place."""

    type: ClassVar[str] = "coupon.redeemed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponReleased(UseEvent):
    """A held use was given back by the one who held it."""

    type: ClassVar[str] = "coupon.released.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponExpired(UseEvent):
    """A held use was not committed in time, and is free again."""

    type: ClassVar[str] = "coupon.expired.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponRolledBack(UseEvent):
    """A use was undone: wholly, or for ``lines`` of the order alone.

    ``discount`` is what was given back by this rollback, ``use_returned`` says whether the use can
    be had again.
    """

    type: ClassVar[str] = "coupon.rolled_back.v1"
    whole: bool
    use_returned: bool
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimExpired(CouponEvent):
    """A claim ran out without being used."""

    type: ClassVar[str] = "claim.expired.v1"
    claim_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponExhausted(DomainEvent):
    """A limit of the coupon has no use left, for now; ``window`` is the period that it counts."""

    type: ClassVar[str] = "coupon.exhausted.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "coupon_id"
    coupon_id: str
    limit_id: str
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJobEvent(DomainEvent):
    """A fact about a job that makes or takes in codes; ``kind`` is generate or import."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "coupon_id"
    coupon_id: str
    job_id: str
    kind: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJobStarted(CodeJobEvent):
    """A marketer ordered codes, or uploaded them: a worker begins."""

    type: ClassVar[str] = "code_job.started.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJobFinished(CodeJobEvent):
    """A job came to its end; ``codes`` are those that the coupon has by it."""

    type: ClassVar[str] = "code_job.finished.v1"
    state: str
    codes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TillKeyEvent(DomainEvent):
    """A fact about a key by which the tills of a store are known, and whose doing it was."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "store_id"
    store_id: str
    key_id: str
    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillKeyRegistered(TillKeyEvent):
    """Whoever signs with the key speaks for the store from now on."""

    type: ClassVar[str] = "till_key.registered.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TillKeyRemoved(TillKeyEvent):
    """What is signed with the key proves nothing any more."""

    type: ClassVar[str] = "till_key.removed.v1"
