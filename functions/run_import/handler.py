"""Lambda entry point of the worker of imports: jobs of its queue.

A job is ``{"app_id", "import_id"}``, or the bus's event ``import.started.v1`` that names them.
"""

import json
from typing import Any

from functions.run_import.wiring import LAST_CALL, runs
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again
from shared.registrations.errors import LeaseHeldError


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Go on with each import; those that failed come again, and end in the dead-letter queue."""
    failed = [record["messageId"] for record in event["Records"] if not _work(record, context)]
    return try_again(failed)


def _work(record: dict[str, Any], context: Any) -> bool:
    app_id, import_id = _job_of(json.loads(record["body"]))

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return left > LAST_CALL.total_seconds() * 1000

    holder = f"{context.aws_request_id}/{record['messageId']}"
    try:
        job = runs().work(import_id, app_id=app_id, holder=holder, has_time=has_time)
    except LeaseHeldError:
        logger().info("held", import_id=import_id)
        return False
    logger().info("worked", import_id=import_id, state=job.state, read=job.tally.read)
    return True


def _job_of(body: dict[str, Any]) -> tuple[str, str]:
    """Return the app and import of a job, however it came."""
    if "detail" not in body:
        return body["app_id"], body["import_id"]
    detail = body["detail"]
    return app_of(detail), detail["data"]["import_id"]
