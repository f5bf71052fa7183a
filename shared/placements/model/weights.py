"""How heavy an image may be, by its size.

The initial loads of "IAB New Standard Ad Unit Portfolio", version 1.1, July 2017, "Fixed Size Ad
Specifications" (https://www.iab.com/newadportfolio), in thousands of bytes.
"""

from collections.abc import Mapping

from shared.placements.model.demand import Size

_KILOBYTE = 1_000

OF_SIZES: Mapping[tuple[int, int], int] = {
    (120, 20): 5,
    (168, 28): 5,
    (216, 36): 5,
    (20, 60): 50,
    (120, 60): 50,
    (300, 50): 50,
    (320, 50): 50,
    (728, 90): 150,
    (300, 250): 150,
    (160, 600): 150,
    (970, 90): 200,
    (970, 250): 250,
    (300, 1050): 250,
    (640, 1136): 300,
    (750, 1334): 300,
    (1080, 1920): 300,
}
HEAVIEST = 300
"""Of any size that is larger than all of these."""


def heaviest_of(size: Size) -> int:
    """Return how many bytes an image of a size may have.

    A size that is not listed may weigh what the smallest listed one of at least its area may.
    """
    listed = OF_SIZES.get((size.width, size.height))
    if listed is not None:
        return listed * _KILOBYTE
    area = size.width * size.height
    larger = (one for one in OF_SIZES if one[0] * one[1] >= area)
    nearest = min(larger, key=lambda one: (one[0] * one[1], one), default=None)
    return (HEAVIEST if nearest is None else OF_SIZES[nearest]) * _KILOBYTE
