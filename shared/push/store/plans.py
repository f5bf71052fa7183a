"""What was planned of runs, in DynamoDB, in each run's partition.

| what                | sk                  |
| ------------------- | ------------------- |
| how far a shard is  | P#<shard>           |
| a chunk's line      | L#<chunk>           |
| a chunk that waits  | D#<due at>#<chunk>  |
| the throttle's rest | THROTTLE            |
| last time of asking | ASKED               |
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from itertools import islice

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.dynamodb import (
    POOL,
    Check,
    Delete,
    Put,
    Row,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.push.errors import PlanAdvancedError
from shared.push.model import Chunk
from shared.push.model.books import Line
from shared.push.model.campaigns import CampaignState, Run
from shared.push.model.planning import ShardPlan
from shared.push.model.throttle import Allowance
from shared.push.ports import PlanStore, Waiting
from shared.push.store.books import LineRow, WaitingRow, line_from, run_partition, waiting_from
from shared.push.store.campaigns import RUNS_KEPT, CampaignRow, campaign_key
from shared.push.store.chunks import ChunkRows

_OVER = [state.value for state in CampaignState if state.is_over]
_MILLISECOND = timedelta(milliseconds=1)


class _ShardRow(Row):
    """How far a shard is planned."""

    after = UnicodeAttribute(null=True)
    planned = NumberAttribute()
    steps = NumberAttribute()
    is_done = BooleanAttribute()
    at = UnicodeAttribute()
    expires_at = NumberAttribute()


class _ThrottleRow(Row):
    """What a throttle lets go."""

    left = UnicodeAttribute()
    at = UnicodeAttribute()
    expires_at = NumberAttribute()


class _AskedRow(Row):
    """When others were last asked to work on the run."""

    at = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoPlanStore(PlanStore):
    """Plans, in the push table."""

    def __init__(self, *, table: str) -> None:
        self._shard = bind(_ShardRow, table=table)
        self._throttle = bind(_ThrottleRow, table=table)
        self._asked = bind(_AskedRow, table=table)
        self._line = bind(LineRow, table=table)
        self._waiting = bind(WaitingRow, table=table)
        self._campaign = bind(CampaignRow, table=table)
        self._chunks = ChunkRows(table=table)

    @override
    def shard_plans(self, run: Run) -> Sequence[ShardPlan]:
        rows = self._shard.query(
            _partition(run), self._shard.sk.startswith("P#"), consistent_read=True
        )
        return [_plan_of(row) for row in rows]

    @override
    def shard_plan(self, run: Run, shard: int) -> ShardPlan:
        try:
            row = self._shard.get(_partition(run), _shard_key(shard), consistent_read=True)
        except DoesNotExist:
            return ShardPlan(shard=shard)
        return _plan_of(row)

    @override
    def add_step(self, run: Run, plan: ShardPlan, chunks: Sequence[Chunk]) -> None:
        shard = self._shard
        first = plan.steps == 1
        writes: dict[str, Write] = {
            "campaign": self._still_wanted(run),
            "shard": Put(
                row=shard(
                    _partition(run),
                    _shard_key(plan.shard),
                    after=plan.after,
                    planned=plan.planned,
                    steps=plan.steps,
                    is_done=plan.is_done,
                    at=rfc3339(plan.at or run.started_at),
                    expires_at=_expiry_of(run),
                ),
                condition=shard.pk.does_not_exist() if first else shard.steps == plan.steps - 1,
            ),
        }
        for chunk in chunks:
            writes |= self._chunks.writes_of_new_chunk(chunk)
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise PlanAdvancedError(f"shard {plan.shard} of {run.run_id}") from error

    @override
    def lines(self, run: Run) -> Sequence[Line]:
        rows = self._line.query(
            _partition(run), self._line.sk.startswith("L#"), consistent_read=True
        )
        return [line_from(row) for row in rows]

    @override
    def due(self, run: Run, *, until: datetime | None, limit: int) -> Sequence[Waiting]:
        row = self._waiting
        # One instant after `until`: what follows its `#` is a chunk's id.
        last = f"D#{rfc3339(until + _MILLISECOND)}" if until else "D#~"
        rows = row.query(_partition(run), row.sk.between("D#", last), consistent_read=True)
        return [waiting_from(found) for found in islice(rows, limit)]

    @override
    def released(self, run: Run, waiting: Sequence[Waiting]) -> None:
        def note(one: Waiting) -> None:
            key = f"D#{rfc3339(one.due_at)}#{one.chunk_id}"
            commit({"waiting": Delete(row=self._waiting(_partition(run), key))})

        if len(waiting) == 1:
            note(waiting[0])
        else:
            list(_writers().map(note, waiting))

    @override
    def asked(self, run: Run) -> datetime | None:
        try:
            row = self._asked.get(_partition(run), "ASKED", consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.at)

    @override
    def note_asked(self, run: Run, *, at: datetime) -> None:
        row = self._asked(_partition(run), "ASKED", at=rfc3339(at), expires_at=_expiry_of(run))
        commit({"asked": Put(row=row)})

    @override
    def allowance(self, run: Run) -> Allowance | None:
        try:
            row = self._throttle.get(_partition(run), "THROTTLE", consistent_read=True)
        except DoesNotExist:
            return None
        return Allowance(left=float(row.left), at=from_rfc3339(row.at))

    @override
    def replace_allowance(
        self, run: Run, allowance: Allowance, *, before: Allowance | None
    ) -> bool:
        row = self._throttle
        written = Put(
            row=row(
                _partition(run),
                "THROTTLE",
                left=repr(allowance.left),
                at=rfc3339(allowance.at),
                expires_at=_expiry_of(run),
            ),
            condition=(
                (row.left == repr(before.left)) & (row.at == rfc3339(before.at))
                if before
                else row.pk.does_not_exist()
            ),
        )
        try:
            commit({"throttle": written})
        except WriteRefusedError:
            return False
        return True

    def _still_wanted(self, run: Run) -> Check:
        """Return the check that the campaign is being planned; of a rehearsal, that it is not over.

        So no chunk is added after the campaign was acknowledged as cancelled.
        """
        row = self._campaign
        is_wanted = row.state == CampaignState.PLANNING.value
        if run.is_rehearsal:
            is_wanted = ~row.state.is_in(*_OVER)
        return Check(row=row(*campaign_key(run.app_id, run.campaign_id)), condition=is_wanted)


def _partition(run: Run) -> str:
    return run_partition(run.app_id, run.campaign_id, run.run_id)


def _shard_key(shard: int) -> str:
    return f"P#{shard:02}"


def _expiry_of(run: Run) -> int:
    return int((run.started_at + RUNS_KEPT).timestamp())


def _plan_of(row: _ShardRow) -> ShardPlan:
    return ShardPlan(
        shard=int(row.sk.removeprefix("P#")),
        after=row.after,
        planned=int(row.planned),
        steps=int(row.steps),
        is_done=bool(row.is_done),
        at=from_rfc3339(row.at),
    )


@cache
def _writers() -> ThreadPoolExecutor:
    """Return the process's threads for notes of releases: one connection of the pool each."""
    return ThreadPoolExecutor(POOL)
