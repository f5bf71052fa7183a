"""What the same would have cost on AWS: units as they are measured, at Amazon's list prices.

What is not measured is not in it: Lambda's time, logs, what is stored, and marketers' own calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MILLION = 1_000_000

AS_OF = "2024-11-01"
"""Since when the youngest of these prices holds, that of DynamoDB."""
WRITE, READ = 0.625 / MILLION, 0.125 / MILLION
"""US dollars for a unit of DynamoDB on demand, us-east-1 (https://aws.amazon.com/dynamodb/pricing)."""
EVENT = 1.00 / MILLION
"""For an event of EventBridge (https://aws.amazon.com/eventbridge/pricing)."""
REQUEST = (1.00 + 0.20) / MILLION
"""For a request of an HTTP API (https://aws.amazon.com/api-gateway/pricing), and of the Lambda
function behind it (https://aws.amazon.com/lambda/pricing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What an operation takes: units of DynamoDB, without indexes, and events that it records."""

    writes: float
    reads: float
    events: int = 1

    @property
    def cost(self) -> float:
        """Return US dollars; each event has an entry in the ledger's index, of one unit."""
        return (self.writes + self.events) * WRITE + self.reads * READ + self.events * EVENT


UNITS: Mapping[str, Units] = {
    "first registration": Units(writes=6, reads=2.5),
    "foreign event": Units(writes=4, reads=2),
    "an ad decision in lazy mode": Units(writes=0, reads=0.5, events=0),
    "an ad event": Units(writes=1, reads=0),
    "one receipt": Units(writes=1, reads=2),
    "a coupon redeemed": Units(writes=8, reads=4),
    "unchanged refresh": Units(writes=1, reads=1, events=0),
    "a page of a hundred devices of an audience": Units(writes=0, reads=8.5, events=0),
    "a whole chunk of a campaign sent": Units(writes=1027, reads=510, events=500),
    "a right code": Units(writes=0, reads=2.5, events=0),
}
"""As the benchmark U1 measures them; the event of an ad is the ledger's own row."""


def bill(times: Mapping[str, int], *, requests: int, campaign_usd: float) -> dict[str, Any]:
    """Return what so many operations and requests cost, in US dollars, and what they take.

    The campaign's part is the API's own estimate of it.
    """
    lines = [
        {
            "operation": operation,
            "times": count,
            "writes": count * (UNITS[operation].writes + UNITS[operation].events),
            "reads": count * UNITS[operation].reads,
            "cost_usd": round(count * UNITS[operation].cost, 6),
        }
        for operation, count in times.items()
    ]
    total = sum(count * UNITS[operation].cost for operation, count in times.items())
    total += requests * REQUEST + campaign_usd
    return {
        "lines": lines,
        "requests": requests,
        "requests_usd": round(requests * REQUEST, 6),
        "campaign_usd": campaign_usd,
        "total_usd": round(total, 6),
        "prices_as_of": AS_OF,
    }
