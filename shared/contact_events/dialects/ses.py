"""Amazon SES: sent e-mails, and what became of them.

Both forms of event publishing, by SNS and by EventBridge, and the older feedback notifications:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html,
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html. The record is the same in
all of them, so a company that has two by mistake counts nothing twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias

from shared.contact_events.dialects import eventbridge, sns
from shared.contact_events.dialects.reading import (
    Part,
    UnreadablePartError,
    consent,
    document_in,
    original,
    purpose_of,
    translated,
    without_nulls,
    without_query,
)
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.translations import Translation
from shared.kernel.events import Channel, Direction, Purpose

SOURCE = "ses"

WITHDRAWN, GRANTED = "consent.withdrawn.v1", "consent.granted.v1"

confirmation_of = sns.confirmation_of

_NOTHING = Part(None)
"""Stands for the record of a message that SES sends without one."""

_APPLE_PREFETCH = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself; it opens every e-mail."""

_Told: TypeAlias = tuple[Part, str, Mapping[str, Any]]
"""A recipient, a type of ours, and its data."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one ``eventType`` is read: the field with its story, its types, and who is told what."""

    section: str
    types: Sequence[str]
    direction: Direction
    tell: Callable[[Part, Part], Iterable[_Told]]


def translate(payload: Payload, *, app_id: str) -> Translation:
    """Return what an event, a message of SNS, or a bare record tells; never raises."""
    return translated(partial(_records, payload), partial(_events, app_id=app_id))


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check a message of SNS by its signature, an event of EventBridge by its API key.

    Raises:
        SignatureMismatchError: neither the one nor the other.
    """
    try:
        is_message = sns.is_message(document_in(payload.body))
    except UnreadablePartError:
        raise SignatureMismatchError("neither of SNS nor of EventBridge") from None
    (sns if is_message else eventbridge).verify(payload, trust=trust)


def _records(payload: Payload) -> Sequence[Part]:
    document = document_in(payload.body)
    if eventbridge.is_event(document):
        return [document.at("detail")]
    if sns.is_message(document):
        return [_carried(document)]
    return [document]


def _carried(message: Part) -> Part:
    """Return the record in a message of SNS."""
    text = message.at("Message")
    if not isinstance(text.value, str):
        raise text.wrong("a text")
    if message.text("Type") != sns.NOTIFICATION or not text.value.startswith("{"):
        # A subscription's confirmation, or the sentence by which SES tries out a topic.
        return _NOTHING
    # The pointer leads to the text: what lies in it has no place in the document.
    return document_in(text.value, pointer=text.pointer)


def _events(record: Part, *, app_id: str) -> Sequence[ForeignEvent] | None:
    if record is _NOTHING:
        return None
    name = record.text("eventType" if record.has("eventType") else "notificationType")
    kind = _KINDS.get(name)
    if kind is None:
        return None
    mail, section = record.at("mail"), record.at(kind.section)
    at, message_id = section.instant("timestamp"), mail.text("messageId")
    tags = _tags(mail)
    purpose = Purpose.MARKETING if name == "Subscription" else purpose_of(tags.get("purpose"))
    about = without_nulls(message_id=message_id, campaign_id=tags.get("campaign_id"))
    return [
        ForeignEvent(
            app_id=app_id,
            source=SOURCE,
            id=f"{message_id}:{_digest(type_, section.text('timestamp'), recipient, data)}",
            is_id_reckoned=True,
            type=type_,
            time=at,
            channel=Channel.EMAIL,
            direction=kind.direction,
            purpose=purpose,
            identifiers=(("email", recipient.as_text()),),
            data={**about, **data},
            raw=original(record.value) if len(mail.parts("destination")) == 1 else None,
        )
        for recipient, type_, data in kind.tell(record, section)
    ]


def _tags(mail: Part) -> Mapping[str, str]:
    """Return the message tags that say something to us; each has a list of values."""
    tags = mail.at("tags") if mail.has("tags") else Part({})
    wanted = [name for name in ("campaign_id", "purpose") if tags.has(name)]
    return {name: values[0].as_text() for name in wanted if (values := tags.parts(name))}


def _digest(type_: str, at: str, recipient: Part, data: Mapping[str, Any]) -> str:
    """Return a short name of what SES gives none: one event of one recipient of a message."""
    what = str(data.get("topic") or data.get("link"))
    said = (type_, at, recipient.as_text().casefold(), what)
    return sha256(" ".join(said).encode()).hexdigest()[:32]


def _to_each(record: Part, _section: Part, *, type_: str) -> Iterator[_Told]:
    """Yield the same of everybody whom the e-mail went to."""
    for recipient in record.at("mail").parts("destination"):
        yield recipient, type_, {}


def _failed(record: Part, _section: Part, *, code: str) -> Iterator[_Told]:
    for recipient in record.at("mail").parts("destination"):
        yield recipient, "message.failed.v1", {"state": "failed", "code": code}


def _delivered(_record: Part, delivery: Part) -> Iterator[_Told]:
    for recipient in delivery.parts("recipients"):
        yield recipient, "message.delivered.v1", {}


def _opened(record: Part, opened: Part) -> Iterator[_Told]:
    machine = opened.optional_text("userAgent") == _APPLE_PREFETCH
    yield _only_recipient(record), "message.opened.v1", {"machine": machine}


def _clicked(record: Part, click: Part) -> Iterator[_Told]:
    link = without_query(click.optional_text("link"))
    yield _only_recipient(record), "message.clicked.v1", without_nulls(link=link)


def _bounced(_record: Part, bounce: Part) -> Iterator[_Told]:
    kind, reason = bounce.text("bounceType").lower(), bounce.optional_text("bounceSubType")
    for recipient in bounce.parts("bouncedRecipients"):
        data = without_nulls(kind=kind, reason=reason, code=recipient.optional_text("status"))
        yield recipient.at("emailAddress"), "message.bounced.v1", data


def _delayed(_record: Part, delay: Part) -> Iterator[_Told]:
    reason = delay.optional_text("delayType")
    for recipient in delay.parts("delayedRecipients"):
        data = without_nulls(reason=reason, code=recipient.optional_text("status"))
        yield recipient.at("emailAddress"), "message.delayed.v1", data


def _complained(_record: Part, complaint: Part) -> Iterator[_Told]:
    data = without_nulls(kind=complaint.optional_text("complaintFeedbackType"))
    for recipient in complaint.parts("complainedRecipients"):
        yield recipient.at("emailAddress"), "contact.complained.v1", data


def _subscribed(record: Part, subscription: Part) -> Iterator[_Told]:
    recipient = _only_recipient(record)
    for type_, topic in _changes(subscription):
        yield recipient, type_, consent(Channel.EMAIL, topic=topic, obtained_by=SOURCE)


def _only_recipient(record: Part) -> Part:
    """Return whom an e-mail went to: where they were several, SES does not say which it was."""
    found = record.at("mail").parts("destination")
    if len(found) != 1:
        place = f"{record.pointer}/mail/destination"
        raise UnreadablePartError(place, "several_people", "which of the recipients is not said")
    return found[0]


def _changes(subscription: Part) -> Iterator[tuple[str, str | None]]:
    """Yield what a person changed: everything at once, or the topics whose status differs."""
    new, old = (subscription.at(f"{age}TopicPreferences") for age in ("new", "old"))
    if new.has("unsubscribeAll") and new.value["unsubscribeAll"] is True:
        yield WITHDRAWN, None
        return
    before = _statuses(old)
    for topic, status in _statuses(new).items():
        if before.get(topic) != status:
            yield (GRANTED if status == "OptIn" else WITHDRAWN), topic


def _statuses(preferences: Part) -> Mapping[str, str]:
    """Return what a person said of each topic: OptIn or OptOut."""
    if not preferences.has("topicSubscriptionStatus"):
        return {}
    listed = preferences.parts("topicSubscriptionStatus")
    return {topic.text("topicName"): topic.text("subscriptionStatus") for topic in listed}


_IN, _OUT = Direction.IN, Direction.OUT

_KINDS: Mapping[str, _Kind] = {
    "Send": _Kind("mail", ["message.sent.v1"], _OUT, partial(_to_each, type_="message.sent.v1")),
    "Delivery": _Kind("delivery", ["message.delivered.v1"], _IN, _delivered),
    "Open": _Kind("open", ["message.opened.v1"], _IN, _opened),
    "Click": _Kind("click", ["message.clicked.v1"], _IN, _clicked),
    "Bounce": _Kind("bounce", ["message.bounced.v1"], _OUT, _bounced),
    "DeliveryDelay": _Kind("deliveryDelay", ["message.delayed.v1"], _OUT, _delayed),
    "Reject": _Kind("mail", ["message.failed.v1"], _OUT, partial(_failed, code="rejected")),
    "Rendering Failure": _Kind(
        "mail", ["message.failed.v1"], _OUT, partial(_failed, code="rendering_failure")
    ),
    "Complaint": _Kind("complaint", ["contact.complained.v1"], _IN, _complained),
    "Subscription": _Kind("subscription", [WITHDRAWN, GRANTED], _IN, _subscribed),
}

MEANS = {name: kind.types for name, kind in _KINDS.items()}
"""What SES calls ``eventType``, and what it is to us."""
