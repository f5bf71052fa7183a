"""The Segment wire as its libraries speak it, and everything that is refused of it."""

import gzip
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.dialects.segment import (
    CALLS,
    KNOWN,
    LARGEST_BATCH,
    LARGEST_EVENT,
    MOST_EVENTS,
    settings,
    translate,
    type_of,
)
from shared.contact_events.model.event_types import is_ours_alone
from shared.contact_events.model.events import ForeignEvent, fingerprint
from shared.contact_events.model.translations import Reject, Translation
from shared.kernel.clock import rfc3339
from shared.kernel.events import Channel, Direction
from tests.fakes.clock import NOON

TRACK: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": "C-17",
    "anonymousId": None,
    "messageId": "m-1",
    "timestamp": "2026-03-01T12:00:00.000+00:00",
    "properties": {},
    "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
    "integrations": {},
}
"""What analytics-python 2.4.0 sends."""


def batch(*messages: Any, at: datetime = NOON, **body: Any) -> Translation:
    payload = json.dumps({"batch": messages, "writeKey": "wk", **body}).encode()
    return translate(payload, app_id="app_1", received_at=at)


def track(event: str = "Order Completed", **change: Any) -> ForeignEvent:
    return the_event(batch({**TRACK, "event": event, **change}))


def the_event(translation: Translation) -> ForeignEvent:
    assert translation.rejects == ()
    (event,) = translation.events
    return event


def the_reject(translation: Translation) -> Reject:
    assert translation.events == ()
    (reject,) = translation.rejects
    return reject


def test_an_order_is_a_purchase_with_its_price_in_minor_units() -> None:
    properties = {"order_id": 12, "total": 27.5, "currency": "EUR", "products": [{"sku": "a"}]}
    assert track(properties=properties) == ForeignEvent(
        app_id="app_1",
        source="segment",
        id="m-1",
        type="purchase.completed.v1",
        time=NOON,
        direction=Direction.IN,
        identifiers=(("customer", "C-17"),),
        data={
            "event": "Order Completed",
            "order_id": "12",
            "amount": 2750,
            "currency": "EUR",
            "properties": properties,
        },
    )


def test_a_price_without_its_currency_is_no_amount() -> None:
    assert track(properties={"total": 5}).data == {
        "event": "Order Completed",
        "properties": {"total": 5},
    }


@pytest.mark.parametrize(
    ("message", "event_type", "channel", "data"),
    [
        ({"type": "page", "name": "Home"}, "page.viewed.v1", Channel.WEB, {"name": "Home"}),
        ({"type": "screen"}, "screen.viewed.v1", Channel.INAPP, {}),
        ({"type": "group", "groupId": "g"}, "group.joined.v1", None, {"group_id": "g"}),
        ({"type": "alias", "previousId": "b-7"}, "contact.aliased.v1", None, {}),
        (
            {"type": "identify", "traits": {"plan": "pro", "age": 3}},
            "contact.described.v1",
            None,
            {"traits": ["age", "plan"]},
        ),
    ],
)
def test_every_call_is_an_event(
    message: dict[str, Any], event_type: str, channel: Channel | None, data: dict[str, Any]
) -> None:
    event = the_event(batch({"userId": "C-17", "messageId": "m-1", **message}))
    assert (event.type, event.channel, event.data) == (event_type, channel, data)


def test_an_alias_names_both_whom_it_joins() -> None:
    event = the_event(batch({"type": "alias", "previousId": "b-7", "userId": "C-17"}))
    assert set(event.identifiers) == {("anonymous", "b-7"), ("customer", "C-17")}


@pytest.mark.parametrize("place", ["properties", "traits", "context"])
@pytest.mark.parametrize("call", [call for call in CALLS if call != "alias"])
def test_addresses_name_a_person_wherever_a_library_puts_them(call: str, place: str) -> None:
    traits = {"email": "ada@example.com", "phone": "+41 44 668 18 00"}
    message = {"type": call, "userId": 17, "event": "Seen", "groupId": "g"}
    message[place] = {"traits": traits} if place == "context" else traits
    event = the_event(batch(message))
    expected = {("customer", "17"), *traits.items()}
    if call == "group" and place == "traits":
        expected = {("customer", "17")}
    assert set(event.identifiers) == expected
    assert "ada@" not in json.dumps(event.data)
    assert event.raw
    assert "ada@" in event.raw.decode()


