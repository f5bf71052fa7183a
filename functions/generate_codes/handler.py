"""Lambda entry point of the worker of jobs about codes: jobs of its queue.

A job is ``{"app_id", "coupon_id", "job_id"}``, or the bus's event ``code_job.started.v1`` that
names them.
"""

import json
from typing import Any

from functions.generate_codes.wiring import LAST_CALL, runs
from shared.coupons.errors import LeaseHeldError
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Go on with each job; those that failed come again, and end in the dead-letter queue."""
    failed = [record["messageId"] for record in event["Records"] if not _work(record, context)]
    return try_again(failed)


def _work(record: dict[str, Any], context: Any) -> bool:
    named = _job_of(json.loads(record["body"]))

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return left > LAST_CALL.total_seconds() * 1000

    holder = f"{context.aws_request_id}/{record['messageId']}"
    try:
        job = runs().work(**named, holder=holder, has_time=has_time)
    except LeaseHeldError:
        logger().info("held", job_id=named["job_id"])
        return False
    logger().info("worked", job_id=job.job_id, state=job.state, codes=job.work.codes)
    return True


def _job_of(body: dict[str, Any]) -> dict[str, str]:
    """Return the app, coupon and id of a job, however it came."""
    if "detail" not in body:
        return {name: body[name] for name in ("app_id", "coupon_id", "job_id")}
    detail = body["detail"]
    told = detail["data"]
    return {
        "app_id": app_of(detail),
        "coupon_id": told["coupon_id"],
        "job_id": told["job_id"],
    }
