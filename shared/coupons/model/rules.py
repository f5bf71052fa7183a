"""What must hold for a coupon to be used, and why it does not."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from shared.coupons.model.baskets import Basket, Line
from shared.kernel.events import Channel

Figures: TypeAlias = Mapping[str, int | str]

_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


class Reason(StrEnum):
    """Why a coupon cannot be used; Voucherify's and Talon.One's words where they have one."""

    NOT_FOUND = "resource_not_found"
    NOT_YET_ACTIVE = "voucher_not_active"
    NOT_ACTIVE_NOW = "voucher_not_active_now"
    EXPIRED = "voucher_expired"
    DISABLED = "voucher_disabled"
    EXHAUSTED = "quantity_exceeded"
    BUDGET_EXHAUSTED = "budget_exceeded"
    PERSON_LIMIT = "profile_limit_reached"
    OTHERS = "coupon_recipient_does_not_match"
    CLAIM_REQUIRED = "coupon_reservation_required"
    CONTACT_REQUIRED = "missing_customer"
    CURRENCY = "currency_mismatch"
    MINIMUM_AMOUNT = "minimum_amount"
    PRODUCTS = "products_required"
    QUANTITY = "minimum_quantity"
    SEGMENT = "segment"
    FIRST_ORDER = "first_order_only"
    CHANNEL = "channel"
    APP_VERSION = "app_version"
    OPERATING_SYSTEM = "operating_system"
    PUSH_PERMISSION = "push_permission"
    CONSENT = "consent"
    AD_NOT_SEEN = "ad_not_seen"
    STORE = "store"
    NO_EFFECT = "no_effect"
    NOT_COMBINABLE = "not_combinable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason, one sentence for the holder, and the figures of it in plain values."""

    reason: Reason
    detail: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What must hold, all of it; what is empty or ``None`` asks nothing.

    ``minimum_amount`` is of the lines in ``products`` or ``categories`` where those are named, else
    of all, before any discount; ``currency`` is that of every amount in the coupon. ``app_version``
    is the least (dotted numbers). ``consents`` are channels on all of which the person agreed to
    marketing; of every other set one is enough. ``texts`` replaces the sentence of a reason.
    """

    currency: str | None = None
    minimum_amount: int | None = None
    minimum_quantity: int | None = None
    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    first_order: bool = False
    channels: frozenset[Channel] = frozenset()
    app_version: str | None = None
    operating_systems: frozenset[str] = frozenset()
    push_permission: bool = False
    consents: frozenset[Channel] = frozenset()
    placements_seen: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    texts: Mapping[Reason, str] = field(default_factory=dict)

    def covers(self, line: Line) -> bool:
        """Say whether a line counts for the amount and the quantity."""
        if not self.products and not self.categories:
            return True
        return line.product_id in self.products or bool(line.categories & self.categories)

    @property
    def asks_of_person(self) -> bool:
        """Say whether it asks what is known only of somebody who is known."""
        return self.first_order or bool(self.consents)

    def refusal(self, reason: Reason, figures: Figures | None = None) -> Refusal:
        """Return a refusal in the coupon's own words, or in ours."""
        detail = self.texts.get(reason, SENTENCES[reason])
        return Refusal(reason=reason, detail=detail, figures=figures or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """In which circumstances a coupon is to be used, and by whom, as far as it is known.

    ``contact_id`` is the person's canonical contact, ``members`` are all of theirs, and
    ``origin_id`` is the one under whom it happens, where that is another one. What a rule asks for
    and is ``None`` here does not hold.
    """

    app_id: str
    at: datetime
    contact_id: str | None = None
    origin_id: str | None = None
    members: frozenset[str] = frozenset()
    device_id: str | None = None
    channel: Channel | None = None
    platform: str | None = None
    app_version: str | None = None
    push_permission: bool | None = None
    first_order: bool | None = None
    segments: frozenset[str] = frozenset()
    consents: frozenset[Channel] = frozenset()
    placements_seen: frozenset[str] = frozenset()
    store_id: str | None = None
    till_id: str | None = None

    def is_person_of(self, contact_id: str) -> bool:
        """Say whether a contact is the person's: the one that stands for them, or another."""
        return contact_id == self.contact_id or contact_id in self.members


NO_RULES = Rules()

SENTENCES: Mapping[Reason, str] = {
    Reason.NOT_FOUND: "this code cannot be used here",
    Reason.NOT_YET_ACTIVE: "it is not valid yet",
    Reason.NOT_ACTIVE_NOW: "it is not valid at this time of the week",
    Reason.EXPIRED: "it has expired",
    Reason.DISABLED: "it is not in use",
    Reason.EXHAUSTED: "all its uses are taken",
    Reason.BUDGET_EXHAUSTED: "all its money is spent",
    Reason.PERSON_LIMIT: "you have used it as often as you may",
    Reason.OTHERS: "it belongs to somebody else",
    Reason.CLAIM_REQUIRED: "take it in the app first",
    Reason.CONTACT_REQUIRED: "log in to use it",
    Reason.CURRENCY: "it is for another currency",
    Reason.MINIMUM_AMOUNT: "the order is too small",
    Reason.PRODUCTS: "nothing in the order belongs to it",
    Reason.QUANTITY: "the order has too few pieces",
    Reason.SEGMENT: "it is for others",
    Reason.FIRST_ORDER: "it is for a first order",
    Reason.CHANNEL: "it cannot be used on this channel",
    Reason.APP_VERSION: "it needs a newer version of the app",
    Reason.OPERATING_SYSTEM: "it is for other devices",
    Reason.PUSH_PERMISSION: "allow notifications to use it",
    Reason.CONSENT: "agree to be contacted to use it",
    Reason.AD_NOT_SEEN: "it is for who has seen its ad",
    Reason.STORE: "it is for another store",
    Reason.NO_EFFECT: "it changes nothing in this order",
    Reason.NOT_COMBINABLE: "it does not go together with the others",
}
"""What the holder is told, unless the coupon has a text of its own."""


def refusals(
    rules: Rules, basket: Basket | None, circumstances: Circumstances
) -> tuple[Refusal, ...]:
    """Return every reason why rules do not hold, in the order of ``Reason``.

    Without a basket (``None``) nothing is asked of it: what can be used is then a matter of the
    person alone.
    """
    found = dict(_of_basket(rules, basket)) if basket else {}
    found |= dict(_of_person(rules, circumstances)) | dict(_of_device(rules, circumstances))
    return tuple(rules.refusal(one, found[one]) for one in Reason if one in found)


def refusals_of_basket(rules: Rules, basket: Basket) -> tuple[Refusal, ...]:
    """Return every reason that lies in what is bought, whoever buys it."""
    found = dict(_of_basket(rules, basket))
    return tuple(rules.refusal(one, found[one]) for one in Reason if one in found)


def refusals_of_person(rules: Rules, circumstances: Circumstances) -> tuple[Refusal, ...]:
    """Return every reason that lies in who somebody is, whatever is bought, and where."""
    found = dict(_of_person(rules, circumstances))
    return tuple(rules.refusal(one, found[one]) for one in Reason if one in found)


def version_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers with which a version begins, zeros at the end left out: 1.10.0 is 1.10.

    ``None``: it does not begin with a number.
    """
    found = _LEADING_NUMBERS.match(text)
    if found is None:
        return None
    numbers = [int(part) for part in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _of_basket(rules: Rules, basket: Basket) -> Iterator[tuple[Reason, Figures]]:
    if rules.currency is not None and basket.currency != rules.currency:
        yield Reason.CURRENCY, {"currency": rules.currency}
        return
    lines = [line for line in basket.lines if rules.covers(line)]
    if not lines:
        yield Reason.PRODUCTS, {}
    amount = sum(line.amount for line in lines)
    if rules.minimum_amount is not None and amount < rules.minimum_amount:
        missing = rules.minimum_amount - amount
        yield Reason.MINIMUM_AMOUNT, {"minimum": rules.minimum_amount, "missing": missing}
    pieces = sum(line.quantity for line in lines)
    if rules.minimum_quantity is not None and pieces < rules.minimum_quantity:
        missing = rules.minimum_quantity - pieces
        yield Reason.QUANTITY, {"minimum": rules.minimum_quantity, "missing": missing}


def _of_person(rules: Rules, who: Circumstances) -> Iterator[tuple[Reason, Figures]]:
    if rules.segments and not rules.segments & who.segments:
        yield Reason.SEGMENT, {}
    if rules.placements_seen and not rules.placements_seen & who.placements_seen:
        yield Reason.AD_NOT_SEEN, {}
    if rules.asks_of_person and who.contact_id is None:
        yield Reason.CONTACT_REQUIRED, {}
        return
    if rules.first_order and who.first_order is not True:
        yield Reason.FIRST_ORDER, {}
    if missing := rules.consents - who.consents:
        yield Reason.CONSENT, {"channels": ", ".join(sorted(missing))}


def _of_device(rules: Rules, who: Circumstances) -> Iterator[tuple[Reason, Figures]]:
    if rules.channels and who.channel not in rules.channels:
        yield Reason.CHANNEL, {"channels": ", ".join(sorted(rules.channels))}
    if rules.app_version is not None and _is_older(who.app_version, than=rules.app_version):
        yield Reason.APP_VERSION, {"minimum": rules.app_version}
    if rules.operating_systems and who.platform not in rules.operating_systems:
        yield Reason.OPERATING_SYSTEM, {"systems": ", ".join(sorted(rules.operating_systems))}
    if rules.push_permission and who.push_permission is not True:
        yield Reason.PUSH_PERMISSION, {}
    if rules.stores and who.store_id not in rules.stores:
        yield Reason.STORE, {}


def _is_older(found: str | None, *, than: str) -> bool:
    version, least = version_of(found or ""), version_of(than)
    return version is None or least is None or version < least
