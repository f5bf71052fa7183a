"""Amazon Connect: calls, chats and e-mails with the contact centre, from their start to their end.

https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html: events of EventBridge, as
many as Amazon can deliver, in any order; types and fields that are new are to be passed over.

A contact event does not always say who the person is. It does by ``customerId``, the customer
number that a flow sets, by ``customerEndpoint``, which DescribeContact answers for the same contact
and whoever forwards the event may add, or by a segment attribute ``customer``, ``phone`` or
``email`` of the company's own. Otherwise the event is rejected as ``nobody_named``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.contact_events.dialects import eventbridge
from shared.contact_events.dialects.reading import (
    Part,
    UnreadablePartError,
    document_in,
    original,
    translated,
    without_nulls,
)
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload
from shared.contact_events.model.translations import Translation
from shared.kernel.events import Channel, Direction, Purpose

SOURCE = "connect"
DETAIL_TYPE = "Amazon Connect Contact Event"

verify = eventbridge.verify


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an event type is to us; the instant is at ``clock``, in ``section`` if there is one."""

    type: str
    clock: str
    section: str | None = None


_KINDS: Mapping[str, _Kind] = {
    "INITIATED": _Kind("call.started.v1", "initiationTimestamp"),
    "CONNECTED_TO_AGENT": _Kind("call.answered.v1", "connectedToAgentTimestamp", "agentInfo"),
    "DISCONNECTED": _Kind("call.ended.v1", "disconnectTimestamp"),
}

MEANS = {name: [kind.type] for name, kind in _KINDS.items()}
"""What Connect calls ``eventType``, and what it is to us."""

_CHANNELS = {"VOICE": Channel.PHONE, "CHAT": Channel.CHAT, "EMAIL": Channel.EMAIL}
"""Tasks are work among agents: nobody is spoken to."""

_BY_PERSON = {"INBOUND", "WEBRTC_API"}
_BY_COMPANY = {"OUTBOUND", "EXTERNAL_OUTBOUND", "CALLBACK"}
_BY_PROGRAM = "API"
"""A program of the company's: it dials for an agent, or opens a chat for a visitor."""

_ENDPOINTS = {"TELEPHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email"}
_OWN_ATTRIBUTES = ("customer", "phone", "email")


def translate(payload: Payload, *, app_id: str) -> Translation:
    """Return what one event of EventBridge tells; never raises."""
    return translated(lambda: [document_in(payload.body)], partial(_read, app_id=app_id))


def _read(event: Part, *, app_id: str) -> Sequence[ForeignEvent] | None:
    if event.text("detail-type") != DETAIL_TYPE:
        return None
    detail = event.at("detail")
    kind = _KINDS.get(detail.text("eventType"))
    channel = _CHANNELS.get(detail.text("channel").upper())
    if kind is None or channel is None:
        return None
    direction = _direction(detail, channel)
    if direction is None:
        return None
    call_id = detail.text("contactId")
    return [
        ForeignEvent(
            app_id=app_id,
            source=SOURCE,
            id=f"{call_id}:{kind.type}",
            type=kind.type,
            time=_instant(event, detail, kind),
            channel=channel,
            direction=direction,
            purpose=_purpose(detail, direction),
            identifiers=tuple(_people(detail)),
            data={"call_id": call_id, **_data(detail, kind)},
            raw=original(detail.value),
        )
    ]


def _direction(detail: Part, channel: Channel) -> Direction | None:
    """Return who began; ``None`` for what is only a further leg of a conversation: a transfer."""
    method = detail.text("initiationMethod")
    if method in _BY_PERSON or (method == _BY_PROGRAM and channel is not Channel.PHONE):
        return Direction.IN
    return Direction.OUT if method in _BY_COMPANY or method == _BY_PROGRAM else None


def _instant(event: Part, detail: Part, kind: _Kind) -> datetime:
    """Return when it happened, by the contact's own clock where it says so, else by the event's."""
    section = detail
    if kind.section is not None:
        section = detail.at(kind.section) if detail.has(kind.section) else Part({})
    return section.instant(kind.clock) if section.has(kind.clock) else event.instant("time")


def _purpose(detail: Part, direction: Direction) -> Purpose | None:
    """Return why they speak: a campaign dials to sell, and whoever calls in wants something."""
    if detail.has("campaign"):
        return Purpose.MARKETING
    return Purpose.SERVICE if direction is Direction.IN else None


def _people(detail: Part) -> Iterator[tuple[str, str]]:
    """Yield the identifiers of the person.

    Raises:
        UnreadablePartError: there are none.
    """
    found = {**_of_attributes(detail), **_of_endpoint(detail)}
    if detail.has("customerId"):
        found["customer"] = detail.text("customerId")
    if not found:
        raise UnreadablePartError(
            detail.pointer,
            "nobody_named",
            "neither customerId, customerEndpoint nor an attribute of the company's says who it is",
        )
    yield from found.items()


def _of_endpoint(detail: Part) -> Mapping[str, str]:
    if not detail.has("customerEndpoint"):
        return {}
    endpoint = detail.at("customerEndpoint")
    namespace = _ENDPOINTS.get(endpoint.text("type"))
    return {namespace: endpoint.text("address")} if namespace else {}


def _of_attributes(detail: Part) -> Mapping[str, str]:
    attributes = detail.at("segmentAttributes") if detail.has("segmentAttributes") else Part({})
    named = (name for name in _OWN_ATTRIBUTES if attributes.has(name))
    return {name: attributes.at(name).text("valueString") for name in named}


def _data(detail: Part, kind: _Kind) -> Mapping[str, Any]:
    """Return what is told of a call: how it began, and at its end why and after how long."""
    began_by = detail.text("initiationMethod").lower()
    if kind.type != "call.ended.v1":
        return {"began_by": began_by}
    reason = detail.optional_text("disconnectReason")
    return without_nulls(began_by=began_by, reason=reason, seconds=_seconds(detail))


def _seconds(detail: Part) -> int | None:
    """Return how long the two were connected; ``None`` where they never were."""
    if not (detail.has("connectedToSystemTimestamp") and detail.has("disconnectTimestamp")):
        return None
    began = detail.instant("connectedToSystemTimestamp")
    return (detail.instant("disconnectTimestamp") - began) // timedelta(seconds=1)
