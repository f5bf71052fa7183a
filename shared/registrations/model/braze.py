"""Users of Braze, as its export of a segment writes them: one JSON object a line.

The fields are those of the user export object:
https://www.braze.com/docs/api/endpoints/export/user_data/post_users_segment/

A user has several devices, each by its push token. FCM sends to those of Android alone. Some
exports name the device of a token and some do not; where they do not, a platform's only token is of
its only device.
"""

from collections.abc import Mapping
from typing import Any

from shared.kernel.events import Channel
from shared.registrations.model.import_rows import Document
from shared.registrations.model.vendor_lines import (
    Refusal,
    Told,
    Vendor,
    device_id,
    inside,
    instant,
    left,
    listed,
    made_id,
    text,
    wrong,
)

_SDK = "not carried: it names a device to advertisers"
_HISTORY = "not carried: history comes in as events, not as people"
_PERSONAL = "not carried: what templates need of a person is an attribute"
_MESSAGES = "not carried: what Braze sent is Braze's history"

MAPPING: Mapping[str, str] = {
    "external_id": "identifier `customer`",
    "email": "identifier `email`",
    "phone": "identifier `phone`",
    "custom_attributes": "attributes of the contact; a list of several values is tags `name:value`",
    "country": "attribute `country`",
    "language": "`locale` of each device",
    "time_zone": "`timezone` of each device",
    "push_tokens": (
        "a device each: `device_id`, `platform`, and of Android `token` as `fcm_token`; "
        "other tokens are not carried: FCM cannot send to them"
    ),
    "devices": (
        "`model` and `os` of the device with the same `device_id`, or of a platform's only one;"
        " one without a token is a device without an address, unless tokens of its platform name"
        " no device"
    ),
    "push_subscribe": (
        "if `unsubscribed`, withdrawn consent for push, and devices that are not sent to"
    ),
    "email_subscribe": "if `unsubscribed`, withdrawn consent for e-mail",
    "push_unsubscribed_at": "when consent was withdrawn",
    "email_unsubscribed_at": "when consent was withdrawn",
    "braze_id": "not carried: a person is known by the external id",
    "user_aliases": "not carried: a person is known by the external id",
    "first_name": _PERSONAL,
    "last_name": _PERSONAL,
    "dob": _PERSONAL,
    "gender": _PERSONAL,
    "home_city": _PERSONAL,
    "subscription_groups": "not carried: give consent by topic",
    "email_opted_in_at": "not carried: a grant needs its proof",
    "push_opted_in_at": "not carried: a grant needs its proof",
    "custom_events": _HISTORY,
    "purchases": _HISTORY,
    "total_revenue": _HISTORY,
    "apps": _HISTORY,
    "created_at": _HISTORY,
    "last_coordinates": "not carried: more precise than a segment needs",
    "campaigns_received": _MESSAGES,
    "canvases_received": _MESSAGES,
    "cards_clicked": _MESSAGES,
    "attributed_campaign": _MESSAGES,
    "attributed_source": _MESSAGES,
    "attributed_adgroup": _MESSAGES,
    "attributed_ad": _MESSAGES,
    "random_bucket": "not carried: groups are drawn anew",
    "uninstalled_at": "not carried: a dead address is found when it is sent to",
    "push_tokens.app": "not carried: an import is of one app",
    "push_tokens.token": "see `push_tokens`",
    "devices.carrier": _SDK,
    "devices.idfv": "`device_id` of an iPhone",
    "devices.idfa": _SDK,
    "devices.google_ad_id": _SDK,
    "devices.roku_ad_id": _SDK,
    "devices.ad_tracking_enabled": _SDK,
}


def translate(document: Document) -> Told:
    """Return what a user is here: a person and their devices.

    Raises:
        InvalidFieldsError: the line names nobody.
    """
    subject = text(document.get("external_id")) or text(document.get("braze_id"))
    names = {"customer": "external_id", "email": "email", "phone": "phone"}
    identifiers = {ours: text(document.get(theirs)) for ours, theirs in names.items()}
    subject = subject or identifiers["email"] or identifiers["phone"]
    if not subject:
        raise wrong("missing", "a user has an external_id, a braze_id, an email or a phone")
    told = Told(subject=subject, identifiers=identifiers)
    told.leave(*left(document, MAPPING))
    if country := text(document.get("country")):
        told.contact["attributes"]["country"] = country
    for name, values in inside(document, "custom_attributes").items():
        told.put(name, values, on=told.contact, of="custom_attributes")
    for channel in (Channel.PUSH, Channel.EMAIL):
        if document.get(f"{channel}_subscribe") == "unsubscribed":
            at = instant(document.get(f"{channel}_unsubscribed_at"))
            told.refusals.append(Refusal(channel=channel, at=at))
    told.devices.extend(_devices(document, told))
    return told


