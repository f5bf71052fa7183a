"""Lambda entry point of the sender: jobs of the push queue.

A job is ``{"app_id", "chunk_id"}``, or the bus's event ``message.queued.v1`` that names them. With
``"released": true`` it lets a chunk go under the throttle of its campaign.
"""

import json
from typing import Any

from functions.send_push.wiring import end_of, sender
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again
from shared.push.errors import CredentialsError, LeaseHeldError, LeaseLostError


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work on each job; those that failed come again, and end in the dead-letter queue."""
    failed = [record["messageId"] for record in event["Records"] if not _work(record, context)]
    return try_again(failed)


def _work(record: dict[str, Any], context: Any) -> bool:
    body = json.loads(record["body"])
    app_id, chunk_id = _job_of(body)
    try:
        sender().work(
            chunk_id,
            app_id=app_id,
            holder=f"{getattr(context, 'aws_request_id', 'local')}/{record['messageId']}",
            ends_at=end_of(context),
            is_released=body.get("released", False),
        )
    except (LeaseHeldError, LeaseLostError) as error:
        logger().info("held", chunk=chunk_id, why=type(error).__name__)
        return False
    except CredentialsError as error:
        logger().exception("credentials", chunk=chunk_id, why=error.detail)
        return False
    logger().info("worked", chunk=chunk_id)
    return True


def _job_of(body: dict[str, Any]) -> tuple[str, str]:
    """Return the app and chunk of a job, however it came."""
    if "detail" not in body:
        return body["app_id"], body["chunk_id"]
    detail = body["detail"]
    return app_of(detail), detail["data"]["chunk_id"]
