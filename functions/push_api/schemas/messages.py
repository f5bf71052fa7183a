"""Messages and receipts, on the wire."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from functions.push_api.schemas import (
    CollapseKey,
    DataKey,
    Link,
    Text,
    Topic,
    Ttl,
    Variables,
    duration,
)
from functions.push_api.schemas.inbox import CopyIn
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.events import Purpose
from shared.kernel.ids import is_ulid
from shared.platform.http.schemas import In, Instant, Out
from shared.push.model import (
    Chunk,
    Content,
    Priority,
    Receipt,
    ReceiptKind,
    State,
    Terms,
)
from shared.push.model.in_app import InAppReceipt
from shared.push.service.messages import Addressee, ReceiptsHeard

if TYPE_CHECKING:
    pass


def _ulid(text: str) -> str:
    if not is_ulid(text):
        raise PydanticCustomError("ulid", "26 letters of Crockford's base 32")
    return text


class AddresseeIn(In):
    """Whom to tell: a contact, on all its devices, or one device."""

    contact_id: Annotated[str | None, Field(pattern=r"^con_[0-9A-Z]{26}$")] = None
    device_id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.contact_id is None) == (self.device_id is None):
            raise PydanticCustomError("one_of", "either contact_id or device_id")
        return self


class ContentIn(In):
    """What a device shows or handles; without title and body it is data only."""

    title: Text | None = None
    body: Text | None = None
    image: Annotated[str, Field(max_length=2_048)] | None = None
    link: Link | None = None
    data: Annotated[dict[DataKey, str], Field(max_length=64)] = Field(default_factory=dict)
    priority: Priority = Priority.HIGH
    ttl_seconds: Ttl | None = None
    collapse_key: CollapseKey | None = None

    def content(self) -> Content:
        """Return the content in the words of the model."""
        return Content(
            title=self.title,
            body=self.body,
            image=self.image,
            link=self.link,
            data=dict(self.data),
            priority=self.priority,
            time_to_live=duration(self.ttl_seconds),
            collapse_key=self.collapse_key,
        )


class SendIn(In):
    """A message for some contacts and devices, now."""

    recipients: Annotated[tuple[AddresseeIn, ...], Field(min_length=1, max_length=100)]
    content: ContentIn | None = None
    template_id: Annotated[str | None, Field(pattern=r"^tpl_[0-9A-Z]{26}$")] = Field(
        default=None,
        description="Instead of content: a template that says the same to everybody. It is said in"
        " the app's default locale.",
    )
    variables: Variables = Field(
        default_factory=dict, description="Of the template; the others have their defaults."
    )
    purpose: Purpose | None = Field(
        default=None, description="By default the template's, and transactional for content."
    )
    topic: Topic | None = Field(default=None, description="By default the template's.")
    offer_key: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="The same offer on another channel has the same key."
    )
    priority: Annotated[int, Field(ge=0, le=100)] = DEFAULT_PRIORITY
    send_until: Instant | None = Field(
        default=None,
        description="Nothing is sent from then on. By default an hour from now, and a day for what"
        " may wait: service and marketing.",
    )
    inbox: CopyIn | None = Field(
        default=None, description="A copy stays in the inbox of whoever is told."
    )

    @model_validator(mode="after")
    def _content_or_template(self) -> Self:
        if (self.content is None) == (self.template_id is None):
            raise PydanticCustomError("one_of", "either content or template_id")
        if self.variables and self.template_id is None:
            raise PydanticCustomError("variables", "variables are a template's")
        return self

    def terms(self, *, topic: str | None = None) -> Terms:
        """Return what the contact policy needs to know; ``topic`` is the template's."""
        return Terms(topic=self.topic or topic, offer_key=self.offer_key, priority=self.priority)

    def addressees(self) -> list[Addressee]:
        """Return whom the caller names."""
        return [
            Addressee(contact_id=one.contact_id, device_id=one.device_id) for one in self.recipients
        ]


