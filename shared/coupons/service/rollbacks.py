"""Rolls back redemptions: whole, or some pieces of some lines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

from shared.coupons.errors import RedemptionNotFoundError, RedemptionStateError
from shared.coupons.events import CouponRolledBack
from shared.coupons.model.redemptions import (
    Draw,
    Entry,
    GivenBack,
    Part,
    Place,
    Redemption,
    RedemptionState,
    Rollback,
    Spent,
)
from shared.coupons.model.refunds import noted
from shared.coupons.ports.redemptions import (
    NOTHING,
    Change,
    Pause,
    RedemptionStore,
    RefundReckoning,
    Returns,
)
from shared.coupons.service.ending import Ending, returns_of
from shared.coupons.service.redemptions import until_settled
from shared.coupons.service.telling import told
from shared.kernel.clock import Clock
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import IdempotencyKeyReusedError
from shared.kernel.ids import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undone:
    """A coupon's part after a rollback, and what of it went back."""

    part: Part
    returns: Returns = NOTHING
    forgotten: tuple[Draw, ...] = ()
    discount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackService:
    """Undoes uses, each piece once, however often and by how many it is asked.

    A use is given back when the whole order is, unless the coupon keeps it; the money of a budget
    goes back with each line.
    """

    redemptions: RedemptionStore
    ending: Ending
    clock: Clock
    ids: Ids
    pause: Pause

    def roll_back(
        self,
        redemption_id: str,
        *,
        app_id: str,
        rollback_id: str,
        refunds: RefundReckoning,
        pieces: Mapping[str, int] | None = None,
    ) -> Redemption:
        """Give back pieces of lines, by ``line_id``; ``None``: all that is left of the order.

        The same ``rollback_id`` again changes nothing, nor does to roll back the whole once more.

        Raises:
            RedemptionNotFoundError: there is none.
            RedemptionStateError: it is held, or it is rolled back already and some pieces of it
                are asked for.
            InvalidFieldsError: more pieces of a line than are left.
            IdempotencyKeyReusedError: the rollback's id was used for other pieces.
            RedemptionContendedError: others were always quicker.
        """
        return until_settled(
            lambda: self._roll_back(redemption_id, app_id, rollback_id, refunds, pieces),
            pause=self.pause,
        )

    def _roll_back(
        self,
        redemption_id: str,
        app_id: str,
        rollback_id: str,
        refunds: RefundReckoning,
        pieces: Mapping[str, int] | None,
    ) -> Redemption | None:
        redemption = self.redemptions.find(redemption_id, app_id=app_id).redemption
        if redemption is None:
            raise RedemptionNotFoundError(redemption_id)
        if _is_done(redemption, rollback_id, pieces):
            return redemption
        if redemption.state is not RedemptionState.REDEEMED:
            raise RedemptionStateError(f"it is {redemption.state.value}")
        asked = redemption.pieces_left if pieces is None else dict(pieces)
        _check_pieces(redemption, asked)
        refund = refunds(redemption, asked)
        rollback = Rollback(rollback_id=rollback_id, at=self.clock(), refund=refund)
        return self._write(redemption, rollback)

    def _write(self, redemption: Redemption, rollback: Rollback) -> Redemption | None:
        after = replace(
            noted(redemption, rollback.refund), rollbacks=(*redemption.rollbacks, rollback)
        )
        is_whole = not after.pieces_left
        undone = [
            _undone(part, back, is_whole)
            for part, back in zip(after.parts, rollback.refund.given_back, strict=True)
        ]
        after = replace(
            after,
            parts=tuple(one.part for one in undone),
            state=RedemptionState.ROLLED_BACK if is_whole else redemption.state,
        )
        by_coupon = {one.part.applied.coupon_id: one for one in undone}

        def more(part: Part) -> dict[str, object]:
            return {
                "discount": by_coupon[part.applied.coupon_id].discount,
                "whole": is_whole,
                "use_returned": is_whole and not part.keeps_use,
                "lines": () if is_whole else tuple(sorted(rollback.pieces)),
            }

        events = told(CouponRolledBack, redemption, at=rollback.at, ids=self.ids, more=more)
        change = Change(
            before=redemption,
            after=after,
            returns=Returns(
                tickets=tuple(chain(*(one.returns.tickets for one in undone))),
                amounts=tuple(chain(*(one.returns.amounts for one in undone))),
            ),
            events=tuple(events),
        )
        if not self.redemptions.change(change):
            return None
        self.ending.forget(redemption, tuple(chain(*(one.forgotten for one in undone))))
        self._lessen(after)
        return replace(after, version=redemption.version + 1)

    def _lessen(self, redemption: Redemption) -> None:
        """Count in noted uses what coupons still give, where they give anything back."""
        for part in redemption.parts:
            returned = sum(part.returned.values()) + part.returned_shipping
            if part.keeps_use or not returned:
                continue
            left = part.applied.discount - returned
            for draw in part.draws:
                if isinstance(draw, Entry):
                    self.ending.notes.lessen(draw.place, redemption.redemption_id, to=left)


def _is_done(redemption: Redemption, rollback_id: str, pieces: Mapping[str, int] | None) -> bool:
    """Say whether the rollback took place already.

    Raises:
        IdempotencyKeyReusedError: one of its id did, of other pieces.
    """
    done = redemption.rollback(rollback_id)
    if done is None:
        return pieces is None and redemption.state is RedemptionState.ROLLED_BACK
    if pieces is not None and dict(done.pieces) != dict(pieces):
        raise IdempotencyKeyReusedError("use a new Idempotency-Key for another rollback")
    return True


def _check_pieces(redemption: Redemption, pieces: Mapping[str, int]) -> None:
    left = redemption.pieces_left
    problems = [
        FieldProblem(
            pointer=f"/lines/{line_id}",
            code="out_of_range",
            detail=f"{left.get(line_id, 0)} pieces are left",
        )
        for line_id, count in pieces.items()
        if not 0 < count <= left.get(line_id, 0)
    ]
    if problems:
        raise InvalidFieldsError("more is to come back than is left", fields=problems)


def _undone(part: Part, back: GivenBack, is_whole: bool) -> _Undone:
    """Return a part, in which a refund is noted, without the draws that go back with it."""
    if part.keeps_use:
        return _Undone(part=part, discount=back.discount)
    if is_whole:
        return _Undone(
            part=replace(part, draws=()),
            returns=returns_of(part.draws),
            forgotten=part.draws,
            discount=back.discount,
        )
    draws, amounts = _lessened(part.draws, back.discount)
    return _Undone(
        part=replace(part, draws=draws),
        returns=Returns(amounts=amounts),
        forgotten=amounts,
        discount=back.discount,
    )


def _lessened(draws: tuple[Draw, ...], amount: int) -> tuple[tuple[Draw, ...], tuple[Spent, ...]]:
    """Return draws that hold so much less of each budget, and what goes back."""
    kept: list[Draw] = []
    back: list[Spent] = []
    owed: dict[Place, int] = {}
    for draw in draws:
        if not isinstance(draw, Spent):
            kept.append(draw)
            continue
        given = min(draw.amount, owed.setdefault(draw.place, amount))
        owed[draw.place] -= given
        if given:
            back.append(replace(draw, amount=given))
        if given < draw.amount:
            kept.append(replace(draw, amount=draw.amount - given))
    return tuple(kept), tuple(back)
