"""Use cases of who uses coupons in an order: redeem, reserve, commit, release."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from typing import TypeVar

from shared.coupons.errors import (
    CouponExhaustedError,
    RedemptionContendedError,
    RedemptionNotFoundError,
    RedemptionRefusedError,
    RedemptionStateError,
    ReservationExpiredError,
)
from shared.coupons.events import CouponRedeemed, CouponReserved
from shared.coupons.model.baskets import Basket
from shared.coupons.model.codes import CodeKind
from shared.coupons.model.coupons import AfterRollback, Coupon
from shared.coupons.model.limits import Counting, Subject
from shared.coupons.model.places import (
    Counted,
    LimitSheet,
    Subjects,
    counted_by,
    is_uncountable,
    sheet_of,
)
from shared.coupons.model.redemptions import (
    Applied,
    Draw,
    Entry,
    Part,
    Redemption,
    RedemptionState,
    Ticket,
)
from shared.coupons.model.reservations import LONGEST_HOLD, renewed_until
from shared.coupons.model.rules import Circumstances, Reason
from shared.coupons.model.uses import Use
from shared.coupons.ports.redemptions import Added, Change, Pause, RedemptionStore
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.ending import Ending
from shared.coupons.service.noting import GRACE, Notes, OvertakenError
from shared.coupons.service.telling import told
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import IdempotencyKeyReusedError
from shared.kernel.ids import Ids, unpacked

ATTEMPTS = 16
"""Each lost race has a winner, and pauses tell the others apart."""

T = TypeVar("T")


def redemption_id_of(app_id: str, *, caller: str, key: str) -> str:
    """Return the id of the redemption that a caller's Idempotency-Key makes, now or ever.

    Its letters are a ULID's: 128 bits of a hash, and no time in it.
    """
    digest = sha256(f"{app_id}\0{caller}\0{key}".encode()).digest()
    return f"red_{unpacked(digest[:16])[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A coupon that is to be used, and what it gives in the order; ``code``: by which kind."""

    applied: Applied
    coupon: Coupon
    code: CodeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be redeemed or reserved: one order, judged and priced, with its coupons.

    ``fingerprint`` is of the request. A coupon stands in an order once. ``app_limits`` are those
    that the app has for all its coupons together, which count each coupon of the order.
    ``origin_id`` is the contact under whom it happens, where the person is known by another too.
    """

    redemption_id: str
    fingerprint: str
    basket: Basket
    wanted: tuple[Wanted, ...]
    circumstances: Circumstances
    app_limits: LimitSheet | None = None
    origin_id: str | None = None

    @property
    def origin(self) -> str | None:
        """Return under which contact it happens, so that a parting gives back what was theirs."""
        return self.origin_id or self.circumstances.contact_id

    def check(self) -> None:
        """Hold the order against what it must be.

        Raises:
            RedemptionRefusedError: a coupon stands in it twice.
        """
        ids = [one.coupon.coupon_id for one in self.wanted]
        if len(set(ids)) < len(ids):
            raise RedemptionRefusedError("a coupon stands in an order once")


class AtALimitError(Exception):
    """A limit allows no use more: which, and of which coupon of the order."""

    def __init__(self, place: int, counted: Counted) -> None:
        super().__init__(counted.limit.limit_id)
        self.place = place
        self.counted = counted


@dataclass(slots=True, kw_only=True)
class _Try:
    """One try of an order: by which limits each coupon is counted, and what was drawn so far."""

    order: Order
    attempt: int
    at: datetime
    until: datetime | None
    counted: list[tuple[Counted, ...]]
    noted: list[tuple[int, Entry]] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    draws: list[list[Draw]] = field(default_factory=list)

    def of(self, counting: Counting) -> list[tuple[int, Counted]]:
        """Return the limits that are counted in a way, with the place of their coupon."""
        return [
            (place, one)
            for place, some in enumerate(self.counted)
            for one in some
            if one.counting is counting
        ]

    def draw(self, place: int, *draws: Draw) -> None:
        """Note what was drawn for a coupon."""
        self.draws[place].extend(draws)

    def use(self, place: int, counted: Counted) -> Use:
        """Return the use of a coupon as a packed limit notes it."""
        is_personal = counted.limit.subject is Subject.CONTACT
        return Use(
            redemption_id=self.order.redemption_id,
            at=self.at,
            amount=self.order.wanted[place].applied.discount,
            attempt=self.attempt,
            origin=self.order.origin if is_personal else None,
        )

    def redemption(self) -> Redemption:
        """Return the redemption that this try makes."""
        order, who = self.order, self.order.circumstances
        return Redemption(
            redemption_id=order.redemption_id,
            app_id=who.app_id,
            fingerprint=order.fingerprint,
            basket=order.basket,
            parts=tuple(
                Part(
                    applied=one.applied,
                    draws=tuple(draws),
                    keeps_use=one.coupon.after_rollback is AfterRollback.KEEP_USE,
                )
                for one, draws in zip(order.wanted, self.draws, strict=True)
            ),
            state=RedemptionState.RESERVED if self.until else RedemptionState.REDEEMED,
            made_at=self.at,
            contact_id=order.origin,
            device_id=who.device_id,
            store_id=who.store_id,
            till_id=who.till_id,
            reserved_until=self.until,
            attempt=self.attempt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionService:
    """Uses coupons so that no limit is ever passed, whoever asks at the same time.

    The same redemption id is answered as the first time, for the life of the redemption; a try
    that crashed is resumed by it.
    """

    redemptions: RedemptionStore
    drawer: Drawer
    notes: Notes
    ending: Ending
    clock: Clock
    ids: Ids
    pause: Pause

    def redeem(self, order: Order) -> Redemption:
        """Use the coupons of an order.

        Raises:
            CouponExhaustedError: every use that a limit of a coupon allows is taken.
            RedemptionRefusedError: a person, device or budget has no more of a coupon; or nobody
                knows whose use it is, and a limit counts that.
            CouponChangedError: a coupon's limits were changed since it was read.
            IdempotencyKeyReusedError: the id was used for another request.
            RedemptionStateError: it is reserved under this id.
            RedemptionContendedError: others were always quicker; nothing was written that counts.
        """
        order.check()
        return self._until_settled(lambda: self._redeem(order))

    def reserve(self, order: Order, *, hold: timedelta) -> Redemption:
        """Hold the uses of an order's coupons for a while; the same id again renews the hold.

        Raises:
            InvalidFieldsError: it is to be held for nothing, or for more than seven days.
            ReservationExpiredError: it ran out, and somebody else may have the uses by now.
            RedemptionStateError: it was released.
            CouponExhaustedError, RedemptionRefusedError, CouponChangedError,
            IdempotencyKeyReusedError, RedemptionContendedError: as to redeem.
        """
        _check_hold(hold)
        order.check()
        return self._until_settled(lambda: self._reserve(order, hold))

    def commit(self, redemption_id: str, *, app_id: str) -> Redemption:
        """Make a reservation a use; again changes nothing.

        Raises:
            RedemptionNotFoundError: there is none.
            ReservationExpiredError: it was held until an instant that has passed.
            RedemptionStateError: it was released, or rolled back.
            RedemptionContendedError: others were always quicker.
        """
        return self._until_settled(lambda: self._commit(redemption_id, app_id))

    def release(self, redemption_id: str, *, app_id: str) -> Redemption:
        """Give a held use back; again, or after it ran out, changes nothing.

        Raises:
            RedemptionNotFoundError: there is none.
            RedemptionStateError: it was redeemed: roll it back.
            RedemptionContendedError: others were always quicker.
        """
        return self._until_settled(lambda: self._release(redemption_id, app_id))

    def renew(self, redemption: Redemption, *, hold: timedelta) -> Redemption:
        """Hold what is reserved for a while from now, as it was priced and counted.

        Raises:
            InvalidFieldsError: it is to be held for nothing, or for more than seven days.
            RedemptionNotFoundError: there is none.
            ReservationExpiredError: it ran out, and somebody else may have the uses by now.
            RedemptionStateError: it is no reservation any more.
            RedemptionContendedError: others were always quicker.
        """
        _check_hold(hold)

        def try_once() -> Redemption | None:
            found = self._found(redemption.redemption_id, redemption.app_id)
            _check_state(found, RedemptionState.RESERVED)
            return self._renewed(found, hold)

        return self._until_settled(try_once)

    def id_of(self, *, app_id: str, caller: str, key: str) -> str:
        """Return the id of the redemption that a caller's Idempotency-Key makes."""
        return redemption_id_of(app_id, caller=caller, key=key)

    def find(self, redemption_id: str, *, app_id: str) -> Redemption | None:
        """Return the redemption of an id, if it was made."""
        return self.redemptions.find(redemption_id, app_id=app_id).redemption

    def get(self, redemption_id: str, *, app_id: str) -> Redemption:
        """Return a redemption.

        Raises:
            RedemptionNotFoundError: there is none.
        """
        return self._found(redemption_id, app_id)

    def _redeem(self, order: Order) -> Redemption | None:
        found = self.redemptions.find(order.redemption_id, app_id=order.circumstances.app_id)
        if found.redemption is None:
            return self._make(order, attempt=found.attempt, until=None)
        _check_same(found.redemption, order)
        _check_state(found.redemption, RedemptionState.REDEEMED, RedemptionState.ROLLED_BACK)
        return found.redemption

    def _reserve(self, order: Order, hold: timedelta) -> Redemption | None:
        found = self.redemptions.find(order.redemption_id, app_id=order.circumstances.app_id)
        if found.redemption is None:
            return self._make(order, attempt=found.attempt, until=self.clock() + hold)
        _check_same(found.redemption, order)
        if found.redemption.state in {RedemptionState.REDEEMED, RedemptionState.ROLLED_BACK}:
            return found.redemption
        _check_state(found.redemption, RedemptionState.RESERVED)
        return self._renewed(found.redemption, hold)

    def _renewed(self, redemption: Redemption, hold: timedelta) -> Redemption | None:
        """Hold a reservation for longer; until it is ended, nobody else has its uses."""
        now = self.clock()
        until = renewed_until(redemption, now=now, hold=hold)
        if until <= now:
            self.ending.expire(redemption)
            raise ReservationExpiredError(redemption.redemption_id)
        if until == redemption.reserved_until:
            return redemption
        return self._changed(redemption, replace(redemption, reserved_until=until))

    def _commit(self, redemption_id: str, app_id: str) -> Redemption | None:
        redemption = self._found(redemption_id, app_id)
        if redemption.state is RedemptionState.REDEEMED:
            return redemption
        _check_state(redemption, RedemptionState.RESERVED)
        now = self.clock()
        if redemption.has_run_out(now):
            self.ending.expire(redemption)
            raise ReservationExpiredError(redemption_id)
        after = replace(redemption, state=RedemptionState.REDEEMED)
        events = told(CouponRedeemed, redemption, at=now, ids=self.ids)
        return self._changed(redemption, after, events)

    def _release(self, redemption_id: str, app_id: str) -> Redemption | None:
        redemption = self._found(redemption_id, app_id)
        if redemption.state in {RedemptionState.RELEASED, RedemptionState.EXPIRED}:
            return redemption
        _check_state(redemption, RedemptionState.RESERVED)
        return self.ending.release(redemption)

    def _make(self, order: Order, *, attempt: int, until: datetime | None) -> Redemption | None:
        """Try to make a redemption; ``None``: somebody else was quicker, look again."""
        trying = self._begun(order, attempt=attempt, until=until)
        try:
            self._note(trying)
            return self._draw_and_add(trying)
        except OvertakenError:
            return None
        except AtALimitError as error:
            if not self._withdrawn(trying):
                return None
            raise _refusal_of(error) from error

    def _begun(self, order: Order, *, attempt: int, until: datetime | None) -> _Try:
        """Return a try at which nothing is known yet to stand in the way."""
        now = self.clock()
        counted = [self._counted(place, one, order, now) for place, one in enumerate(order.wanted)]
        trying = _Try(order=order, attempt=attempt, at=now, until=until, counted=counted)
        for place, one in trying.of(Counting.TICKETS):
            if self.drawer.is_sold_out(one):
                raise _refusal_of(AtALimitError(place, one))
        return trying

    def _counted(
        self, place: int, wanted: Wanted, order: Order, now: datetime
    ) -> tuple[Counted, ...]:
        who = order.circumstances
        subjects = Subjects(
            contact_id=who.contact_id,
            device_id=who.device_id,
            fingerprint=wanted.applied.fingerprint,
            store_id=who.store_id,
        )
        sheets = [sheet_of(wanted.coupon, code=wanted.code)]
        if order.app_limits:
            sheets.append(order.app_limits)
        for limit in sheets[0].limits:
            if is_uncountable(limit, subjects):
                detail = f"the coupon is limited for each {limit.subject.value}: say which it is"
                raise _refused(place, Reason.CONTACT_REQUIRED, detail)
        return tuple(one for sheet in sheets for one in counted_by(sheet, subjects, now))

    def _note(self, trying: _Try) -> None:
        """Note the uses of people, devices and codes.

        Raises:
            AtALimitError: one of them has no use left.
            OvertakenError: a later try is under way.
        """
        for place, counted in trying.of(Counting.PACKED):
            noted = self.notes.note(counted, trying.use(place, counted))
            if noted is None:
                raise AtALimitError(place, counted)
            trying.noted.append((place, Entry(place=noted)))

    def _draw_and_add(self, trying: _Try) -> Redemption | None:
        """Draw what is not noted, and make the redemption."""
        added = Added.SWEPT
        for attempt in range(ATTEMPTS):
            if added is Added.SWEPT:
                self._draw_tickets(trying)
            redemption = self._redemption(trying, looks=added is Added.SHORT)
            if self.clock() - trying.at >= GRACE:
                # A sweep may have passed the minute in which a hold so old would be noted.
                self.drawer.void(trying.tickets)
                return None
            added = self.redemptions.add(redemption, self._events_of(redemption))
            if added is Added.DONE:
                return redemption
            if added is Added.TAKEN:
                self.drawer.void(trying.tickets)
                return None
            self.pause(attempt)
        raise RedemptionContendedError("others kept drawing on the same limits")

    def _draw_tickets(self, trying: _Try) -> None:
        """Draw a ticket of each limit that is counted so; those drawn before came too late.

        Raises:
            AtALimitError: one of them has none left.
        """
        self.drawer.void(trying.tickets)
        trying.tickets.clear()
        trying.draws = [[] for _ in trying.counted]
        for place, entry in trying.noted:
            trying.draw(place, entry)
        for place, counted in trying.of(Counting.TICKETS):
            ticket = self.drawer.ticket(counted)
            if ticket is None:
                raise AtALimitError(place, counted)
            trying.tickets.append(ticket)
            trying.draw(place, ticket)

    def _redemption(self, trying: _Try, *, looks: bool) -> Redemption:
        """Return the redemption with its budgets' draws; ``looks``: by what the counters have.

        Raises:
            AtALimitError: a budget has too little left.
        """
        redemption = trying.redemption()
        spent: list[list[Draw]] = [[] for _ in redemption.parts]
        for place, counted in trying.of(Counting.BUDGET):
            amount = trying.order.wanted[place].applied.discount
            if amount == 0:
                continue
            draws = (
                self.drawer.amounts_of_the_rest(counted, amount, besides=chain(*spent))
                if looks
                else self.drawer.amounts(counted, amount)
            )
            if draws is None:
                raise AtALimitError(place, counted)
            spent[place].extend(draws)
        parts = tuple(
            replace(part, draws=(*part.draws, *more))
            for part, more in zip(redemption.parts, spent, strict=True)
        )
        return replace(redemption, parts=parts)

    def _events_of(self, redemption: Redemption) -> Sequence[Envelope]:
        at, until = redemption.made_at, redemption.reserved_until
        if until is None:
            return told(CouponRedeemed, redemption, at=at, ids=self.ids)
        return told(
            CouponReserved,
            redemption,
            at=at,
            ids=self.ids,
            more=lambda _: {"reserved_until": rfc3339(until)},
        )

    def _withdrawn(self, trying: _Try) -> bool:
        """Undo a try that came to a limit; say whether nobody made the redemption meanwhile.

        What is noted is forgotten only once this try can never make the redemption: another
        process may be at the same try, and about to make it.
        """
        self.drawer.void(trying.tickets)
        if not trying.noted:
            return True
        redemption_id = trying.order.redemption_id
        app_id = trying.order.circumstances.app_id
        if not self.redemptions.give_up(redemption_id, app_id=app_id, attempt=trying.attempt):
            return False
        for _, entry in trying.noted:
            self.notes.forget(entry.place, redemption_id, attempt=trying.attempt)
        return True

    def _changed(
        self, before: Redemption, after: Redemption, events: Sequence[Envelope] = ()
    ) -> Redemption | None:
        change = Change(before=before, after=after, events=tuple(events))
        if not self.redemptions.change(change):
            return None
        return replace(after, version=before.version + 1)

    def _found(self, redemption_id: str, app_id: str) -> Redemption:
        found = self.redemptions.find(redemption_id, app_id=app_id)
        if found.redemption is None:
            raise RedemptionNotFoundError(redemption_id)
        return found.redemption

    def _until_settled(self, try_once: Callable[[], T | None]) -> T:
        return until_settled(try_once, pause=self.pause)


