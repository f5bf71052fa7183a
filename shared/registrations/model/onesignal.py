"""Subscriptions of OneSignal, as its CSV export writes them.

The columns, the default ones and ``extra_fields``:
https://documentation.onesignal.com/reference/csv-export

FCM sends to tokens of Android alone: those of iOS are APNs tokens, those of browsers are no FCM
tokens at all.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared.kernel.events import Channel
from shared.registrations.model.import_rows import Document
from shared.registrations.model.vendor_lines import (
    Refusal,
    Told,
    Vendor,
    device_id,
    instant,
    left,
    wrong,
)

_ANDROID = "1"
_PLATFORMS: Mapping[str, str] = {
    "0": "ios",
    _ANDROID: "android",
    "2": "android",
    "5": "web",
    "7": "web",
    "8": "web",
    "13": "android",
    "17": "web",
}
_IDENTIFIERS: Mapping[str, str] = {"11": "email", "14": "phone"}
_CHANNELS: Mapping[str, Channel] = {"11": Channel.EMAIL, "14": Channel.SMS}
_TRUE = frozenset({"t", "true", "1"})
_NOT_ASKED_OR_DENIED = frozenset({"0", "-18", "-19"})

MAPPING: Mapping[str, str] = {
    "id": "`device_id`",
    "player_id": "`device_id`",
    "subscription_id": "`device_id`",
    "identifier": (
        "of Android (1) the `fcm_token`, of e-mail (11) and SMS (14) an identifier; other "
        "tokens are not carried: FCM cannot send to them"
    ),
    "device_type": (
        "`platform`; a type that is neither a phone, a browser, e-mail nor SMS brings the "
        "person alone"
    ),
    "external_user_id": "identifier `customer`",
    "external_id": "identifier `customer`",
    "invalid_identifier": (
        "if true, no address, and unless `notification_types` says why, withdrawn consent"
    ),
    "notification_types": (
        "below 1, a device that is not sent to; and withdrawn consent, unless the phone was"
        " never asked or denies (0, -18, -19)"
    ),
    "subscribed": "if false, as `invalid_identifier`",
    "language": "`locale`",
    "timezone_id": "`timezone`",
    "game_version": "`app_version`",
    "app_version": "`app_version`",
    "device_os": "`os_version`",
    "device_model": "`model`",
    "country": "attribute `country`",
    "tags": "attributes of the contact; without an external id, of the device",
    "last_active": "when consent was withdrawn",
    "timezone": "not carried: an offset in seconds is no time zone; export `timezone_id`",
    "onesignal_id": "not carried: a person is known by the external id",
    "session_count": "not carried: sessions are not counted",
    "playtime": "not carried: sessions are not counted",
    "amount_spent": "not carried: purchases are events",
    "created_at": "not carried: a device is registered when it is imported",
    "badge_count": "not carried: the app keeps its badge",
    "ad_id": "not carried: no advertising ids are kept",
    "ip": "not carried: no IP addresses are kept",
    "location": "not carried: more precise than a segment needs",
    "lat": "not carried: more precise than a segment needs",
    "lon": "not carried: more precise than a segment needs",
    "rooted": "not carried: nothing depends on it",
    "sdk": "not carried: it names OneSignal's library",
    "web_auth": "not carried: a browser's key is of its subscription to OneSignal",
    "web_p256": "not carried: a browser's key is of its subscription to OneSignal",
}


def translate(document: Document) -> Told:
    """Return what a subscription is here: a device or a person's identifier, with its person.

    Raises:
        InvalidFieldsError: it has no id or no type.
    """
    subject = _first(document, "id", "player_id", "subscription_id")
    kind = document.get("device_type", "")
    if not subject or not kind:
        raise wrong("missing", "a subscription has an id and a device_type")
    customer = _first(document, "external_user_id", "external_id")
    told = Told(subject=subject, identifiers={"customer": customer})
    told.leave(*left(document, MAPPING))
    is_refused, is_silent = _standing(document)
    if kind in _PLATFORMS:
        told.devices.append(_device(document, told, kind, is_silent=is_silent))
    elif kind in _IDENTIFIERS:
        told.identifiers[_IDENTIFIERS[kind]] = document.get("identifier", "")
    elif document.get("identifier"):
        told.leave("identifier")
    if is_refused:
        at = instant(document.get("last_active"))
        told.refusals.append(Refusal(channel=_CHANNELS.get(kind, Channel.PUSH), at=at))
    on = told.devices[0] if told.devices and not customer else told.contact
    for name, value in _tags(document, told).items():
        told.put(name, value, on=on, of="tags")
    return told


def _standing(document: Document) -> tuple[bool, bool]:
    """Return whether the person refused, and whether nothing is sent there."""
    types = document.get("notification_types", "")
    is_below = types == "0" or types.startswith("-")
    is_invalid = document.get("invalid_identifier", "").lower() in _TRUE
    is_off = "subscribed" in document and document["subscribed"].lower() not in _TRUE
    is_out = is_invalid or is_off or is_below
    return is_out and types not in _NOT_ASKED_OR_DENIED, is_out


def _device(document: Document, told: Told, kind: str, *, is_silent: bool) -> dict[str, Any]:
    country = document.get("country")
    device: dict[str, Any] = {
        "device_id": device_id("onesignal", told.subject),
        "platform": _PLATFORMS[kind],
        "locale": document.get("language"),
        "timezone": document.get("timezone_id"),
        "app_version": _first(document, "game_version", "app_version") or None,
        "os_version": document.get("device_os"),
        "model": document.get("device_model"),
        "push_permission": "denied" if is_silent else None,
        "attributes": {"country": country} if country else {},
        "tags": [],
    }
    is_invalid = document.get("invalid_identifier", "").lower() in _TRUE
    if kind == _ANDROID and not is_invalid:
        device["fcm_token"] = document.get("identifier")
    elif document.get("identifier"):
        told.leave("identifier")
    return device


def _tags(document: Document, told: Told) -> Mapping[str, Any]:
    try:
        tags = json.loads(document.get("tags") or "{}")
    except (ValueError, RecursionError):
        tags = None
    if isinstance(tags, dict):
        return tags
    told.leave("tags")
    return {}


def _first(document: Document, *names: str) -> str:
    return next((str(document[name]) for name in names if document.get(name)), "")


ONESIGNAL = Vendor(
    translate=translate,
    mapping=MAPPING,
    names={
        "/locale": "language",
        "/timezone": "timezone_id",
        "/app_version": "game_version",
        "/os_version": "device_os",
        "/model": "device_model",
        "/fcm_token": "identifier",
        "/attributes": "tags",
        "/identifiers/customer": "external_user_id",
        "/identifiers": "identifier",
    },
)
