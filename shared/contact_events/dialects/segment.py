"""The Segment wire: what its libraries send, unchanged but for the host.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api for requests and
limits, .../docs/connections/spec for the calls and the names of events.

| call            | becomes                  | data                                              |
| --------------- | ------------------------ | ------------------------------------------------- |
| identify        | ``contact.described.v1`` | ``traits``: their names; the traits are sealed    |
| alias           | ``contact.aliased.v1``   | none: both identifiers name one person            |
| group           | ``group.joined.v1``      | ``group_id``                                      |
| page            | ``page.viewed.v1``       | ``name``, ``category``, ``properties``            |
| screen          | ``screen.viewed.v1``     | the same                                          |
| track           | ``KNOWN``, or ``type_of``| ``event``: its name; ``properties``               |

``userId`` is the identifier ``customer``, ``anonymousId`` and ``previousId`` are ``anonymous``;
``email`` and ``phone`` are found in the traits and properties, wherever a library puts them. What
the data do not hold (context, traits, e-mail address and phone number, the queries of links) is the
original, sealed. The name of the library, and ``integrations``, which are about Segment's other
destinations, are not kept.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias
from unicodedata import normalize

from shared.contact_events.errors import UnreadableError
from shared.contact_events.model.documents import document_of, instant_of, size_of, unusable
from shared.contact_events.model.event_types import OUR_NOUNS
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.prices import minor_units
from shared.contact_events.model.translations import Reject, Translation
from shared.kernel.clock import rfc3339
from shared.kernel.errors import DomainError
from shared.kernel.events import Channel, Direction, Purpose
from shared.kernel.money import is_currency

SOURCE = "segment"

LARGEST_EVENT = 32 * 1024
LARGEST_BATCH = 500 * 1024
"""Bytes, of a batch after inflating; the libraries send less (HTTP API, "Max Request Size")."""

MOST_EVENTS = 2_500
"""Of a batch (HTTP API, "Batch")."""

CALLS = ("track", "identify", "page", "screen", "group", "alias")

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an event of Segment's own specifications is to us."""

    type: str
    channel: Channel | None = None
    direction: Direction | None = None
    purpose: Purpose | None = None


def _email(event_type: str, direction: Direction) -> Known:
    return Known(type=event_type, channel=Channel.EMAIL, direction=direction)


def _push(event_type: str, direction: Direction) -> Known:
    return Known(type=event_type, channel=Channel.PUSH, direction=direction)


def _chat(event_type: str, direction: Direction) -> Known:
    return Known(
        type=event_type, channel=Channel.CHAT, direction=direction, purpose=Purpose.SERVICE
    )


def _purchase(event_type: str) -> Known:
    return Known(type=event_type, direction=Direction.IN)


WITHDRAWN = "consent.withdrawn.v1"

KNOWN: Mapping[str, Known] = {
    "order completed": _purchase("purchase.completed.v1"),
    "order updated": _purchase("purchase.updated.v1"),
    "order refunded": _purchase("purchase.refunded.v1"),
    "order cancelled": _purchase("purchase.cancelled.v1"),
    "email delivered": _email("message.delivered.v1", Direction.IN),
    "email opened": _email("message.opened.v1", Direction.IN),
    "email link clicked": _email("message.clicked.v1", Direction.IN),
    "email bounced": _email("message.bounced.v1", Direction.OUT),
    "email marked as spam": _email("contact.complained.v1", Direction.IN),
    "unsubscribed": _email(WITHDRAWN, Direction.IN),
    "push notification received": _push("message.delivered.v1", Direction.IN),
    "push notification tapped": _push("message.opened.v1", Direction.IN),
    "push notification bounced": _push("message.bounced.v1", Direction.OUT),
    "live chat conversation started": _chat("conversation.started.v1", Direction.IN),
    "live chat conversation ended": _chat("conversation.ended.v1", Direction.IN),
    "live chat message sent": _chat("message.received.v1", Direction.IN),
    "live chat message received": _chat("message.sent.v1", Direction.OUT),
}
"""By the names of the specifications for commerce (v2), e-mail, mobile and live chat.

In a live chat Segment speaks of the person, who sends and receives; we speak of the company. What
it answers there is service.
"""

