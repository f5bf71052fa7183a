"""The metrics that the dashboard shows and alarms watch: AWS's own, and those that we count."""

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import IMetric, MathExpression, Metric
from aws_cdk.aws_dynamodb import ITable

PERIOD = Duration.minutes(5)


def counted(name: str, *, service: str) -> Metric:
    """Return what a function counts by ``shared.platform.observability``."""
    return Metric(
        namespace="Engage",
        metric_name=name,
        dimensions_map={"service": service},
        period=PERIOD,
        statistic="Sum",
    )


def share(part: str, *, label: str) -> IMetric:
    """Return how many in a hundred of the pushes that FCM was asked for are ``part``.

    Of fewer than a hundred in five minutes nothing is said: one of three is no news.
    """
    # An id may be used once in a graph, and begins with a small letter.
    id_ = part[0].lower() + part[1:]
    return MathExpression(
        expression=f"IF(asked >= 100, 100 * {id_} / asked, 0)",
        using_metrics={
            id_: counted(part, service="send_push"),
            "asked": counted("PushesAsked", service="send_push"),
        },
        label=label,
        period=PERIOD,
    )


def throttled(table: ITable, *, label: str) -> IMetric:
    """Return the requests that a table turned away, of reading and of writing."""
    kinds = {f"reads{label}": "ReadThrottleEvents", f"writes{label}": "WriteThrottleEvents"}
    return MathExpression(
        expression=" + ".join(f"FILL({id_}, 0)" for id_ in kinds),
        using_metrics={
            id_: Metric(
                namespace="AWS/DynamoDB",
                metric_name=metric,
                dimensions_map={"TableName": table.table_name},
                period=PERIOD,
                statistic="Sum",
            )
            for id_, metric in kinds.items()
        },
        label=label,
        period=PERIOD,
    )
