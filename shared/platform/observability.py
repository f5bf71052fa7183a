"""Logs and metrics, one way everywhere.

Tracer is not imported: X-Ray's active tracing needs none, and it costs 400 ms of cold start.
"""

from functools import cache

from aws_lambda_powertools.logging import Logger


@cache
def logger() -> Logger:
    """Return the process's structured logger; one JSON line an entry, no personal data."""
    return Logger(use_rfc3339=True, utc=True)
