"""Redemptions in memory; held to the same contract as the real stores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import RLock

from typing_extensions import override

from shared.coupons.errors import CouponChangedError
from shared.coupons.model.limits import Subject
from shared.coupons.model.moves import Move
from shared.coupons.model.redemptions import Place, Redemption, Spent, Ticket
from shared.coupons.model.reservations import minute_of
from shared.coupons.model.tickets import BLOCK, Counter, OpenWindow
from shared.coupons.model.uses import Uses
from shared.coupons.ports.redemptions import (
    Added,
    Change,
    DueReservation,
    Found,
    RedemptionStore,
    Returns,
    Slot,
    SweepMark,
    TicketStore,
    UseStore,
)
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page


@dataclass
class Memory:
    """What the stores share, as the real ones share a table."""

    versions: dict[tuple[str, str | None], int] = field(default_factory=dict)
    windows: dict[Place, OpenWindow] = field(default_factory=dict)
    counters: dict[tuple[Place, int], Counter] = field(default_factory=dict)
    slots: dict[Ticket, Slot] = field(default_factory=dict)
    marks: dict[tuple[Place, int], SweepMark] = field(default_factory=dict)
    uses: dict[Place, Uses] = field(default_factory=dict)
    moves: dict[tuple[str, str], Move] = field(default_factory=dict)
    redemptions: dict[tuple[str, str], Redemption] = field(default_factory=dict)
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)
    due: dict[tuple[str, datetime, str], DueReservation] = field(default_factory=dict)
    done: dict[str, datetime] = field(default_factory=dict)
    events: list[Envelope] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def take(self, place: Place, counter: int, *, drawn: int = 0, left: int = 0) -> None:
        before = self.counters[place, counter]
        self.counters[place, counter] = Counter(drawn=before.drawn + drawn, left=before.left + left)


@dataclass
class InMemoryTicketStore(TicketStore):
    memory: Memory = field(default_factory=Memory)

    @override
    def window(self, place: Place) -> OpenWindow | None:
        return self.memory.windows.get(place)

    @override
    def open_window(self, window: OpenWindow, *, shares: Sequence[int]) -> None:
        with self.memory.lock:
            if window.place in self.memory.windows:
                return
            self._check(window.place, window.version)
            self.memory.windows[window.place] = window
            for counter, left in enumerate(shares):
                self.memory.counters[window.place, counter] = Counter(left=left)

    @override
    def windows_of(
        self, app_id: str, coupon_id: str | None, limit_id: str, *, after: str | None, limit: int
    ) -> Page[OpenWindow]:
        found = sorted(
            (
                (f"{place.window}#{place.subject_id}", window)
                for place, window in self.memory.windows.items()
                if (place.app_id, place.coupon_id, place.limit_id) == (app_id, coupon_id, limit_id)
            ),
            key=lambda named: named[0],
        )
        rest = [(key, window) for key, window in found if key > (after or "")]
        more = len(rest) > limit
        return Page(
            items=[window for _, window in rest[:limit]],
            next_cursor=rest[limit - 1][0] if more else None,
        )

    @override
    def resize(self, window: OpenWindow, *, by: int, counter: int, version: int) -> bool:
        with self.memory.lock:
            self._check(window.place, version)
            now = self.memory.windows.get(window.place)
            if now is None or now.capacity != window.capacity:
                return False
            if self.memory.counters[window.place, counter].left + by < 0:
                return False
            self.memory.windows[window.place] = now.resized(by, version=version)
            self.memory.take(window.place, counter, left=by)
            return True

    @override
    def draw(self, place: Place, counter: int) -> int | None:
        with self.memory.lock:
            if self.memory.counters[place, counter].left < 1:
                return None
            self.memory.take(place, counter, drawn=1, left=-1)
            return self.memory.counters[place, counter].drawn

    @override
    def counters(self, window: OpenWindow) -> Sequence[Counter]:
        return [self.memory.counters[window.place, one] for one in range(window.counters)]

    @override
    def note_exhausted(self, window: OpenWindow, event: Envelope | None) -> bool:
        with self.memory.lock:
            now = self.memory.windows[window.place]
            if now.is_exhausted or now.epoch != window.epoch:
                return False
            self.memory.windows[window.place] = replace(now, is_exhausted=True)
            if event:
                self.memory.events.append(event)
            return True

    @override
    def note_reopened(self, window: OpenWindow) -> None:
        with self.memory.lock:
            now = self.memory.windows[window.place]
            if now.is_exhausted and now.epoch == window.epoch:
                self.memory.windows[window.place] = replace(
                    now, is_exhausted=False, epoch=now.epoch + 1
                )

    @override
    def slots(self, place: Place, *, counter: int, block: int) -> Sequence[Slot]:
        with self.memory.lock:
            numbers = range(block * BLOCK + 1, (block + 1) * BLOCK + 1)
            tickets = (Ticket(place=place, shard=counter, number=number) for number in numbers)
            return [self.memory.slots[one] for one in tickets if one in self.memory.slots]

    @override
    def void(self, ticket: Ticket) -> bool:
        with self.memory.lock:
            if ticket in self.memory.slots:
                return False
            self.memory.slots[ticket] = Slot(ticket=ticket, redemption_id=None, is_live=False)
            self.memory.take(ticket.place, ticket.shard, left=1)
            return True

    @override
    def sweep_mark(self, place: Place, counter: int) -> SweepMark:
        return self.memory.marks.get((place, counter), SweepMark())

    @override
    def put_sweep_mark(self, place: Place, counter: int, mark: SweepMark) -> None:
        self.memory.marks[place, counter] = mark

    def _check(self, place: Place, version: int) -> None:
        if self.memory.versions.get((place.app_id, place.coupon_id)) != version:
            raise CouponChangedError(place.limit_id)


@dataclass
class InMemoryUseStore(UseStore):
    memory: Memory = field(default_factory=Memory)

    @override
    def uses(self, place: Place) -> Uses:
        return self.memory.uses.get(_whatever_window(place), Uses())

    @override
    def replace(self, place: Place, uses: Uses) -> bool:
        with self.memory.lock:
            if self.uses(place).version != uses.version:
                return False
            kept = replace(uses, version=uses.version + 1)
            self.memory.uses[_whatever_window(place)] = kept
            return True

    @override
    def move_of(self, contact_id: str, *, app_id: str) -> Move | None:
        return self.memory.moves.get((app_id, contact_id))

    @override
    def put_move(self, move: Move) -> bool:
        with self.memory.lock:
            if not self._is_as_read(move):
                return False
            kept = replace(move, version=move.version + 1)
            self.memory.moves[move.app_id, move.contact_id] = kept
            return True

    @override
    def remove_move(self, move: Move) -> bool:
        with self.memory.lock:
            if not self._is_as_read(move):
                return False
            del self.memory.moves[move.app_id, move.contact_id]
            return True

    @override
    def of_contact(self, contact_id: str, *, app_id: str) -> Mapping[Place, Uses]:
        return {
            place: uses
            for place, uses in self.memory.uses.items()
            if (place.app_id, place.subject, place.subject_id)
            == (app_id, Subject.CONTACT, contact_id)
        }

    def _is_as_read(self, move: Move) -> bool:
        kept = self.move_of(move.contact_id, app_id=move.app_id)
        return (kept.version if kept else 0) == move.version


@dataclass
class InMemoryRedemptionStore(RedemptionStore):
    memory: Memory = field(default_factory=Memory)

    @override
    def find(self, redemption_id: str, *, app_id: str) -> Found:
        with self.memory.lock:
            key = (app_id, redemption_id)
            return Found(
                redemption=self.memory.redemptions.get(key),
                attempt=self.memory.attempts.get(key, 0),
            )

    @override
    def find_many(self, redemption_ids: Sequence[str], *, app_id: str) -> Mapping[str, Found]:
        return {one: self.find(one, app_id=app_id) for one in redemption_ids}

    @override
    def add(self, redemption: Redemption, events: Sequence[Envelope]) -> Added:
        with self.memory.lock:
            key = (redemption.app_id, redemption.redemption_id)
            found = self.find(redemption.redemption_id, app_id=redemption.app_id)
            if found.redemption or found.attempt != redemption.attempt:
                return Added.TAKEN
            tickets = [draw for draw in redemption.draws if isinstance(draw, Ticket)]
            if any(ticket in self.memory.slots for ticket in tickets):
                return Added.SWEPT
            spent = [draw for draw in redemption.draws if isinstance(draw, Spent)]
            if not self._can_spend(spent):
                return Added.SHORT
            for ticket in tickets:
                self.memory.slots[ticket] = _slot(ticket, redemption)
            for one in spent:
                self.memory.take(one.place, one.shard, left=-one.amount)
            self.memory.redemptions[key] = redemption
            self._note_due(redemption)
            self.memory.events.extend(events)
            return Added.DONE

    @override
    def give_up(self, redemption_id: str, *, app_id: str, attempt: int) -> bool:
        with self.memory.lock:
            found = self.find(redemption_id, app_id=app_id)
            if found.redemption or found.attempt != attempt:
                return False
            self.memory.attempts[app_id, redemption_id] = attempt + 1
            return True

    @override
    def change(self, change: Change) -> bool:
        with self.memory.lock:
            before, after = change.before, change.after
            key = (before.app_id, before.redemption_id)
            if self.memory.redemptions[key].version != before.version:
                return False
            self.memory.redemptions[key] = replace(after, version=before.version + 1)
            self._give_back(change.returns)
            if after.reserved_until != before.reserved_until:
                self._note_due(after)
            self.memory.events.extend(change.events)
            return True

    @override
    def spenders(self, window: OpenWindow) -> Iterator[str]:
        with self.memory.lock:
            made = list(self.memory.redemptions.values())
        for redemption in made:
            spent = (draw for draw in redemption.draws if isinstance(draw, Spent))
            if any(draw.place == window.place for draw in spent):
                yield redemption.redemption_id

    @override
    def done_until(self, app_id: str) -> datetime | None:
        return self.memory.done.get(app_id)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        with self.memory.lock:
            self.memory.done[app_id] = max(until, self.memory.done.get(app_id, until))

    @override
    def due_in(self, app_id: str, *, minute: datetime, limit: int) -> Sequence[DueReservation]:
        with self.memory.lock:
            found = [
                one
                for (app, at, _), one in self.memory.due.items()
                if (app, at) == (app_id, minute)
            ]
            return sorted(found, key=lambda one: one.redemption_id)[:limit]

    @override
    def forget_due(self, app_id: str, due: DueReservation) -> None:
        self.memory.due.pop((app_id, due.minute, due.redemption_id), None)

    def _can_spend(self, spent: Sequence[Spent]) -> bool:
        wanted: dict[tuple[Place, int], int] = {}
        for one in spent:
            key = (one.place, one.shard)
            wanted[key] = wanted.get(key, 0) + one.amount
        return all(self.memory.counters[key].left >= amount for key, amount in wanted.items())

    def _give_back(self, returns: Returns) -> None:
        for ticket in returns.tickets:
            slot = self.memory.slots[ticket]
            self.memory.slots[ticket] = replace(slot, is_live=False)
            self.memory.take(ticket.place, ticket.shard, left=1)
        for one in returns.amounts:
            self.memory.take(one.place, one.shard, left=one.amount)

    def _note_due(self, redemption: Redemption) -> None:
        if redemption.reserved_until is None:
            return
        minute = minute_of(redemption.reserved_until)
        self.memory.done.setdefault(
            redemption.app_id, minute_of(redemption.made_at) - timedelta(minutes=1)
        )
        key = (redemption.app_id, minute, redemption.redemption_id)
        self.memory.due[key] = DueReservation(redemption_id=redemption.redemption_id, minute=minute)


def _whatever_window(place: Place) -> Place:
    return replace(place, window="")


def _slot(ticket: Ticket, redemption: Redemption) -> Slot:
    return Slot(
        ticket=ticket,
        redemption_id=redemption.redemption_id,
        is_live=True,
        was_held=redemption.reserved_until is not None,
    )
