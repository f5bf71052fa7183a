"""How long a campaign takes, what of FCM's quota, and what it costs, before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt

from shared.push.model.quota import QUOTA, RAMP, RATE

_MILLION = 1_000_000
_WRITE, _READ = 0.625 / _MILLION, 0.125 / _MILLION
"""US dollars for a unit of DynamoDB on demand, us-east-1 (https://aws.amazon.com/dynamodb/pricing)."""
_EVENT = 1.00 / _MILLION
"""For an event of EventBridge (https://aws.amazon.com/eventbridge/pricing)."""
_REQUEST = 0.40 / _MILLION
"""For a request of SQS (https://aws.amazon.com/sqs/pricing)."""
_GB_SECOND = 0.0000133334
"""For a GB and second of Lambda on arm64 (https://aws.amazon.com/lambda/pricing)."""

SECONDS_OF_PUSH = 0.005
"""A sender's time for one of 500 messages. Half is CPU: 1.3 ms, on the 0.58 of a vCPU that 1,024 MB
have (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). Benchmark P5: 0.7 to
0.8 of what firebase-admin's send_each_async takes, which is 1.8 ms on a quiet core. The other half
is waiting: a slice of 100 asks DynamoDB some 15 times, at 10 ms, and FCM once, at 100."""

WRITES_OF_CHUNK = 0.06
"""A message's share of what is written of its chunk while it is sent (benchmark U1: 27 of 500)."""
WRITES_OF_PLANNING = 0.17
"""A message's share of its planning: nearly all of it is the list of a chunk's recipients, some
37 kB, written in a transaction (benchmark P6)."""
_WRITES_OF_PUSH = 3 + WRITES_OF_CHUNK + WRITES_OF_PLANNING
"""Reservation, ledger row, and its entry in the index; and the shares of the chunk's writes."""

WRITES_OF_COPY = 1
"""In an inbox, of a kilobyte at most: one for each person; counted as one for each device."""

READS_OF_DEVICE = 0.085
"""Half a unit for each 4 kB of a page that is planned (benchmark P6): a device's row, with what is
copied of its person, has some 610 bytes, and 685 before the person is known."""
_READS_OF_PUSH = 3.1
"""Right before it is sent: the device, what the person said, and what they were told, consistently;
and the chunk's share. Texts that name the person read two more."""

NEW_TABLE_WRITES = 4_000
"""Units a second that a table on demand takes from its first day on; later, twice its last peak
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html)."""
PARTITION_WRITES = 1_000
"""Units a second that a partition takes, of which a run has one for its lines and waiting chunks
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html)."""
_LINE_WRITES = 0.02
"""A message's share of these while it is sent: a line for each slice of 100, in a transaction."""
FIRST_POLLED, POLLED_PER_SECOND = 5, 5
"""Batches of SQS that Lambda works on at first, and how many more each second
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a deployment works.

    ``senders`` is how many run at once (the deployment's ``push_concurrency``), ``per_sender`` how
    many messages each sends a second, ``table_writes`` how many units a second each table takes.
    """

    senders: int
    per_sender: float = 1 / SECONDS_OF_PUSH
    table_writes: int = NEW_TABLE_WRITES


def seconds_to_deliver(messages: int, pace: Pace) -> Mapping[str, float]:
    """Return how long each part of sending would take if no other bounded it.

    What takes longest is the bottleneck, and about how long the whole takes: all parts work at the
    same time. The messages are planned, due, and not throttled.
    """
    return {
        "quota of FCM": _seconds_of_quota(messages),
        "senders": messages / (pace.senders * pace.per_sender) + _scaling_up(pace.senders),
        "writes of a table": messages / pace.table_writes,
        "partition of the run": messages * _LINE_WRITES / PARTITION_WRITES,
    }


def _seconds_of_quota(messages: int) -> float:
    """Return how long the governor takes to let so many go, on a ramp from a rest."""
    ramp = RAMP.total_seconds()
    if messages < RATE * ramp / 2:
        return sqrt(2 * ramp * messages / RATE)
    return messages / RATE + ramp / 2


def _scaling_up(senders: int) -> float:
    """Return how much time is lost until all senders are at work."""
    missing = max(senders - FIRST_POLLED, 0)
    return missing**2 / (2 * POLLED_PER_SECOND) / senders


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What sending to an audience takes: ``minutes`` of sending, US dollars of ``cost``.

    The time is that of a deployment with senders and tables enough: see ``seconds_to_deliver``.
    """

    messages: int
    held_out: int
    minutes: float
    bottleneck: str
    quota_share: float
    cost: float


def forecast(
    devices: int,
    *,
    holdout_percent: float,
    throttle_per_minute: int | None,
    spread: timedelta,
    leaves_copies: bool = False,
) -> Forecast:
    """Return what sending to so many devices takes; ``spread`` lies between first and last due.

    Hold-outs cost a row of the ledger as everybody else. Registered devices outside the audience
    cost their reading alone, which is not in here.
    """
    held_out = round(devices * holdout_percent / 100)
    messages = devices - held_out
    bounds = {
        "time zones": spread.total_seconds() / 60,
        "throttle_per_minute": messages / throttle_per_minute if throttle_per_minute else 0.0,
        "quota of FCM": _seconds_of_quota(messages) / 60,
    }
    bottleneck = max(bounds, key=lambda name: bounds[name])
    minutes = bounds[bottleneck]
    peak = min(throttle_per_minute or QUOTA, RATE * 60)
    per_push = (
        _WRITES_OF_PUSH * _WRITE
        + (READS_OF_DEVICE + _READS_OF_PUSH) * _READ
        + _EVENT
        + _REQUEST / 100
        + SECONDS_OF_PUSH * _GB_SECOND
    )
    return Forecast(
        messages=messages,
        held_out=held_out,
        minutes=minutes,
        bottleneck=bottleneck,
        quota_share=min(messages / max(minutes, 1), peak) / QUOTA,
        cost=devices * per_push + messages * leaves_copies * WRITES_OF_COPY * _WRITE,
    )
