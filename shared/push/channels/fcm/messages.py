"""Says a delivery in FCM's words: one message that suits Android, iOS and the web."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from json.encoder import encode_basestring
from secrets import token_hex

from firebase_admin._messaging_encoder import Message, MessageEncoder
from firebase_admin._messaging_utils import (
    AndroidConfig,
    AndroidNotification,
    APNSConfig,
    APNSFCMOptions,
    APNSPayload,
    Aps,
    Notification,
    WebpushConfig,
    WebpushFCMOptions,
)

from shared.kernel.addresses import Address, AddressKind
from shared.push.model import Apns, Content, Delivery, Priority

MESSAGE_ID_KEY = "message_id"
"""Among the data, so that the app can say what became of the message."""

LINK_KEY = "link"
"""Among the data: FCM opens links on the web only, elsewhere the app does."""

BUTTONS_KEY = "buttons"
"""Among the data, as JSON: FCM knows no buttons, the app shows them."""

_ENCODER = MessageEncoder()
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_APNS_PRIORITY = {Priority.HIGH: "10", Priority.NORMAL: "5"}


def message_of(delivery: Delivery, *, at: datetime) -> Message:
    """Return the message for a delivery that leaves at ``at``.

    A repeated delivery replaces the first on the screen: its id is Android's tag and APNs'
    collapse id. Content without title and body becomes a data message, which wakes the app.
    """
    content = delivery.content
    shows = bool(content.title or content.body)
    message = Message(
        data=_data(delivery),
        notification=Notification(content.title, content.body, content.image) if shows else None,
        android=_android(delivery, shows=shows),
        apns=_apns(delivery, at, shows=shows),
        webpush=_webpush(content),
    )
    if delivery.address.kind is AddressKind.FID:
        message.fid = delivery.address.value
    else:
        # Not through the constructor, which warns that tokens are deprecated: installations that
        # registered before FIDs have nothing else, and FCM still takes them.
        message.token = delivery.address.value
    return message


def encoded(message: Message, *, validate_only: bool = False) -> bytes:
    """Return the body of ``messages:send``.

    Raises:
        ValueError: firebase-admin finds the message wrong.
    """
    request = {"message": _ENCODER.default(message)}
    if validate_only:
        request["validate_only"] = True
    return _JSON.encode(request).encode()


class Phrases:
    """Encodes deliveries, byte for byte as ``encoded`` does, at a tenth of its price.

    Deliveries of one content differ by their id and their address alone, so firebase-admin says the
    content once, for stand-ins of the two, and each delivery is put in their place. The contents
    must outlive this object.
    """

    _ID, _ADDRESS = f"id-{token_hex(16)}", f"address-{token_hex(16)}"
    """Random, so that no content can hold them."""

    def __init__(self, *, validate_only: bool = False) -> None:
        self._validate_only = validate_only
        self._said: dict[object, str] = {}

    def body_of(self, delivery: Delivery, *, at: datetime) -> bytes:
        """Return the body of ``messages:send`` for a delivery that leaves at ``at``.

        Raises:
            ValueError: firebase-admin finds the message wrong.
        """
        content, address = delivery.content, delivery.address
        if not (address.value and delivery.message_id):
            # What firebase-admin says of an empty one is its own to say.
            return encoded(message_of(delivery, at=at), validate_only=self._validate_only)
        lives = content.time_to_live
        expires = None if lives is None else _apns_expiration(lives, at)
        key = (id(content), address.kind, expires)
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = self._say(delivery, at)
        parts: Mapping[str, str] = {
            "id": encode_basestring(delivery.message_id)[1:-1],
            "address": encode_basestring(address.value)[1:-1],
        }
        return (said % parts).encode()

    def _say(self, delivery: Delivery, at: datetime) -> str:
        anybody = replace(
            delivery,
            message_id=self._ID,
            address=Address(kind=delivery.address.kind, value=self._ADDRESS),
        )
        body = encoded(message_of(anybody, at=at), validate_only=self._validate_only).decode()
        return (
            body.replace("%", "%%")
            .replace(self._ID, "%(id)s")
            .replace(self._ADDRESS, "%(address)s")
        )


def _data(delivery: Delivery) -> dict[str, str]:
    content = delivery.content
    link = {LINK_KEY: content.link} if content.link else {}
    buttons = {BUTTONS_KEY: content.buttons_text} if content.buttons_text else {}
    return {**content.data, **link, **buttons, MESSAGE_ID_KEY: delivery.message_id}


def _android(delivery: Delivery, *, shows: bool) -> AndroidConfig:
    content = delivery.content
    shown = AndroidNotification(tag=delivery.message_id, channel_id=content.channel_id)
    return AndroidConfig(
        collapse_key=content.collapse_key,
        priority=content.priority.value,
        ttl=content.time_to_live,
        notification=shown if shows else None,
    )


def _apns(delivery: Delivery, at: datetime, *, shows: bool) -> APNSConfig:
    content = delivery.content
    headers = {
        "apns-collapse-id": delivery.message_id,
        "apns-push-type": "alert" if shows else "background",
        # Apple refuses a background push of any other priority than 5.
        "apns-priority": _APNS_PRIORITY[content.priority if shows else Priority.NORMAL],
    }
    if content.time_to_live is not None:
        headers["apns-expiration"] = _apns_expiration(content.time_to_live, at)
    if not shows:
        return APNSConfig(headers=headers, payload=APNSPayload(Aps(content_available=True)))
    return APNSConfig(
        headers=headers,
        payload=_aps(content),
        fcm_options=APNSFCMOptions(image=content.image) if content.image else None,
    )


def _aps(content: Content) -> APNSPayload | None:
    """Return how an iPhone shows an alert; ``None``: as the app would by itself."""
    apns, level = content.apns, content.apns.interruption_level
    if apns == Apns() and not content.image:
        return None
    return APNSPayload(
        Aps(
            sound=apns.sound,
            badge=apns.badge,
            category=apns.category,
            thread_id=apns.thread_id,
            # An iOS app fetches the image in a service extension, which runs for mutable content
            # only.
            mutable_content=True if content.image else None,
            custom_data={"interruption-level": level.value} if level else None,
        )
    )


def _apns_expiration(time_to_live: timedelta, at: datetime) -> str:
    """Return the instant as APNs writes it: seconds since 1970, or 0 for now or never."""
    return str(int((at + time_to_live).timestamp())) if time_to_live else "0"


def _webpush(content: Content) -> WebpushConfig | None:
    """Return what only browsers need: the time to live, and the link, which FCM takes as HTTPS."""
    headers = {}
    if content.time_to_live is not None:
        headers["TTL"] = str(int(content.time_to_live.total_seconds()))
    opens = content.link if content.link and content.link.startswith("https://") else None
    if not (headers or opens):
        return None
    return WebpushConfig(headers=headers, fcm_options=WebpushFCMOptions(opens) if opens else None)
