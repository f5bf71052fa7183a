"""Looks at something again and again until it is over, and draws it meanwhile."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rich.console import Group
from rich.live import Live

Found: TypeAlias = Mapping[str, Any]

EVERY_SECONDS = 1.0
"""How often is looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is watched.

    ``look`` returns what is there, and whether it is over; ``done`` says how much of it is done, in
    the whole numbers of which rates are made. ``picture`` draws it, with the rates a second so far.
    """

    look: Callable[[], tuple[Found, bool]]
    done: Callable[[Found], int]
    picture: Callable[[Found, Sequence[float]], Group]
    every: float = EVERY_SECONDS

    def follow(self) -> Iterator[Found]:
        """Yield what is there at each look; the last is when it is over."""
        while True:
            found, is_over = self.look()
            yield found
            if is_over:
                return
            time.sleep(self.every)

    def draw(self) -> Iterator[Found]:
        """Yield what is there at each look, drawn on the terminal."""
        looks = self.follow()
        found = next(looks)
        yield found
        rates, done, at = [0.0], self.done(found), time.monotonic()
        with Live(self.picture(found, rates), refresh_per_second=4, transient=True) as live:
            for found in looks:
                now = time.monotonic()
                rates.append(max(self.done(found) - done, 0) / (now - at))
                done, at = self.done(found), now
                live.update(self.picture(found, rates))
                yield found

    def seen(self, *, as_json: bool) -> Iterator[Found]:
        """Yield what is there at each look; for a program, without drawing it."""
        return self.follow() if as_json else self.draw()
