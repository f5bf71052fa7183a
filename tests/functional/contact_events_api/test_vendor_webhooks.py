"""Vendors' webhooks: believed by the vendor's own signature, or nothing is stored."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from functions.contact_events_api import wiring
from shared.contact_events.dialects import DIALECTS
from shared.kernel.clock import rfc3339, system_clock
from shared.platform.web import Fetched
from tests.deployment import Answer, Deployment
from tests.functional.tenants import LOG, stored
from tests.unit.contact_events.dialects.samples import sample
from tests.vendors import VENDORS, Sign, Vendor

HOST = "api.shop.example"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
SNS = "https://sns.eu-west-1.amazonaws.com"


def believe(deployed: Deployment, app_id: str, dialect: str, secret: str) -> None:
    made = deployed.request(
        f"POST /v1/apps/{app_id}/webhook-secrets",
        {"name": f"our-{dialect}", "dialect": dialect, "secret": secret},
        bearer=deployed.operator(),
    )
    assert (made.status, made.body.get("secret")) == (201, None), made.body


def hook(
    deployed: Deployment, app_id: str, dialect: str, body: str | bytes, headers: dict[str, str]
) -> Answer:
    sent = {"host": HOST, **headers}
    return deployed.request(f"POST /v1/apps/{app_id}/webhooks/{dialect}", body, headers=sent)


def send(deployed: Deployment, vendor: Vendor, app_id: str, sign: Sign) -> Answer:
    """Send a vendor's sample to an app, signed for its URL."""
    url = f"https://{HOST}/v1/apps/{app_id}/webhooks/{vendor.dialect}"
    return hook(deployed, app_id, vendor.dialect, vendor.body, sign(vendor.body, url))


def told(deployed: Deployment, dynamodb: Any, source: str) -> list[str]:
    rows = dynamodb.scan(TableName=deployed.tables["contact_events"])["Items"]
    return sorted(row["type"]["S"] for row in rows if row.get("source", {}).get("S", "") == source)


def test_every_vendor_is_tried() -> None:
    assert {vendor.dialect for vendor in VENDORS} == set(DIALECTS)


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_what_a_vendor_tells_twice_is_recorded_once(
    deployed: Deployment, dynamodb_client: Any, vendor: Vendor
) -> None:
    app_id = deployed.an_app()
    believe(deployed, app_id, vendor.dialect, vendor.secret)
    for _ in range(2):
        answer = send(deployed, vendor, app_id, vendor.sign)
        assert (answer.status, answer.body) == (204, None)
    assert told(deployed, dynamodb_client, vendor.dialect) == vendor.tells


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_without_the_right_signature_nothing_is_stored(
    deployed: Deployment, dynamodb_client: Any, vendor: Vendor
) -> None:
    app_id, other = deployed.an_app(), deployed.an_app()
    believe(deployed, app_id, vendor.dialect, vendor.secret)
    before = stored(deployed, dynamodb_client, but_for=(LOG,))
    for app, sign in (
        (app_id, lambda _body, _url: {}),
        (app_id, vendor.forge),
        (other, vendor.sign),
        (f"app_{'0' * 26}", vendor.sign),
    ):
        answer = send(deployed, vendor, app, sign)
        assert (answer.status, answer.body["code"]) == (401, "signature_mismatch")
    assert stored(deployed, dynamodb_client, but_for=(LOG,)) == before


@pytest.mark.parametrize("dialect", ["sendgrid", "shopify", "twilio"])
def test_a_signature_is_for_the_bytes_that_were_sent(deployed: Deployment, dialect: str) -> None:
    (vendor,) = (one for one in VENDORS if one.dialect == dialect)
    app_id = deployed.an_app()
    believe(deployed, app_id, dialect, vendor.secret)
    url = f"https://{HOST}/v1/apps/{app_id}/webhooks/{dialect}"
    signed = vendor.sign(vendor.body, url)
    assert hook(deployed, app_id, dialect, vendor.body + b"&a=1", signed).status == 401


def test_a_vendor_that_nobody_knows_has_no_webhook(deployed: Deployment) -> None:
    answer = hook(deployed, deployed.an_app(), "pigeon", "{}", {})
    assert (answer.status, answer.body["code"]) == (404, "dialect_not_found")


def test_more_than_a_megabyte_is_refused(deployed: Deployment) -> None:
    answer = hook(deployed, deployed.an_app(), "sendgrid", " " * (1024 * 1024 + 1), {})
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


class Sns:
    """SNS: it signs, has a certificate at its host, and is asked there to confirm."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.asked: list[str] = []

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        if not url.endswith(".pem"):
            return b""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = system_clock()
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        return built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def signed(self, **fields: str) -> str:
        message = {
            "MessageId": "m-1",
            "Timestamp": rfc3339(system_clock()),
            "TopicArn": TOPIC,
            **fields,
        }
        text = "".join(f"{name}\n{message[name]}\n" for name in sorted(message))
        made = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return json.dumps(
            {
                **message,
                "SignatureVersion": "2",
                "Signature": b64encode(made).decode(),
                "SigningCertURL": f"{SNS}/SimpleNotificationService-0a1b.pem",
            }
        )


@pytest.fixture
def sns(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> Sns:
    sns = Sns()
    fetched = Fetched(get=sns.get)
    monkeypatch.setattr(wiring, "web", lambda: fetched)
    return sns


def subscription(sns: Sns, url: str) -> str:
    return sns.signed(
        Type="SubscriptionConfirmation", Message="Confirm.", Token="t", SubscribeURL=url
    )


def test_a_subscription_is_confirmed_at_sns_alone(deployed: Deployment, sns: Sns) -> None:
    app_id = deployed.an_app()
    confirmed = f"{SNS}/?Action=ConfirmSubscription&Token=t"
    unknown = hook(deployed, app_id, "ses", subscription(sns, confirmed), {})
    assert (unknown.status, sns.asked) == (401, [])
    believe(deployed, app_id, "ses", TOPIC)
    elsewhere = subscription(sns, "https://sns.eu-west-1.amazonaws.com.evil.example/")
    assert hook(deployed, app_id, "ses", elsewhere, {}).status == 401
    assert confirmed not in sns.asked
    assert hook(deployed, app_id, "ses", subscription(sns, confirmed), {}).status == 204
    assert sns.asked[-1] == confirmed


def test_a_complaint_by_sns_is_recorded_and_the_certificate_fetched_once(
    deployed: Deployment, sns: Sns, dynamodb_client: Any
) -> None:
    app_id = deployed.an_app()
    believe(deployed, app_id, "ses", TOPIC)
    record = json.dumps(sample("ses", "complaint").body)
    for _ in range(2):
        message = sns.signed(Type="Notification", Message=record)
        assert hook(deployed, app_id, "ses", message, {}).status == 204
    assert told(deployed, dynamodb_client, "ses").count("contact.complained.v1") == 1
    assert len(sns.asked) == 1
