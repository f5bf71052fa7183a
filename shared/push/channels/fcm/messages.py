"""Says a delivery in FCM's words: one message that suits Android, iOS and the web."""

import json
from datetime import datetime, timedelta

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

from shared.kernel.addresses import AddressKind
from shared.push.model import Content, Delivery, Priority

MESSAGE_ID_KEY = "message_id"
"""Among the data, so that the app can say what became of the message."""

LINK_KEY = "link"
"""Among the data: FCM opens links on the web only, elsewhere the app does."""

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


def _data(delivery: Delivery) -> dict[str, str]:
    link = {LINK_KEY: delivery.content.link} if delivery.content.link else {}
    return {**delivery.content.data, **link, MESSAGE_ID_KEY: delivery.message_id}


def _android(delivery: Delivery, *, shows: bool) -> AndroidConfig:
    content = delivery.content
    return AndroidConfig(
        collapse_key=content.collapse_key,
        priority=content.priority.value,
        ttl=content.time_to_live,
        notification=AndroidNotification(tag=delivery.message_id) if shows else None,
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
    if content.image:
        # An iOS app fetches the image in a service extension, which runs for mutable content only.
        options = APNSFCMOptions(image=content.image)
        payload = APNSPayload(Aps(mutable_content=True))
        return APNSConfig(headers=headers, payload=payload, fcm_options=options)
    return APNSConfig(headers=headers)


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
