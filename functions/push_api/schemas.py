"""What the push API takes and returns on the wire."""

from datetime import datetime, timedelta
from typing import Annotated, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.events import Purpose
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
from shared.push.service.messages import Addressee, ReceiptsHeard

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
MessageId: TypeAlias = Annotated[str, Path(pattern=r"^msg_[0-9A-Z]{26}_[0-9]{1,3}$")]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=4_096)]


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
    link: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None
    data: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=128)], str], Field(max_length=64)
    ] = Field(default_factory=dict)
    priority: Priority = Priority.HIGH
    ttl_seconds: Annotated[int, Field(ge=0, le=2_419_200)] | None = None
    collapse_key: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    def content(self) -> Content:
        """Return the content in the words of the model."""
        return Content(
            title=self.title,
            body=self.body,
            image=self.image,
            link=self.link,
            data=dict(self.data),
            priority=self.priority,
            time_to_live=(
                timedelta(seconds=self.ttl_seconds) if self.ttl_seconds is not None else None
            ),
            collapse_key=self.collapse_key,
        )


class SendIn(In):
    """A message for some contacts and devices, now."""

    recipients: Annotated[tuple[AddresseeIn, ...], Field(min_length=1, max_length=100)]
    content: ContentIn
    purpose: Purpose = Purpose.TRANSACTIONAL
    topic: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] = None
    offer_key: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="The same offer on another channel has the same key."
    )
    priority: Annotated[int, Field(ge=0, le=100)] = DEFAULT_PRIORITY
    send_until: Instant | None = Field(
        default=None,
        description="Nothing is sent from then on. By default an hour from now, and a day for what"
        " may wait: service and marketing.",
    )

    def terms(self) -> Terms:
        """Return what the contact policy needs to know."""
        return Terms(topic=self.topic, offer_key=self.offer_key, priority=self.priority)

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
    """What became of a message."""

    message_id: Annotated[str, Field(pattern=r"^msg_[0-9A-Z]{26}_[0-9]{1,3}$")]
    type: ReceiptKind
    at: Instant = Field(description="By the device's clock.")

    def receipt(self) -> Receipt:
        """Return the receipt in the words of the model."""
        return Receipt(message_id=self.message_id, kind=self.type, at=self.at)


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
