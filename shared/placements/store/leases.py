"""Counters of exact flights, and the slots of their numbers, in DynamoDB.

| what                 | pk                                      | sk       |
| -------------------- | --------------------------------------- | -------- |
| budget of a flight   | APP#<app>#BUDGET#<flight>               | BUDGET   |
| how far it is swept  | APP#<app>#BUDGET#<flight>               | S#<shard>|
| counter              | APP#<app>#SH#<shard>#<flight>           | SH       |
| slot of a number     | APP#<app>#SL#<flight>#<shard>#<block>   | <number> |

A counter lies alone in its partition: a draw takes one write unit, and nothing else. Its shard
stands first in its key, so that counters of one flight do not begin alike.
"""

from collections.abc import Mapping, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.update import Action
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.placements.errors import StaleError
from shared.placements.model.leases import (
    BLOCK,
    Bounds,
    Budget,
    Counter,
    Lease,
    Mark,
    Resizing,
    Slot,
    Sweep,
    shares,
)
from shared.placements.ports.leases import LeaseStore
from shared.platform.dynamodb import (
    CONFLICT_ATTEMPTS,
    Check,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
    pause_after,
)
from shared.platform.errors import ContendedError

SLOT = "slot"
"""The name of the slot's write in the transaction of an impression."""


_BUDGET = "budget"


class _OfAnotherDayError(Exception):
    """A number was given on an earlier day than its counter's: a day ended meanwhile."""


class _BudgetRow(Row):
    """The bounds of a flight as its counters have them."""

    version = NumberAttribute()
    lifetime = NumberAttribute(null=True)
    daily = NumberAttribute(null=True)
    peak = NumberAttribute()
    shards = NumberAttribute()
    owed = NumberAttribute()
    revision = NumberAttribute()


class _CounterRow(Row):
    """One counter."""

    given = NumberAttribute()
    quota = NumberAttribute()
    day = UnicodeAttribute()
    day_from = NumberAttribute()
    day_quota = NumberAttribute()


class _SlotRow(Row):
    """How a number ended; a tombstone has no token."""

    token_id = UnicodeAttribute(null=True)


class _SweepRow(Row):
    """How far a counter is swept; marks are ``<instant> <given>``, one a line."""

    settled = NumberAttribute()
    marks = UnicodeAttribute(null=True)


class LeaseSlots:
    """Builds the write by which an impression uses its lease."""

    def __init__(self, *, table: str) -> None:
        self._slot = bind(_SlotRow, table=table)

    def used_by(self, lease: Lease, token_id: str) -> Put:
        """Return the write for the transaction of the impression.

        It is refused where the lease has lapsed, or was used: the impression is late then.
        """
        row = self._slot(*_slot_key(lease), token_id=token_id)
        return Put(row=row, condition=self._slot.pk.does_not_exist())


