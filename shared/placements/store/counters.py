"""Counters of flights in DynamoDB, and the ledger they are made of.

| what                 | pk                     | sk                             |
| -------------------- | ---------------------- | ------------------------------ |
| of its whole life    | APP#<app>#CNT#<flight> | LIFE                           |
| of a day             | APP#<app>#CNT#<flight> | D#<day>                        |
| of an hour           | APP#<app>#CNT#<flight> | H#<hour>                       |
| of a part of a day   | APP#<app>#CNT#<flight> | C#<day>#<placement>#<creative> |

``seen`` says of each shard of the stream how far the counter has come: ``<position>@<instant>``,
so that it compares as the position does, and what is old is known. A shard that a counter meets for
the first time costs a read, and there the old ones are forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from typing import Any

from pynamodb.attributes import MapAttribute, NumberAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.placements.events import SOURCE
from shared.placements.model.folding import HOURS_KEPT, NAMES, Change, CounterKey, Figures
from shared.placements.model.mending import SHARDS_REMEMBERED, Counted, Place
from shared.placements.ports.folding import AdLedger, CounterStore
from shared.platform.dynamodb import (
    CONFLICT_ATTEMPTS,
    POOL,
    Put,
    Row,
    Update,
    WriteRefusedError,
    bind,
    commit,
    pause_after,
)
from shared.platform.ledger import INDEX_SHARDS, EventRow, from_row, hour_partition

_HOUR = "%Y-%m-%dT%H"
_BUSY = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"}
)


class _CounterRow(Row):
    """A counter; what it has not counted of is missing."""

    # PynamoDB types what a map holds, and not the paths into it.
    seen: Any = MapAttribute(default=dict)  # type: ignore[no-untyped-call]
    loaded = NumberAttribute(default=0)
    shown = NumberAttribute(default=0)
    viewable50 = NumberAttribute(default=0)
    viewable100 = NumberAttribute(default=0)
    clicks = NumberAttribute(default=0)
    conversions = NumberAttribute(default=0)
    claims = NumberAttribute(default=0)
    revenue = NumberAttribute(default=0)
    late = NumberAttribute(default=0)
    over_cap = NumberAttribute(default=0)
    invalid_traffic = NumberAttribute(default=0)
    revoked = NumberAttribute(default=0)
    test = NumberAttribute(default=0)
    expires_at = NumberAttribute(null=True)


class DynamoCounterStore(CounterStore):
    """Counters, in the placements table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_CounterRow, table=table)

    @override
    def fold(self, changes: Sequence[Change], *, shard: str, at: datetime) -> Sequence[bool]:
        name = sha256(shard.encode()).hexdigest()[:12]
        return list(_writers().map(lambda change: self._fold(change, name, at), changes))

    @override
    def get(self, key: CounterKey) -> Figures:
        try:
            return _figures_of(self._row.get(*_key(key), consistent_read=True))
        except DoesNotExist:
            return Figures()

    @override
    def get_all(self, keys: Sequence[CounterKey]) -> Mapping[CounterKey, Figures]:
        rows = self._row.batch_get([_key(key) for key in keys], consistent_read=True)
        return dict.fromkeys(keys, Figures()) | {_key_of(row): _figures_of(row) for row in rows}

    @override
    def counters_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Figures]:
        partition = _key(CounterKey(app_id=app_id, flight_id=flight_id))[0]
        rows = self._row.query(partition, consistent_read=True)
        return {_key_of(row): _figures_of(row) for row in rows}

    @override
    def counted_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Counted]:
        partition = _key(CounterKey(app_id=app_id, flight_id=flight_id))[0]
        rows = self._row.query(partition, consistent_read=True)
        return {
            _key_of(row): Counted(
                figures=_figures_of(row),
                seen={shard: _place_of(row.seen[shard]) for shard in row.seen},
            )
            for row in rows
        }

    @override
    def set_right(self, key: CounterKey, figures: Figures, *, before: Counted) -> bool:
        row, seen = self._row, {shard: _text_of(place) for shard, place in before.seen.items()}
        self._seen(key)
        actions: list[Action] = [getattr(row, name).set(getattr(figures, name)) for name in NAMES]
        if key.hour is not None:
            actions.append(row.expires_at.set(_expiry(key.hour)))
        update = Update(row=row(*_key(key)), actions=actions, condition=row.seen == seen)
        try:
            commit({"counter": update})
        except WriteRefusedError:
            return False
        return True

    def _fold(self, change: Change, shard: str, at: datetime) -> bool:
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                left = self._folded(change, shard, at)
            except UpdateError as error:
                if error.cause_response_code not in _BUSY:
                    raise
                pause_after(attempt)
                continue
            if left is None:
                return True
            change = left
        return False

    def _folded(self, change: Change, shard: str, at: datetime) -> Change | None:
        """Add a change if the counter is not beyond its beginning; return what is left to add."""
        met = self._row.seen[shard]
        if self._is_added(change, shard, at, condition=met < change.first):
            return None
        seen = self._seen(change.key)
        position = seen.get(shard)
        if position is not None:
            return change.after(position.partition("@")[0])
        old = rfc3339(at - SHARDS_REMEMBERED)
        forgotten = [name for name, place in seen.items() if place.partition("@")[2] < old]
        is_new = self._row.seen.exists() & met.does_not_exist()
        is_added = self._is_added(change, shard, at, condition=is_new, forgotten=forgotten)
        return None if is_added else change

    def _is_added(
        self,
        change: Change,
        shard: str,
        at: datetime,
        *,
        condition: Condition,
        forgotten: Sequence[str] = (),
    ) -> bool:
        row = self._row
        figures = change.figures
        actions: list[Action] = [
            getattr(row, name).add(getattr(figures, name))
            for name in NAMES
            if getattr(figures, name)
        ]
        actions.append(row.seen[shard].set(_text_of(Place(change.last, at))))
        actions += [row.seen[name].remove() for name in forgotten]
        if change.key.hour is not None:
            actions.append(row.expires_at.set(_expiry(change.key.hour)))
        update = Update(row=row(*_key(change.key)), actions=actions, condition=condition)
        try:
            commit({"counter": update})
        except WriteRefusedError:
            return False
        return True

    def _seen(self, key: CounterKey) -> dict[str, str]:
        """Return how far a counter has come; one that is not there is made."""
        row = self._row
        with suppress(WriteRefusedError):
            fresh = Put(row=row(*_key(key)), condition=row.pk.does_not_exist())
            commit({"counter": fresh})
        found = row.get(*_key(key), consistent_read=True)
        return {name: found.seen[name] for name in found.seen}


