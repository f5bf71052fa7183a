"""Shopify: orders that were placed, paid, cancelled and refunded.

https://shopify.dev/docs/api/webhooks: the topic is a header, the body the resource. A refund of the
topic ``refunds/create`` does not say whose it is; the refunds in an order do, so they are taken
from there (``orders/updated``), each once, by its id.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from shared.contact_events.dialects.reading import (
    Part,
    UnreadablePartError,
    document_in,
    original,
    translated,
    without_nulls,
)
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.prices import minor_units
from shared.contact_events.model.translations import Translation
from shared.kernel.events import Channel, Direction

SOURCE = "shopify"

SIGNATURE_HEADER = "x-shopify-hmac-sha256"
TOPIC_HEADER = "x-shopify-topic"

MEANS: Mapping[str, Sequence[str]] = {
    "orders/create": ["purchase.placed.v1"],
    "orders/paid": ["purchase.completed.v1"],
    "orders/cancelled": ["purchase.cancelled.v1", "purchase.refunded.v1"],
    "orders/updated": ["purchase.refunded.v1"],
}
"""Shopify's topics, and what they are to us."""

_CLOCKS = {
    "purchase.placed.v1": "created_at",
    "purchase.completed.v1": "updated_at",
    "purchase.cancelled.v1": "cancelled_at",
}
"""The fields that say when; that an order was paid is not told but by the change of the order."""

_CHANNELS = {"web": Channel.WEB, "pos": Channel.F2F}
"""By ``source_name``: where the order was placed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """One thing that became true of an order."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]
    raw: bytes | None


def translate(payload: Payload, *, app_id: str) -> Translation:
    """Return what one webhook tells; never raises."""
    topic = payload.headers.get(TOPIC_HEADER, "")
    read = partial(_read, app_id=app_id, topic=topic)
    return translated(lambda: [document_in(payload.body)], read)


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check the HMAC-SHA256 of the body.

    Raises:
        SignatureMismatchError: it was not made with a secret of the app's.
    """
    if not isinstance(payload.body, bytes):
        raise SignatureMismatchError("the bytes are not there")
    said = payload.headers.get(SIGNATURE_HEADER, "").encode()
    made = (
        b64encode(hmac.digest(secret.encode(), payload.body, "sha256")) for secret in trust.secrets
    )
    if not any(hmac.compare_digest(said, one) for one in made):
        raise SignatureMismatchError("the webhook is signed by somebody else")


def _read(resource: Part, *, app_id: str, topic: str) -> Sequence[ForeignEvent] | None:
    if not topic:
        raise UnreadablePartError("", "missing", "the header X-Shopify-Topic says what this is")
    if topic == "refunds/create":
        detail = "a refund does not say whose it is: subscribe to orders/updated instead"
        raise UnreadablePartError("", "nobody_named", detail)
    if topic not in _FACTS:
        return None
    # A change of an order that refunds nothing is nothing to us, whoever it is about.
    facts = [fact for find in _FACTS[topic] for fact in find(resource)]
    if not facts:
        return None
    identifiers = tuple(_people(resource))
    origin = resource.optional_text("source_name") or ""
    return [
        ForeignEvent(
            app_id=app_id,
            source=SOURCE,
            id=fact.id,
            type=fact.type,
            time=fact.at,
            channel=_CHANNELS.get(origin),
            direction=Direction.IN,
            identifiers=identifiers,
            data=fact.data,
            raw=fact.raw,
        )
        for fact in facts
    ]


def _order(order: Part, *, type_: str) -> Iterator[_Fact]:
    order_id = str(order.whole_number("id"))
    currency = order.text("currency")
    yield _Fact(
        id=f"{order_id}:{type_}",
        type=type_,
        at=order.instant(_CLOCKS[type_]),
        data={
            "order_id": order_id,
            "amount": _minor(order.at("total_price"), currency),
            "currency": currency,
            "pieces": _pieces(order),
            "coupon_codes": [code.text("code") for code in _listed(order, "discount_codes")],
            "is_test": order.has("test") and order.value["test"] is True,
        },
        raw=original(order.value),
    )


def _refunds(order: Part) -> Iterator[_Fact]:
    """Yield the refunds of an order that gave money back."""
    for refund in _listed(order, "refunds"):
        paid_back = [each for each in refund.parts("transactions") if _is_refund(each)]
        if not paid_back:
            continue
        refund_id = str(refund.whole_number("id"))
        currency = paid_back[0].text("currency")
        yield _Fact(
            id=f"refund:{refund_id}",
            type="purchase.refunded.v1",
            at=refund.instant("created_at"),
            data={
                "order_id": str(order.whole_number("id")),
                "refund_id": refund_id,
                "amount": sum(_minor(each.at("amount"), currency) for each in paid_back),
                "currency": currency,
            },
            raw=original(refund.value),
        )


def _is_refund(transaction: Part) -> bool:
    return transaction.text("kind") == "refund" and transaction.text("status") == "success"


def _people(order: Part) -> Iterator[tuple[str, str]]:
    """Yield the identifiers of who bought; addresses may be somebody else's, and are not asked.

    Raises:
        UnreadablePartError: there are none, as in a sale over the counter to somebody unknown.
    """
    customer = order.at("customer") if order.has("customer") else Part({})
    found = {
        namespace: order.optional_text(namespace) or customer.optional_text(namespace)
        for namespace in ("email", "phone")
    }
    if not any(found.values()):
        raise UnreadablePartError(
            order.pointer, "nobody_named", "neither an e-mail nor a phone number"
        )
    yield from without_nulls(**found).items()


def _pieces(order: Part) -> int:
    return sum(line.whole_number("quantity") for line in _listed(order, "line_items"))


def _listed(part: Part, name: str) -> Sequence[Part]:
    return part.parts(name) if part.has(name) else []


def _minor(price: Part, currency: str) -> int:
    """Return a price, written as a decimal text, in minor units of its currency."""
    amount = minor_units(price.as_text(), currency)
    if amount is None:
        raise price.wrong("an amount of money")
    return amount


_FACTS: Mapping[str, Sequence[Callable[[Part], Iterator[_Fact]]]] = {
    "orders/create": [partial(_order, type_="purchase.placed.v1")],
    "orders/paid": [partial(_order, type_="purchase.completed.v1")],
    "orders/cancelled": [partial(_order, type_="purchase.cancelled.v1"), _refunds],
    "orders/updated": [_refunds],
}