def _devices(document: Document, told: Told) -> list[dict[str, Any]]:
    """Return the devices by their tokens, and those that have none."""
    hardware = {_own_id(one): one for one in listed(document, "devices")}
    tokens = [dict(one) for one in listed(document, "push_tokens")]
    _name_the_only_ones(tokens, hardware)
    with_token = {_own_id(one) for one in tokens}
    nameless = {_platform_of(one) for one in tokens if not _own_id(one)}
    found: dict[str, dict[str, Any]] = {}
    for token in tokens:
        if token.get("app"):
            told.leave("push_tokens.app")
        device = _device(document, token, hardware.get(_own_id(token), {}), told)
        before = found.get(device["device_id"])
        if before is None or not before.get("fcm_token"):
            found[device["device_id"]] = device
        else:
            told.leave("push_tokens.token")
    for own in sorted(hardware.keys() - with_token - {""}):
        if _platform_of(hardware[own]) in nameless:
            # It may be the device of a token already: rather one device than the same one twice.
            told.leave("devices")
            continue
        device = _device(document, {"device_id": own}, hardware[own], told)
        found[device["device_id"]] = device
    return list(found.values())


def _name_the_only_ones(tokens: list[dict[str, Any]], hardware: Mapping[str, Document]) -> None:
    """Give a token without a ``device_id`` that of the only device that it may be of."""
    for platform in {_platform_of(one) for one in tokens}:
        theirs = [one for one in tokens if _platform_of(one) == platform]
        devices = [own for own, one in hardware.items() if own and _platform_of(one) == platform]
        if len(theirs) == len(devices) == 1 and not _own_id(theirs[0]):
            theirs[0]["device_id"] = devices[0]


def _own_id(one: Document) -> str:
    """Return Braze's id of a device: ``device_id``, or of an iPhone ``idfv``."""
    return text(one.get("device_id")) or text(one.get("idfv"))


def _platform_of(one: Document) -> str:
    return _platform((text(one.get("platform")) + " " + text(one.get("os"))).lower())


def _device(document: Document, token: Document, hardware: Document, told: Told) -> dict[str, Any]:
    left_out = (f"devices.{name}" for name in hardware if name != "idfv")
    told.leave(*(name for name in left_out if name in MAPPING))
    said = text(token.get("platform")) + " " + text(hardware.get("os"))
    platform = _platform(said.lower())
    own, value = text(token.get("device_id")), text(token.get("token"))
    is_out = document.get("push_subscribe") == "unsubscribed"
    is_denied = token.get("notifications_enabled") is False
    device: dict[str, Any] = {
        "device_id": device_id("braze", own) if own else made_id("braze", value),
        "platform": platform,
        "locale": text(document.get("language")) or None,
        "timezone": text(document.get("time_zone")) or None,
        "os_version": text(hardware.get("os")) or None,
        "model": text(hardware.get("model")) or None,
        "push_permission": "denied" if is_out or is_denied else None,
        "attributes": {},
        "tags": [],
    }
    if platform == "android":
        device["fcm_token"] = value or None
    elif value:
        told.leave("push_tokens.token")
    return device


def _platform(said: str) -> str:
    """Return the platform of Braze's words for it; a phone is sent to only if it is Android's."""
    if "android" in said:
        return "android"
    return "ios" if "ios" in said or "ipad" in said or "iphone" in said else "web"


BRAZE = Vendor(
    translate=translate,
    mapping=MAPPING,
    names={
        "/locale": "language",
        "/timezone": "time_zone",
        "/os_version": "devices",
        "/model": "devices",
        "/fcm_token": "push_tokens.token",
        "/attributes": "custom_attributes",
        "/identifiers/customer": "external_id",
        "/identifiers/email": "email",
        "/identifiers/phone": "phone",
        "/tags": "custom_attributes",
    },
)