def until_settled(try_once: Callable[[], T | None], *, pause: Pause) -> T:
    """Return what ``try_once`` returns, looking again while others are quicker (``None``).

    Raises:
        RedemptionContendedError: others were quicker every time.
    """
    for attempt in range(ATTEMPTS):
        done = try_once()
        if done is not None:
            return done
        pause(attempt)
    raise RedemptionContendedError(f"others were quicker {ATTEMPTS} times")


def _check_hold(hold: timedelta) -> None:
    if not timedelta(0) < hold <= LONGEST_HOLD:
        problem = FieldProblem(
            pointer="/hold", code="out_of_range", detail="more than nothing, at most 7 days"
        )
        raise InvalidFieldsError("a use is held for at most seven days", fields=[problem])


def _check_same(redemption: Redemption, order: Order) -> None:
    if redemption.fingerprint != order.fingerprint:
        raise IdempotencyKeyReusedError("use a new Idempotency-Key for another request")


def _check_state(redemption: Redemption, *allowed: RedemptionState) -> None:
    if redemption.state in allowed:
        return
    if redemption.state is RedemptionState.EXPIRED:
        raise ReservationExpiredError(redemption.redemption_id)
    raise RedemptionStateError(f"it is {redemption.state.value}")


def _refusal_of(error: AtALimitError) -> CouponExhaustedError | RedemptionRefusedError:
    """Return what is answered where a limit allows no use more."""
    limit, place = error.counted.limit, error.place
    if error.counted.counting is Counting.BUDGET:
        return _refused(place, Reason.BUDGET_EXHAUSTED, "too little of the budget is left")
    if limit.subject in {Subject.CONTACT, Subject.DEVICE}:
        detail = f"this {limit.subject.value} has had all that the coupon gives it"
        return _refused(place, Reason.PERSON_LIMIT, detail)
    detail = "every use is taken"
    return CouponExhaustedError(detail, fields=[_problem(place, Reason.EXHAUSTED, detail)])


def _refused(place: int, reason: Reason, detail: str) -> RedemptionRefusedError:
    return RedemptionRefusedError(detail, fields=[_problem(place, reason, detail)])


def _problem(place: int, reason: Reason, detail: str) -> FieldProblem:
    return FieldProblem(pointer=f"/coupons/{place}", code=reason.value, detail=detail)
