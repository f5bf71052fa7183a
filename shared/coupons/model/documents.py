"""A coupon's definition, and an app's settings, as JSON documents.

What a document leaves out, or has as null, is the default. Reading collects every problem, with its
place, and raises them together.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.coupons.model.coupons import (
    AfterRollback,
    ClaimTerms,
    Coupon,
    PartialRefund,
    check,
)
from shared.coupons.model.discount_documents import (
    LONGEST_ID,
    amount_of,
    currency_of,
    discount_of,
    document_of_discount,
    ids_of,
)
from shared.coupons.model.discounts import Discount, PercentOff
from shared.coupons.model.limits import MOST_LIMITS, Limit, Period, Subject, problems_of
from shared.coupons.model.rules import NO_RULES, Reason, Rules, version_of
from shared.coupons.model.settings import LIMITED, CouponSettings
from shared.coupons.model.stacking import ALONE, Base, Combination, Stacking
from shared.coupons.model.validity import Validity
from shared.coupons.model.validity_documents import document_of_validity, validity_of, zone_of
from shared.kernel.documents import Reader
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel

LONGEST_NAME = 128
LONGEST_DESCRIPTION = 2_000
LONGEST_TEXT = 200
MOST_METADATA = 50
LONGEST_METADATA = (40, 500)
"""A name and its value; with ``MOST_METADATA`` these are Stripe's."""

LARGEST = 16_384
"""Bytes of compact JSON: every validation and redemption reads it."""

MOST_USES = 10**9
USUAL_PEAK = 6_400
MOST_PEAK = 25_600
"""Uses a second: 64 counters of 400."""

MOST_HOURS = 366 * 24
MOST_ORDER = 1_000

_FIELDS = (
    *("name", "description", "discount", "validity", "limits", "rules", "stacking", "claims"),
    *("after_rollback", "partial_refund", "metadata"),
)


def coupon_of(document: Any, *, app_id: str, created_at: datetime, coupon_id: str = "") -> Coupon:
    """Return the draft that a document describes; its new limits have no id yet.

    Raises:
        InvalidFieldsError: it breaks a rule of documents, or its fields contradict each other;
            ``fields`` has every problem.
    """
    coupon = kept_coupon_of(document, app_id=app_id, created_at=created_at, coupon_id=coupon_id)
    size = len(compact(document_of(coupon)).encode(errors="replace"))
    if size > LARGEST:
        detail = f"at most {LARGEST} bytes with its defaults; these are {size}"
        problem = FieldProblem(pointer="", code="too_large", detail=detail)
        raise InvalidFieldsError("the coupon is too large", fields=[problem])
    check(coupon)
    return coupon


def kept_coupon_of(document: Any, *, app_id: str, created_at: datetime, coupon_id: str) -> Coupon:
    """Return the draft that a document describes which was held to all rules when it was written.

    Rules between fields, which may grow stricter, are not asked again.

    Raises:
        InvalidFieldsError: it is no such document; ``fields`` has every problem.
    """
    reader = Reader(document)
    fields = reader.fields(*_FIELDS, required=("name", "discount"))
    coupon = Coupon(
        coupon_id=coupon_id,
        app_id=app_id,
        created_at=created_at,
        name=fields.read("name", lambda one: one.text(most=LONGEST_NAME), otherwise=""),
        description=fields.read("description", _description, otherwise=""),
        discount=fields.read("discount", discount_of, otherwise=_NO_DISCOUNT),
        validity=fields.read("validity", validity_of, otherwise=Validity()),
        limits=fields.read("limits", limits_of, otherwise=()),
        rules=fields.read("rules", _rules, otherwise=NO_RULES),
        stacking=fields.read("stacking", _stacking, otherwise=ALONE),
        claims=fields.read("claims", _claims, otherwise=ClaimTerms()),
        after_rollback=fields.read(
            "after_rollback", _after_rollback, otherwise=AfterRollback.RETURN_USE
        ),
        partial_refund=fields.read("partial_refund", _partial_refund, otherwise=PartialRefund.KEEP),
        metadata=fields.read("metadata", _metadata, otherwise={}),
    )
    _raise(reader, "the coupon has problems")
    return coupon


def changed_by(changes: Any, coupon: Coupon) -> Coupon:
    """Return the draft of a coupon's definition after a change: a field that is named is new.

    A field that is null is the default again.

    Raises:
        InvalidFieldsError: as ``coupon_of``.
    """
    if not isinstance(changes, Mapping):
        raise InvalidFieldsError("an object is needed")
    return coupon_of(
        {**document_of(coupon), **changes},
        app_id=coupon.app_id,
        coupon_id=coupon.coupon_id,
        created_at=coupon.created_at,
    )


