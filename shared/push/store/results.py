"""What happened after campaigns' messages, in DynamoDB; and what the ledger says of a person.

| what             | pk                              | sk                          |
| ---------------- | ------------------------------- | --------------------------- |
| marks            | APP#<app>#CMP#<campaign>#F#<n>  | F#<chunk>#<variant>#<kind>  |
| campaigns' goals | APP#<app>#GOALS                 | <campaign>                  |

A million devices may report within minutes, so a campaign's marks lie in 16 partitions, by chunk.
An item has the marks of one kind alone: what is written is paid for by the item's size.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from zlib import crc32

from pynamodb.attributes import NumberAttribute, NumberSetAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import made_at
from shared.platform.dynamodb import POOL, Delete, Put, Row, Update, bind, commit
from shared.platform.ledger import EventRow, from_row, partition
from shared.push.events import SOURCE
from shared.push.model.campaigns import Conversion
from shared.push.model.results import Goal, Mark, Marked, MarkKind
from shared.push.ports import MarkStore, ToldEvents

MARK_SHARDS = 16
"""Each takes 1,000 marks a second."""

MARKS_KEPT = timedelta(days=400)
"""As long as a run's books."""


class _MarksRow(Row):
    """After which messages of a chunk and variant the same thing happened."""

    indexes = NumberSetAttribute()
    expires_at = NumberAttribute()


class _GoalRow(Row):
    """What a campaign is for; ``within`` is in seconds."""

    type = UnicodeAttribute()
    within = NumberAttribute()
    since = UnicodeAttribute()
    until = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoMarkStore(MarkStore):
    """Marks and goals, in the push table."""

    def __init__(self, *, table: str) -> None:
        self._marks = bind(_MarksRow, table=table)
        self._goal = bind(_GoalRow, table=table)

    @override
    def add_marks(self, marks: Iterable[Mark], *, app_id: str) -> None:
        by_item: dict[tuple[str, str], list[Mark]] = {}
        for mark in marks:
            by_item.setdefault(_marks_key(mark, app_id=app_id), []).append(mark)
        if len(by_item) <= 1:
            for key, some in by_item.items():
                self._add(key, some)
            return
        list(_writers().map(self._add, by_item, by_item.values()))

    @override
    def marks_of(self, campaign_id: str, *, app_id: str) -> Iterator[Marked]:
        for shard in range(MARK_SHARDS):
            pk = _shard_key(campaign_id, shard, app_id=app_id)
            for row in self._marks.query(pk, consistent_read=True):
                _, chunk_id, rest = row.sk.split("#", 2)
                variant, _, kind = rest.rpartition("#")
                yield Marked(
                    chunk_id=chunk_id,
                    variant=variant,
                    kind=MarkKind(kind),
                    indexes=frozenset(int(index) for index in row.indexes),
                )

    @override
    def forget_marks(self, campaign_id: str, *, app_id: str) -> None:
        for shard in range(MARK_SHARDS):
            pk = _shard_key(campaign_id, shard, app_id=app_id)
            for row in self._marks.query(pk, consistent_read=True):
                commit({"marks": Delete(row=row)})

    @override
    def put_goal(self, goal: Goal) -> None:
        row = self._goal(
            _goals_key(goal.app_id),
            goal.campaign_id,
            type=goal.conversion.type,
            within=goal.conversion.within.total_seconds(),
            since=rfc3339(goal.since),
            until=rfc3339(goal.until),
            expires_at=int(goal.until.timestamp()) + 1,
        )
        commit({"goal": Put(row=row)})

    @override
    def goals_of(self, app_id: str) -> Sequence[Goal]:
        # A goal that was put again a moment ago must not be missed for as long as it is kept.
        rows = self._goal.query(_goals_key(app_id), consistent_read=True)
        return [_goal_of(row, app_id) for row in rows]

    def _add(self, key: tuple[str, str], marks: Sequence[Mark]) -> None:
        row = self._marks
        ends = made_at(marks[0].chunk_id) + MARKS_KEPT
        actions: list[Action] = [
            row.indexes.add({mark.index for mark in marks}),
            row.expires_at.set(int(ends.timestamp())),
        ]
        commit({"marks": Update(row=row(*key), actions=actions)})


class DynamoToldEvents(ToldEvents):
    """The ledger, read for what push told of a person's messages."""

    def __init__(self, *, table: str) -> None:
        self._event = bind(EventRow, table=table)

    @override
    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Envelope]:
        between = self._event.sk.between(f"E#{rfc3339(since)}", f"E#{rfc3339(until)}")
        return [
            from_row(row)
            for contact_id in contact_ids
            for row in self._event.query(
                partition(app_id, Subject(kind="contact", id=contact_id)),
                between,
                filter_condition=self._event.source == SOURCE,
                consistent_read=True,
            )
        ]


@cache
def _writers() -> ThreadPoolExecutor:
    """Return the process's threads for marks: one connection of the pool each."""
    return ThreadPoolExecutor(POOL)


def _shard_key(campaign_id: str, shard: int, *, app_id: str) -> str:
    return f"APP#{app_id}#CMP#{campaign_id}#F#{shard}"


def _marks_key(mark: Mark, *, app_id: str) -> tuple[str, str]:
    shard = crc32(mark.chunk_id.encode()) % MARK_SHARDS
    sk = f"F#{mark.chunk_id}#{mark.variant}#{mark.kind}"
    return _shard_key(mark.campaign_id, shard, app_id=app_id), sk


def _goals_key(app_id: str) -> str:
    return f"APP#{app_id}#GOALS"


def _goal_of(row: _GoalRow, app_id: str) -> Goal:
    return Goal(
        app_id=app_id,
        campaign_id=row.sk,
        conversion=Conversion(type=row.type, within=timedelta(seconds=float(row.within))),
        since=from_rfc3339(row.since),
        until=from_rfc3339(row.until),
    )
