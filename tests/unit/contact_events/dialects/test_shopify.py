"""Shopify: its signature (HMAC-SHA256 of the body, in base64), its prices and refunds."""

import hmac
import json
from base64 import b64encode
from dataclasses import replace

import pytest

from shared.contact_events.dialects import shopify
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.translations import Translation
from tests.fakes.clock import NOON
from tests.unit.contact_events.dialects.samples import APP, payload, sample

TRUST = Trust(secrets=["hush", "before"])
BODY = b'{"id": 1}\n'


def signed(body: bytes = BODY, *, secret: str = TRUST.secrets[0]) -> Payload:
    made = b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return Payload(body=body, headers={"x-shopify-hmac-sha256": made}, received_at=NOON)


@pytest.mark.parametrize("secret", TRUST.secrets)
def test_a_webhook_signed_with_either_secret_is_believed(secret: str) -> None:
    shopify.verify(signed(secret=secret), trust=TRUST)


WRONG = {
    "another body": replace(signed(), body=BODY.strip()),
    "another secret": signed(secret="other"),
    "another signature": replace(signed(), headers={"x-shopify-hmac-sha256": "AAAA"}),
    "a signature that is not ASCII": replace(signed(), headers={"x-shopify-hmac-sha256": "é"}),
    "no signature": replace(signed(), headers={}),
    "no bytes": replace(signed(), body={}),
}


AMOUNTS = [("59.90", "EUR", 5990), ("6000", "JPY", 6000), ("6000.00", "JPY", 6000)]


@pytest.mark.parametrize(("text", "currency", "minor"), [*AMOUNTS, ("1.234", "KWD", 1234)])
def test_a_price_is_told_in_minor_units_of_its_currency(
    text: str, currency: str, minor: int
) -> None:
    (event,) = ordered(total_price=text, currency=currency).events
    assert event.data["amount"] == minor


@pytest.mark.parametrize("text", ["free", "NaN", "Infinity", "1e99", "1e999999999", "€1"])
def test_a_price_that_is_none_is_rejected_at_its_place(text: str) -> None:
    (reject,) = ordered(total_price=text).rejects
    assert reject.pointer == "/total_price"


def ordered(**changes: str) -> Translation:
    body = json.dumps({**sample("shopify", "created").body, **changes})
    return shopify.translate(
        payload(body, headers={"x-shopify-topic": "orders/create"}), app_id=APP
    )


def test_a_refund_is_known_whichever_topic_tells_it() -> None:
    told = [
        event.id
        for name in ("cancelled", "updated_with_a_refund")
        for event in shopify.translate(sample("shopify", name).payload, app_id=APP).events
        if event.type == "purchase.refunded.v1"
    ]
    assert told == ["refund:509562969"] * 2


@pytest.mark.parametrize("came", WRONG.values(), ids=WRONG)
def test_a_webhook_that_was_changed_is_refused(came: Payload) -> None:
    with pytest.raises(SignatureMismatchError):
        shopify.verify(came, trust=TRUST)
