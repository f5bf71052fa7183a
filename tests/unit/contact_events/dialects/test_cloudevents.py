"""CloudEvents as other systems send them: who, when, what, and everything that is refused."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.dialects.cloudevents import (
    LARGEST_EVENT,
    MOST_EVENTS,
    translate,
)
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.outgoing import BATCH, STRUCTURED
from shared.contact_events.model.translations import Reject, Translation
from shared.kernel.clock import rfc3339
from shared.kernel.events import Channel, Direction, Purpose
from tests.fakes.clock import NOON

LETTER: dict[str, Any] = {
    "specversion": "1.0",
    "id": "17",
    "source": "/letters",
    "type": "message.sent.v1",
    "time": rfc3339(NOON),
    "subject": "customer/C-17",
}
BINARY = {f"ce-{name}": value for name, value in LETTER.items()}


def sent(payload: bytes, media_type: str | None = STRUCTURED, **headers: str) -> Translation:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"Content-Type": media_type, **named} if media_type else named
    return translate(payload, headers=given, app_id="app_1", received_at=NOON)


def structured(**change: Any) -> Translation:
    event = {name: value for name, value in {**LETTER, **change}.items() if value is not ...}
    return sent(json.dumps(event).encode())


def binary(body: bytes = b"", headers: Mapping[str, str] | None = None) -> Translation:
    return translate(body, headers={**BINARY, **(headers or {})}, app_id="app_1", received_at=NOON)


def the_event(translation: Translation) -> ForeignEvent:
    assert translation.rejects == ()
    (event,) = translation.events
    return event


def the_reject(translation: Translation) -> Reject:
    assert translation.events == ()
    (reject,) = translation.rejects
    return reject


def test_an_event_is_told_in_our_words() -> None:
    event = the_event(
        structured(
            channel="post",
            direction="out",
            purpose="marketing",
            campaign="spring",
            sequence=7,
            dataschema="https://example.com/letter",
            data={"cost": {"amount": 850_000, "currency": "CHF"}},
        )
    )
    assert event == ForeignEvent(
        app_id="app_1",
        source="cloudevents//letters",
        id="17",
        type="message.sent.v1",
        time=NOON,
        channel=Channel.POST,
        direction=Direction.OUT,
        purpose=Purpose.MARKETING,
        identifiers=(("customer", "C-17"),),
        data={
            "cost": {"amount": 850_000, "currency": "CHF"},
            "extensions": {
                "campaign": "spring",
                "sequence": 7,
                "dataschema": "https://example.com/letter",
            },
        },
    )


def test_binary_and_structured_mode_say_the_same() -> None:
    body = json.dumps({"pages": 2}).encode()
    in_headers = binary(body, {"content-type": "application/json", "CE-Channel": "post"})
    in_document = structured(datacontenttype="application/json", data={"pages": 2}, channel="post")
    assert the_event(in_headers) == the_event(in_document)


@pytest.mark.parametrize(
    ("subject", "identifiers", "contact_id", "names"),
    [
        ("contact/con_1", ..., "con_1", []),
        ("anonymous/browser-7", ..., None, [("anonymous", "browser-7")]),
        (..., [("email", "a@b.ch"), ("phone", "+41446681800")], None, None),
        ("customer/C-17", [("email", "a@b.ch")], None, None),
        ("order/12", [("email", "a@b.ch")], None, [("email", "a@b.ch")]),
    ],
)
def test_whom_it_is_about_stands_in_the_subject_or_the_data(
    subject: Any, identifiers: Any, contact_id: str | None, names: Any
) -> None:
    listed = (
        [{"namespace": name, "value": value} for name, value in identifiers]
        if identifiers is not ...
        else None
    )
    event = the_event(structured(subject=subject, data={"identifiers": listed, "pages": 2}))
    assert event.contact_id == contact_id
    assert event.data.get("extensions", {}) in ({}, {"subject": "order/12"})
    assert event.data["pages"] == 2
    assert "identifiers" not in event.data
    in_subject = [("customer", "C-17")] if subject == "customer/C-17" else []
    assert list(event.identifiers) == (names if names is not None else in_subject + identifiers)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("com.example.message.sent.v1", "message.sent.v1"),
        ("com.example.import.started.v1", "com.example.import.started.v1"),
        ("com.example.someevent", "com.example.someevent"),
        ("visit.started.v1", "visit.started.v1"),
    ],
)
def test_a_shared_type_loses_its_organisation(given: str, kept: str) -> None:
    assert the_event(structured(type=given)).type == kept


def test_without_a_time_it_happened_when_it_came() -> None:
    event = the_event(structured(time=...))
    assert (event.time, event.is_time_reckoned) == (NOON, True)


def test_any_zone_and_precision_of_rfc_3339_is_an_instant() -> None:
    event = the_event(structured(time="2026-03-01t14:00:00.123456789+02:00"))
    assert event.time == NOON + timedelta(microseconds=123_456)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"quoted \\"text\\""', 'quoted "text"'),
        ("%41", "A"),
    ],
)
def test_headers_are_decoded_as_the_binding_says(value: str, meant: str) -> None:
    event = the_event(binary(headers={"ce-remark": value}))
    assert event.data == {"extensions": {"remark": meant}}


@pytest.mark.parametrize("value", ["%C0%A0", "%", "%4", "%zz", "100%", "%FF", "caf\xe9"])
def test_headers_that_are_not_utf_8_are_refused(value: str) -> None:
    reject = the_reject(binary(headers={"ce-remark": value}))
    assert (reject.code, reject.pointer) == ("percent_encoding", "/remark")


def test_data_that_is_no_json_is_kept_as_it_came() -> None:
    for event in (
        the_event(binary(b"<a/>", {"content-type": "text/xml"})),
        the_event(structured(datacontenttype="text/xml", data="<a/>")),
        the_event(structured(datacontenttype="text/xml", data_base64="PGEvPg==")),
    ):
        assert event.raw == b"<a/>"
        assert event.data == {"extensions": {"datacontenttype": "text/xml"}}


def test_json_that_is_no_object_is_a_value() -> None:
    assert the_event(structured(data=[1, 2])).data == {"value": [1, 2]}
    encoded = structured(data_base64="WzEsIDJd", datacontenttype="application/json")
    assert the_event(encoded).data == {"value": [1, 2]}


def test_a_batch_keeps_its_good_events_and_names_the_others() -> None:
    batch = [LETTER, {**LETTER, "time": "yesterday"}, 7, {**LETTER, "id": "18"}]
    translation = sent(json.dumps(batch).encode(), BATCH)
    assert [event.id for event in translation.events] == ["17", "18"]
    assert [translation.index_of(number) for number in range(2)] == [0, 3]
    assert [(one.index, one.code, one.pointer) for one in translation.rejects] == [
        (1, "time", "/1/time"),
        (2, "event", "/2"),
    ]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"id": ...}, "missing", "/id"),
        ({"id": ""}, "attribute", "/id"),
        ({"source": 5}, "attribute", "/source"),
        ({"source": "x" * 200}, "source", "/source"),
        ({"specversion": "0.3"}, "specversion", "/specversion"),
        ({"type": "contact.erasure_requested.v1"}, "reserved", "/type"),
        ({"subject": ...}, "subject_unclear", ""),
        ({"subject": "order/12"}, "subject_unclear", ""),
        ({"subject": "email/a@b.ch"}, "subject_unclear", ""),
        ({"channel": "fax"}, "channel", "/channel"),
        ({"purpose": "fun"}, "purpose", "/purpose"),
        ({"time": "2026-03-01T12:00:00"}, "time", "/time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time", "/time"),
        ({"Remark": "x"}, "attribute_name", "/Remark"),
        ({"remark": 1.5}, "attribute", "/remark"),
        ({"remark": 2**31}, "attribute", "/remark"),
        ({"remark": {"a": 1}}, "attribute", "/remark"),
        ({"data": {"raw": 1}}, "reserved", "/data/raw"),
        ({"data": {"extensions": 1}, "remark": "x"}, "reserved", "/data/extensions"),
        ({"data": {"identifiers": "a@b.ch"}}, "identifiers", "/data/identifiers"),
        ({"data": {"identifiers": [{}]}}, "identifier", "/data/identifiers/0"),
        ({"data": 1, "data_base64": "MQ=="}, "data", "/data_base64"),
        ({"data_base64": "?"}, "base64", "/data_base64"),
        ({"data_base64": 7}, "base64", "/data_base64"),
        ({"data": "x" * LARGEST_EVENT}, "too_large", ""),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], code: str, pointer: str) -> None:
    reject = the_reject(structured(**change))
    assert (reject.index, reject.code, reject.pointer) == (0, code, pointer)


@pytest.mark.parametrize(
    ("payload", "media_type", "code"),
    [
        (b"{", STRUCTURED, "unreadable"),
        (b'{"a": NaN}', STRUCTURED, "unreadable"),
        (b'{"a": 1e999}', STRUCTURED, "unreadable"),
        (b'{"a": "\\ud800"}', STRUCTURED, "unreadable"),
        (b"[" * 70 + b"]" * 70, STRUCTURED, "unreadable"),
        (b"[" * 100_000, STRUCTURED, "unreadable"),
        (b"\xff", BATCH, "unreadable"),
        (b"{}", BATCH, "batch"),
        (b"[" + b"0," * MOST_EVENTS + b"0]", BATCH, "too_many_events"),
        (b"", "application/cloudevents+avro", "media_type"),
        (b"{}", "application/json", "missing"),
        (b"", None, "missing"),
    ],
)
def test_a_payload_that_cannot_be_read_is_one_reject(
    payload: bytes, media_type: str | None, code: str
) -> None:
    assert the_reject(sent(payload, media_type)).code == code


MEDIA_TYPES = st.sampled_from([STRUCTURED, BATCH, "application/json", "text/plain", ""])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(), MEDIA_TYPES, st.dictionaries(st.sampled_from([*BINARY, "ce-x"]), st.text()))
def test_no_bytes_and_no_headers_are_too_strange(
    payload: bytes, media_type: str, headers: dict[str, str]
) -> None:
    translation = translate(
        payload,
        headers={**headers, "content-type": media_type},
        app_id="app_1",
        received_at=NOON,
    )
    assert len(translation.events) + len(translation.rejects) <= 1


CHANGES = st.fixed_dictionaries({}, optional=dict.fromkeys([*LETTER, "data"], JSON))


@given(st.lists(CHANGES))
def test_every_event_of_a_batch_is_kept_or_named(changes: list[dict[str, Any]]) -> None:
    batch = [{**LETTER, **change} for change in changes]
    translation = sent(json.dumps(batch).encode(), BATCH)
    assert len(translation.events) + len(translation.rejects) == len(batch)