class DynamoLeaseStore(LeaseStore):
    """Counters and slots, in the placements table."""

    def __init__(self, *, table: str) -> None:
        self._budget = bind(_BudgetRow, table=table)
        self._counter = bind(_CounterRow, table=table)
        self._slot = bind(_SlotRow, table=table)
        self._sweep = bind(_SweepRow, table=table)

    @override
    def budget(self, flight_id: str, *, app_id: str) -> Budget | None:
        try:
            row = self._budget.get(*_budget_key(app_id, flight_id), consistent_read=True)
        except DoesNotExist:
            return None
        bounds = Bounds(
            app_id=app_id,
            flight_id=flight_id,
            version=int(row.version),
            lifetime=_whole(row.lifetime),
            daily=_whole(row.daily),
            peak=int(row.peak),
        )
        return Budget(
            bounds=bounds,
            shards=int(row.shards),
            owed=int(row.owed),
            revision=int(row.revision),
        )

    @override
    def open(self, budget: Budget) -> None:
        row = self._budget_row(budget)
        writes: dict[str, Write] = {
            "budget": Put(row=row, condition=self._budget.pk.does_not_exist())
        }
        for shard, quota in enumerate(shares(budget.target, budget.shards)):
            counter = self._counter(*_counter_key(budget, shard), given=0, quota=quota)
            counter.day, counter.day_from = "", 0
            counter.day_quota = budget.share_of_a_day(shard)
            writes[f"counter {shard}"] = Put(row=counter)
        try:
            commit(writes)
        except WriteRefusedError:
            return

    @override
    def counters(self, budget: Budget) -> Sequence[Counter]:
        keys = [_counter_key(budget, shard) for shard in range(budget.shards)]
        found = {row.pk: row for row in self._counter.batch_get(keys, consistent_read=True)}
        return [_counter_of(found[pk]) for pk, _ in keys]

    @override
    def draw(self, budget: Budget, *, shard: int, day: str) -> Lease | None:
        row, at = self._counter(*_counter_key(budget, shard)), self._counter
        write = Update(
            row=row,
            actions=[at.given.set(at.given + 1)],
            condition=(at.day >= day) & (at.given < at.quota) & (at.given < at.day_quota),
        )
        try:
            _written_beside_transactions(write)
        except WriteRefusedError:
            return None
        return _lease(budget, shard, int(row.given))

    @override
    def begin_day(self, budget: Budget, *, shard: int, day: str) -> bool:
        at, quota = self._counter, budget.share_of_a_day(shard)
        writes: dict[str, Write] = {
            "budget": Check(
                row=self._budget_row(budget), condition=self._budget.revision == budget.revision
            ),
            "counter": Update(
                row=at(*_counter_key(budget, shard)),
                actions=[
                    at.day.set(day),
                    at.day_from.set(at.given),
                    at.day_quota.set(at.given + quota),
                ],
                condition=at.day < day,
            ),
        }
        try:
            commit(writes)
        except WriteRefusedError as error:
            return "budget" not in error.failed
        return True

    @override
    def resize(self, budget: Budget, counters: Sequence[Counter], resizing: Resizing) -> bool:
        at = self._counter
        writes: dict[str, Write] = {
            "budget": Put(
                row=self._budget_row(resizing.after),
                condition=self._budget.revision == budget.revision,
            )
        }
        for shard, counter in enumerate(counters):
            quota = counter.quota + resizing.quotas[shard]
            condition = at.quota == counter.quota
            if resizing.quotas[shard] < 0:
                condition &= at.given <= quota
            writes[f"counter {shard}"] = Update(
                row=at(*_counter_key(budget, shard)),
                actions=[
                    at.quota.set(quota),
                    at.day_quota.set(at.day_quota + resizing.days[shard]),
                ],
                condition=condition,
            )
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def slots(self, budget: Budget, *, shard: int, block: int) -> Sequence[Slot]:
        first = _lease(budget, shard, block * BLOCK + 1)
        rows = self._slot.query(_slot_key(first)[0], consistent_read=True)
        return [
            Slot(lease=_lease(budget, shard, int(row.sk)), token_id=row.token_id) for row in rows
        ]

    @override
    def lapse(self, lease: Lease, *, owes: bool) -> bool:
        if owes:
            return self._is_lapsed(lease, {_BUDGET: self._pays(lease)})
        still = {_BUDGET: self._owes_nothing(lease)}
        try:
            return self._is_lapsed(lease, still | {"counter": self._returns(lease, today=True)})
        except _OfAnotherDayError:
            return self._is_lapsed(lease, still | {"counter": self._returns(lease, today=False)})

    @override
    def sweep_of(self, budget: Budget, *, shard: int) -> Sweep:
        try:
            row = self._sweep.get(*_sweep_key(budget, shard), consistent_read=True)
        except DoesNotExist:
            return Sweep()
        return Sweep(settled=int(row.settled), marks=_marks_of(row.marks))

    @override
    def put_sweep(self, budget: Budget, sweep: Sweep, *, shard: int) -> None:
        marks = "\n".join(f"{rfc3339(mark.at)} {mark.given}" for mark in sweep.marks)
        row = self._sweep(*_sweep_key(budget, shard), settled=sweep.settled, marks=marks or None)
        commit({"sweep": Put(row=row)})

    def _is_lapsed(self, lease: Lease, returned: Mapping[str, Write]) -> bool:
        """Put a tombstone, and one back; say whether the number had no slot."""
        row = self._slot(*_slot_key(lease))
        tombstone = Put(row=row, condition=self._slot.pk.does_not_exist())
        try:
            commit({SLOT: tombstone, **returned})
        except WriteRefusedError as error:
            if SLOT in error.failed:
                return False
            if _BUDGET in error.failed:
                raise StaleError(lease.flight_id) from error
            raise _OfAnotherDayError from error
        return True

    def _returns(self, lease: Lease, *, today: bool) -> Update:
        """Return the write that puts a number back, of the counter's day or of an earlier one."""
        at = self._counter
        actions: list[Action] = [at.quota.set(at.quota + 1)]
        condition = at.day_from >= lease.number
        if today:
            actions.append(at.day_quota.set(at.day_quota + 1))
            condition = at.day_from < lease.number
        row = at(*_counter_key_of(lease.app_id, lease.flight_id, lease.shard))
        return Update(row=row, actions=actions, condition=condition)

    def _owes_nothing(self, lease: Lease) -> Check:
        at = self._budget
        row = at(*_budget_key(lease.app_id, lease.flight_id))
        return Check(row=row, condition=at.owed == 0)

    def _pays(self, lease: Lease) -> Update:
        at = self._budget
        return Update(
            row=at(*_budget_key(lease.app_id, lease.flight_id)),
            actions=[at.owed.set(at.owed - 1), at.revision.set(at.revision + 1)],
            condition=at.owed >= 1,
        )

    def _budget_row(self, budget: Budget) -> _BudgetRow:
        bounds = budget.bounds
        return self._budget(
            *_budget_key(bounds.app_id, bounds.flight_id),
            version=bounds.version,
            lifetime=bounds.lifetime,
            daily=bounds.daily,
            peak=bounds.peak,
            shards=budget.shards,
            owed=budget.owed,
            revision=budget.revision,
        )


