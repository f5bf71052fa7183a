"""Use cases of those who ask for messages, and of devices that report on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.clock import Clock, whole_milliseconds
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.push.errors import (
    MessageNotFoundError,
    NobodyToTellError,
    PushNotConfiguredError,
    TooManyDevicesError,
)
from shared.push.events import (
    MessageClicked,
    MessageConverted,
    MessageDelivered,
    MessageEvent,
    MessageOpened,
    MessagesQueued,
)
from shared.push.model import (
    Chunk,
    Content,
    Copy,
    Receipt,
    ReceiptKind,
    Recipient,
    State,
    Terms,
    content_problems,
    place_of_message,
)
from shared.push.ports import Apps, ChunkStore, Devices
from shared.push.service.placing import InboxCopies

MOST_DEVICES = 500
"""Devices of one request: they fit into one chunk, which one sender works off in seconds."""

SEND_WITHIN = {
    Purpose.TRANSACTIONAL: timedelta(hours=1),
    Purpose.SERVICE: timedelta(days=1),
    Purpose.MARKETING: timedelta(days=1),
}
"""What is older than this helps nobody, unless the caller says so; the others may wait a night."""

_PLAIN = Terms()

_EVENT_OF: dict[ReceiptKind, type[MessageEvent]] = {
    ReceiptKind.DELIVERED: MessageDelivered,
    ReceiptKind.OPENED: MessageOpened,
    ReceiptKind.CLICKED: MessageClicked,
    ReceiptKind.CONVERTED: MessageConverted,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a caller names: a contact, on all its devices, or one device."""

    contact_id: str | None = None
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of a request: the chunk, and of each addressee its messages or its refusal."""

    chunk: Chunk
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsHeard:
    """How a batch of receipts was taken; ``unknown`` are the places of those without a message."""

    accepted: int
    duplicates: int
    unknown: tuple[int, ...]

    def with_those(self, other: "ReceiptsHeard", *, places: Sequence[int]) -> "ReceiptsHeard":
        """Return the sum; ``places`` are those of the other's receipts in the whole batch."""
        unknown = {*self.unknown, *(places[at] for at in other.unknown)}
        return ReceiptsHeard(
            accepted=self.accepted + other.accepted,
            duplicates=self.duplicates + other.duplicates,
            unknown=tuple(sorted(unknown)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageService:
    """Queues messages and hears of them.

    ``copies`` go on in their inboxes with what is heard; who only sends needs none.
    """

    chunks: ChunkStore
    devices: Devices
    apps: Apps
    clock: Clock
    ids: Ids
    copies: InboxCopies | None = None

    def send_now(
        self,
        addressees: Sequence[Addressee],
        *,
        app_id: str,
        content: Content,
        purpose: Purpose,
        terms: Terms = _PLAIN,
        send_until: datetime | None,
        copy_kept_for: timedelta | None = None,
        attempt: Attempt | None,
    ) -> Accepted:
        """Queue a message for every device of the addressees; it is stored before this returns.

        With ``copy_kept_for`` a copy stays in each person's inbox, for so long.

        Raises:
            InvalidFieldsError: FCM would refuse the content, or ``send_until`` is over.
            PushNotConfiguredError: the app has no push credentials.
            NobodyToTellError: no addressee has a device.
            TooManyDevicesError: they have more than 500.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self.recall(attempt, app_id=app_id)):
            return before
        at = self.clock()
        until = whole_milliseconds(send_until) if send_until else at + SEND_WITHIN[purpose]
        self._check(content, at=at, until=until)
        if not self.apps.can_push(app_id):
            raise PushNotConfiguredError(app_id)
        recipients, unreached = self._recipients(addressees, app_id)
        chunk = Chunk(
            app_id=app_id,
            chunk_id=self.ids.sequence(),
            content=content,
            purpose=purpose,
            terms=terms,
            recipients=recipients,
            states=(State.PENDING,) * len(recipients),
            unreached=unreached,
            planned_at=at,
            send_until=until,
            copy=Copy(kept_for=copy_kept_for, order_at=at) if copy_kept_for else None,
        )
        event = MessagesQueued(
            app_id=app_id,
            occurred_at=at,
            chunk_id=chunk.chunk_id,
            purpose=purpose,
            messages=len(recipients),
            send_until=until,
        )
        told = seal(event, sequence=self.ids.sequence())
        if not self.chunks.add_chunk(chunk, told, attempt=attempt) and attempt:
            return self.recall(attempt, app_id=app_id) or Accepted(chunk=chunk)
        return Accepted(chunk=chunk)

    def recall(self, attempt: Attempt, *, app_id: str) -> Accepted | None:
        """Return what an attempt of ``send_now`` came to before, if it did.

        Raises:
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        before = self.chunks.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return Accepted(chunk=self.chunks.get_chunk(before.result, app_id=app_id), replayed=True)

    def get_message(self, message_id: str, *, app_id: str) -> tuple[Chunk, int]:
        """Return the chunk of a message, and its place in it.

        Raises:
            MessageNotFoundError: there is no such message.
        """
        place = place_of_message(message_id)
        if place is None:
            raise MessageNotFoundError(message_id)
        chunk = self.chunks.get_chunk(place[0], app_id=app_id)
        if place[1] >= len(chunk.recipients):
            raise MessageNotFoundError(message_id)
        return chunk, place[1]

    def hear(self, receipts: Sequence[Receipt], *, app_id: str, device_id: str) -> ReceiptsHeard:
        """Record a device's receipts, each once; those of messages it never got are named."""
        reported = [
            self._reported(receipt, app_id=app_id, device_id=device_id) for receipt in receipts
        ]
        recorded = self.chunks.record_once([event for event in reported if event])
        return ReceiptsHeard(
            accepted=sum(recorded),
            duplicates=len(recorded) - sum(recorded),
            unknown=tuple(at for at, event in enumerate(reported) if event is None),
        )

    def _reported(self, receipt: Receipt, *, app_id: str, device_id: str) -> Envelope | None:
        try:
            chunk, index = self.get_message(receipt.message_id, app_id=app_id)
        except MessageNotFoundError:
            return None
        recipient = chunk.recipients[index]
        if recipient.device_id != device_id:
            return None
        if self.copies:
            self.copies.follow(chunk, index, receipt.kind)
        event = _EVENT_OF[receipt.kind](
            app_id=app_id,
            # A device's clock may be anywhere: what it says lies between the plan and now.
            occurred_at=min(max(receipt.at, chunk.planned_at), self.clock()),
            contact_id=recipient.contact_id,
            device_id=device_id,
            message_id=receipt.message_id,
            purpose=chunk.purpose,
            campaign_id=chunk.part.campaign_id if chunk.part else None,
            variant=recipient.variant,
        )
        key = RowKey(at=chunk.planned_at, id=f"{receipt.message_id}#{receipt.kind}")
        return seal(event, sequence=self.ids.sequence(), key=key)

    def _check(self, content: Content, *, at: datetime, until: datetime) -> None:
        problems = content_problems(content)
        if until <= at:
            problems.append(
                FieldProblem(pointer="/send_until", code="over", detail="an instant to come")
            )
        if problems:
            raise InvalidFieldsError("the message cannot be sent", fields=problems)

    def _recipients(
        self, addressees: Sequence[Addressee], app_id: str
    ) -> tuple[tuple[Recipient, ...], tuple[int, ...]]:
        """Return the addressees' devices, each once, and the places of those without a device."""
        named = [one.device_id for one in addressees if one.device_id]
        targets = dict(self.devices.targets(named, app_id=app_id))
        unreached = []
        for at, one in enumerate(addressees):
            if one.contact_id is None:
                is_reached = one.device_id in targets
            else:
                found = self.devices.targets_of_contact(one.contact_id, app_id=app_id)
                targets.update({target.device_id: target for target in found})
                is_reached = bool(found)
            if not is_reached:
                unreached.append(at)
        if not targets:
            raise NobodyToTellError(
                "no recipient has a device", fields=[_no_device(at) for at in unreached]
            )
        if len(targets) > MOST_DEVICES:
            raise TooManyDevicesError(f"{len(targets)} devices; at most {MOST_DEVICES}")
        recipients = tuple(
            Recipient(device_id=target.device_id, contact_id=target.contact_id)
            for target in targets.values()
        )
        return recipients, tuple(unreached)


def _no_device(at: int) -> FieldProblem:
    return FieldProblem(pointer=f"/recipients/{at}", code="no_device", detail="no device here")