def document_of(coupon: Coupon) -> dict[str, Any]:
    """Return the document of a definition, its defaults written out; ``coupon_of`` reads it."""
    return {
        "name": coupon.name,
        "description": coupon.description,
        "discount": document_of_discount(coupon.discount),
        "validity": document_of_validity(coupon.validity),
        "limits": [document_of_limit(one) for one in coupon.limits],
        "rules": _document_of_rules(coupon.rules),
        "stacking": _document_of_stacking(coupon.stacking),
        "claims": {name: getattr(coupon.claims, name) for name in ClaimTerms.__dataclass_fields__},
        "after_rollback": coupon.after_rollback.value,
        "partial_refund": coupon.partial_refund.value,
        "metadata": dict(coupon.metadata),
    }


def settings_of(document: Any, *, app_id: str, version: int = 0) -> CouponSettings:
    """Return the settings that a document describes; its new limits have no id yet.

    Raises:
        InvalidFieldsError: it breaks a rule of documents; ``fields`` has every problem.
    """
    reader = Reader(document)
    fields = reader.fields("limits", "zone")
    settings = CouponSettings(
        app_id=app_id,
        limits=fields.read("limits", limits_of, otherwise=()),
        zone=fields.read("zone", zone_of, otherwise="UTC"),
        version=version,
    )
    reader.problems.extend(problems_of(settings.limits, subjects=LIMITED))
    _raise(reader, "the settings have problems")
    return settings


def document_of_settings(settings: CouponSettings) -> dict[str, Any]:
    """Return the document of an app's settings; ``settings_of`` reads it back."""
    return {
        "limits": [document_of_limit(one) for one in settings.limits],
        "zone": settings.zone,
    }


