"""Twilio's signatures, made by Twilio's own library."""

from dataclasses import replace
from hashlib import sha256

import pytest
from twilio.request_validator import RequestValidator

from shared.contact_events.dialects import twilio
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.payloads import Payload, Trust
from tests.fakes.clock import NOON
from tests.unit.contact_events.dialects.samples import APP, sample

URL = "https://api.shop.example/v1/apps/app_1/webhooks/twilio"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
TRUST = Trust(secrets=["12345", "67890"])


def signed_form(
    fields: dict[str, list[str]], *, token: str = TRUST.secrets[0], url: str = URL
) -> Payload:
    body = "&".join(f"{name}={value}" for name, values in fields.items() for value in values)
    validator = RequestValidator(token)
    made = validator.compute_signature(url, Repeated(fields))
    return Payload(
        body=body.encode(),
        headers={"content-type": FORM, "x-twilio-signature": made},
        url=url,
        received_at=NOON,
    )


def signed_json(body: bytes, *, digest: str | None = None) -> Payload:
    url = f"{URL}?bodySHA256={digest or sha256(body).hexdigest()}"
    made = RequestValidator(TRUST.secrets[0]).compute_signature(url, {})
    return Payload(
        body=body,
        headers={"content-type": "application/json", "x-twilio-signature": made},
        url=url,
        received_at=NOON,
    )


class Repeated(dict[str, list[str]]):
    """Fields that come more than once, as frameworks hand them to Twilio's library."""

    def getall(self, name: str) -> list[str]:
        return self[name]


FIELDS = {"MessageSid": ["SM1"], "MessageStatus": ["sent"], "To": ["%2B41791234567"], "Body": [""]}
DECODED = FIELDS | {"To": ["+41791234567"]}


def status() -> Payload:
    """Return a callback whose fields are signed decoded, and sent encoded."""
    return replace(signed_form(DECODED), body=signed_form(FIELDS).body)


@pytest.mark.parametrize("token", TRUST.secrets)
def test_a_form_signed_with_either_secret_is_believed(token: str) -> None:
    twilio.verify(signed_form({"MessageSid": ["SM1"]}, token=token), trust=TRUST)


def test_a_form_with_encoded_fields_is_believed() -> None:
    twilio.verify(status(), trust=TRUST)


def test_a_form_with_a_repeated_field_is_believed() -> None:
    twilio.verify(signed_form({"Media": ["b", "a", "a"], "Body": ["x"]}), trust=TRUST)


def test_a_url_is_the_same_with_its_port() -> None:
    with_port = URL.replace("example/", "example:443/")
    came = signed_form({"MessageSid": ["SM1"]}, url=with_port)
    twilio.verify(replace(came, url=URL), trust=TRUST)


def test_a_list_of_events_is_believed_by_its_digest() -> None:
    body = sample("twilio", "event_streams").payload.body
    assert isinstance(body, bytes)
    came = signed_json(body)
    twilio.verify(came, trust=TRUST)
    assert twilio.translate(came, app_id=APP).events


def test_a_shared_key_signs_with_another_algorithm() -> None:
    body = b"[]"
    came = signed_json(body)
    made = RequestValidator(TRUST.secrets[0]).compute_signature(came.url, {}, "HMAC_SHA256")
    settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    headers = {
        **came.headers,
        "x-twilio-signature": made,
        "x-twilio-webhooks-signature-settings": settings,
    }
    twilio.verify(replace(came, headers=headers), trust=TRUST)
    unknown = {**headers, "x-twilio-webhooks-signature-settings": "algorithm=NONE"}
    with pytest.raises(SignatureMismatchError):
        twilio.verify(replace(came, headers=unknown), trust=TRUST)


def test_a_list_of_what_is_no_event_is_rejected_item_by_item() -> None:
    told = twilio.translate(signed_json(b'[{"MessageSid": "SM1"}, 1]'), app_id=APP)
    assert [reject.pointer for reject in told.rejects] == ["/0/type", "/1"]


def changed_headers(came: Payload, **changes: str) -> Payload:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return replace(came, headers={**came.headers, **named})


WRONG = {
    "another field": replace(status(), body=b"MessageSid=SM2&MessageStatus=sent"),
    "one field more": replace(status(), body=signed_form(FIELDS).body + b"&Extra=1"),  # type: ignore[operator]
    "another URL": replace(status(), url=URL + "?x=1"),
    "a URL that is none": replace(status(), url="https://[x:y/"),
    "another app": replace(status(), url=URL.replace("app_1", "app_2")),
    "another signature": changed_headers(status(), x_twilio_signature="AAAA"),
    "no signature": replace(status(), headers={"content-type": FORM}),
    "another secret": signed_form({"MessageSid": ["SM1"]}, token="other"),
    "a form that says it is JSON": changed_headers(status(), content_type="application/json"),
    "another body than that of the digest": replace(signed_json(b"[]"), body=b"[1]"),
    "a digest that is not that of the body": signed_json(b"[]", digest="0" * 64),
    "JSON without a digest": replace(
        signed_form({}), headers={**signed_form({}).headers, "content-type": "application/json"}
    ),
    "JSON to a URL that is none": replace(signed_json(b"[]"), url="https://[x:y/"),
    "no bytes": replace(status(), body={}),
}


@pytest.mark.parametrize("came", WRONG.values(), ids=WRONG)
def test_a_request_that_was_changed_is_refused(came: Payload) -> None:
    with pytest.raises(SignatureMismatchError):
        twilio.verify(came, trust=TRUST)


def test_nobody_is_believed_without_a_secret() -> None:
    with pytest.raises(SignatureMismatchError):
        twilio.verify(status(), trust=Trust())
