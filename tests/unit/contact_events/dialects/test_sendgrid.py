"""SendGrid: signatures as its own library checks them, events as others describe them."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import (
    generate_private_key as generate_rsa_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from sendgrid.helpers.eventwebhook import EventWebhook

from shared.contact_events.dialects import sendgrid
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.payloads import Payload, Trust
from shared.kernel.clock import EPOCH, rfc3339
from tests.fakes.clock import NOON
from tests.material import material
from tests.unit.contact_events.dialects.samples import APP, payload, samples

KEY, OLD_KEY = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())


def public(key: Any) -> str:
    """Return a public key as SendGrid shows it: base64 of its DER form."""
    return b64encode(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()


TRUST = Trust(secrets=[public(OLD_KEY), public(KEY)])
BODY = b'[{"email":"ada@example.com","event":"delivered"}]\r\n'
SECOND = (NOON - EPOCH) // timedelta(seconds=1)


def signed(body: bytes = BODY, *, second: object = SECOND) -> Payload:
    made = KEY.sign(f"{second}".encode() + body, ECDSA(SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": b64encode(made).decode(),
        "x-twilio-email-event-webhook-timestamp": f"{second}",
    }
    return Payload(body=body, headers=headers, received_at=NOON)


def test_what_sendgrids_own_library_believes_is_believed() -> None:
    came = signed()
    assert EventWebhook(public(KEY)).verify_signature(
        BODY.decode(),
        came.headers["x-twilio-email-event-webhook-signature"],
        came.headers["x-twilio-email-event-webhook-timestamp"],
    )
    sendgrid.verify(came, trust=TRUST)


def test_a_last_try_a_day_later_is_believed() -> None:
    sendgrid.verify(replace(signed(), received_at=NOON + timedelta(hours=24)), trust=TRUST)


def headers(**changes: str) -> dict[str, str]:
    named = {f"x-twilio-email-event-webhook-{name}": value for name, value in changes.items()}
    return {**signed().headers, **named}


WRONG = {
    "another body": replace(signed(), body=BODY.strip()),
    "another timestamp": replace(signed(), headers=headers(timestamp=str(SECOND + 1))),
    "no timestamp": replace(signed(), headers=headers(timestamp="")),
    "a timestamp in words": replace(signed(), headers=headers(timestamp="noon")),
    "a timestamp beyond the calendar": replace(signed(), headers=headers(timestamp="9" * 5000)),
    "another signature": replace(signed(), headers=headers(signature="AAAA")),
    "a signature that is not base64": replace(signed(), headers=headers(signature="?")),
    "a signature that is not ASCII": replace(signed(), headers=headers(signature="é")),
    "an old timestamp": replace(signed(), received_at=NOON + timedelta(hours=26)),
    "a timestamp of tomorrow": signed(second=SECOND + 26 * 3600),
    "no bytes": replace(signed(), body={}),
}


@pytest.mark.parametrize("came", WRONG.values(), ids=WRONG)
def test_a_request_that_was_changed_is_refused(came: Payload) -> None:
    with pytest.raises(SignatureMismatchError):
        sendgrid.verify(came, trust=TRUST)


@pytest.mark.parametrize("key", [OLD_KEY, generate_rsa_key(65537, 2048)])
def test_another_key_is_not_believed(key: Any) -> None:
    with pytest.raises(SignatureMismatchError):
        sendgrid.verify(signed(), trust=Trust(secrets=[public(key)]))


def test_what_is_no_key_is_not_believed() -> None:
    with pytest.raises(SignatureMismatchError):
        sendgrid.verify(signed(), trust=Trust(secrets=["AAAA"]))


@cache
def schemas() -> Mapping[str, Any]:
    """Return the newest schema of each kind of event, that somebody else wrote."""
    found = material("vendor-schemas", "com.sendgrid").glob("*-3-0-0.json")
    return {path.name.removesuffix("-3-0-0.json"): json.loads(path.read_text()) for path in found}


def test_each_kind_with_a_schema_means_something_to_us() -> None:
    assert set(schemas()) == set(sendgrid.MEANS)


def good_events() -> Iterator[dict[str, Any]]:
    """Yield the events of the samples of which something came."""
    for sample in samples("sendgrid"):
        told = {event.id for event in sendgrid.translate(sample.payload, app_id=APP).events}
        for event in sample.body if isinstance(sample.body, list) else []:
            if isinstance(event, dict) and event.get("sg_event_id") in told:
                yield event


def test_the_samples_are_as_others_describe_sendgrids_events() -> None:
    checked = 0
    for event in good_events():
        # The schemas are of the events after the seconds of the wire were made a text.
        at = rfc3339(EPOCH + timedelta(seconds=event["timestamp"]))
        Draft4Validator(schemas()[event["event"]]).validate({**event, "timestamp": at})
        checked += 1
    assert checked > len(schemas())


TEXTS = st.text(
    st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60
)  # what is printable


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of a schema, as far as these schemas go."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema) for kind in kinds])


def _of_kind(kind: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 2**63 - 1))
        case "array":
            return st.lists(values(schema.get("items", {"type": "string"})), max_size=3)
        case "object":
            fields = schema.get("properties", {})
            return st.fixed_dictionaries({}, optional={k: values(v) for k, v in fields.items()})
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return TEXTS


NEEDED = {
    "email": st.emails().filter(lambda address: len(address) < 320),
    "timestamp": st.integers(0, 4_000_000_000),
    "sg_event_id": st.from_regex(r"[A-Za-z0-9_-]{22,100}", fullmatch=True),
}


@given(data=st.data())
def test_whatever_fits_the_schema_is_an_event(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(schemas())))
    fields = schemas()[kind]["properties"]
    optional = {name: values(schema) for name, schema in fields.items() if name not in NEEDED}
    event = data.draw(st.fixed_dictionaries(NEEDED, optional=optional)) | {"event": kind}
    translation = sendgrid.translate(payload(json.dumps([event])), app_id=APP)
    (told,) = translation.events
    assert told.type == sendgrid.MEANS[kind][0]
    assert told.identifiers == (("email", event["email"]),)
    assert not translation.rejects
