"""Lambda entry point of the counting: what the schedule sends, or a span to be counted again.

By hand it is ``{"count": {"from": ..., "to": ...}}`` with two instants (RFC 3339), and ``app_id``
where it is about one app alone.
"""

from typing import Any

from functions.fold_channels.wiring import counting
from shared.contact_events.service.reports import CountReport
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.observability import logger


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count what is not final yet, or what is asked for."""
    asked = event.get("count")
    if asked:
        app_ids = [asked["app_id"]] if "app_id" in asked else None
        since, until = from_rfc3339(asked["from"]), from_rfc3339(asked["to"])
        report = counting().count(since, until, app_ids=app_ids)
    else:
        report = counting().count_due()
    told = _told(report)
    logger().info("counted", **told)
    return told


def _told(report: CountReport) -> dict[str, Any]:
    return {
        "first_hour": rfc3339(report.first_hour),
        "until": rfc3339(report.until),
        "hours": report.hours,
    }
