import json
from typing import Any

import pytest

from infra.local.fcm.answers import FCM_ERROR, Answer
from infra.local.fcm.schema import discovery_document, send_request_check, snake_case
from infra.local.fcm.validation import Checked, check_send_request

ADDRESSED = {"fid": "fid-1"}


def check(message: dict[str, Any], **request: Any) -> Checked | Answer:
    return check_send_request(json.dumps({"message": {**ADDRESSED, **message}, **request}).encode())


def violations(answer: Checked | Answer) -> list[str]:
    """Return the fields that an answer complains of."""
    assert isinstance(answer, Answer)
    assert answer.status == 400
    details = json.loads(answer.body)["error"]["details"]
    return [violation["field"] for part in details for violation in part.get("fieldViolations", ())]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"notification": {"title": "a", "body": "b", "image": "https://x.example/i.png"}},
        {"data": {"a": "1"}},
        {"data": None},
        {"android": {"priority": "high", "ttl": "2419200s", "collapse_key": "k"}},
        {"android": {"priority": "HIGH", "ttl": "0s", "collapseKey": "k"}},
        {"android": {"ttl": "3.000000001s", "directBootOk": True}},
        {"android": {"notification": {"notification_count": 3, "color": "#aAbB09"}}},
        {"android": {"notification": {"light_settings": {"color": {"red": 0.5, "alpha": 1}}}}},
        {"android": {"notification": {"event_time": "2026-11-22T09:00:00.5Z"}}},
        {"android": {"notification": {"vibrate_timings": ["0.5s", "1s"]}}},
        {"androidV2": {"remoteNotification": {"notification": {"id": 7}}}},
        {"apns": {"payload": {"aps": {"alert": {"title": "x"}}, "mine": [1, {"a": None}]}}},
        {"apns": {"headers": {"apns-priority": "10", "apns-collapse-id": "m" * 64}}},
        {"apns": {"headers": {"apns-priority": "5"}, "payload": {"aps": {"content-available": 1}}}},
        {"webpush": {"notification": {"anything": {"goes": 1}}, "headers": {"TTL": "15"}}},
        {"webpush": {"fcm_options": {"link": "https://shop.example/"}}},
        {"fcm_options": {"analytics_label": "spring-2026_a.b~c%"}},
        {"data": {"k": "v" * 4095}},
    ],
)
def test_a_message_within_the_document_and_the_limits_is_taken(message: dict[str, Any]) -> None:
    assert check(message) == Checked("fid", "fid-1", validate_only=False)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"colour": "red"}, "message"),
        ({"android": {"prio": "high"}}, "message.android"),
        ({"notification": "hello"}, "message.notification"),
        ({"notification": {"title": 5}}, "message.notification.title"),
        ({"data": {"a": "1", "b": 2}}, "message.data[1].value"),
        ({"data": ["a"]}, "message.data"),
        ({"android": {"priority": "urgent"}}, "message.android.priority"),
        ({"android": {"ttl": "1 day"}}, "message.android.ttl"),
        ({"android": {"ttl": 60}}, "message.android.ttl"),
        ({"android": {"directBootOk": "yes"}}, "message.android.direct_boot_ok"),
        (
            {"android": {"notification": {"notification_count": 2**31}}},
            "message.android.notification.notification_count",
        ),
        (
            {"android": {"notification": {"eventTime": "yesterday"}}},
            "message.android.notification.event_time",
        ),
        (
            {"android": {"notification": {"body_loc_args": ["a", 1]}}},
            "message.android.notification.body_loc_args[1]",
        ),
        (
            {"android": {"notification": {"light_settings": {"color": {"red": True}}}}},
            "message.android.notification.light_settings.color.red",
        ),
    ],
)
def test_a_message_outside_the_document_is_refused_by_field(
    message: dict[str, Any], field: str
) -> None:
    assert violations(check(message)) == [field]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"fid": ""}, "message"),
        ({"token": "t"}, "message"),
        ({"data": {"from": "me"}}, "message.data[0].key"),
        ({"data": {"a": "", "google.x": ""}}, "message.data[1].key"),
        ({"data": {"gcm.notification.title": ""}}, "message.data[0].key"),
        ({"android": {"data": {"message_type": ""}}}, "message.android.data[0].key"),
        ({"android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"android": {"ttl": "-1s"}}, "message.android.ttl"),
        ({"android": {}, "androidV2": {}}, "message"),
        ({"android": {"notification": {"color": "red"}}}, "message.android.notification.color"),
        ({"fcm_options": {"analytics_label": "a b"}}, "message.fcm_options.analytics_label"),
        (
            {"apns": {"fcmOptions": {"analyticsLabel": "x" * 51}}},
            "message.apns.fcm_options.analytics_label",
        ),
        ({"apns": {"headers": {"apns-priority": "7"}}}, "message.apns.headers"),
        ({"apns": {"headers": {"APNS-Collapse-Id": "m" * 65}}}, "message.apns.headers"),
        ({"apns": {"headers": {"apns-expiration": "soon"}}}, "message.apns.headers"),
        (
            {
                "apns": {
                    "headers": {"apns-priority": "10"},
                    "payload": {"aps": {"content-available": 1}},
                }
            },
            "message.apns.headers",
        ),
        ({"apns": {"payload": {"aps": {}, "x": "v" * 4096}}}, "message.apns.payload"),
        ({"webpush": {"fcm_options": {"link": "http://x"}}}, "message.webpush.fcm_options.link"),
        ({"data": {"k": "v" * 4096}}, "message"),
        ({"data": {"k": "\u00e9" * 2048}}, "message"),
        ({"fid": None, "topic": "a b"}, "message.topic"),
        ({"fid": None, "topic": "news", "data": {"k": "v" * 2048}}, "message"),
        ({"fid": None, "condition": "'a' in topics &&& 'b' in topics"}, "message.condition"),
        ({"fid": None, "condition": " || ".join(["'a' in topics"] * 6)}, "message.condition"),
    ],
)
def test_a_message_beyond_a_limit_is_refused_by_field(message: dict[str, Any], field: str) -> None:
    assert violations(check(message)) == [field]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ({"token": "t"}, "token"),
        ({"topic": "news"}, "topic"),
        ({"condition": "'a' in topics && !('b' in topics)"}, "condition"),
    ],
)
def test_each_target_alone_is_taken(target: dict[str, str], kind: str) -> None:
    checked = check({"fid": None, **target})
    assert isinstance(checked, Checked)
    assert checked.kind == kind


def test_a_broken_limit_carries_the_code_of_fcm_and_an_unknown_field_does_not() -> None:
    def has_code(answer: Checked | Answer) -> bool:
        assert isinstance(answer, Answer)
        details = json.loads(answer.body)["error"]["details"]
        return any(part["@type"] == FCM_ERROR for part in details)

    assert has_code(check({"data": {"from": "me"}}))
    assert not has_code(check({"colour": "red"}))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"message": 1}'])
def test_a_body_that_is_no_request_is_a_bad_request(body: bytes) -> None:
    answer = check_send_request(body)
    assert isinstance(answer, Answer)
    assert answer.status == 400


@pytest.mark.parametrize("spelling", ["validateOnly", "validate_only"])
def test_validate_only_is_understood_in_both_spellings(spelling: str) -> None:
    assert check({}, **{spelling: True}) == Checked("fid", "fid-1", validate_only=True)


def test_every_field_of_the_document_is_known_in_both_spellings() -> None:
    properties = discovery_document()["schemas"]["Message"]["properties"]
    for name in properties:
        for spelling in (name, snake_case(name)):
            unknown: list[Any] = []
            send_request_check()({"message": {spelling: None}}, "", unknown)
            assert not unknown