def _written_beside_transactions(write: Update) -> None:
    """Write one item, again where a transaction (a sweep, a new day) is just writing it.

    Raises:
        WriteRefusedError: its condition does not hold.
        ContendedError: the item stayed busy.
    """
    for attempt in range(CONFLICT_ATTEMPTS):
        try:
            commit({"write": write})
        except UpdateError as error:
            if error.cause_response_code != "TransactionConflictException":
                raise
            pause_after(attempt)
        else:
            return
    raise ContendedError(write.row.pk)


def _budget_key(app_id: str, flight_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#BUDGET#{flight_id}", "BUDGET"


def _sweep_key(budget: Budget, shard: int) -> tuple[str, str]:
    return _budget_key(budget.bounds.app_id, budget.bounds.flight_id)[0], f"S#{shard:02}"


def _counter_key(budget: Budget, shard: int) -> tuple[str, str]:
    return _counter_key_of(budget.bounds.app_id, budget.bounds.flight_id, shard)


def _counter_key_of(app_id: str, flight_id: str, shard: int) -> tuple[str, str]:
    return f"APP#{app_id}#SH#{shard}#{flight_id}", "SH"


def _slot_key(lease: Lease) -> tuple[str, str]:
    partition = f"APP#{lease.app_id}#SL#{lease.flight_id}#{lease.shard}#{lease.block}"
    return partition, f"{lease.number:012}"


def _lease(budget: Budget, shard: int, number: int) -> Lease:
    bounds = budget.bounds
    return Lease(app_id=bounds.app_id, flight_id=bounds.flight_id, shard=shard, number=number)


def _counter_of(row: _CounterRow) -> Counter:
    return Counter(
        given=int(row.given),
        quota=int(row.quota),
        day=row.day,
        day_from=int(row.day_from),
        day_quota=int(row.day_quota),
    )


def _marks_of(text: str | None) -> tuple[Mark, ...]:
    lines = (line.split() for line in text.splitlines()) if text else ()
    return tuple(Mark(at=from_rfc3339(at), given=int(given)) for at, given in lines)


def _whole(figure: float | None) -> int | None:
    return None if figure is None else int(figure)
