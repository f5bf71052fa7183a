"""Endpoints of Amazon Pinpoint, as its export jobs write them: one JSON object a line.

The fields are those of ``EndpointResponse``:
https://docs.aws.amazon.com/pinpoint/latest/apireference/apps-application-id-endpoints-endpoint-id.html
and of the files that ``CreateExportJob`` writes:
https://docs.aws.amazon.com/pinpoint/latest/developerguide/audience-data-export.html

FCM takes no APNs tokens, so a device of iOS comes without an address: it has one as soon as a
version of the app with our registration runs on it.
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
    text,
    wrong,
)

_PLATFORMS: Mapping[str, str] = {
    "APNS": "ios",
    "APNS_SANDBOX": "ios",
    "GCM": "android",
    "ADM": "android",
    "BAIDU": "android",
}
_IDENTIFIERS: Mapping[str, str] = {"EMAIL": "email", "SMS": "phone", "VOICE": "phone"}
_CHANNELS: Mapping[str, Channel] = {
    **dict.fromkeys(_PLATFORMS, Channel.PUSH),
    "EMAIL": Channel.EMAIL,
    "SMS": Channel.SMS,
    "VOICE": Channel.PHONE,
    "IN_APP": Channel.INAPP,
}

MAPPING: Mapping[str, str] = {
    "Id": "`device_id`; an id that may be none here becomes a hash",
    "ChannelType": (
        "`platform`, or which identifier the address is; channels other than APNS, "
        "APNS_SANDBOX, GCM, ADM, BAIDU, EMAIL, SMS and VOICE bring the person alone"
    ),
    "Address": (
        "of GCM the `fcm_token`, of EMAIL and SMS an identifier; tokens of APNs, ADM and "
        "Baidu are not carried: FCM cannot send to them"
    ),
    "OptOut": "unless `NONE`, withdrawn consent for the channel, and a device that is not sent to",
    "EndpointStatus": "of `INACTIVE` the address is not carried: it belongs to another endpoint",
    "EffectiveDate": "the latest that consent was withdrawn: when the endpoint last changed",
    "Attributes": "attributes of the device; several values are tags `name:value` of the contact",
    "Metrics": "attributes of the device",
    "Location.Country": "attribute `country`",
    "Location.City": "attribute `city`",
    "Location.Region": "attribute `region`",
    "Location.PostalCode": "not carried: more precise than a segment needs",
    "Location.Latitude": "not carried: more precise than a segment needs",
    "Location.Longitude": "not carried: more precise than a segment needs",
    "Demographic.Platform": "`platform` of GCM, where it says iOS",
    "Demographic.PlatformVersion": "`os_version`",
    "Demographic.AppVersion": "`app_version`",
    "Demographic.Locale": "`locale`",
    "Demographic.Timezone": "`timezone`",
    "Demographic.Make": "attribute `make`",
    "Demographic.Model": "`model`",
    "Demographic.ModelVersion": "not carried: `model` says enough",
    "User.UserId": "identifier `customer`",
    "User.UserAttributes": "attributes of the contact; several values are its tags `name:value`",
    "ApplicationId": "not carried: an import is of one app",
    "CohortId": "not carried: holdouts are drawn anew",
    "CreationDate": "not carried: a device is registered when it is imported",
    "RequestId": "not carried: it names a request to Pinpoint",
}
_INNER = ("Location", "Demographic", "User")


def translate(document: Document) -> Told:
    """Return what an endpoint is here: a device or a person's identifier, with its person.

    Raises:
        InvalidFieldsError: it has no id or no channel.
    """
    subject, channel = text(document.get("Id")), text(document.get("ChannelType"))
    if not subject or not channel:
        raise wrong("missing", "an endpoint has an Id and a ChannelType")
    person = inside(document, "User")
    told = Told(subject=subject, identifiers={"customer": text(person.get("UserId"))})
    for name in _INNER:
        told.leave(*left(inside(document, name), MAPPING, at=f"{name}."))
    told.leave(*left({k: v for k, v in document.items() if k not in _INNER}, MAPPING))
    for name, values in inside(person, "UserAttributes").items():
        told.put(name, values, on=told.contact, of="User.UserAttributes")
    is_out = text(document.get("OptOut")).upper() not in {"", "NONE"}
    if is_out:
        _refuse(told, channel, document)
    if channel in _PLATFORMS:
        told.devices.append(_device(document, told, is_out=is_out))
    else:
        _endpoint_of_a_person(document, told, channel)
    return told


def _refuse(told: Told, channel: str, document: Document) -> None:
    if channel in _CHANNELS:
        at = instant(document.get("EffectiveDate"))
        told.refusals.append(Refusal(channel=_CHANNELS[channel], at=at))
    else:
        told.leave("OptOut")


def _endpoint_of_a_person(document: Document, told: Told, channel: str) -> None:
    address = text(document.get("Address"))
    if channel in _IDENTIFIERS:
        told.identifiers[_IDENTIFIERS[channel]] = address
    elif address:
        told.leave("Address")
    told.leave(*(name for name in ("Attributes", "Metrics") if document.get(name)))
    rest = ("Location", "Demographic")
    told.leave(*(f"{name}.{one}" for name in rest for one in inside(document, name)))


def _device(document: Document, told: Told, *, is_out: bool) -> dict[str, Any]:
    demographic, place = inside(document, "Demographic"), inside(document, "Location")
    channel = text(document.get("ChannelType"))
    is_ios = channel == "GCM" and text(demographic.get("Platform")).lower() == "ios"
    device: dict[str, Any] = {
        "device_id": device_id("pinpoint", told.subject),
        "platform": "ios" if is_ios else _PLATFORMS[channel],
        "locale": text(demographic.get("Locale")) or None,
        "timezone": text(demographic.get("Timezone")) or None,
        "app_version": text(demographic.get("AppVersion")) or None,
        "os_version": text(demographic.get("PlatformVersion")) or None,
        "model": text(demographic.get("Model")) or None,
        "push_permission": "denied" if is_out else None,
        "attributes": {},
        "tags": [],
    }
    is_active = text(document.get("EndpointStatus")).upper() in {"", "ACTIVE"}
    address = text(document.get("Address"))
    if channel == "GCM" and is_active:
        device["fcm_token"] = address or None
    elif address:
        told.leave("Address")
    extra = {
        "make": demographic.get("Make"),
        "country": place.get("Country"),
        "city": place.get("City"),
        "region": place.get("Region"),
    }
    device["attributes"] = {name: value for name, value in extra.items() if value}
    for field in ("Metrics", "Attributes"):
        for name, values in inside(document, field).items():
            told.put(name, values, on=device, of=field)
    return device


PINPOINT = Vendor(
    translate=translate,
    mapping=MAPPING,
    names={
        "/locale": "Demographic.Locale",
        "/timezone": "Demographic.Timezone",
        "/app_version": "Demographic.AppVersion",
        "/os_version": "Demographic.PlatformVersion",
        "/model": "Demographic.Model",
        "/fcm_token": "Address",
        "/attributes": "Attributes, Metrics or UserAttributes",
        "/identifiers/customer": "User.UserId",
        "/identifiers": "Address",
        "/tags": "Attributes, Metrics or UserAttributes",
    },
)
