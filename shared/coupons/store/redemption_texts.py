"""A redemption as one JSON text: lists in a fixed order, so that a usual one stays below 1 kB.

Amounts by line are lists in the order of the basket's lines, ``null`` where a line has none. What
follows from elsewhere, such as the coupon of a place, is left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.limits import Subject
from shared.coupons.model.redemptions import (
    Applied,
    Draw,
    Entry,
    GivenBack,
    Part,
    Place,
    Redemption,
    RedemptionState,
    Refund,
    Rollback,
    Spent,
    Ticket,
)
from shared.kernel.clock import from_milliseconds, milliseconds

_TICKET, _ENTRY, _SPENT = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What the parts of a text leave out."""

    app_id: str
    line_ids: tuple[str, ...]
    contact_id: str | None

    def amounts(self, by_line: Mapping[str, int]) -> list[int | None]:
        """Return amounts in the order of the lines."""
        return [by_line.get(line_id) for line_id in self.line_ids] if by_line else []

    def by_line(self, amounts: Sequence[int | None]) -> dict[str, int]:
        """Return amounts by line."""
        named = zip(self.line_ids, amounts, strict=False)
        return {line_id: amount for line_id, amount in named if amount is not None}


def text_of(redemption: Redemption) -> str:
    """Return what of a redemption has no attribute of its own."""
    basket = redemption.basket
    context = _Context(
        app_id=redemption.app_id,
        line_ids=tuple(line.line_id for line in basket.lines),
        contact_id=redemption.contact_id,
    )
    fields = [
        redemption.fingerprint,
        milliseconds(redemption.made_at),
        milliseconds(redemption.reserved_until) if redemption.reserved_until else None,
        redemption.contact_id,
        redemption.device_id,
        redemption.store_id,
        redemption.till_id,
        basket.currency,
        basket.shipping,
        [_plain_line(line) for line in basket.lines],
        [_plain_part(part, context) for part in redemption.parts],
        context.amounts(redemption.returned_lines),
        [_plain_rollback(one, context) for one in redemption.rollbacks],
    ]
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def redemption_of(
    text: str, *, app_id: str, redemption_id: str, state: str, attempt: int, version: int
) -> Redemption:
    """Return the redemption that a text and the attributes beside it tell of."""
    fields: list[Any] = json.loads(text)
    fingerprint, made_at, until, contact_id, device_id, store_id, till_id = fields[:7]
    currency, shipping, lines, parts, returned, rollbacks = fields[7:]
    context = _Context(
        app_id=app_id, line_ids=tuple(line[0] for line in lines), contact_id=contact_id
    )
    return Redemption(
        redemption_id=redemption_id,
        app_id=app_id,
        fingerprint=fingerprint,
        basket=Basket(
            currency=currency, lines=tuple(_line(*line) for line in lines), shipping=shipping
        ),
        parts=tuple(_part(part, context) for part in parts),
        state=RedemptionState(state),
        made_at=from_milliseconds(made_at),
        contact_id=contact_id,
        device_id=device_id,
        store_id=store_id,
        till_id=till_id,
        reserved_until=None if until is None else from_milliseconds(until),
        returned_lines=context.by_line(returned),
        rollbacks=tuple(_rollback(one, context) for one in rollbacks),
        attempt=attempt,
        version=version,
    )


def _plain_line(line: Line) -> list[Any]:
    fields = [line.line_id, line.product_id, line.quantity, line.unit_price]
    return [*fields, sorted(line.categories)] if line.categories else fields


def _line(
    line_id: str, product_id: str, quantity: int, unit_price: int, categories: Sequence[str] = ()
) -> Line:
    return Line(
        line_id=line_id,
        product_id=product_id,
        quantity=quantity,
        unit_price=unit_price,
        categories=frozenset(categories),
    )


def _plain_part(part: Part, context: _Context) -> list[Any]:
    applied = part.applied
    return [
        applied.coupon_id,
        applied.discount,
        context.amounts(applied.lines),
        applied.shipping,
        applied.fingerprint,
        applied.last_four,
        applied.claim_id,
        [_plain_draw(draw, applied, context) for draw in part.draws],
        context.amounts(part.returned),
        int(part.keeps_use),
    ]


def _part(fields: Sequence[Any], context: _Context) -> Part:
    coupon_id, discount, lines, shipping, fingerprint, last_four, claim_id = fields[:7]
    draws, returned, keeps_use = fields[7:]
    applied = Applied(
        coupon_id=coupon_id,
        discount=discount,
        lines=context.by_line(lines),
        shipping=shipping,
        fingerprint=fingerprint,
        last_four=last_four,
        claim_id=claim_id,
    )
    return Part(
        applied=applied,
        draws=tuple(_draw(draw, applied, context) for draw in draws),
        returned=context.by_line(returned),
        keeps_use=bool(keeps_use),
    )


def _plain_draw(draw: Draw, applied: Applied, context: _Context) -> list[Any]:
    place = draw.place
    known = _known_subjects(applied, context).get(place.subject)
    where = [
        int(place.coupon_id is None),
        place.limit_id,
        place.subject.value,
        None if place.subject_id == known else place.subject_id,
        place.window,
    ]
    match draw:
        case Ticket():
            return [_TICKET, *where, draw.shard, draw.number]
        case Entry():
            return [_ENTRY, *where]
        case Spent():
            return [_SPENT, *where, draw.shard, draw.amount]


def _draw(fields: Sequence[Any], applied: Applied, context: _Context) -> Draw:
    kind, is_apps, limit_id, subject, subject_id, window, *rest = fields
    known = _known_subjects(applied, context)
    place = Place(
        app_id=context.app_id,
        coupon_id=None if is_apps else applied.coupon_id,
        limit_id=limit_id,
        subject=Subject(subject),
        subject_id=known[Subject(subject)] if subject_id is None else subject_id,
        window=window,
    )
    if kind == _ENTRY:
        return Entry(place=place)
    shard, count = rest
    if kind == _TICKET:
        return Ticket(place=place, shard=shard, number=count)
    return Spent(place=place, shard=shard, amount=count)


def _known_subjects(applied: Applied, context: _Context) -> dict[Subject, str]:
    known = {
        Subject.CONTACT: context.contact_id,
        Subject.CODE: applied.fingerprint,
        Subject.COUPON: applied.coupon_id,
        Subject.APP: context.app_id,
    }
    return {subject: found for subject, found in known.items() if found is not None}


def _plain_rollback(rollback: Rollback, context: _Context) -> list[Any]:
    refund = rollback.refund
    return [
        rollback.rollback_id,
        milliseconds(rollback.at),
        context.amounts(refund.pieces),
        context.amounts(refund.lines),
        refund.shipping,
        refund.lessened,
        [[one.coupon_id, one.shipping, context.amounts(one.lines)] for one in refund.given_back],
    ]


def _rollback(fields: Sequence[Any], context: _Context) -> Rollback:
    rollback_id, at, pieces, lines, shipping, lessened, given_back = fields
    return Rollback(
        rollback_id=rollback_id,
        at=from_milliseconds(at),
        refund=Refund(
            pieces=context.by_line(pieces),
            lines=context.by_line(lines),
            shipping=shipping,
            lessened=lessened,
            given_back=tuple(
                GivenBack(coupon_id=coupon_id, shipping=more, lines=context.by_line(of))
                for coupon_id, more, of in given_back
            ),
        ),
    )
