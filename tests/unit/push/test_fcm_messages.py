import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.fcm.validation import Checked, check_send_request
from shared.kernel.addresses import Address, AddressKind
from shared.push.channels.fcm.messages import Phrases, encoded, message_of
from shared.push.model import Apns, Button, Content, Delivery, InterruptionLevel, Priority
from tests.fakes.clock import NOON

SHOWN = Content(title="Sale", body="Half price")
DELIVERY = Delivery(
    message_id="msg_01JD8ZZZZZZZZZZZZZZZZZZZZZ",
    address=Address(kind=AddressKind.FID, value="fid-1"),
    content=SHOWN,
)


def message(content: Content = SHOWN, **parts: Any) -> dict[str, Any]:
    """Return what goes over the wire for a delivery; FCM's own rules hold for it."""
    body = encoded(message_of(replace(DELIVERY, content=content, **parts), at=NOON))
    assert isinstance(check_send_request(body), Checked)
    sent: dict[str, Any] = json.loads(body)["message"]
    return sent


def test_each_kind_of_address_has_its_field() -> None:
    assert message()["fid"] == "fid-1"
    token = message(address=Address(kind=AddressKind.FCM_TOKEN, value="token-1"))
    assert token["token"] == "token-1"
    assert "fid" not in token


def test_a_repeated_delivery_replaces_the_first_on_the_screen() -> None:
    sent = message()
    assert sent["android"]["notification"]["tag"] == DELIVERY.message_id
    assert sent["apns"]["headers"]["apns-collapse-id"] == DELIVERY.message_id


def test_what_is_shown_is_said_once_for_all_platforms() -> None:
    sent = message(replace(SHOWN, image="https://x.example/i.png"))
    assert sent["notification"] == {
        "title": "Sale",
        "body": "Half price",
        "image": "https://x.example/i.png",
    }
    assert sent["apns"]["payload"]["aps"] == {"mutable-content": 1}
    assert sent["apns"]["fcm_options"] == {"image": "https://x.example/i.png"}


@pytest.mark.parametrize(
    ("priority", "android", "apns"),
    [(Priority.HIGH, "high", "10"), (Priority.NORMAL, "normal", "5")],
)
def test_the_priority_holds_on_both_platforms(priority: Priority, android: str, apns: str) -> None:
    sent = message(replace(SHOWN, priority=priority))
    assert sent["android"]["priority"] == android
    assert sent["apns"]["headers"]["apns-priority"] == apns
    assert sent["apns"]["headers"]["apns-push-type"] == "alert"


def test_data_alone_wakes_the_app_in_the_background() -> None:
    sent = message(Content(data={"sync": "now"}))
    assert "notification" not in sent
    assert "notification" not in sent["android"]
    assert sent["apns"]["payload"] == {"aps": {"content-available": 1}}
    assert sent["apns"]["headers"]["apns-priority"] == "5"
    assert sent["apns"]["headers"]["apns-push-type"] == "background"


def test_the_app_gets_the_data_the_link_and_the_id_of_the_message() -> None:
    sent = message(replace(SHOWN, data={"a": "1"}, link="shop://sale"))
    assert sent["data"] == {"a": "1", "link": "shop://sale", "message_id": DELIVERY.message_id}
    assert "webpush" not in sent


def test_a_browser_opens_a_link_that_is_https() -> None:
    sent = message(replace(SHOWN, link="https://shop.example/sale"))
    assert sent["webpush"]["fcm_options"] == {"link": "https://shop.example/sale"}


def test_the_time_to_live_is_a_span_on_android_and_an_instant_on_ios() -> None:
    sent = message(replace(SHOWN, time_to_live=timedelta(hours=1)))
    assert sent["android"]["ttl"] == "3600s"
    assert sent["apns"]["headers"]["apns-expiration"] == str(int(NOON.timestamp()) + 3600)
    assert sent["webpush"]["headers"] == {"TTL": "3600"}


