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
from shared.push.model import Chunk, Content, Delivery, DeliveryResult, Unrendered
from shared.push.model.campaigns import CampaignState, Run
from shared.push.model.quota import Bucket, Lane


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

    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        """Store the chunk's states and reasons under the lease, and give it back if asked.

        ``before`` is the chunk as it is stored: where its line in the books differs, the new one
        is written in the same transaction.

        Raises:
            LeaseLostError: another holder took over.
        """
        ...

    def put_back(self, chunk: Chunk, *, before: Chunk, holder: str, due_at: datetime) -> None:
        """Do as ``save_states``, give the lease back, and have the chunk wait for its release.

        It is a part of a campaign, and waits with what it still has to send.

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

    def was_told(self, chunk: Chunk, contact_id: str) -> bool:
        """Say whether the ledger has a message of the chunk's campaign that may have reached one.

        Of any chunk, and on any device of this contact, also one that is gone by now.
        """
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

    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        """Say for each what would be decided at an instant; nobody is counted."""
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

    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        """Have a chunk worked on again, not before ``after``, which is at most 15 minutes.

        ``is_released`` is carried on: whether the chunk was let go under its campaign's throttle.
        """
        ...


class Campaigns(Protocol):
    """Campaigns and their runs, as far as sending needs them."""

    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        """Return where a campaign stands at this moment: what was acknowledged is seen."""
        ...

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        """Return a run or raise ``CampaignNotFoundError``."""
        ...


class Texts(Protocol):
    """What recipients are told."""

    def contents_of(
        self, chunk: Chunk, targets: Mapping[int, Target]
    ) -> Mapping[int, Content | Unrendered]:
        """Return what each of a campaign's recipients is told, or why there is nothing to tell."""
        ...


class Quota(Protocol):
    """What may be sent through an app's Firebase project, which other senders use as well."""

    def take(self, messages: int, *, app_id: str, lane: Lane) -> timedelta | None:
        """Take leave to send so many messages now; if not now, return when to ask again.

        Raises:
            CredentialsError: the app names no project.
        """
        ...

    def return_unused(self, messages: int, *, app_id: str, lane: Lane) -> None:
        """Give back what was taken just now and is not used."""
        ...

    def turned_away(self, *, app_id: str, until: datetime) -> None:
        """Note that FCM takes nothing of the project until an instant."""
        ...


class QuotaStore(Protocol):
    """What is left of each project's quota."""

    def bucket_of(self, project_id: str) -> Bucket | None:
        """Return what is left; ``None`` before the first use."""
        ...

    def replace_bucket(self, project_id: str, bucket: Bucket, *, before: Bucket | None) -> bool:
        """Store what is left; ``False``, with nothing stored, where another was faster."""
        ...


class Projects(Protocol):
    """The Firebase project of each app."""

    def project_of(self, app_id: str) -> str:
        """Return the project's id.

        Raises:
            CredentialsError: the app names none.
        """
        ...
