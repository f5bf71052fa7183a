"""Lambda entry point of the relay: a batch of the ledger's stream, or an audit.

An audit is what the hourly schedule sends, or by hand ``{"audit": {"from": ..., "to": ...}}`` with
two instants (RFC 3339). ``{"look": {"from": ..., "to": ...}}`` only counts what is unpublished.
"""

from typing import Any

from functions.relay_events.wiring import audit, relay
from shared.contact_events.service.audit import AuditReport
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.observability import count, logger
from shared.platform.streams import recorded, try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Relay a batch of stream records, or audit the relay."""
    if "Records" in event:
        return _relay(event)
    if looked := event.get("look"):
        first, until = from_rfc3339(looked["from"]), from_rfc3339(looked["to"])
        return {"unpublished": audit().unpublished(first, until)}
    return _audit(event.get("audit") or {})


def _relay(batch: dict[str, Any]) -> dict[str, Any]:
    found = list(recorded(batch))
    failed = relay().relay([event for _, event in found if event])
    again = [position for position, event in found if not event or event.sequence in failed]
    logger().info("relayed", records=len(found), failed=len(again))
    return try_again(again)


def _audit(asked: dict[str, str]) -> dict[str, Any]:
    if asked:
        report = audit().audit(from_rfc3339(asked["from"]), from_rfc3339(asked["to"]))
    else:
        report = audit().audit_due()
    told = _told(report)
    logger().info("audited", **told)
    if report.republished or report.failed:
        count("Unpublished", service="relay_events", times=report.republished + report.failed)
    return told


def _told(report: AuditReport) -> dict[str, Any]:
    return {
        "first_hour": rfc3339(report.first_hour),
        "until": rfc3339(report.until),
        "recorded": report.recorded,
        "republished": report.republished,
        "failed": report.failed,
    }
