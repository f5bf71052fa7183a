"""Logs and metrics, one way everywhere.

Tracer is not imported: X-Ray's active tracing needs none, and it costs 400 ms of cold start.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools.logging import Logger

from shared.kernel.clock import milliseconds, system_clock

NAMESPACE = "Engage"
"""Of CloudWatch, for all metrics of ours."""


@cache
def logger() -> Logger:
    """Return the process's structured logger; one JSON line an entry, no personal data."""
    return Logger(use_rfc3339=True, utc=True)


def count(name: str, *, service: str, times: int = 1) -> None:
    """Count in CloudWatch's metric ``name`` of a service, by a line of the log (EMF)."""
    count_each({name: times}, service=service)


def count_each(counts: Mapping[str, int], *, service: str) -> None:
    """Count in several metrics of a service by one line, whose form is CloudWatch's.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = [{"Name": name, "Unit": "Count"} for name in counts]
    told = {"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics}
    about = {"Timestamp": milliseconds(system_clock()), "CloudWatchMetrics": [told]}
    sys.stdout.write(json.dumps({"_aws": about, "service": service, **counts}) + "\n")