def compact(document: Mapping[str, Any]) -> str:
    """Return a document as JSON, in as few bytes as there are."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def limits_of(reader: Reader) -> tuple[Limit, ...]:
    """Return the limits that a list describes."""
    # One more is read than may be, so that the rule on their number speaks for itself.
    return tuple(_limit(one) for one in reader.items(most=MOST_LIMITS + 1))


def document_of_limit(limit: Limit) -> dict[str, Any]:
    """Return the document of a limit."""
    return {
        "limit_id": limit.limit_id,
        "subject": limit.subject.value,
        "period": limit.period.value,
        "uses": limit.uses,
        "amount": limit.amount,
        "hours": limit.hours,
        "overflow": limit.overflow,
        "peak": limit.peak,
    }


_NO_DISCOUNT: Discount = PercentOff(hundredths=1)
"""Read in the place of one that is missing, which is a problem already."""


def _raise(reader: Reader, detail: str) -> None:
    if reader.problems:
        raise InvalidFieldsError(detail, fields=reader.problems)


def _description(reader: Reader) -> str:
    return reader.text(least=0, most=LONGEST_DESCRIPTION)


def _limit(reader: Reader) -> Limit:
    fields = reader.fields(
        *("limit_id", "subject", "period", "uses", "amount", "hours", "overflow", "peak"),
        required=("subject",),
    )
    return Limit(
        limit_id=fields.read("limit_id", lambda one: one.text(most=LONGEST_ID), otherwise=""),
        subject=fields.read("subject", lambda one: one.word(Subject), otherwise=Subject.COUPON),
        period=fields.read("period", lambda one: one.word(Period), otherwise=Period.EVER),
        uses=fields.read("uses", _uses, otherwise=None),
        amount=fields.read("amount", amount_of, otherwise=None),
        hours=fields.read("hours", lambda one: one.whole(least=1, most=MOST_HOURS), otherwise=None),
        overflow=fields.read(
            "overflow", lambda one: one.whole(least=0, most=MOST_USES), otherwise=0
        ),
        peak=fields.read("peak", _peak, otherwise=USUAL_PEAK),
    )


def _peak(reader: Reader) -> int:
    return reader.whole(least=1, most=MOST_PEAK)


def _uses(reader: Reader) -> int:
    return reader.whole(least=1, most=MOST_USES)


def _rules(reader: Reader) -> Rules:
    fields = reader.fields(*Rules.__dataclass_fields__)
    none: frozenset[str] = frozenset()
    return Rules(
        currency=fields.read("currency", currency_of, otherwise=None),
        minimum_amount=fields.read("minimum_amount", amount_of, otherwise=None),
        minimum_quantity=fields.read("minimum_quantity", _uses, otherwise=None),
        products=fields.read("products", ids_of, otherwise=none),
        categories=fields.read("categories", ids_of, otherwise=none),
        segments=fields.read("segments", ids_of, otherwise=none),
        first_order=fields.read("first_order", Reader.flag, otherwise=False),
        channels=fields.read("channels", _channels, otherwise=frozenset[Channel]()),
        app_version=fields.read("app_version", _version, otherwise=None),
        operating_systems=fields.read("operating_systems", ids_of, otherwise=none),
        push_permission=fields.read("push_permission", Reader.flag, otherwise=False),
        consents=fields.read("consents", _channels, otherwise=frozenset[Channel]()),
        placements_seen=fields.read("placements_seen", ids_of, otherwise=none),
        stores=fields.read("stores", ids_of, otherwise=none),
        texts=fields.read("texts", _texts, otherwise={}),
    )


def _document_of_rules(rules: Rules) -> dict[str, Any]:
    written = {name: getattr(rules, name) for name in Rules.__dataclass_fields__}
    sets = {name: sorted(one) for name, one in written.items() if isinstance(one, frozenset)}
    texts = {reason.value: text for reason, text in sorted(rules.texts.items())}
    return {**written, **sets, "texts": texts}


def _channels(reader: Reader) -> frozenset[Channel]:
    return frozenset(reader.words(Channel))


def _version(reader: Reader) -> str:
    text = reader.text(most=LONGEST_ID)
    if text and version_of(text) is None:
        reader.refuse("version", "a version begins with a number: 2.10")
    return text


def _texts(reader: Reader) -> Mapping[Reason, str]:
    words = {reason.value: reason for reason in Reason}
    read: dict[Reason, str] = {}
    for name, text in reader.named(most=len(words)).items():
        if name in words:
            read[words[name]] = text.text(most=LONGEST_TEXT)
        else:
            text.refuse("word", "there is no such reason")
    return read


def _stacking(reader: Reader) -> Stacking:
    fields = reader.fields(*Stacking.__dataclass_fields__)

    def order(one: Reader) -> int:
        return one.whole(least=0, most=MOST_ORDER)

    return Stacking(
        category=fields.read(
            "category", lambda one: one.text(most=LONGEST_ID), otherwise=ALONE.category
        ),
        combination=fields.read(
            "combination", lambda one: one.word(Combination), otherwise=ALONE.combination
        ),
        combines_with=fields.read("combines_with", ids_of, otherwise=ALONE.combines_with),
        order=fields.read("order", order, otherwise=ALONE.order),
        base=fields.read("base", lambda one: one.word(Base), otherwise=ALONE.base),
        once_per_line=fields.read("once_per_line", Reader.flag, otherwise=False),
    )


def _document_of_stacking(stacking: Stacking) -> dict[str, Any]:
    return {
        "category": stacking.category,
        "combination": stacking.combination.value,
        "combines_with": sorted(stacking.combines_with),
        "order": stacking.order,
        "base": stacking.base.value,
        "once_per_line": stacking.once_per_line,
    }


def _claims(reader: Reader) -> ClaimTerms:
    fields = reader.fields(*ClaimTerms.__dataclass_fields__)

    def hours(one: Reader) -> int:
        return one.whole(least=1, most=MOST_HOURS)

    return ClaimTerms(
        enabled=fields.read("enabled", Reader.flag, otherwise=False),
        required=fields.read("required", Reader.flag, otherwise=False),
        with_code=fields.read("with_code", Reader.flag, otherwise=False),
        first=fields.read("first", _uses, otherwise=None),
        remind_before_hours=fields.read("remind_before_hours", hours, otherwise=None),
        reminder_template_id=fields.read(
            "reminder_template_id", lambda one: one.text(most=LONGEST_ID), otherwise=None
        ),
    )


def _after_rollback(reader: Reader) -> AfterRollback:
    return reader.word(AfterRollback)


def _partial_refund(reader: Reader) -> PartialRefund:
    return reader.word(PartialRefund)


def _metadata(reader: Reader) -> Mapping[str, str]:
    longest_name, longest_value = LONGEST_METADATA
    read: dict[str, str] = {}
    for name, value in reader.named(most=MOST_METADATA).items():
        if not 1 <= len(name) <= longest_name:
            value.refuse("name", f"a name has 1 to {longest_name} characters")
        read[name] = value.text(least=0, most=longest_value)
    return read