_BY_CALL: Mapping[str, Known] = {
    "identify": Known(type="contact.described.v1"),
    "alias": Known(type="contact.aliased.v1"),
    "group": Known(type="group.joined.v1"),
    "page": Known(type="page.viewed.v1", channel=Channel.WEB, direction=Direction.IN),
    "screen": Known(type="screen.viewed.v1", channel=Channel.INAPP, direction=Direction.IN),
}

_CHANNEL_OF_LIBRARY: Mapping[str, Channel] = {
    "analytics.js": Channel.WEB,
    "analytics-next": Channel.WEB,
    "analytics-android": Channel.INAPP,
    "analytics-ios": Channel.INAPP,
    "analytics-kotlin": Channel.INAPP,
    "analytics-react-native": Channel.INAPP,
    "analytics-swift": Channel.INAPP,
    "analytics_flutter": Channel.INAPP,
}
"""By the library that sends; one on a server does not say through which channel it knows."""

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PHONE = re.compile(r"\+[0-9 ().-]{7,30}")
ADDRESSES = ("email", "phone")
"""Traits and properties that are identifiers."""

SEALED = frozenset({*ADDRESSES, "search"})
LINKS = frozenset({"url", "referrer", "link_url"})
"""Properties that are kept in the original only, and links that are shown without their query."""


def settings(write_key: str, *, host: str) -> Mapping[str, Any]:
    """Return what the mobile libraries ask for when they start, so that they send to us.

    ``host`` has no scheme: the libraries put ``https://`` before it.
    """
    return {
        "integrations": {"Segment.io": {"apiKey": write_key, "apiHost": f"{host}/v1"}},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
    }


def type_of(name: str) -> str:
    """Return the type of an event that has a name of its sender's own.

    Its last word is what happened, the words before are to what: "Product List Viewed" and
    ``productListViewed`` are ``product_list.viewed.v1``. One word, and words that would be an event
    of ours, stand after ``custom.``: "Signup" is ``custom.signup.v1``, "Device Registered"
    ``custom.device_registered.v1``. A name without a letter or digit is ``custom.unnamed.v1``.
    """
    words = _WORD.findall(_CAMEL.sub(" ", normalize("NFKC", name)).casefold()) or ["unnamed"]
    noun, verb = "_".join(words[:-1]), words[-1]
    if not noun or noun in OUR_NOUNS:
        return f"custom.{'_'.join(words)}.v1"
    return f"{noun}.{verb}.v1"


def translate(
    payload: bytes,
    *,
    app_id: str,
    received_at: datetime,
    call: str | None = None,
    is_gzip: bool = False,
) -> Translation:
    """Return the events of a request to ``/v1/batch``, or to the path of a ``call``."""
    try:
        body = document_of(_whole(payload, is_gzip=is_gzip))
        found = list(_messages(body, call=call))
    except DomainError as error:
        return Translation(rejects=(Reject.by(error, index=0),))
    sent_at = _instant(body.get("sentAt"))
    events: list[ForeignEvent] = []
    indices: list[int] = []
    rejects: list[Reject] = []
    for index, (within, message) in enumerate(found):
        try:
            read = _Message.of(message, sent_at=sent_at, received_at=received_at)
            events.append(_foreign(read, app_id=app_id))
            indices.append(index)
        except DomainError as error:
            rejects.append(Reject.by(error, index=index, within=within))
    return Translation(events=tuple(events), rejects=tuple(rejects), indices=tuple(indices))


def _whole(payload: bytes, *, is_gzip: bool) -> bytes:
    """Return a payload as it was before gzip made it smaller, as far as it may be read."""
    whole = payload
    if is_gzip:
        inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            whole = inflater.decompress(payload, LARGEST_BATCH + 1)
        except zlib.error as error:
            raise UnreadableError("not gzip") from error
        if len(whole) <= LARGEST_BATCH and not inflater.eof:
            raise UnreadableError("the gzip is cut off")
    if len(whole) > LARGEST_BATCH:
        raise unusable("", "too_large", f"at most {LARGEST_BATCH} bytes a request")
    return whole