def test_what_is_no_address_names_nobody() -> None:
    event = track(context={"traits": {"email": "none", "phone": "0446681800"}})
    assert event.identifiers == (("customer", "C-17"),)


def test_mobile_libraries_name_people_in_the_context() -> None:
    event = track(
        userId=None, context={"traits": {"anonymousId": "a-1", "userId": "C-17"}}, properties=None
    )
    assert set(event.identifiers) == {("anonymous", "a-1"), ("customer", "C-17")}


def test_the_context_of_a_batch_is_that_of_its_calls() -> None:
    message = {**TRACK, "context": {"locale": "de"}}
    event = the_event(batch(message, context={"ip": "8.8.8.8", "locale": "fr"}))
    assert event.raw == b'{"context":{"ip":"8.8.8.8","locale":"de"}}'


def test_the_query_of_a_link_is_sealed() -> None:
    properties = {"url": "https://a.ch/x?mail=ada@a.ch#top", "path": "/x", "search": "?mail=ada"}
    event = the_event(batch({"type": "page", "userId": "C-17", "properties": properties}))
    assert event.data == {"properties": {"url": "https://a.ch/x", "path": "/x"}}
    assert event.raw
    assert json.loads(event.raw) == {
        "properties": {name: properties[name] for name in ("url", "search")}
    }


def test_what_a_server_sends_leaves_no_original() -> None:
    assert track().raw is None


@pytest.mark.parametrize(
    ("library", "channel"),
    [
        ("analytics-python", None),
        ("analytics.js", Channel.WEB),
        ("analytics-kotlin", Channel.INAPP),
    ],
)
def test_a_library_tells_the_channel(library: str, channel: Channel | None) -> None:
    assert track("Song Played", context={"library": {"name": library}}).channel == channel


def test_a_clock_that_is_wrong_is_corrected() -> None:
    slow = timedelta(hours=3)
    event = the_event(batch(TRACK, sentAt=rfc3339(NOON + timedelta(minutes=1)), at=NOON + slow))
    assert event.time == NOON + slow - timedelta(minutes=1)


def test_a_call_that_is_sent_again_is_the_same_call() -> None:
    said = []
    for minutes in (1, 30):
        at = NOON + timedelta(minutes=minutes)
        sent_at = rfc3339(at - timedelta(milliseconds=minutes))
        said.append(fingerprint(the_event(batch(TRACK, sentAt=sent_at, at=at))))
    assert said[0] == said[1]


def test_without_a_timestamp_it_happened_when_it_came() -> None:
    event = track(timestamp=None)
    assert (event.time, event.is_time_reckoned) == (NOON, True)


def test_an_instant_without_a_zone_is_in_utc() -> None:
    assert track(timestamp="2026-03-01T12:00:00").time == NOON


def test_without_a_message_id_the_same_words_are_the_same_call() -> None:
    ids = [track(messageId=None).id, track(messageId=None).id, track("Seen", messageId=None).id]
    assert ids[0] == ids[1] != ids[2]
    later = batch({**TRACK, "messageId": None, "timestamp": None}, at=NOON + timedelta(seconds=1))
    assert the_event(later).id != track(messageId=None, timestamp=None).id


@pytest.mark.parametrize(
    ("name", "event_type"),
    [
        ("Product List Viewed", "product_list.viewed.v1"),
        ("productListViewed", "product_list.viewed.v1"),
        ("order_placed", "order.placed.v1"),
        ("Signup", "custom.signup.v1"),
        ("Device Registered", "custom.device_registered.v1"),
        ("Import Started", "custom.import_started.v1"),
        ("Größe gewählt", "grösse.gewählt.v1"),
        ("!", "custom.unnamed.v1"),
    ],
)
def test_a_name_of_the_senders_own_is_a_noun_and_a_verb(name: str, event_type: str) -> None:
    assert type_of(name) == event_type
    assert track(name).type == type_of(name)


@given(st.text(max_size=100))
def test_no_name_is_an_event_of_ours(name: str) -> None:
    assert not is_ours_alone(type_of(name))
    assert type_of(name).isprintable()


def test_what_is_known_is_not_ours_alone() -> None:
    assert not any(is_ours_alone(known.type) for known in KNOWN.values())


def test_an_unsubscription_names_its_list() -> None:
    event = track("Unsubscribed", properties={"list_id": "news", "email": "ada@example.com"})
    assert (event.type, event.channel) == ("consent.withdrawn.v1", Channel.EMAIL)
    assert event.data["consent_channel"] == "email"
    assert event.data["topic"] == "news"