class DynamoAdLedger(AdLedger):
    """The ledger's events of ads, by the index of hours."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(EventRow, table=table)

    @override
    def recorded_in(self, hour: datetime, *, app_id: str) -> Iterator[Envelope]:
        for shard in range(INDEX_SHARDS):
            entries = self._row.time_index.query(hour_partition(app_id, hour, shard))
            # The index has the keys alone: theirs say whose the events are.
            keys = [(entry.pk, entry.sk) for entry in entries if f"#{SOURCE}#" in entry.sk]
            for row in self._row.batch_get(keys, consistent_read=True):
                yield from_row(row)


@cache
def _writers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POOL)


def _key(key: CounterKey) -> tuple[str, str]:
    partition = f"APP#{key.app_id}#CNT#{key.flight_id}"
    if key.hour is not None:
        return partition, f"H#{key.hour.astimezone(UTC):{_HOUR}}"
    if key.day is None:
        return partition, "LIFE"
    if key.placement_id is None:
        return partition, f"D#{key.day.isoformat()}"
    return partition, f"C#{key.day.isoformat()}#{key.placement_id}#{key.creative_id}"


def _key_of(row: _CounterRow) -> CounterKey:
    _, app_id, _, flight_id = row.pk.split("#")
    life = CounterKey(app_id=app_id, flight_id=flight_id)
    kind, *names = row.sk.split("#")
    if kind == "LIFE":
        return life
    if kind == "H":
        return replace(life, hour=datetime.strptime(names[0], _HOUR).replace(tzinfo=UTC))
    day = replace(life, day=date.fromisoformat(names[0]))
    return replace(day, placement_id=names[1], creative_id=names[2]) if kind == "C" else day


def _expiry(hour: datetime) -> int:
    return int((hour + HOURS_KEPT).timestamp())


def _text_of(place: Place) -> str:
    return f"{place.position}@{rfc3339(place.at)}"


def _place_of(text: str) -> Place:
    position, _, at = text.partition("@")
    return Place(position, from_rfc3339(at))


def _figures_of(row: _CounterRow) -> Figures:
    return Figures(**{name: int(getattr(row, name)) for name in NAMES})
