"""What redemptions need from outside: counters, noted uses, and the redemptions themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from shared.coupons.model.moves import Move
from shared.coupons.model.redemptions import Place, Redemption, Refund, Spent, Ticket
from shared.coupons.model.tickets import Counter, OpenWindow
from shared.coupons.model.uses import Uses
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page

Pause: TypeAlias = Callable[[int], None]
"""Waits a little after so many lost races (0: the first), each time up to twice as long."""


class RefundReckoning(Protocol):
    """How much goes back when pieces of lines come back."""

    def __call__(self, redemption: Redemption, pieces: Mapping[str, int]) -> Refund:
        """Return what to give back for these pieces, after all that was given back before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What became of a ticket: a use of ``redemption_id``, or none any more.

    ``redemption_id`` is ``None`` where the ticket was never used, and swept. ``is_live`` says
    whether it is a use now. ``was_held``: it was written for a reservation.
    """

    ticket: Ticket
    redemption_id: str | None
    is_live: bool
    was_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepMark:
    """How far the tickets of a counter are settled, and which number was drawn at an instant."""

    settled: int = 0
    seen: int = 0
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A redemption, if it was made; else which try of it may still make it."""

    redemption: Redemption | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What is given back in the transaction that changes a redemption.

    ``tickets`` are freed, each puts one more into its counter; ``amounts`` go back into theirs.
    """

    tickets: tuple[Ticket, ...] = ()
    amounts: tuple[Spent, ...] = ()


NOTHING = Returns()


class Added(StrEnum):
    """What came of adding a redemption; but for the first, nothing was written."""

    DONE = "done"
    TAKEN = "taken"
    """It is there, or this try of it was given up: look again."""
    SWEPT = "swept"
    """A ticket came too late: draw others."""
    SHORT = "short"
    """A budget's counter has less left than the amount."""
    BUSY = "busy"
    """Others held a budget's counter: try another."""


class TicketStore(Protocol):
    """The counters of limits, and the slots of their tickets. All reads see the last write."""

    def window(self, place: Place) -> OpenWindow | None:
        """Return a window, if it was opened."""
        ...

    def open_window(self, window: OpenWindow, *, shares: Sequence[int]) -> None:
        """Open a window with so much in each counter; one that is open stays as it is.

        Raises:
            CouponChangedError: ``window.version`` is not that of the limits any more.
        """
        ...

    def windows_of(
        self, app_id: str, coupon_id: str | None, limit_id: str, *, after: str | None, limit: int
    ) -> Page[OpenWindow]:
        """Return the windows of a limit that were ever opened, by label and subject."""
        ...

    def resize(self, window: OpenWindow, *, by: int, counter: int, version: int) -> bool:
        """Give a counter so much more, or less; say whether it was so written.

        It is not where the window is not as ``window`` any more, or the counter has less left.

        Raises:
            CouponChangedError: ``version`` is not that of the limits any more.
        """
        ...

    def draw(self, place: Place, counter: int) -> int | None:
        """Return the counter's next number; ``None``: it has none left.

        Where an answer is lost, a number may have been drawn unseen, also by a retry of the client
        library: nobody uses it, and the sweep puts it back.
        """
        ...

    def counters(self, window: OpenWindow) -> Sequence[Counter]:
        """Return all counters of a window as they are now."""
        ...

    def note_exhausted(self, window: OpenWindow, event: Envelope | None) -> bool:
        """Note that nothing is left, with its event; say whether nobody did in this epoch."""
        ...

    def note_reopened(self, window: OpenWindow) -> None:
        """Note that an exhausted window has something again: its next epoch begins."""
        ...

    def slots(self, place: Place, *, counter: int, block: int) -> Sequence[Slot]:
        """Return the slots of a counter's block, by number; block 0 begins with number 1."""
        ...

    def void(self, ticket: Ticket) -> bool:
        """Settle a ticket that nobody used, and put one back; say whether it had no slot yet."""
        ...

    def sweep_mark(self, place: Place, counter: int) -> SweepMark:
        """Return how far a counter is settled."""
        ...

    def put_sweep_mark(self, place: Place, counter: int, mark: SweepMark) -> None:
        """Store how far a counter is settled."""
        ...


class Intent(Protocol):
    """Two people who become one by an edge, or two again: as registrations notes it.

    ``stays`` goes on standing for the person; ``moves`` joins it or leaves it, with ``members``.
    """

    @property
    def app_id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def edge_id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def stays(self) -> str: ...  # noqa: D102 - see the class

    @property
    def moves(self) -> str: ...  # noqa: D102 - see the class

    @property
    def members(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class


class UseStore(Protocol):
    """Noted uses by place, whatever the place's window. All reads see the last write."""

    def move_of(self, contact_id: str, *, app_id: str) -> Move | None:
        """Return where a contact's uses are noted, if it is not under its own id."""
        ...

    def put_move(self, move: Move) -> bool:
        """Write a move over what ``move.version`` was; say whether nobody else wrote first."""
        ...

    def remove_move(self, move: Move) -> bool:
        """Have a contact's uses noted under its own id; say whether nobody else wrote first."""
        ...

    def of_contact(self, contact_id: str, *, app_id: str) -> Mapping[Place, Uses]:
        """Return all uses that are noted under a contact, by place; the window is left out."""
        ...

    def uses(self, place: Place) -> Uses:
        """Return the uses of a subject under a limit."""
        ...

    def replace(self, place: Place, uses: Uses) -> bool:
        """Write uses over what ``uses.version`` was; say whether nobody else wrote first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReservation:
    """A reservation that ends in some minute, unless it was renewed or ended before."""

    redemption_id: str
    minute: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A redemption as it is to be, over ``before``; what goes back, and what is told."""

    before: Redemption
    after: Redemption
    returns: Returns = NOTHING
    events: tuple[Envelope, ...] = field(default=())


class RedemptionStore(Protocol):
    """Redemptions, and which reservations end when. All reads see the last write."""

    def find(self, redemption_id: str, *, app_id: str) -> Found:
        """Return a redemption, or how it stands with those who may make it."""
        ...

    def find_many(self, redemption_ids: Sequence[str], *, app_id: str) -> Mapping[str, Found]:
        """Return redemptions by their ids, as ``find`` does."""
        ...

    def add(self, redemption: Redemption, events: Sequence[Envelope]) -> Added:
        """Make a redemption: its tickets become uses, its amounts are drawn, its events told.

        All of it or nothing, and only if it is not there and its ``attempt`` was not given up.
        A reservation is due in the minute after its end.
        """
        ...

    def give_up(self, redemption_id: str, *, app_id: str, attempt: int) -> bool:
        """Have a try never make the redemption any more.

        Say whether it was this try's turn, and the redemption is not there.
        """
        ...

    def change(self, change: Change) -> bool:
        """Write a change and what belongs to it; say whether nobody else wrote first."""
        ...

    def spenders(self, window: OpenWindow) -> Iterator[str]:
        """Yield all redemptions that hold an amount of a budget's window, each once.

        Some that gave back what they held may be among them.
        """
        ...

    def done_until(self, app_id: str) -> datetime | None:
        """Return up to which minute all reservations are ended; ``None``: there never was one."""
        ...

    def mark_done(self, app_id: str, *, until: datetime) -> None:
        """Note that all reservations before a minute are ended; it never goes back."""
        ...

    def due_in(self, app_id: str, *, minute: datetime, limit: int) -> Sequence[DueReservation]:
        """Return reservations that end in a minute."""
        ...

    def forget_due(self, app_id: str, due: DueReservation) -> None:
        """Forget that a reservation ends; again changes nothing."""
        ...
