"""What became of limits, recounted, on the wire."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from shared.coupons.model.limits import Subject
from shared.coupons.service.audit import LimitAudit
from shared.platform.http.schemas import Out


class LimitAuditOut(Out):
    """A limit in one window and of one subject: uses, or minor units of a budget.

    `granted` and `reserved` are recounted from what was written for each use, `available` is what
    the counters may still give out.
    """

    limit_id: str
    subject: Subject
    subject_id: str
    window: str
    limit: int
    granted: int
    reserved: int
    available: int
    in_flight: int = Field(
        description="Drawn and nobody's yet: a request is under way, or a sweep puts it back."
    )
    is_balanced: bool = Field(description="All add up to the limit.")

    @classmethod
    def of(cls, audit: LimitAudit) -> Self:
        """Render what became of a limit."""
        place = audit.place
        return cls(
            limit_id=place.limit_id,
            subject=place.subject,
            subject_id=place.subject_id,
            window=place.window,
            limit=audit.limit,
            granted=audit.granted,
            reserved=audit.reserved,
            available=audit.available,
            in_flight=audit.in_flight,
            is_balanced=audit.is_balanced,
        )


class AuditOut(Out):
    """The limits of a coupon, recounted."""

    items: tuple[LimitAuditOut, ...]
    is_balanced: bool

    @classmethod
    def of(cls, audits: Iterable[LimitAudit]) -> Self:
        """Render what became of limits."""
        items = tuple(LimitAuditOut.of(one) for one in audits)
        return cls(items=items, is_balanced=all(one.is_balanced for one in items))