class MessageOut(Out):
    """One message for one device, and where it stands."""

    message_id: str
    device_id: str
    contact_id: str
    state: State

    @classmethod
    def of(cls, chunk: Chunk, index: int) -> Self:
        """Render a message."""
        recipient = chunk.recipients[index]
        return cls(
            message_id=chunk.message_id(index),
            device_id=recipient.device_id,
            contact_id=recipient.contact_id,
            state=chunk.states[index],
        )


class UnreachedOut(Out):
    """A recipient without a device of the app."""

    index: int = Field(description="The recipient's place in the request.")
    code: str = "no_device"


class SentOut(Out):
    """The messages that were queued, one a device, and the recipients without a device."""

    messages: tuple[MessageOut, ...]
    unreached: tuple[UnreachedOut, ...]
    send_until: datetime

    @classmethod
    def of(cls, chunk: Chunk) -> Self:
        """Render what was queued, as it was when it was: an answer is the same every time."""
        queued = chunk.with_states(dict.fromkeys(range(len(chunk.states)), State.PENDING))
        return cls(
            messages=tuple(MessageOut.of(queued, at) for at in range(len(chunk.recipients))),
            unreached=tuple(UnreachedOut(index=at) for at in chunk.unreached),
            send_until=chunk.send_until,
        )


class ReceiptIn(In):
    """What became of a push, by its `message_id`, or of one display of an in-app message."""

    message_id: Annotated[str, Field(pattern=r"^msg_[0-9A-Z]{26}_[0-9]{1,3}$")] | None = None
    in_app_id: Annotated[str, Field(pattern=r"^iam_[0-9A-Z]{26}$")] | None = None
    display_id: Annotated[str, AfterValidator(_ulid)] | None = Field(
        default=None,
        description="Of what was shown in the app: a ULID that the device made when it showed it,"
        " the same in every receipt of that display.",
    )
    type: ReceiptKind = Field(
        description="Of a push: delivered, opened, clicked, converted. Of what was shown in the"
        " app: displayed, clicked, dismissed, converted."
    )
    at: Instant = Field(description="By the device's clock.")

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if (self.message_id is None) == (self.in_app_id is None):
            raise PydanticCustomError("one_of", "either message_id or in_app_id")
        if (self.in_app_id is None) != (self.display_id is None):
            raise PydanticCustomError("display", "in_app_id comes with its display_id")
        kind = self.type
        if not (kind.is_of_push if self.message_id else kind.is_of_in_app):
            raise PydanticCustomError("type", "this is not reported of that")
        return self

    @property
    def receipt(self) -> Receipt | None:
        """Return the receipt of a push in the words of the model; ``None``: it is of none."""
        if self.message_id is None:
            return None
        return Receipt(message_id=self.message_id, kind=self.type, at=self.at)

    @property
    def in_app_receipt(self) -> InAppReceipt | None:
        """Return the receipt of a display in the words of the model; ``None``: it is of none."""
        if self.in_app_id is None or self.display_id is None:
            return None
        return InAppReceipt(
            in_app_id=self.in_app_id, display_id=self.display_id, kind=self.type, at=self.at
        )


class ReceiptsIn(In):
    """A batch of receipts."""

    receipts: Annotated[tuple[ReceiptIn, ...], Field(min_length=1, max_length=100)]


class RejectedOut(Out):
    """A receipt that cannot be kept, and why."""

    index: int
    code: str
    detail: str


class ReceiptsOut(Out):
    """How a batch of receipts was taken."""

    accepted: int
    duplicates: int
    rejected: tuple[RejectedOut, ...]

    @classmethod
    def of(cls, heard: ReceiptsHeard) -> Self:
        """Render how receipts were taken."""
        return cls(
            accepted=heard.accepted,
            duplicates=heard.duplicates,
            rejected=tuple(
                RejectedOut(index=at, code="message_not_found", detail="no message of this device")
                for at in heard.unknown
            ),
        )
