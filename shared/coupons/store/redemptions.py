"""Redemptions in DynamoDB: each one item, written with its slots, amounts and events or not at all.

A try that was given up leaves an item without a text: it names the try whose turn it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.model.redemptions import Place, Redemption, Spent, Ticket
from shared.coupons.model.reservations import DUE_SHARDS, due_shard, minute_of
from shared.coupons.model.tickets import OpenWindow
from shared.coupons.ports.redemptions import (
    Added,
    Change,
    DueReservation,
    Found,
    RedemptionStore,
    Returns,
)
from shared.coupons.store.keys import (
    counter_key,
    done_key,
    due_partition,
    redemption_key,
    slot_key,
    spending_partition,
)
from shared.coupons.store.redemption_texts import redemption_of, text_of
from shared.coupons.store.tickets import FREE, HELD, LIVE, CounterRow, SlotRow
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import (
    CONFLICT_ATTEMPTS,
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.errors import ContendedError
from shared.platform.ledger import Ledger

_GIVEN_UP = "given_up"
_MINUTE = timedelta(minutes=1)


class _RedemptionRow(Row):
    """A redemption; or, in state ``given_up``, which try may make it."""

    state = UnicodeAttribute()
    attempt = NumberAttribute()
    version = NumberAttribute()
    text = UnicodeAttribute(null=True)


class _SpendingRow(Row):
    """The fact that a redemption drew of a budget; how much it holds, the redemption says."""


class _DueRow(Row):
    """The end of a reservation."""


class _DoneRow(Row):
    """Up to which minute all is done."""

    until = UnicodeAttribute()


class DynamoRedemptionStore(RedemptionStore):
    """Redemptions, in the coupons table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._redemption = bind(_RedemptionRow, table=table)
        self._spending = bind(_SpendingRow, table=table)
        self._due = bind(_DueRow, table=table)
        self._done = bind(_DoneRow, table=table)
        self._counter = bind(CounterRow, table=table)
        self._slot = bind(SlotRow, table=table)
        self._ledger = ledger
        self._marked: set[str] = set()
        """Apps whose mark is known to be set; it is never taken away."""

    @override
    def find(self, redemption_id: str, *, app_id: str) -> Found:
        key = redemption_key(app_id, redemption_id)
        try:
            row = self._redemption.get(*key, consistent_read=True)
        except DoesNotExist:
            return Found()
        return _found(row, app_id=app_id, redemption_id=redemption_id)

    @override
    def find_many(self, redemption_ids: Sequence[str], *, app_id: str) -> Mapping[str, Found]:
        by_key = {redemption_key(app_id, one)[0]: one for one in redemption_ids}
        keys = [redemption_key(app_id, one) for one in by_key.values()]
        found = dict.fromkeys(redemption_ids, Found())
        for row in self._redemption.batch_get(keys, consistent_read=True) if keys else ():
            redemption_id = by_key[row.pk]
            found[redemption_id] = _found(row, app_id=app_id, redemption_id=redemption_id)
        return found

    @override
    def add(self, redemption: Redemption, events: Sequence[Envelope]) -> Added:
        spent = _by_counter(draw for draw in redemption.draws if isinstance(draw, Spent))
        writes = {
            "redemption": self._first(redemption),
            **self._new_slots(redemption),
            **self._drawn(spent),
            **self._spendings(redemption),
            **self._told(events),
        }
        if redemption.reserved_until:
            self._begin(redemption.app_id, at=redemption.made_at)
            writes["due"] = self._noted(redemption, redemption.reserved_until)
        try:
            # Budgets are contended: another counter is a better answer than a long wait.
            commit(writes, attempts=1 if spent else CONFLICT_ATTEMPTS)
        except WriteRefusedError as error:
            return _came_of(error.failed)
        except ContendedError:
            return Added.BUSY
        return Added.DONE

    @override
    def give_up(self, redemption_id: str, *, app_id: str, attempt: int) -> bool:
        row = self._redemption
        is_turn = (row.state == _GIVEN_UP) & (row.attempt == attempt)
        put = Put(
            row=row(
                *redemption_key(app_id, redemption_id),
                state=_GIVEN_UP,
                attempt=attempt + 1,
                version=0,
            ),
            condition=is_turn if attempt else row.pk.does_not_exist(),
        )
        try:
            commit({"redemption": put})
        except WriteRefusedError:
            return False
        return True

    @override
    def change(self, change: Change) -> bool:
        before, after = change.before, change.after
        writes: dict[str, Write] = {
            "redemption": Put(
                row=self._row(after, version=before.version + 1),
                condition=self._redemption.version == before.version,
            ),
            **self._returned(change.returns),
            **self._told(change.events),
        }
        if after.reserved_until and after.reserved_until != before.reserved_until:
            writes["due"] = self._noted(after, after.reserved_until)
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def spenders(self, window: OpenWindow) -> Iterator[str]:
        for counter in range(window.counters):
            partition = spending_partition(window.place, counter)
            yield from (row.sk for row in self._spending.query(partition, consistent_read=True))

    @override
    def done_until(self, app_id: str) -> datetime | None:
        try:
            row = self._done.get(*done_key(app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.until)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        row = self._done(*done_key(app_id), until=rfc3339(until))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.until < rfc3339(until))})

    @override
    def due_in(self, app_id: str, *, minute: datetime, limit: int) -> Sequence[DueReservation]:
        rows = (
            row
            for shard in range(DUE_SHARDS)
            for row in self._due.query(
                due_partition(app_id, minute, shard), consistent_read=True, limit=limit
            )
        )
        return [DueReservation(redemption_id=row.sk, minute=minute) for row in islice(rows, limit)]

    @override
    def forget_due(self, app_id: str, due: DueReservation) -> None:
        partition = due_partition(app_id, due.minute, due_shard(due.redemption_id))
        commit({"due": Delete(row=self._due(partition, due.redemption_id))})

    def _first(self, redemption: Redemption) -> Put:
        row, attempt = self._redemption, redemption.attempt
        is_turn = (row.state == _GIVEN_UP) & (row.attempt == attempt)
        return Put(
            row=self._row(redemption, version=redemption.version),
            condition=is_turn if attempt else row.pk.does_not_exist(),
        )

    def _row(self, redemption: Redemption, *, version: int) -> _RedemptionRow:
        return self._redemption(
            *redemption_key(redemption.app_id, redemption.redemption_id),
            state=redemption.state.value,
            attempt=redemption.attempt,
            version=version,
            text=text_of(redemption),
        )

    def _new_slots(self, redemption: Redemption) -> dict[str, Write]:
        slot = self._slot
        state = HELD if redemption.reserved_until else LIVE
        tickets = (draw for draw in redemption.draws if isinstance(draw, Ticket))
        return {
            f"slot {place}": Put(
                row=slot(*slot_key(ticket), state=state, owner=redemption.redemption_id),
                condition=slot.pk.does_not_exist(),
            )
            for place, ticket in enumerate(tickets)
        }

    def _drawn(self, spent: Mapping[tuple[Place, int], int]) -> dict[str, Write]:
        at = self._counter
        return {
            f"counter {place}": Update(
                row=at(*counter_key(*key)),
                actions=[at.left.set(at.left - amount)],
                condition=at.left >= amount,
            )
            for place, (key, amount) in enumerate(spent.items())
        }

    def _spendings(self, redemption: Redemption) -> dict[str, Write]:
        """Return the notes by which an audit finds who drew of a budget: one for each."""
        first: dict[Place, int] = {}
        for draw in redemption.draws:
            if isinstance(draw, Spent):
                first.setdefault(draw.place, draw.shard)
        redemption_id = redemption.redemption_id
        return {
            f"spending {number}": Put(
                row=self._spending(spending_partition(place, counter), redemption_id)
            )
            for number, (place, counter) in enumerate(first.items())
        }

    def _returned(self, returns: Returns) -> dict[str, Write]:
        slot, at = self._slot, self._counter
        back = _by_counter(returns.amounts)
        for ticket in returns.tickets:
            key = (ticket.place, ticket.shard)
            back[key] = back.get(key, 0) + 1
        writes: dict[str, Write] = {
            f"slot {place}": Update(row=slot(*slot_key(ticket)), actions=[slot.state.set(FREE)])
            for place, ticket in enumerate(returns.tickets)
        }
        for place, (key, amount) in enumerate(back.items()):
            counter = at(*counter_key(*key))
            writes[f"counter {place}"] = Update(
                row=counter, actions=[at.left.set(at.left + amount)]
            )
        return writes

    def _told(self, events: Sequence[Envelope]) -> dict[str, Write]:
        return {f"event {place}": self._ledger.record(one) for place, one in enumerate(events)}

    def _noted(self, redemption: Redemption, until: datetime) -> Put:
        app_id, redemption_id = redemption.app_id, redemption.redemption_id
        partition = due_partition(app_id, minute_of(until), due_shard(redemption_id))
        return Put(row=self._due(partition, redemption_id))

    def _begin(self, app_id: str, *, at: datetime) -> None:
        """Set an app's mark before its first reservation: what ends later comes after it."""
        if app_id in self._marked:
            return
        row = self._done(*done_key(app_id), until=rfc3339(minute_of(at) - _MINUTE))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.pk.does_not_exist())})
        self._marked.add(app_id)


def _by_counter(spent: Iterable[Spent]) -> dict[tuple[Place, int], int]:
    """Return amounts by counter: a transaction writes an item once."""
    sums: dict[tuple[Place, int], int] = {}
    for one in spent:
        key = (one.place, one.shard)
        sums[key] = sums.get(key, 0) + one.amount
    return sums


def _came_of(failed: Iterable[str]) -> Added:
    """Return why nothing was added, by the names of the writes that were refused."""
    kinds = {name.partition(" ")[0] for name in failed}
    if "redemption" in kinds:
        return Added.TAKEN
    return Added.SWEPT if "slot" in kinds else Added.SHORT


def _found(row: _RedemptionRow, *, app_id: str, redemption_id: str) -> Found:
    attempt = int(row.attempt)
    if row.text is None:
        return Found(attempt=attempt)
    redemption = redemption_of(
        row.text,
        app_id=app_id,
        redemption_id=redemption_id,
        state=row.state,
        attempt=attempt,
        version=int(row.version),
    )
    return Found(redemption=redemption, attempt=attempt)
