"""A run's books in DynamoDB: a line for each chunk, and which chunks wait for their release.

| what    | pk                             | sk                  |
| ------- | ------------------------------ | ------------------- |
| line    | APP#<app>#CMP#<campaign>#<run> | L#<chunk>           |
| waiting | the same                       | D#<due at>#<chunk>  |

A line is written in the transaction that changes its chunk; nothing else ever counts.
"""

import json
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.dynamodb import Put, Row
from shared.push.model import Chunk, Part, State
from shared.push.model.books import Line, Place, line_of
from shared.push.ports import Waiting


class LineRow(Row):
    """What one chunk has in the books; ``tally`` lists variant, state, reason and count."""

    size = NumberAttribute()
    tally = UnicodeAttribute()


class WaitingRow(Row):
    """A chunk that waits for its release, with so many messages to send."""

    size = NumberAttribute()


def run_partition(app_id: str, campaign_id: str, run_id: str) -> str:
    """Return the partition of all that belongs to a run."""
    return f"APP#{app_id}#CMP#{campaign_id}#{run_id}"


def write_of_line(row: type[LineRow], chunk: Chunk, part: Part) -> Put:
    """Return the write that puts a chunk's line into the books, as the chunk stands."""
    line = line_of(chunk)
    tally = [
        [place.variant, place.state.value, place.reason, count]
        for place, count in line.tally.items()
    ]
    told = json.dumps(tally, separators=(",", ":"), ensure_ascii=False)
    key = (run_partition(chunk.app_id, part.campaign_id, part.run_id), f"L#{chunk.chunk_id}")
    return Put(row=row(*key, size=line.size, tally=told))


def line_from(row: LineRow) -> Line:
    """Return the line that a row holds."""
    tally = {
        Place(variant=variant, state=State(state), reason=reason): count
        for variant, state, reason, count in json.loads(row.tally)
    }
    return Line(chunk_id=row.sk.removeprefix("L#"), size=int(row.size), tally=tally)


def write_of_waiting(row: type[WaitingRow], chunk: Chunk, part: Part, *, due_at: datetime) -> Put:
    """Return the write that has a chunk wait for its release."""
    key = (
        run_partition(chunk.app_id, part.campaign_id, part.run_id),
        f"D#{rfc3339(due_at)}#{chunk.chunk_id}",
    )
    return Put(row=row(*key, size=len(chunk.pending)))


def waiting_from(row: WaitingRow) -> Waiting:
    """Return which chunk waits, and from when on it is due."""
    _, due_at, chunk_id = row.sk.split("#")
    return Waiting(chunk_id=chunk_id, due_at=from_rfc3339(due_at), size=int(row.size))
