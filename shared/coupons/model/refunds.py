"""What goes back when pieces of an order, or all of it, are returned.

The law: partial refunds, in any order and piece by piece, end where one refund of the whole ends,
to the cent. It holds because what is paid back is always a difference of states, never a share of
its own:

- Of a line of ``q`` pieces for which ``p`` was paid, ``n`` returned pieces are worth
  ``floor(p * n / q)`` in all; a refund pays what they are worth more than those before. The rest
  of their price is discount, which the coupons get back.
- How much of it each coupon gets back is in proportion to what it has left on that line, by
  largest remainder, the coupon applied first before others.
- Shipping goes back with the last piece.
- ``PartialRefund.KEEP``: the pieces that stay keep their share of the discount.
- ``PartialRefund.REEVALUATE``: they keep no more than the coupon would give for them alone. What
  is too much lessens the refund, as far as there is a refund to lessen; what could not be taken
  back is tried again with the next refund. A coupon never gives more than it did.

What was paid back of a redemption is the price of its returned pieces less the discount given back.
So ``returned_lines``, and the parts' ``returned`` and ``returned_shipping``, are all there is to
keep.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from shared.coupons.errors import LineNotReturnableError
from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.pricing import Priced
from shared.coupons.model.redemptions import GivenBack, Part, Redemption, Refund
from shared.coupons.model.shares import spread

Reprice: TypeAlias = Callable[[Basket], Priced]
"""Prices what stays of an order, with those of its coupons whose rules still hold for it."""

_Row: TypeAlias = Sequence[int]
"""Amounts of the order's lines, in their order, and of shipping, which stands last."""


def refund(
    redemption: Redemption,
    pieces: Mapping[str, int],
    *,
    reevaluated: frozenset[str] = frozenset(),
    reprice: Reprice | None = None,
) -> Refund:
    """Return what goes back for some pieces more, counted by ``line_id`` (0 or more of each).

    ``reevaluated`` are the ids of coupons whose discount is reckoned again by ``reprice``; others
    keep their share on what stays.

    Raises:
        LineNotReturnableError: the order has no such line, or not so many pieces of it left.
    """
    stays = staying(redemption, pieces)
    had = [_had(redemption.basket, part) for part in redemption.parts]
    given = _beyond_shares(redemption, had, stays)
    kept = list(map(_less, had, given))
    due = _due(redemption.basket, pieces, stays, given)
    surplus = _surplus(redemption.parts, kept, reevaluated, reprice(stays) if reprice else None)
    lessened = min(sum(surplus), sum(due))
    taken = map(spread, spread(lessened, surplus), kept)
    *paid, shipping = _less(due, spread(lessened, due))
    line_ids = [line.line_id for line in redemption.basket.lines]
    return Refund(
        pieces={line_id: count for line_id, count in pieces.items() if count},
        lines={each: amount for each, amount in zip(line_ids, paid, strict=True) if amount},
        shipping=shipping,
        lessened=lessened,
        given_back=tuple(
            _given_back(line_ids, part, _plus(beyond, more))
            for part, beyond, more in zip(redemption.parts, given, taken, strict=True)
        ),
    )


def refund_of_all(redemption: Redemption) -> Refund:
    """Return what goes back when all that has not gone back before does."""
    stays = staying(redemption, {})
    return refund(redemption, {line.line_id: line.quantity for line in stays.lines})


def noted(redemption: Redemption, done: Refund) -> Redemption:
    """Return the redemption with a refund noted in it; its state and version stay as they are."""
    return replace(
        redemption,
        parts=tuple(
            replace(
                part,
                returned=_sum(part.returned, back.lines),
                returned_shipping=part.returned_shipping + back.shipping,
            )
            for part, back in zip(redemption.parts, done.given_back, strict=True)
        ),
        returned_lines=_sum(redemption.returned_lines, done.pieces),
    )


def staying(redemption: Redemption, pieces: Mapping[str, int]) -> Basket:
    """Return what stays of an order once these pieces have gone back too.

    Raises:
        LineNotReturnableError: the order has no such line, or not so many pieces of it left.
    """
    gone = _sum(redemption.returned_lines, pieces)
    lines = redemption.basket.lines
    left = {line.line_id: line.quantity - gone.get(line.line_id, 0) for line in lines}
    for line_id in pieces:
        if left.get(line_id, -1) < 0:
            raise LineNotReturnableError(line_id)
    stay = (replace(line, quantity=left[line.line_id]) for line in lines)
    return replace(redemption.basket, lines=tuple(line for line in stay if line.quantity))


def _given_back(line_ids: Sequence[str], part: Part, row: _Row) -> GivenBack:
    *of_lines, of_shipping = row
    shares = zip(line_ids, of_lines, strict=True)
    return GivenBack(
        coupon_id=part.applied.coupon_id,
        lines={line_id: share for line_id, share in shares if share},
        shipping=of_shipping,
    )


def _had(basket: Basket, part: Part) -> _Row:
    """Return the discount that a coupon has not got back yet."""
    given, returned = part.applied.lines, part.returned
    of_lines = [given.get(line.line_id, 0) - returned.get(line.line_id, 0) for line in basket.lines]
    return (*of_lines, part.applied.shipping - part.returned_shipping)


def _beyond_shares(redemption: Redemption, had: Sequence[_Row], stays: Basket) -> Sequence[_Row]:
    """Return the discount, of each coupon, that is beyond the share of the pieces that stay."""
    stay = {line.line_id: line.quantity for line in stays.lines}
    shares = [
        _share(redemption, line, stay.get(line.line_id, 0)) for line in redemption.basket.lines
    ]
    # Shipping keeps its discount as long as anything stays.
    shares.append(redemption.basket.shipping if stays.lines else 0)
    columns = zip(*had, strict=True)
    back = [
        spread(max(sum(column) - share, 0), column)
        for column, share in zip(columns, shares, strict=False)
    ]
    return list(zip(*back, strict=True))


def _share(redemption: Redemption, line: Line, stay: int) -> int:
    """Return how much of a line's discount is of the pieces that stay."""
    discount = sum(part.applied.lines.get(line.line_id, 0) for part in redemption.parts)
    gone = line.quantity - stay
    refunded = (line.amount - discount) * gone // line.quantity
    return discount - (gone * line.unit_price - refunded)


def _due(basket: Basket, pieces: Mapping[str, int], stays: Basket, given: Sequence[_Row]) -> _Row:
    """Return the price of the pieces, and of shipping with the last, less discount given back."""
    last = not stays.lines and any(pieces.values())
    prices = [pieces.get(line.line_id, 0) * line.unit_price for line in basket.lines]
    prices.append(basket.shipping if last else 0)
    for row in given:
        prices = _less(prices, row)
    return prices


def _surplus(
    parts: Sequence[Part],
    kept: Sequence[_Row],
    reevaluated: frozenset[str],
    priced: Priced | None,
) -> Sequence[int]:
    """Return how much more each coupon leaves on what stays than it would give for it now."""
    if priced is None:
        return [0] * len(parts)
    worth = {one.coupon_id: one.discount for one in priced.applied}
    return [
        max(sum(row) - worth.get(part.applied.coupon_id, 0), 0)
        if part.applied.coupon_id in reevaluated
        else 0
        for part, row in zip(parts, kept, strict=True)
    ]


def _less(one: _Row, other: _Row) -> list[int]:
    return [amount - less for amount, less in zip(one, other, strict=True)]


def _plus(one: _Row, other: _Row) -> list[int]:
    return [amount + more for amount, more in zip(one, other, strict=True)]


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