def test_a_message_keeps_its_ids() -> None:
    event = track("email opened", properties={"email_id": "e-1", "campaign_id": 7})
    assert (event.type, event.direction) == ("message.opened.v1", Direction.IN)
    assert (event.data["message_id"], event.data["campaign_id"]) == ("e-1", "7")


@pytest.mark.parametrize("call", CALLS)
def test_a_call_may_come_alone_on_its_own_path(call: str) -> None:
    message = {"userId": "C-17", "event": "Seen", "groupId": "g", "previousId": "b"}
    body = json.dumps(message).encode()
    alone = translate(body, app_id="app_1", received_at=NOON, call=call)
    assert the_event(alone).type == the_event(batch({**message, "type": call})).type


def test_a_batch_keeps_its_good_events_and_names_the_others() -> None:
    translation = batch(TRACK, {**TRACK, "type": "fly"}, 7, {**TRACK, "messageId": "m-2"})
    assert [event.id for event in translation.events] == ["m-1", "m-2"]
    assert [translation.index_of(number) for number in range(2)] == [0, 3]
    assert [(one.index, one.code, one.pointer) for one in translation.rejects] == [
        (1, "type", "/batch/1/type"),
        (2, "object", "/batch/2"),
    ]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"event": None}, "missing", "/event"),
        ({"event": ""}, "missing", "/event"),
        ({"userId": None}, "subject_unclear", ""),
        ({"timestamp": "yesterday"}, "time", "/timestamp"),
        ({"timestamp": 1_772_366_400}, "time", "/timestamp"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "time", "/time"),
        ({"messageId": "x" * 201}, "id", "/id"),
        ({"type": "group"}, "missing", "/groupId"),
        ({"type": "alias"}, "missing", "/previousId"),
        ({"type": ["track"]}, "type", "/type"),
        ({"properties": {"a": "x" * LARGEST_EVENT}}, "too_large", ""),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], code: str, pointer: str) -> None:
    reject = the_reject(batch({**TRACK, **change}))
    assert (reject.index, reject.code, reject.pointer) == (0, code, f"/batch/0{pointer}")


@pytest.mark.parametrize(
    ("payload", "code", "pointer"),
    [
        (b"{", "unreadable", ""),
        (b"[]", "object", ""),
        (b"{}", "batch", "/batch"),
        (b'{"batch": {}}', "batch", "/batch"),
        (b'{"batch": [' + b"0," * MOST_EVENTS + b"0]}", "too_many_events", "/batch"),
        (b" " * (LARGEST_BATCH + 1), "too_large", ""),
    ],
)
@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_payload_that_cannot_be_read_is_one_reject(
    payload: bytes, code: str, pointer: str, *, is_gzip: bool
) -> None:
    sent = gzip.compress(payload) if is_gzip else payload
    translation = translate(sent, app_id="app_1", received_at=NOON, is_gzip=is_gzip)
    reject = the_reject(translation)
    assert (reject.code, reject.pointer) == (code, pointer)


def test_gzip_is_read() -> None:
    payload = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    whole = translate(payload, app_id="app_1", received_at=NOON, is_gzip=True)
    assert the_event(whole) == track()
    for broken in (payload[:-12], b"no gzip", b""):
        cut = translate(broken, app_id="app_1", received_at=NOON, is_gzip=True)
        assert the_reject(cut).code == "unreadable"


def test_the_settings_send_mobile_libraries_to_us() -> None:
    told = settings("wk_1", host="events.example.com")
    assert told["integrations"] == {
        "Segment.io": {"apiKey": "wk_1", "apiHost": "events.example.com/v1"}
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(CALLS)},
    optional={name: JSON for name in [*TRACK, "traits", "previousId", "groupId"] if name != "type"},
)


@given(st.lists(MESSAGES), JSON)
def test_every_call_of_a_batch_is_kept_or_named(messages: list[Any], sent_at: Any) -> None:
    translation = batch(*messages, sentAt=sent_at)
    assert len(translation.events) + len(translation.rejects) == len(messages)


@given(st.binary(), st.booleans(), st.sampled_from([None, *CALLS]))
def test_no_bytes_are_too_strange(payload: bytes, is_gzip: bool, call: str | None) -> None:
    translation = translate(payload, app_id="app_1", received_at=NOON, is_gzip=is_gzip, call=call)
    assert len(translation.rejects) == 1
