"""Parts of an amount in whole minor units, that lose and make no cent."""

from collections.abc import Sequence

WHOLE = 10_000
"""A whole, in hundredths of a percent."""


def share_of(amount: int, hundredths: int) -> int:
    """Return so many hundredths of a percent (0 to 10,000) of an amount, a half rounded up.

    10 % of 9.95 is 1.00. The share is never more than the amount, and grows with it.
    """
    return (2 * amount * hundredths + WHOLE) // (2 * WHOLE)


def spread(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Return ``total`` in shares in proportion to weights, which sum to it exactly.

    Each has the floor of its part, and what is left goes by single units to the largest remainders
    (Hamilton's method), the first of equal ones first. ``total`` is at most the sum of the weights;
    so no share is greater than its weight.
    """
    whole = sum(weights)
    if total == whole:
        return tuple(weights)
    shares = [total * weight // whole for weight in weights]
    if left := total - sum(shares):
        remainders = [total * weight % whole for weight in weights]
        places = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
        for place in places[:left]:
            shares[place] += 1
    return tuple(shares)
