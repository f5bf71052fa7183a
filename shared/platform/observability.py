"""Logs and metrics, one way everywhere.

Tracer is not imported: X-Ray's active tracing needs none, and it costs 400 ms of cold start.
"""

from functools import cache

from aws_lambda_powertools.logging import Logger


@cache
def logger() -> Logger:
    """Return the process's structured logger; one JSON line an entry, no personal data."""
    return Logger(use_rfc3339=True, utc=True)


def count(name: str, *, service: str, times: int = 1) -> None:
    """Count in CloudWatch's metric ``name`` of a service, by a line of the log (EMF)."""
    # Loaded when something is counted: few calls do.
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415

    with single_metric(name=name, unit=MetricUnit.Count, value=times, namespace="Engage") as metric:
        metric.add_dimension(name="service", value=service)
