"""What in-app messages need from outside."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model.in_app import InAppMessage


class InAppStore(Protocol):
    """In-app messages; those that are active lie apart, for devices."""

    def add_message(
        self, message: InAppMessage, event: Envelope, *, attempt: Attempt | None
    ) -> bool:
        """Store a new message, its event, and what its attempt came to (the message's id).

        Returns ``False``, with nothing stored, where the attempt is remembered already.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...

    def get_message(self, in_app_id: str, *, app_id: str) -> InAppMessage:
        """Return the message or raise ``InAppNotFoundError``."""
        ...

    def list_messages(self, app_id: str, *, limit: int, cursor: str | None) -> Page[InAppMessage]:
        """Return a page of messages, in the order of their creation."""
        ...

    def active_messages(self, app_id: str) -> Sequence[InAppMessage]:
        """Return those that are active."""
        ...

    def replace_message(
        self, message: InAppMessage, event: Envelope, *, before: InAppMessage
    ) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            InAppChangedError: ``before`` is not the version that stands.
        """
        ...


class InAppAudience(Protocol):
    """Segments and the devices in them, as far as in-app messages need them."""

    def check(self, segment_id: str, *, app_id: str) -> None:
        """Hold a segment's id against what there is; raise for none."""
        ...

    def fitting(
        self, segment_ids: Collection[str], *, app_id: str, device_id: str
    ) -> Collection[str]:
        """Return those of the segments, in their newest versions, to which a device belongs."""
        ...


class Touches(Protocol):
    """The contact policy's count of what reached a person."""

    def note(
        self, contact_id: str, *, app_id: str, purpose: Purpose, key: str, at: datetime
    ) -> None:
        """Count what was shown in the app; the same ``key`` again changes nothing."""
        ...
