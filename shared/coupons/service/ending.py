"""Ends reservations: what they held can be had again."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from shared.coupons.events import CouponExpired, CouponReleased
from shared.coupons.model.redemptions import (
    Draw,
    Entry,
    Redemption,
    RedemptionState,
    Spent,
    Ticket,
)
from shared.coupons.ports.redemptions import Change, Pause, RedemptionStore, Returns, UseStore
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.noting import Notes
from shared.coupons.service.telling import told
from shared.kernel.clock import Clock
from shared.kernel.ids import Ids

_End: TypeAlias = type[CouponReleased] | type[CouponExpired]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Gives back what redemptions held, in the transaction that changes their state."""

    redemptions: RedemptionStore
    uses: UseStore
    drawer: Drawer
    clock: Clock
    ids: Ids
    pause: Pause

    @property
    def notes(self) -> Notes:
        """Return who notes uses, and ends reservations here where they are in the way."""
        return Notes(
            uses=self.uses,
            redemptions=self.redemptions,
            expire=self.expire,
            clock=self.clock,
            pause=self.pause,
        )

    def expire(self, redemption: Redemption) -> Redemption | None:
        """End a reservation that ran out; ``None``: somebody else changed it first."""
        return self._end(redemption, RedemptionState.EXPIRED, CouponExpired)

    def release(self, redemption: Redemption) -> Redemption | None:
        """End a reservation that is not wanted any more; ``None``: it was changed first."""
        return self._end(redemption, RedemptionState.RELEASED, CouponReleased)

    def forget(self, redemption: Redemption, draws: tuple[Draw, ...]) -> None:
        """Have others hear that some of a redemption's draws were given back.

        A crash before it costs nothing: a full item is looked through, a counter is asked again.
        """
        for draw in draws:
            if isinstance(draw, Entry):
                self.notes.forget(draw.place, redemption.redemption_id, attempt=redemption.attempt)
        self.drawer.reopen(draws)

    def _end(self, redemption: Redemption, state: RedemptionState, kind: _End) -> Redemption | None:
        parts = tuple(replace(part, draws=()) for part in redemption.parts)
        change = Change(
            before=redemption,
            after=replace(redemption, state=state, parts=parts),
            returns=returns_of(redemption.draws),
            events=tuple(told(kind, redemption, at=self.clock(), ids=self.ids)),
        )
        if not self.redemptions.change(change):
            return None
        self.forget(redemption, redemption.draws)
        return replace(change.after, version=redemption.version + 1)


def returns_of(draws: tuple[Draw, ...]) -> Returns:
    """Return what goes back when draws are given back."""
    return Returns(
        tickets=tuple(draw for draw in draws if isinstance(draw, Ticket)),
        amounts=tuple(draw for draw in draws if isinstance(draw, Spent)),
    )
