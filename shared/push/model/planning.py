"""Makes chunks of an audience: who is told what, in which chunk, and when it is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from shared.kernel.ids import CHANCE_BITS, ulid_of
from shared.push.model.campaigns import Run, Variant
from shared.push.model.messages import Chunk, Copy, Part, Recipient, State, Terms

AUDIENCE_SHARDS = 64
"""In so many parts the audience is read; of registrations, and a test holds both together."""

LARGEST_CHUNK = 500
"""Messages that one sender works off in seconds."""

MOST_CHUNKS = 24
"""Of a step: each is four items, and DynamoDB commits 100 at once."""

MOST_MEMBERS = 8_000
"""Of a step, so that planning needs the same memory for any audience."""

_FRACTION_BITS = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A device of an audience, as planning sees it."""

    device_id: str
    contact_id: str
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """How far a shard is planned: up to the device ``after``, with ``planned`` messages.

    ``steps`` counts writes, for compare and swap; the last was at the instant ``at``.
    """

    shard: int
    after: str | None = None
    planned: int = 0
    steps: int = 0
    is_done: bool = False
    at: datetime | None = None

    def advanced(
        self, chunks: Sequence[Chunk], *, after: str | None, is_done: bool, at: datetime
    ) -> "ShardPlan":
        """Return the plan after a step that made ``chunks``."""
        return ShardPlan(
            shard=self.shard,
            after=after,
            planned=self.planned + sum(len(chunk.recipients) for chunk in chunks),
            steps=self.steps + 1,
            is_done=is_done,
            at=at,
        )


def variant_for(contact_id: str, variants: Sequence[Variant], *, salt: str) -> Variant:
    """Return the variant of a contact: always the same, shares by weight (SHA-256, 53 bits)."""
    digest = sha256(f"{salt}\0{contact_id}".encode()).digest()
    drawn = (int.from_bytes(digest[:8]) >> 64 - _FRACTION_BITS) / (1 << _FRACTION_BITS)
    place = drawn * sum(one.weight for one in variants)
    for variant in variants:
        if place < variant.weight:
            return variant
        place -= variant.weight
    return variants[-1]


def chunk_size(run: Run) -> int:
    """Return how many messages a chunk has at most: under a throttle no more than a minute's."""
    throttle = run.draft.throttle_per_minute
    return LARGEST_CHUNK if throttle is None else max(1, min(LARGEST_CHUNK, throttle))


def planned_chunks(
    run: Run, members: Iterable[Member], *, shard: int, step: int
) -> tuple[list[Chunk], int]:
    """Return chunks of as many of the members as one step may write, and how many members.

    The rest belongs to the next step. The same step of the same members makes the same chunks,
    with the same ids.
    """
    size = chunk_size(run)
    open_: dict[datetime, list[Recipient]] = {}
    full: list[tuple[datetime, list[Recipient]]] = []
    taken = 0
    for member in members:
        due = run.draft.timing.instant_for(
            member.zone, app_zone=run.app_zone, started_at=run.started_at
        )
        if due not in open_ and len(full) + len(open_) >= MOST_CHUNKS:
            break
        group = open_.setdefault(due, [])
        group.append(_recipient(run, member))
        taken += 1
        if len(group) == size:
            full.append((due, open_.pop(due)))
    groups = [*full, *open_.items()]
    chunks = [
        _chunk(run, due, recipients, name=f"{run.run_id}/{shard}/{step}/{place}")
        for place, (due, recipients) in enumerate(groups)
    ]
    return chunks, taken


def _recipient(run: Run, member: Member) -> Recipient:
    variant = variant_for(member.contact_id, run.draft.variants, salt=run.campaign_id)
    return Recipient(device_id=member.device_id, contact_id=member.contact_id, variant=variant.name)


def _chunk(run: Run, due: datetime, recipients: Sequence[Recipient], *, name: str) -> Chunk:
    chance = int.from_bytes(sha256(name.encode()).digest()[: CHANCE_BITS // 8])
    draft = run.draft
    return Chunk(
        app_id=run.app_id,
        chunk_id=ulid_of(run.started_at, chance=chance),
        content=None,
        purpose=run.text.purpose,
        terms=Terms(
            topic=run.text.topic,
            offer_key=draft.offer_key,
            priority=draft.priority,
            campaign_id=run.campaign_id,
            holdout_percent=draft.holdout_percent,
        ),
        recipients=tuple(recipients),
        states=(State.PENDING,) * len(recipients),
        planned_at=due,
        send_until=draft.deadline(due),
        part=Part(
            campaign_id=run.campaign_id,
            run_id=run.run_id,
            is_rehearsal=run.is_rehearsal,
            delivery=draft.delivery,
            is_throttled=draft.throttle_per_minute is not None,
        ),
        copy=_copy(run),
    )


def _copy(run: Run) -> Copy | None:
    kept_for = run.draft.copy_kept_for
    if kept_for is None:
        return None
    # One place for all chunks: who is on devices in two zones has one copy.
    return Copy(kept_for=kept_for, order_at=run.draft.timing.first() or run.started_at)
