"""What inboxes need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.kernel.decisions import Decision
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model.inbox import InboxMessage, InboxState
from shared.push.ports.messages import Asked


class InboxStore(Protocol):
    """The messages of inboxes, by the contact whom they were for: a merge moves none."""

    def keep_each(self, messages: Sequence[InboxMessage]) -> Sequence[bool]:
        """Store each message; ``False`` for one whose contact has it already, as it stands."""
        ...

    def place(self, message: InboxMessage, event: Envelope) -> bool:
        """Store a message and its event; ``False``, with nothing stored, where it is there."""
        ...

    def newest(self, contact_id: str, *, app_id: str) -> Sequence[InboxMessage]:
        """Return the newest 100 messages of a contact, the newest first, over or not."""
        ...

    def move(self, message: InboxMessage, state: InboxState, event: Envelope | None) -> bool:
        """Move a message on, and record the event where there is one.

        ``False``, with nothing stored, where it is in that state or further, or gone.
        """
        ...

    def record(self, events: Sequence[Envelope]) -> None:
        """Put each event into the ledger, unless its key was there before."""
        ...

    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[InboxMessage]:
        """Return a page of all that a contact's inbox holds, the oldest first."""
        ...

    def remove(self, messages: Sequence[InboxMessage]) -> None:
        """Delete messages; what is gone is no error."""
        ...

    def begin(self, attempt: Attempt, *, app_id: str, batch_id: str, at: datetime) -> str:
        """Remember under which id an attempt places its messages; return the one that stands.

        Raises:
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        ...

    def finish(self, attempt: Attempt, *, app_id: str, answers: str, at: datetime) -> None:
        """Remember what an attempt that was begun came to."""
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to that was finished."""
        ...


class Leave(Protocol):
    """Whether people may be told in the app: the contact policy, as far as that needs it."""

    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Decide for each, in order; who is allowed is counted from now on."""
        ...

    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        """Say for each what would be decided at an instant; nobody is counted."""
        ...


class InboxPeople(Protocol):
    """The people, as far as inboxes need them."""

    def contacts_on(self, device_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact on a device and all that were joined to it; raise for none."""
        ...

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under a contact's id; nothing of one that was erased."""
        ...
