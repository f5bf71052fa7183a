"""How large an audience is: counted, or told from some of its shards."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, sqrt

from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import AUDIENCE_SHARDS, AudienceMember

LARGEST_SAMPLE = 10
_CONFIDENCE = 1.96
"""Standard deviations on both sides, for 95 in 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How many devices a rule matches. ``low`` to ``high`` holds in 95 of 100 cases.

    ``devices_read`` in ``shards_read`` of the 64 shards were looked at; where these are all,
    ``is_exact``. ``by_platform`` adds up to ``size``; ``reachable`` are those of them that a push
    could show on. ``sample`` names at most ten of the devices.
    """

    size: int
    low: int
    high: int
    is_exact: bool
    by_platform: dict[Platform, int]
    reachable: int
    sample: tuple[AudienceMember, ...]
    devices_read: int
    shards_read: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted so far; it grows by pages, and remembers ten devices."""

    by_platform: Counter[Platform] = field(default_factory=Counter)
    reachable: int = 0
    devices_read: int = 0
    sample: list[AudienceMember] = field(default_factory=list)

    def add(self, matched: Sequence[AudienceMember], *, devices_read: int) -> None:
        """Count those of the devices of a page that matched."""
        self.by_platform.update(member.facts.platform for member in matched)
        self.reachable += sum(member.facts.is_reachable for member in matched)
        self.devices_read += devices_read
        self.sample += matched[: LARGEST_SAMPLE - len(self.sample)]

    def estimate(self, *, shards_read: int) -> Estimate:
        """Return what the count of some whole shards says about all 64.

        Devices fall into shards by a hash of their ids, so that each of N matching devices is among
        those counted with probability ``share``, independently: the count is binomial. The interval
        is Wilson's score interval (JASA 22, 1927), solved for N instead of the probability.
        """
        share = shards_read / AUDIENCE_SHARDS
        matched = self.by_platform.total()
        low, high = _interval(matched, share=share)
        by_platform = {
            platform: round(count / share) for platform, count in sorted(self.by_platform.items())
        }
        return Estimate(
            size=sum(by_platform.values()),
            low=max(low, matched),
            high=high,
            is_exact=shards_read == AUDIENCE_SHARDS,
            by_platform=by_platform,
            reachable=round(self.reachable / share),
            sample=tuple(self.sample),
            devices_read=self.devices_read,
            shards_read=shards_read,
        )


def _interval(matched: int, *, share: float) -> tuple[int, int]:
    """Return between which N a binomial count of ``matched`` is no surprise.

    These N solve (matched - N * share)^2 <= z^2 * N * share * (1 - share).
    """
    spread = _CONFIDENCE**2 * (1 - share)
    middle = 2 * matched + spread
    reach = sqrt(spread * (spread + 4 * matched))
    return floor((middle - reach) / (2 * share)), ceil((middle + reach) / (2 * share))