def _messages(body: Any, *, call: str | None) -> Iterator[tuple[str, Any]]:
    """Yield each call, and where it lies in the payload."""
    if not isinstance(body, dict):
        raise unusable("", "object", "a request is a JSON object")
    if call is not None:
        yield "", {**body, "type": call}
        return
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise unusable("/batch", "batch", "a list of calls")
    if len(batch) > MOST_EVENTS:
        raise unusable("/batch", "too_many_events", f"at most {MOST_EVENTS} events a batch")
    shared = _object(body.get("context"))
    for index, message in enumerate(batch):
        if shared and isinstance(message, dict):
            context = {**shared, **_object(message.get("context"))}
            yield f"/batch/{index}", {**message, "context": context}
        else:
            yield f"/batch/{index}", message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One call: what it says, and when."""

    said: Document
    call: str
    time: datetime
    is_time_reckoned: bool

    @classmethod
    def of(cls, message: Any, *, sent_at: datetime | None, received_at: datetime) -> "_Message":
        """Return a call of a batch that was sent at an instant of the sender's clock.

        Raises:
            InvalidFieldsError: it is no call, it is too large, or its time is none.
        """
        if not isinstance(message, dict):
            raise unusable("", "object", "a call is a JSON object")
        if size_of(message) > LARGEST_EVENT:
            raise unusable("", "too_large", f"at most {LARGEST_EVENT} bytes an event")
        call = message.get("type")
        if call not in CALLS:
            raise unusable("/type", "type", f"one of {', '.join(CALLS)}")
        said_at = _said_at(message)
        sent_at = _instant(message.get("sentAt")) or sent_at
        return cls(
            said=message,
            call=call,
            time=_corrected(said_at, sent_at=sent_at, received_at=received_at),
            is_time_reckoned=said_at is None or sent_at is not None,
        )

    def part(self, name: str) -> Document:
        """Return an object in the call; without one, an empty one."""
        return _object(self.said.get(name))

    @property
    def context_traits(self) -> Document:
        """Return the traits that mobile libraries put beside every call."""
        return _object(self.part("context").get("traits"))

    def text(self, name: str) -> str:
        """Return a text or whole number that a call must have, as a text.

        Raises:
            InvalidFieldsError: it has none.
        """
        value = _text(self.said.get(name))
        if value is None:
            raise unusable(f"/{name}", "missing", f"a {self.call} call has this field")
        return value


def _said_at(message: Document) -> datetime | None:
    for name in ("timestamp", "originalTimestamp"):
        if message.get(name) is not None:
            at = _instant(message[name])
            if at is None:
                raise unusable(f"/{name}", "time", "an instant of RFC 3339")
            return at
    return None


def _corrected(
    said_at: datetime | None, *, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """Return when it happened, by our clock (Spec, "Common fields", "Timestamps").

    What the sender's clock shows when it sends, and ours when it comes, are the same instant.
    """
    if said_at is None:
        return received_at
    if sent_at is None:
        return said_at
    try:
        return received_at - (sent_at - said_at)
    except OverflowError:
        raise unusable("/timestamp", "time", "an instant that a calendar has") from None


def _instant(value: Any) -> datetime | None:
    """Return an instant; one without a zone is in UTC, as some libraries write it."""
    if not isinstance(value, str):
        return None
    return instant_of(value) or instant_of(f"{value}Z")


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> Document:
    return value if isinstance(value, dict) else {}


def _foreign(message: _Message, *, app_id: str) -> ForeignEvent:
    known = _known(message)
    return ForeignEvent(
        app_id=app_id,
        source=SOURCE,
        id=_id_of(message),
        is_id_reckoned=_given_id(message) is None,
        type=known.type,
        time=message.time,
        channel=known.channel,
        direction=known.direction,
        purpose=known.purpose,
        identifiers=tuple(_identifiers(message)),
        data=_data(message, known),
        raw=_rest(message),
        is_time_reckoned=message.is_time_reckoned,
    )


def _known(message: _Message) -> Known:
    known = _BY_CALL.get(message.call)
    if known is not None:
        return known
    name = message.text("event")
    known = KNOWN.get(name.strip().casefold())
    if known is not None:
        return known
    channel = _channel(message)
    direction = Direction.IN if channel else None
    return Known(type=type_of(name), channel=channel, direction=direction)


def _channel(message: _Message) -> Channel | None:
    library = _text(_object(message.part("context").get("library")).get("name")) or ""
    return _CHANNEL_OF_LIBRARY.get(library.removeprefix("@segment/"))


def _given_id(message: _Message) -> str | None:
    return _text(message.said.get("messageId"))


def _id_of(message: _Message) -> str:
    """Return the id by which the call is known again: without one, the digest of all it says.

    What has no time either is another call each time it comes.
    """
    given = _given_id(message)
    if given is not None:
        return given
    said = {name: value for name, value in message.said.items() if name != "sentAt"}
    at = "" if _said_at(message.said) else rfc3339(message.time)
    return sha256(f"{json.dumps(said, sort_keys=True)}{at}".encode()).hexdigest()


def _identifiers(message: _Message) -> Iterator[tuple[str, str]]:
    """Yield whom the call names: by its ids, and by what its traits and properties say."""
    traits = message.context_traits
    named = {
        ("customer", _text(message.said.get("userId")) or _text(traits.get("userId"))),
        ("anonymous", _text(message.said.get("anonymousId")) or _text(traits.get("anonymousId"))),
    }
    if message.call == "alias":
        named.add(("anonymous", message.text("previousId")))
    for place in _places_of_traits(message):
        named |= {(name, _address(name, place.get(name))) for name in ADDRESSES}
    for namespace, value in sorted(named, key=str):
        if value is not None:
            yield namespace, value


def _places_of_traits(message: _Message) -> Sequence[Document]:
    """Return where traits of the person may stand; those of a group are the group's."""
    places = [message.context_traits, message.part("properties")]
    return places if message.call == "group" else [*places, message.part("traits")]


