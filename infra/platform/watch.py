"""Alarms on what no single function or queue tells by itself."""

from aws_cdk import Duration
from aws_cdk.aws_apigatewayv2 import HttpApi
from constructs import Construct

from infra.platform.alarms import EngageAlarm
from infra.platform.metrics import counted, share, throttled
from infra.platform.table import EngageTable

SLOW = Duration.seconds(3)
"""What the slowest of a hundred callers wait for before it is a matter for a person."""

TURNED_AWAY_PERCENT = 20.0
"""Of what FCM was asked: below, the sender's own pauses are enough."""

UNKNOWN_PERCENT = 1.0
"""Messages that may have been sent are not sent again."""

THROTTLED = 100
"""Requests in five minutes: fewer are tried again, and succeed while the table grows."""


def watch_over(scope: Construct, *, data: Construct, api: HttpApi) -> None:
    """Add the alarms on pushes, the ledger, the tables of ``data`` and the API's callers."""
    EngageAlarm(
        scope,
        "TurnedAway",
        metric=share("PushesTurnedAway", label="turned away, %"),
        above=TURNED_AWAY_PERCENT,
        meaning="FCM turns away more than a fifth of the pushes: its quota is used up.",
        runbook="push.md#fcm-turns-messages-away",
    )
    EngageAlarm(
        scope,
        "Unknown",
        metric=share("PushesUnknown", label="unknown, %"),
        above=UNKNOWN_PERCENT,
        meaning="Of more than one push in a hundred nobody knows whether it was sent.",
        runbook="push.md#nobody-knows-whether-messages-were-sent",
    )
    EngageAlarm(
        scope,
        "Unpublished",
        metric=counted("Unpublished", service="relay_events"),
        above=0,
        meaning="The audit found events that the stream had not brought to the bus.",
        runbook="events.md#the-audit-found-unpublished-events",
    )
    for table in tables_of(data):
        EngageAlarm(
            scope,
            f"{table.node.id}Throttled",
            metric=throttled(table, label=table.node.id),
            above=THROTTLED,
            meaning=f"The table {table.node.id} turns requests away.",
            runbook="operations.md#a-table-is-throttled",
        )
    EngageAlarm(
        scope,
        "Slow",
        metric=api.metric_latency(period=Duration.minutes(15), statistic="p99"),
        above=SLOW.to_milliseconds(),
        meaning="One caller in a hundred waits for more than three seconds.",
        runbook="operations.md#callers-wait",
    )


def tables_of(data: Construct) -> list[EngageTable]:
    """Return the tables of a stack, in the order in which they were made."""
    return [one for one in data.node.find_all() if isinstance(one, EngageTable)]
