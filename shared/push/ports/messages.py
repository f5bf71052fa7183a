"""What sending messages needs from outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.kernel.addresses import Address, Target
from shared.kernel.decisions import Candidate, Decision
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model import Chunk, Delivery, DeliveryResult


class Channel(Protocol):
    """A way to reach devices."""

    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        """Send the batch; exactly one result per delivery, in order; never raises for one of them.

        ``validate_only`` asks the provider to check without delivering.

        Raises:
            CredentialsError: the channel's credentials are missing, wrong or refused.
        """
        ...


class Apps(Protocol):
    """The apps, as far as push needs them."""

    def can_push(self, app_id: str) -> bool:
        """Say whether the app has a channel."""
        ...


class Channels(Protocol):
    """The channel of each app."""

    def channel_of(self, app_id: str) -> Channel:
        """Return the app's channel.

        Raises:
            CredentialsError: the app has none, or its credentials cannot be read.
        """
        ...


class Devices(Protocol):
    """The devices, as far as push needs them."""

    def targets(self, device_ids: Iterable[str], *, app_id: str) -> Mapping[str, Target]:
        """Return those of the devices that are registered, as they are now."""
        ...

    def targets_of_contact(self, contact_id: str, *, app_id: str) -> Sequence[Target]:
        """Return the devices on which a contact is known; none for an unknown contact."""
        ...

    def is_same_person(self, one: str, other: str, *, app_id: str) -> bool:
        """Say whether two contact ids were joined: one logged in where the other was anonymous."""
        ...

    def remove_dead_address(self, *, app_id: str, device_id: str, address: Address) -> bool:
        """Take exactly this address from the device, if it still has it; say whether it had."""
        ...


class ChunkStore(Protocol):
    """Chunks with their leases, and the ledger's rows of what became of messages."""

    def add_chunk(self, chunk: Chunk, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new chunk, its event, and what its attempt came to (the chunk's id).

        Returns ``False``, with nothing stored, where the attempt is remembered already.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt of ``add_chunk`` came to before, if it did."""
        ...

    def get_chunk(self, chunk_id: str, *, app_id: str) -> Chunk:
        """Return the chunk or raise ``MessageNotFoundError``."""
        ...

    def take_lease(
        self, chunk_id: str, *, app_id: str, holder: str, at: datetime, until: datetime
    ) -> Chunk | None:
        """Take the chunk's lease and return it; ``None`` when every message has its final state.

        Raises:
            LeaseHeldError: another holder's lease runs.
            MessageNotFoundError: there is no such chunk.
        """
        ...

    def save_states(self, chunk: Chunk, *, holder: str, give_back: bool) -> None:
        """Store the chunk's states under the lease, and give it back if asked.

        Raises:
            LeaseLostError: another holder took over.
        """
        ...

    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        """Put each event into the ledger; ``False`` for one whose key was there before."""
        ...

    def final_events(self, chunk: Chunk, indexes: Sequence[int]) -> Mapping[int, Envelope]:
        """Return the final event of those of the messages that have one in the ledger."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom somebody wants to tell what; the same ``key`` is the same touch, however often asked."""

    candidate: Candidate
    key: str


class Permission(Protocol):
    """Whether people may be told: the contact policy, as far as push needs it."""

    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Decide for each, in order; who is allowed is counted from now on."""
        ...

    def take_back(self, asked: Sequence[Asked]) -> None:
        """Count no longer what was allowed; what was not counted is no error."""
        ...

    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        """Have a chunk worked on again soon after ``until``; the same again changes nothing."""
        ...


class MessageArchive(Protocol):
    """What people were told, for as long as it is kept."""

    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        """Return a page of the messages of one origin that have their final state, by id."""
        ...

    def chunks(self, chunk_ids: Iterable[str], *, app_id: str) -> Mapping[str, Chunk]:
        """Return those of the chunks that are still kept."""
        ...

    def replace_recipients(self, chunk: Chunk) -> None:
        """Store a chunk's recipients as they are now."""
        ...

    def remove_chunk(self, chunk: Chunk) -> None:
        """Delete a chunk of which every message has its final state; none is no error."""
        ...


class Queue(Protocol):
    """The queue that feeds the sender."""

    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta) -> None:
        """Have a chunk worked on again, not before ``after``, which is at most 15 minutes."""
        ...