def _address(name: str, value: Any) -> str | None:
    """Return a value that looks like an address; what does not stays in the original only."""
    if not isinstance(value, str):
        return None
    looks_right = "@" in value if name == "email" else _PHONE.fullmatch(value.strip())
    return value if looks_right else None


def _data(message: _Message, known: Known) -> Document:
    match message.call:
        case "identify":
            told = {**message.context_traits, **message.part("traits")}
            return {"traits": sorted(told)}
        case "alias":
            return {}
        case "group":
            return {"group_id": message.text("groupId")}
        case "track":
            named: Document = {"event": message.said["event"], **_specified(message, known)}
        case _:
            texts = {name: _text(message.said.get(name)) for name in ("name", "category")}
            named = {name: text for name, text in texts.items() if text is not None}
    shown = _shown(message.part("properties"))
    return {**named, "properties": shown} if shown else named


def _shown(properties: Document) -> Document:
    """Return properties without what may name a person: addresses, and the queries of links."""
    return {
        name: _without_query(value) if name in LINKS else value
        for name, value in properties.items()
        if name not in SEALED
    }


def _without_query(link: Any) -> Any:
    return re.split("[?#]", link, maxsplit=1)[0] if isinstance(link, str) else link


def _specified(message: _Message, known: Known) -> Document:
    """Return, in our words, what the specifications name."""
    properties = message.part("properties")
    if known.type == WITHDRAWN:
        return {
            "consent_channel": Channel.EMAIL.value,
            "topic": _text(properties.get("list_id")),
            "obtained_by": SOURCE,
            "proof_id": None,
        }
    if known.type.startswith("purchase."):
        return _purchased(properties)
    if not known.type.startswith("message."):
        return {}
    told = {
        "message_id": _text(properties.get("email_id")),
        "campaign_id": _text(properties.get("campaign_id")),
        "link": _text(_without_query(properties.get("link_url"))),
    }
    return {name: text for name, text in told.items() if text is not None}


def _purchased(properties: Document) -> Document:
    """Return the order and its price in minor units, where the currency is told."""
    told: dict[str, Any] = {}
    order_id, currency = _text(properties.get("order_id")), properties.get("currency")
    if order_id is not None:
        told["order_id"] = order_id
    prices = (properties.get(name) for name in ("total", "revenue", "value"))
    price = next((one for one in prices if one is not None), None)
    if price is not None and is_currency(currency):
        amount = minor_units(price, str(currency))
        told |= {"amount": amount, "currency": currency} if amount is not None else {}
    return told


def _rest(message: _Message) -> bytes | None:
    """Return what the data do not hold of a call, in JSON; ``None`` where that is nothing."""
    properties = message.part("properties")
    shown = _shown(properties)
    parts = {
        "context": {
            name: value for name, value in message.part("context").items() if name != "library"
        },
        "traits": message.part("traits"),
        "properties": {
            name: value for name, value in properties.items() if shown.get(name) != value
        },
    }
    rest = {name: part for name, part in parts.items() if part}
    return json.dumps(rest, separators=(",", ":"), sort_keys=True).encode() if rest else None