def test_now_or_never_is_zero_everywhere() -> None:
    sent = message(replace(SHOWN, time_to_live=timedelta()))
    assert sent["android"]["ttl"] == "0s"
    assert sent["apns"]["headers"]["apns-expiration"] == "0"


def test_a_collapse_key_is_for_android() -> None:
    assert message(replace(SHOWN, collapse_key="score"))["android"]["collapse_key"] == "score"


def test_buttons_reach_the_app_as_data() -> None:
    buttons = (Button(id="buy", title="Kaufen"), Button(id="see", title="See", link="shop://x"))
    assert json.loads(message(replace(SHOWN, buttons=buttons))["data"]["buttons"]) == [
        {"id": "buy", "title": "Kaufen", "link": None},
        {"id": "see", "title": "See", "link": "shop://x"},
    ]


def test_a_channel_is_for_android() -> None:
    sent = message(replace(SHOWN, channel_id="offers"))
    assert sent["android"]["notification"]["channel_id"] == "offers"
    assert "payload" not in sent["apns"]


def test_what_only_apple_knows_goes_to_apple() -> None:
    apns = Apns(
        sound="ping.caf",
        badge=0,
        category="offer",
        thread_id="sale",
        interruption_level=InterruptionLevel.TIME_SENSITIVE,
    )
    assert message(replace(SHOWN, apns=apns))["apns"]["payload"]["aps"] == {
        "sound": "ping.caf",
        "badge": 0,
        "category": "offer",
        "thread-id": "sale",
        "interruption-level": "time-sensitive",
    }


def test_text_of_every_script_survives() -> None:
    assert message(Content(title="値下げ\u2028🛒", body='"\\'))["notification"] == {
        "title": "値下げ\u2028🛒",
        "body": '"\\',
    }


def test_validate_only_is_asked_beside_the_message() -> None:
    body = json.loads(encoded(message_of(DELIVERY, at=NOON), validate_only=True))
    assert body["validate_only"] is True


def test_an_empty_address_is_no_message() -> None:
    nowhere = replace(DELIVERY, address=Address(kind=AddressKind.FID, value=""))
    with pytest.raises(ValueError, match="non-empty"):
        encoded(message_of(nowhere, at=NOON))


def test_an_empty_address_is_no_message_in_a_batch_either() -> None:
    nowhere = replace(DELIVERY, address=Address(kind=AddressKind.FID, value=""))
    with pytest.raises(ValueError, match="non-empty"):
        Phrases().body_of(nowhere, at=NOON)


# Half of a surrogate pair is no text that a body could carry.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CONTENTS = st.builds(
    Content,
    title=st.none() | TEXTS,
    body=st.none() | TEXTS,
    image=st.none() | st.just("https://x.example/i.png"),
    link=st.none() | st.sampled_from(["https://shop.example/100%25", "shop://%s%%"]),
    data=st.dictionaries(TEXTS, TEXTS, max_size=3),
    priority=st.sampled_from(Priority),
    time_to_live=st.none() | st.timedeltas(timedelta(), timedelta(days=28)),
    collapse_key=st.none() | TEXTS,
)
DELIVERIES = st.lists(
    st.tuples(TEXTS, st.sampled_from(AddressKind), TEXTS, st.timedeltas(timedelta(), timedelta(1))),
    min_size=1,
    max_size=4,
)


@given(
    contents=st.lists(CONTENTS, min_size=1, max_size=2), parts=DELIVERIES, rehearse=st.booleans()
)
def test_a_batch_is_said_in_the_very_bytes_of_firebase_admin(
    contents: list[Content], parts: list[tuple[str, AddressKind, str, timedelta]], rehearse: bool
) -> None:
    phrases = Phrases(validate_only=rehearse)
    for content in contents:
        for message_id, kind, value, later in parts:
            address = Address(kind=kind, value=value)
            delivery = Delivery(message_id=message_id, address=address, content=content)
            said = encoded(message_of(delivery, at=NOON + later), validate_only=rehearse)
            assert phrases.body_of(delivery, at=NOON + later) == said
