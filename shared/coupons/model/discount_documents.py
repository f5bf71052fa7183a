"""Discounts as JSON documents: a ``kind``, and what that kind needs.

Percentages are written as people write them, with two decimals at most: 12.5 is 1,250 hundredths.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from shared.coupons.model.discounts import (
    EVERYTHING,
    AmountOff,
    BuyXGetY,
    Discount,
    FixedPrice,
    FreeUnit,
    Level,
    PercentOff,
    Scope,
    ShippingOff,
)
from shared.kernel.documents import Fields, Reader
from shared.kernel.money import CURRENCY

MOST_AMOUNT = 10**12
"""Minor units."""

MOST_PIECES = 10_000
MOST_NAMED = 200
"""Products or categories that a coupon names."""

LONGEST_ID = 64

_WHOLE = 10_000


class DiscountKind(StrEnum):
    """What a coupon gives, in one word."""

    PERCENT = "percent"
    AMOUNT = "amount"
    FIXED_PRICE = "fixed_price"
    UNIT = "unit"
    SHIPPING = "shipping"
    BUY_X_GET_Y = "buy_x_get_y"


def discount_of(reader: Reader) -> Discount:
    """Return the discount that a document describes."""
    if not isinstance(reader.value, Mapping):
        reader.refuse("type", "an object is needed")
        return PercentOff(hundredths=_WHOLE)
    place = reader.below("kind", reader.value.get("kind"))
    kind = place.word(DiscountKind)
    if kind != place.value:
        # The fields of another kind would only be called unknown.
        return PercentOff(hundredths=_WHOLE)
    return _READ[kind](reader)


def document_of_discount(discount: Discount) -> dict[str, Any]:
    """Return the document of a discount; ``discount_of`` reads it back."""
    match discount:
        case PercentOff():
            return {
                "kind": DiscountKind.PERCENT.value,
                "percent_off": discount.hundredths / 100,
                **_leveled(discount),
                "max_discount": discount.max_discount,
            }
        case AmountOff():
            return {
                "kind": DiscountKind.AMOUNT.value,
                "amount_off": discount.amount,
                "currency": discount.currency,
                **_leveled(discount),
            }
        case FixedPrice():
            return {
                "kind": DiscountKind.FIXED_PRICE.value,
                "price": discount.price,
                "currency": discount.currency,
                **_leveled(discount),
            }
        case FreeUnit():
            return {
                "kind": DiscountKind.UNIT.value,
                "product_id": discount.product_id,
                "quantity": discount.quantity,
            }
        case ShippingOff():
            return {
                "kind": DiscountKind.SHIPPING.value,
                "percent_off": discount.hundredths / 100,
                "max_discount": discount.max_discount,
            }
        case BuyXGetY():
            return {
                "kind": DiscountKind.BUY_X_GET_Y.value,
                "buy": discount.buy,
                "get": discount.get,
                "applies_to": _document_of_scope(discount.scope),
                "gets": _document_of_scope(discount.gets),
                "percent_off": discount.hundredths / 100,
                "times": discount.times,
            }


def amount_of(reader: Reader) -> int:
    """Return an amount above 0, in minor units."""
    return reader.whole(least=1, most=MOST_AMOUNT)


def currency_of(reader: Reader) -> str:
    """Return an ISO 4217 code."""
    return reader.matched(CURRENCY, "three capital letters, as ISO 4217 has them")


def ids_of(reader: Reader) -> frozenset[str]:
    """Return the products, categories, segments or stores that are named."""
    return reader.texts(most=MOST_NAMED, longest=LONGEST_ID)


def _pieces(reader: Reader) -> int:
    return reader.whole(least=1, most=MOST_PIECES)


def _percent(reader: Reader) -> int:
    return reader.hundredths(most=100)


def _scope(reader: Reader) -> Scope:
    fields = reader.fields("products", "categories", "at_most")
    return Scope(
        products=fields.read("products", ids_of, otherwise=frozenset[str]()),
        categories=fields.read("categories", ids_of, otherwise=frozenset[str]()),
        at_most=fields.read("at_most", _pieces, otherwise=None),
    )


def _document_of_scope(scope: Scope) -> dict[str, Any]:
    return {
        "products": sorted(scope.products),
        "categories": sorted(scope.categories),
        "at_most": scope.at_most,
    }


def _leveled(discount: PercentOff | AmountOff | FixedPrice) -> dict[str, Any]:
    return {"level": discount.level.value, "applies_to": _document_of_scope(discount.scope)}


def _level(fields: Fields, *, otherwise: Level) -> Level:
    return fields.read("level", lambda one: one.word(Level), otherwise=otherwise)


def _read_percent(reader: Reader) -> Discount:
    fields = reader.fields(
        *("kind", "percent_off", "level", "applies_to", "max_discount"), required=("percent_off",)
    )
    return PercentOff(
        hundredths=fields.read("percent_off", _percent, otherwise=_WHOLE),
        level=_level(fields, otherwise=Level.ORDER),
        scope=fields.read("applies_to", _scope, otherwise=EVERYTHING),
        max_discount=fields.read("max_discount", amount_of, otherwise=None),
    )


def _read_amount(reader: Reader) -> Discount:
    fields = reader.fields(
        *("kind", "amount_off", "currency", "level", "applies_to"),
        required=("amount_off", "currency"),
    )
    return AmountOff(
        amount=fields.read("amount_off", amount_of, otherwise=1),
        currency=fields.read("currency", currency_of, otherwise=""),
        level=_level(fields, otherwise=Level.ORDER),
        scope=fields.read("applies_to", _scope, otherwise=EVERYTHING),
    )


def _read_fixed_price(reader: Reader) -> Discount:
    fields = reader.fields(
        *("kind", "price", "currency", "level", "applies_to"), required=("price", "currency")
    )

    def price(one: Reader) -> int:
        return one.whole(least=0, most=MOST_AMOUNT)

    return FixedPrice(
        price=fields.read("price", price, otherwise=0),
        currency=fields.read("currency", currency_of, otherwise=""),
        level=_level(fields, otherwise=Level.LINE),
        scope=fields.read("applies_to", _scope, otherwise=EVERYTHING),
    )


def _read_unit(reader: Reader) -> Discount:
    fields = reader.fields("kind", "product_id", "quantity", required=("product_id",))
    return FreeUnit(
        product_id=fields.read("product_id", lambda one: one.text(most=LONGEST_ID), otherwise=""),
        quantity=fields.read("quantity", _pieces, otherwise=1),
    )


def _read_shipping(reader: Reader) -> Discount:
    fields = reader.fields("kind", "percent_off", "max_discount")
    return ShippingOff(
        hundredths=fields.read("percent_off", _percent, otherwise=_WHOLE),
        max_discount=fields.read("max_discount", amount_of, otherwise=None),
    )


def _read_buy_x_get_y(reader: Reader) -> Discount:
    fields = reader.fields(
        *("kind", "buy", "get", "applies_to", "gets", "percent_off", "times"),
        required=("buy", "get"),
    )
    return BuyXGetY(
        buy=fields.read("buy", _pieces, otherwise=1),
        get=fields.read("get", _pieces, otherwise=1),
        scope=fields.read("applies_to", _scope, otherwise=EVERYTHING),
        gets=fields.read("gets", _scope, otherwise=EVERYTHING),
        hundredths=fields.read("percent_off", _percent, otherwise=_WHOLE),
        times=fields.read("times", _pieces, otherwise=None),
    )


_READ: Mapping[DiscountKind, Callable[[Reader], Discount]] = {
    DiscountKind.PERCENT: _read_percent,
    DiscountKind.AMOUNT: _read_amount,
    DiscountKind.FIXED_PRICE: _read_fixed_price,
    DiscountKind.UNIT: _read_unit,
    DiscountKind.SHIPPING: _read_shipping,
    DiscountKind.BUY_X_GET_Y: _read_buy_x_get_y,
}
