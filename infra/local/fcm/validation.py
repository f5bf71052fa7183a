"""Decides whether FCM would take a message: the schema first, then the documented limits."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from infra.local.fcm.answers import Answer, Violation, invalid, malformed, refused
from infra.local.fcm.schema import send_request_check, snake_case

TARGETS = ("fid", "token", "topic", "condition")

MAX_PAYLOAD_BYTES = 4096
"""https://firebase.google.com/docs/cloud-messaging/concept-options#payload-size-limits"""
MAX_TOPIC_PAYLOAD_BYTES = 2048
MAX_TTL_SECONDS = 2_419_200
"""Four weeks: https://firebase.google.com/docs/cloud-messaging/concept-options#ttl"""
MAX_CONDITION_TOPICS = 5
MAX_COLLAPSE_ID_BYTES = 64
"""Apple's limit of the header apns-collapse-id."""

_ANALYTICS_LABEL = re.compile(r"[a-zA-Z0-9\-_.~%]{1,50}")
_TOPIC = re.compile(r"[a-zA-Z0-9\-_.~%]{1,900}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_CONDITION_TOPIC = re.compile(r"'[a-zA-Z0-9\-_.~%]+'\s+in\s+topics")
_CONDITION_GLUE = re.compile(r"(\s|\(|\)|!|&&|\|\|)*")
_RESERVED_KEYS = frozenset({"from", "message_type"})
_RESERVED_STARTS = ("google.", "gcm.notification.")
_APNS_PRIORITIES = frozenset({"1", "5", "10"})


class Checked(NamedTuple):
    """A message that FCM would take."""

    kind: str
    address: str
    validate_only: bool


def check_send_request(body: bytes) -> Checked | Answer:
    """Return what the body of ``messages:send`` asks for, or FCM's refusal."""
    try:
        request = json.loads(body)
    except ValueError:
        return refused(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unexpected token.")
    unknown: list[Violation] = []
    send_request_check()(request, "", unknown)
    if unknown:
        return malformed(unknown)
    message = request.get("message")
    if message is None:
        return invalid([Violation("message", "Message is not set.")])
    return _check_limits(message, bool(_field(request, "validateOnly")))


def _check_limits(message: Mapping[str, Any], validate_only: bool) -> Checked | Answer:
    targets = [(kind, message[kind]) for kind in TARGETS if message.get(kind)]
    if not targets:
        return invalid([Violation("message", "Recipient of the message is not set.")])
    kind, address = targets[0]
    if len(targets) > 1:
        return malformed(
            [
                Violation(
                    "message",
                    "Invalid value at 'message' (oneof), oneof field 'target' is already set. "
                    f"Cannot set '{targets[1][0]}'",
                )
            ]
        )
    violations = [*_broken_limits(message, kind, address)]
    return invalid(violations) if violations else Checked(kind, address, validate_only)


def _broken_limits(message: Mapping[str, Any], kind: str, address: str) -> Iterator[Violation]:
    yield from _target(kind, address)
    yield from _data("message.data", message.get("data"))
    yield from _labels(message)
    yield from _android(message)
    yield from _apns(message)
    yield from _webpush(message)
    yield from _size(message, MAX_TOPIC_PAYLOAD_BYTES if kind == "topic" else MAX_PAYLOAD_BYTES)


def _target(kind: str, address: str) -> Iterator[Violation]:
    if kind == "topic" and not _TOPIC.fullmatch(address):
        yield Violation("message.topic", "Malformed topic name")
    if kind == "condition":
        glue = _CONDITION_TOPIC.sub("", address)
        count = len(_CONDITION_TOPIC.findall(address))
        if not (0 < count <= MAX_CONDITION_TOPICS and _CONDITION_GLUE.fullmatch(glue)):
            yield Violation("message.condition", "Invalid condition expression provided.")


def _data(path: str, data: Mapping[str, str] | None) -> Iterator[Violation]:
    for index, key in enumerate(data or ()):
        if key in _RESERVED_KEYS or key.startswith(_RESERVED_STARTS):
            yield Violation(f"{path}[{index}].key", f"Invalid data payload key: {key}")


def _labels(message: Mapping[str, Any]) -> Iterator[Violation]:
    for part in ("", "android", "androidV2", "apns", "webpush"):
        holder = _field(message, part) if part else message
        label = _field(_field(holder, "fcmOptions"), "analyticsLabel")
        if label and not _ANALYTICS_LABEL.fullmatch(label):
            where = ".".join(filter(None, ("message", snake_case(part), "fcm_options")))
            yield Violation(f"{where}.analytics_label", f"Invalid analytics label: {label}")


def _android(message: Mapping[str, Any]) -> Iterator[Violation]:
    first, second = _field(message, "android"), _field(message, "androidV2")
    if first is not None and second is not None:
        yield Violation("message", "Only one of android and android_v2 may be set.")
    for name, config in (("android", first), ("android_v2", second)):
        path = f"message.{name}"
        ttl = _field(config, "ttl")
        if ttl is not None and not 0 <= float(ttl.removesuffix("s")) <= MAX_TTL_SECONDS:
            yield Violation(f"{path}.ttl", f"TTL must be between 0 and {MAX_TTL_SECONDS} seconds")
        yield from _data(f"{path}.data", _field(config, "data"))
        color = _field(_field(config, "notification"), "color")
        if color and not _COLOR.fullmatch(color):
            yield Violation(f"{path}.notification.color", "Color must be in the form #rrggbb")


def _apns(message: Mapping[str, Any]) -> Iterator[Violation]:
    config = _field(message, "apns")
    headers = {name.lower(): text for name, text in (_field(config, "headers") or {}).items()}
    priority = headers.get("apns-priority", "5")
    if priority not in _APNS_PRIORITIES:
        yield Violation("message.apns.headers", f"Invalid apns-priority: {priority}")
    if len(headers.get("apns-collapse-id", "").encode()) > MAX_COLLAPSE_ID_BYTES:
        yield Violation("message.apns.headers", "apns-collapse-id is longer than 64 bytes")
    if not headers.get("apns-expiration", "0").isdecimal():
        yield Violation("message.apns.headers", "apns-expiration is not a number of seconds")
    aps = (_field(config, "payload") or {}).get("aps")
    silent = isinstance(aps, dict) and aps.keys() <= {"content-available"}
    if priority == "10" and silent and not message.get("notification"):
        # https://developer.apple.com/documentation/usernotifications/pushing-background-updates-to-your-app
        yield Violation("message.apns.headers", "Background notifications need apns-priority 5")


def _webpush(message: Mapping[str, Any]) -> Iterator[Violation]:
    config = _field(message, "webpush")
    link = _field(_field(config, "fcmOptions"), "link")
    if link and not link.startswith("https://"):
        yield Violation("message.webpush.fcm_options.link", "Link must be an HTTPS URL")


def _size(message: Mapping[str, Any], limit: int) -> Iterator[Violation]:
    """Yield a violation per platform whose payload is too big; own fields replace common ones."""
    common = _text_bytes(message.get("data")) + _text_bytes(message.get("notification"))
    android = _field(message, "android") or {}
    data = android.get("data") or message.get("data")
    shown = {**(message.get("notification") or {}), **(android.get("notification") or {})}
    if max(common, _text_bytes(data) + _text_bytes(shown)) > limit:
        yield Violation("message", "Message is too big")
    payload = _field(_field(message, "apns"), "payload")
    if payload and common + len(json.dumps(payload, ensure_ascii=False).encode()) > limit:
        yield Violation("message.apns.payload", "APNs payload is too big")


def _text_bytes(fields: Mapping[str, Any] | None) -> int:
    texts = (fields or {}).items()
    return sum(len(name.encode()) + len(str(text).encode()) for name, text in texts)


def _field(holder: Mapping[str, Any] | None, name: str) -> Any:
    """Return a field that JSON may spell ``likeThis`` or ``like_this``."""
    if not holder:
        return None
    found = holder.get(name)
    return holder.get(snake_case(name)) if found is None else found
