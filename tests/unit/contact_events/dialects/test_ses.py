"""SES by its three ways, SNS's signature, and EventBridge's key."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from shared.contact_events.dialects import connect, ses
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.events import fingerprint
from shared.contact_events.model.payloads import Payload, Trust
from shared.kernel.clock import rfc3339
from tests.fakes.clock import NOON
from tests.unit.contact_events.dialects.samples import APP, Sample, payload, sample, samples

RECORDS = [one for one in samples("ses") if isinstance(one.body, dict) and "mail" in one.body]


def by_sns(record: Any) -> Payload:
    return payload(json.dumps({**sample("ses", "sns").body, "Message": json.dumps(record)}))


def by_eventbridge(record: Any) -> Payload:
    return payload({**sample("ses", "eventbridge").body, "detail": record})


@pytest.mark.parametrize("one", RECORDS, ids=lambda one: one.name)
def test_a_record_is_the_same_events_by_whatever_way_it_comes(one: Sample) -> None:
    told = [
        [(event.id, fingerprint(event)) for event in ses.translate(came, app_id=APP).events]
        for came in (one.payload, by_sns(one.body), by_eventbridge(one.body))
    ]
    assert told[0] == told[1] == told[2]


def test_an_address_in_capitals_is_the_same_recipient() -> None:
    record = sample("ses", "complaint").body
    told = json.dumps(record).replace("ada@example.com", "Ada@Example.com")
    (first,) = ses.translate(payload(json.dumps(record)), app_id=APP).events
    (again,) = ses.translate(payload(told), app_id=APP).events
    assert first.id == again.id


def test_an_original_that_is_too_large_is_not_kept() -> None:
    record = sample("ses", "delivery").body
    (event,) = ses.translate(payload(record | {"padding": "x" * 70_000}), app_id=APP).events
    assert event.raw is None


def test_the_url_that_confirms_a_subscription_is_told() -> None:
    came = sample("ses", "sns_subscription")
    assert ses.confirmation_of(came.payload) == came.body["SubscribeURL"]


@pytest.mark.parametrize("name", ["sns", "eventbridge", "delivery"])
def test_nothing_else_asks_to_be_confirmed(name: str) -> None:
    assert ses.confirmation_of(sample("ses", name).payload) is None


@pytest.mark.parametrize("body", ["{", "[]", '{"Type": 1, "TopicArn": "t", "MessageId": "m"}'])
def test_what_cannot_be_read_asks_for_nothing(body: str) -> None:
    assert ses.confirmation_of(payload(body)) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-central-1.amazonaws.com.evil.example/?Action=ConfirmSubscription",
        "https://sns.eu-central-1.amazonaws.com@evil.example/",
        "https://sns.eu-central-1.amazonaws.com:8443/",
        "https://evil.example/sns.eu-central-1.amazonaws.com",
        "http://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://s3.eu-central-1.amazonaws.com/bucket",
        "https://[sns",
    ],
)
def test_no_url_but_one_of_sns_is_ever_fetched(url: str) -> None:
    came = payload(json.dumps({**sample("ses", "sns_subscription").body, "SubscribeURL": url}))
    with pytest.raises(SignatureMismatchError):
        ses.confirmation_of(came)


KEY = generate_private_key(65537, 2048)
CERTIFICATE_URL = (
    "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
)


def certificate(key: Any = KEY, *, since: datetime = NOON - timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=2))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


TOPIC = sample("ses", "sns").body["TopicArn"]
TRUST = Trust(topics=[TOPIC], certificate_of={CERTIFICATE_URL: certificate()}.__getitem__)
HASHES = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - SNS's first version


def message(name: str, **changes: Any) -> dict[str, Any]:
    """Return a message of SNS of noon, not signed; ``None`` leaves a field out."""
    fields = {
        **sample("ses", name).body,
        "Timestamp": rfc3339(NOON),
        "SigningCertURL": CERTIFICATE_URL,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def signed(fields: Mapping[str, Any], *, key: Any = KEY) -> dict[str, Any]:
    """Return a message with the signature that the documentation of SNS describes."""
    if fields["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    made = key.sign(text.encode(), PKCS1v15(), HASHES[fields["SignatureVersion"]])
    return {**fields, "Signature": b64encode(made).decode()}


BELIEVED = {
    "version 1": signed(message("sns")),
    "version 2": signed(message("sns", SignatureVersion="2")),
    "without a subject": signed(message("sns", Subject=None)),
    "a subscription": signed(message("sns_subscription")),
    "the end of one": signed(message("sns_subscription", Type="UnsubscribeConfirmation")),
}


@pytest.mark.parametrize("fields", BELIEVED.values(), ids=BELIEVED)
def test_a_message_that_sns_signed_is_believed(fields: Mapping[str, Any]) -> None:
    ses.verify(payload(json.dumps(fields)), trust=TRUST)


GOOD = BELIEVED["version 1"]
OTHER_TOPIC = "arn:aws:sns:eu-central-1:999999999999:mail"
WRONG: Mapping[str, Mapping[str, Any]] = {
    "another message": {**GOOD, "Message": "{}"},
    "another id": {**GOOD, "MessageId": "another"},
    "another subject": {**GOOD, "Subject": "another"},
    "another instant": {**GOOD, "Timestamp": rfc3339(NOON + timedelta(minutes=1))},
    "another kind": {**GOOD, "Type": "SubscriptionConfirmation"},
    "an unknown kind": {**GOOD, "Type": "Invitation"},
    "a topic of somebody else": signed(message("sns", TopicArn=OTHER_TOPIC)),
    "another key": signed(message("sns"), key=generate_private_key(65537, 2048)),
    "another version": {**GOOD, "SignatureVersion": "2"},
    "a version of tomorrow": {**GOOD, "SignatureVersion": "3"},
    "an old message": signed(message("sns", Timestamp=rfc3339(NOON - timedelta(hours=2)))),
    "a message of tomorrow": signed(message("sns", Timestamp=rfc3339(NOON + timedelta(hours=2)))),
    "a certificate of a bucket": {
        **GOOD,
        "SigningCertURL": "https://s3.amazonaws.com/SimpleNotificationService-01.pem",
    },
    "another file of SNS": {**GOOD, "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem"},
    "a signature that is not base64": {**GOOD, "Signature": "?"},
    "no signature": {name: value for name, value in GOOD.items() if name != "Signature"},
    "a message that is no text": {**GOOD, "Message": {}},
    "an event of EventBridge": sample("ses", "eventbridge").body,
    "a bare record": sample("ses", "delivery").body,
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_a_message_that_was_changed_is_refused(fields: Mapping[str, Any]) -> None:
    with pytest.raises(SignatureMismatchError):
        ses.verify(payload(json.dumps(fields)), trust=TRUST)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(SignatureMismatchError):
        ses.verify(payload("{"), trust=TRUST)


@pytest.mark.parametrize(
    "pem",
    [
        b"no certificate",
        certificate(since=NOON - timedelta(days=9)),
        certificate(since=NOON + timedelta(days=9)),
        certificate(ec_key(SECP256R1())),
    ],
    ids=["none", "an old one", "one of next week", "one of another kind"],
)
def test_a_certificate_that_proves_nothing_is_refused(pem: bytes) -> None:
    trust = replace(TRUST, certificate_of=lambda _url: pem)
    with pytest.raises(SignatureMismatchError):
        ses.verify(payload(json.dumps(GOOD)), trust=trust)


def test_without_a_way_to_fetch_certificates_nothing_is_believed() -> None:
    with pytest.raises(SignatureMismatchError):
        ses.verify(payload(json.dumps(GOOD)), trust=Trust(topics=[TOPIC]))


@pytest.mark.parametrize("dialect", [ses, connect], ids=["ses", "connect"])
@pytest.mark.parametrize(("key", "is_believed"), [("hush", True), ("", False), ("other", False)])
def test_an_event_of_eventbridge_is_believed_by_its_key(
    dialect: Any, key: str, *, is_believed: bool
) -> None:
    came = replace(by_eventbridge({}), headers={"x-api-key": key})
    trust = Trust(secrets=["hush", ""], topics=[TOPIC])
    if is_believed:
        dialect.verify(came, trust=trust)
    else:
        with pytest.raises(SignatureMismatchError):
            dialect.verify(came, trust=trust)
