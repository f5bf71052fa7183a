"""Which pieces of a basket are given away, or for less: decided by the prices on their tags.

Other coupons have no say in it. So what is free does not change with what else is in the order.
"""

from collections.abc import Mapping, Sequence

from shared.coupons.model.baskets import Line
from shared.coupons.model.discounts import BuyXGetY, FreeUnit


def free_pieces(lines: Sequence[Line], gift: FreeUnit) -> Mapping[int, int]:
    """Return how many pieces are free, by the place of their line; the cheapest first."""
    found = {
        place: line.quantity
        for place, line in enumerate(lines)
        if line.product_id == gift.product_id
    }
    return _taken(gift.quantity, _cheapest(lines, found), found)


def got_pieces(lines: Sequence[Line], deal: BuyXGetY) -> Mapping[int, int]:
    """Return how many pieces are had for less, by the place of their line.

    Again and again ``buy`` pieces are paid for, then the ``get`` cheapest left are got. Those paid
    for are first what cannot be got, then the dearest. Of equal prices the line that stands first
    goes first. The last time may get fewer; a time that gets none does not count. It takes as many
    steps as there are times, so whoever admits a basket bounds its pieces.
    """
    left = {place: line.quantity for place, line in enumerate(lines)}
    bought = {place: deal.scope.pieces(line) for place, line in enumerate(lines)}
    got = {place: deal.gets.pieces(line) for place, line in enumerate(lines)}
    paid_first = sorted(left, key=lambda place: (got[place] > 0, -lines[place].unit_price, place))
    got_first = _cheapest(lines, left)
    found = dict.fromkeys(left, 0)
    times = 0
    while deal.times is None or times < deal.times:
        paid = _taken(deal.buy, paid_first, _least(left, bought))
        left, bought = _without(left, paid), _without(bought, paid)
        more = _taken(deal.get, got_first, _least(left, got))
        if sum(paid.values()) < deal.buy or not more:
            break
        left, got = _without(left, more), _without(got, more)
        found = {place: count + more.get(place, 0) for place, count in found.items()}
        times += 1
    return {place: count for place, count in found.items() if count}


def _cheapest(lines: Sequence[Line], places: Mapping[int, int]) -> Sequence[int]:
    """Return places of lines by the price of a piece, the cheapest first."""
    return sorted(places, key=lambda place: (lines[place].unit_price, place))


def _taken(wanted: int, order: Sequence[int], there: Mapping[int, int]) -> Mapping[int, int]:
    """Return what is taken of what is there, in order, until there is as much as wanted."""
    found = {}
    for place in order:
        if count := min(wanted, there[place]):
            found[place] = count
            wanted -= count
    return found


def _least(one: Mapping[int, int], other: Mapping[int, int]) -> Mapping[int, int]:
    return {place: min(count, other[place]) for place, count in one.items()}


def _without(there: Mapping[int, int], taken: Mapping[int, int]) -> dict[int, int]:
    return {place: count - taken.get(place, 0) for place, count in there.items()}
