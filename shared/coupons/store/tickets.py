"""Counters of limits, and the slots of their tickets, in DynamoDB."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from typing_extensions import override

from shared.coupons.errors import CouponChangedError
from shared.coupons.model.limits import Subject
from shared.coupons.model.redemptions import Place, Ticket
from shared.coupons.model.tickets import Counter, OpenWindow
from shared.coupons.ports.redemptions import Slot, SweepMark, TicketStore
from shared.coupons.store.keys import (
    counter_key,
    limits_key,
    slot_key,
    slot_partition,
    sweep_key,
    window_key,
    window_partition,
)
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page
from shared.platform.dynamodb import (
    Check,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import Ledger

LIVE, HELD, FREE, VOID = "live", "held", "free", "void"
"""States of a slot: a use, a use that began as a reservation, none any more, never one."""


class CounterRow(Row):
    """One counter: numbers it gave out, and how many it may still give out."""

    drawn = NumberAttribute()
    left = NumberAttribute()


class SlotRow(Row):
    """What became of a ticket, and whose it is."""

    state = UnicodeAttribute()
    owner = UnicodeAttribute(null=True)


class _WindowRow(Row):
    """A window of a limit, as it was opened."""

    subject = UnicodeAttribute()
    subject_id = UnicodeAttribute()
    window = UnicodeAttribute()
    counters = NumberAttribute()
    capacity = NumberAttribute()
    version = NumberAttribute()
    ends_at = UnicodeAttribute(null=True)
    epoch = NumberAttribute()
    is_exhausted = BooleanAttribute()


class _SweepRow(Row):
    """How far a counter is swept."""

    settled = NumberAttribute()
    seen = NumberAttribute()
    seen_at = UnicodeAttribute(null=True)


class _LimitsVersionRow(Row):
    """A coupon, or an app's settings, as far as their limits' version goes."""

    version = NumberAttribute()
    limits_version = NumberAttribute()


class DynamoTicketStore(TicketStore):
    """Counters and slots, in the coupons table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._window = bind(_WindowRow, table=table)
        self._counter = bind(CounterRow, table=table)
        self._slot = bind(SlotRow, table=table)
        self._sweep = bind(_SweepRow, table=table)
        self._limits = bind(_LimitsVersionRow, table=table)
        self._ledger = ledger

    @override
    def window(self, place: Place) -> OpenWindow | None:
        try:
            row = self._window.get(*window_key(place), consistent_read=True)
        except DoesNotExist:
            return None
        return _window_of(row, place)

    @override
    def open_window(self, window: OpenWindow, *, shares: Sequence[int]) -> None:
        place, row = window.place, self._window
        writes: dict[str, Write] = {
            "limits": self._still(place, window.version),
            "window": Put(
                row=row(
                    *window_key(place),
                    subject=place.subject.value,
                    subject_id=place.subject_id,
                    window=place.window,
                    counters=window.counters,
                    capacity=window.capacity,
                    version=window.version,
                    ends_at=rfc3339(window.ends_at) if window.ends_at else None,
                    epoch=window.epoch,
                    is_exhausted=window.is_exhausted,
                ),
                condition=row.pk.does_not_exist(),
            ),
        }
        for counter, left in enumerate(shares):
            fresh = self._counter(*counter_key(place, counter), drawn=0, left=left)
            writes[f"counter {counter}"] = Put(row=fresh)
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "window" not in error.failed:
                raise CouponChangedError(place.limit_id) from error

    @override
    def windows_of(
        self, app_id: str, coupon_id: str | None, limit_id: str, *, after: str | None, limit: int
    ) -> Page[OpenWindow]:
        row = self._window
        rows = list(
            row.query(
                window_partition(app_id, coupon_id, limit_id),
                row.sk > after if after else None,
                consistent_read=True,
                limit=limit + 1,
            )
        )
        found = [
            _window_of(
                one,
                Place(
                    app_id=app_id,
                    coupon_id=coupon_id,
                    limit_id=limit_id,
                    subject=Subject(one.subject),
                    subject_id=one.subject_id,
                    window=one.window,
                ),
            )
            for one in rows[:limit]
        ]
        return Page(items=found, next_cursor=rows[limit - 1].sk if len(rows) > limit else None)

    @override
    def resize(self, window: OpenWindow, *, by: int, counter: int, version: int) -> bool:
        place, row, at = window.place, self._window, self._counter
        writes: dict[str, Write] = {
            "limits": self._still(place, version),
            "window": Update(
                row=row(*window_key(place)),
                actions=[row.capacity.set(window.capacity + by), row.version.set(version)],
                condition=row.capacity == window.capacity,
            ),
            "counter": Update(
                row=at(*counter_key(place, counter)),
                actions=[at.left.set(at.left + by)],
                condition=at.left >= max(-by, 0),
            ),
        }
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "limits" in error.failed:
                raise CouponChangedError(place.limit_id) from error
            return False
        return True

    @override
    def draw(self, place: Place, counter: int) -> int | None:
        row = self._counter(*counter_key(place, counter))
        at = self._counter
        try:
            row.update(
                [at.drawn.set(at.drawn + 1), at.left.set(at.left - 1)], condition=at.left >= 1
            )
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return None
            raise
        return int(row.drawn)

    @override
    def counters(self, window: OpenWindow) -> Sequence[Counter]:
        keys = [counter_key(window.place, counter) for counter in range(window.counters)]
        found = {row.pk: row for row in self._counter.batch_get(keys, consistent_read=True)}
        rows = (found[pk] for pk, _ in keys)
        return [Counter(drawn=int(row.drawn), left=int(row.left)) for row in rows]

    @override
    def note_exhausted(self, window: OpenWindow, event: Envelope | None) -> bool:
        row = self._window
        writes: dict[str, Write] = {
            "window": Update(
                row=row(*window_key(window.place)),
                actions=[row.is_exhausted.set(value=True)],
                condition=(row.epoch == window.epoch) & (row.is_exhausted == False),  # noqa: E712 - a condition of DynamoDB
            )
        }
        if event:
            writes["event"] = self._ledger.record(event)
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def note_reopened(self, window: OpenWindow) -> None:
        row = self._window
        reopened = Update(
            row=row(*window_key(window.place)),
            actions=[row.is_exhausted.set(value=False), row.epoch.set(window.epoch + 1)],
            condition=(row.epoch == window.epoch) & (row.is_exhausted == True),  # noqa: E712 - a condition of DynamoDB
        )
        try:
            commit({"window": reopened})
        except WriteRefusedError:
            return

    @override
    def slots(self, place: Place, *, counter: int, block: int) -> Sequence[Slot]:
        partition = slot_partition(place, counter=counter, block=block)
        rows = self._slot.query(partition, consistent_read=True)
        return [_slot_of(row, place, counter) for row in rows]

    @override
    def void(self, ticket: Ticket) -> bool:
        slot, at = self._slot, self._counter
        writes: dict[str, Write] = {
            "slot": Put(
                row=slot(*slot_key(ticket), state=VOID), condition=slot.pk.does_not_exist()
            ),
            "counter": Update(
                row=at(*counter_key(ticket.place, ticket.shard)),
                actions=[at.left.set(at.left + 1)],
            ),
        }
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def sweep_mark(self, place: Place, counter: int) -> SweepMark:
        try:
            row = self._sweep.get(*sweep_key(place, counter), consistent_read=True)
        except DoesNotExist:
            return SweepMark()
        seen_at = from_rfc3339(row.seen_at) if row.seen_at else None
        return SweepMark(settled=int(row.settled), seen=int(row.seen), seen_at=seen_at)

    @override
    def put_sweep_mark(self, place: Place, counter: int, mark: SweepMark) -> None:
        row = self._sweep(
            *sweep_key(place, counter),
            settled=mark.settled,
            seen=mark.seen,
            seen_at=_text(mark.seen_at),
        )
        commit({"mark": Put(row=row)})

    def _still(self, place: Place, version: int) -> Check:
        """Return the check that limits are those of a version."""
        row = self._limits
        kept = row.version if place.coupon_id is None else row.limits_version
        key = limits_key(place.app_id, place.coupon_id)
        return Check(row=row(*key), condition=kept == version)


def _window_of(row: _WindowRow, place: Place) -> OpenWindow:
    return OpenWindow(
        place=place,
        counters=int(row.counters),
        capacity=int(row.capacity),
        version=int(row.version),
        ends_at=from_rfc3339(row.ends_at) if row.ends_at else None,
        epoch=int(row.epoch),
        is_exhausted=bool(row.is_exhausted),
    )


def _slot_of(row: SlotRow, place: Place, counter: int) -> Slot:
    return Slot(
        ticket=Ticket(place=place, shard=counter, number=int(row.sk)),
        redemption_id=row.owner,
        is_live=row.state in {LIVE, HELD},
        was_held=row.state == HELD,
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
