"""What a month costs on AWS: measured units and counted requests, at Amazon's list prices.

Units are those that the capacity tests assert; how often something happens, and how long functions
take, are assumptions, and each is named. No free allowance is taken off.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.prices import AS_OF, EVENT, MILLION, READ, UNITS, WRITE

API_REQUEST = 1.00 / MILLION
"""For a request of an HTTP API (https://aws.amazon.com/api-gateway/pricing)."""
CALL = 0.20 / MILLION
GB_SECOND = 0.0000133334
"""For a call of Lambda, and a second of a gigabyte on arm (https://aws.amazon.com/lambda/pricing)."""
QUEUE_REQUEST = 0.40 / MILLION
"""For a request of SQS (https://aws.amazon.com/sqs/pricing)."""
ALARM_METRIC = 0.10
"""A month, for a metric of an alarm (https://aws.amazon.com/cloudwatch/pricing)."""
SECRET = 0.40
"""A month, for a secret (https://aws.amazon.com/secrets-manager/pricing)."""

SERVICES = ("DynamoDB", "EventBridge", "SQS", "API Gateway", "Lambda", "standing")

QUEUES = 5
"""Queues behind the bus that take every event about a contact; others take some types alone."""
BATCH = 10
"""Messages of a queue that are taken and deleted by one request, and handled by one call."""
RELAYED = 100
"""Events of a batch of the ledger's stream."""
CHUNK = 500
"""Messages of a chunk of a campaign."""

ALARM_METRICS = 106
SECRETS = 4
CALLS_A_MINUTE = 7
"""What is there whatever happens: metrics of alarms, secrets, and calls of schedules."""
MINUTES = 60 * 24 * 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What was not measured on AWS: milliseconds of functions of one gigabyte, and habits.

    Attributes:
        call_ms: a call of the API, a batch of events, a schedule with nothing to do.
        chunk_ms: the sending of a chunk, at 200 messages a second as docs/performance.md has it.
        refreshes: how often a device registers again in a month, with nothing new.
        ads_a_request: how many ads a decision answers, and how many events are told at once.
    """

    call_ms: float = 20
    chunk_ms: float = 2500
    refreshes: int = 20
    ads_a_request: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """What happens in a month."""

    devices: int = 0
    pushes: int = 0
    redemptions: int = 0
    impressions: int = 0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a feature takes."""

    feature: str
    volume: int
    writes: float = 0
    reads: float = 0
    events: float = 0
    requests: float = 0
    jobs: float = 0
    calls: float = 0
    milliseconds: float = 0
    standing: float = 0
    assumed: Assumed = field(default_factory=Assumed)

    def add(self, operation: str, times: float, *, requests: float = 0) -> None:
        """Count an operation, its events with all that follows them, and its requests."""
        units = UNITS[operation]
        events = times * units.events
        calls = requests + events * (QUEUES / BATCH + 1 / RELAYED)
        # Each event has an entry in the ledger's index, of one unit.
        self.writes += times * units.writes + events
        self.reads += times * units.reads
        self.events += events
        self.requests += requests
        # One to send; one to take and one to delete for a batch.
        self.jobs += events * QUEUES * (1 + 2 / BATCH)
        self.calls += calls
        self.milliseconds += calls * self.assumed.call_ms

    def costs(self) -> dict[str, float]:
        """Return US dollars by service."""
        found = (
            self.writes * WRITE + self.reads * READ,
            self.events * EVENT,
            self.jobs * QUEUE_REQUEST,
            self.requests * API_REQUEST,
            self.calls * CALL + self.milliseconds / 1000 * GB_SECOND,
            self.standing,
        )
        return dict(zip(SERVICES, found, strict=True))


def tallies(volumes: Volumes, assumed: Assumed) -> Iterator[Tally]:
    """Yield what each feature takes in a month, and what is there whatever happens."""
    devices = Tally(feature="devices", volume=volumes.devices, assumed=assumed)
    devices.add("first registration", volumes.devices, requests=volumes.devices)
    again = volumes.devices * assumed.refreshes
    devices.add("unchanged refresh", again, requests=again)
    yield devices

    pushes = Tally(feature="pushes", volume=volumes.pushes, assumed=assumed)
    chunks = volumes.pushes / CHUNK
    pushes.add("a page of a hundred devices of an audience", volumes.pushes / 100)
    pushes.add("a whole chunk of a campaign sent", chunks)
    pushes.jobs += 3 * chunks
    pushes.calls += chunks
    pushes.milliseconds += chunks * assumed.chunk_ms
    yield pushes

    redemptions = Tally(feature="redemptions", volume=volumes.redemptions, assumed=assumed)
    redemptions.add("a right code", volumes.redemptions)
    redemptions.add("a coupon redeemed", volumes.redemptions, requests=volumes.redemptions)
    yield redemptions

    impressions = Tally(feature="impressions", volume=volumes.impressions, assumed=assumed)
    asked = volumes.impressions / assumed.ads_a_request
    impressions.add("an ad decision in lazy mode", asked, requests=asked)
    # A decision is filed by way of a queue.
    impressions.jobs += asked * (1 + 2 / BATCH)
    impressions.add("an ad event", volumes.impressions, requests=asked)
    yield impressions

    idle = Tally(feature="standing", volume=1, assumed=assumed)
    idle.calls = CALLS_A_MINUTE * MINUTES
    idle.milliseconds = idle.calls * assumed.call_ms
    idle.standing = ALARM_METRICS * ALARM_METRIC + SECRETS * SECRET
    yield idle


def month(volumes: Volumes, assumed: Assumed) -> dict[str, Any]:
    """Return a month's costs in US dollars, by feature and service, with peers beside them."""
    lines: list[dict[str, Any]] = []
    for tally in tallies(volumes, assumed):
        costs = tally.costs()
        lines.append(
            {
                "feature": tally.feature,
                "volume": tally.volume,
                "writes": round(tally.writes),
                "reads": round(tally.reads),
                "events": round(tally.events),
                "usd": {service: round(cost, 2) for service, cost in costs.items()},
                "total_usd": round(sum(costs.values()), 2),
            }
        )
    return {
        "lines": lines,
        "total_usd": round(sum(line["total_usd"] for line in lines), 2),
        "peers": list(_peers(volumes)),
        "prices_as_of": AS_OF,
        "assumed": {name: getattr(assumed, name) for name in Assumed.__slots__},
        "not_in_it": ["logs", "storage and its recovery", "traffic out", "marketers' own calls"],
    }


def _peers(volumes: Volumes) -> Iterator[Mapping[str, Any]]:
    found = json.loads((Path(__file__).with_name("peers.json")).read_text())
    for peer in found["peers"]:
        pushes = volumes.pushes / MILLION * peer["usd_per_million_pushes"]
        usd = pushes + volumes.devices * peer["usd_per_device"]
        told = ("name", "does", "as_of", "source")
        yield {**{name: peer[name] for name in told}, "usd": round(usd, 2)}
