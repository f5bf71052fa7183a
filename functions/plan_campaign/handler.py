"""Lambda entry point of the planner: jobs ``{"app_id", "campaign_id", "run_id", "shards"}``."""

import json
from typing import Any

from functions.plan_campaign.wiring import planner, work_on
from shared.platform.observability import logger
from shared.platform.queue import try_again

ENOUGH_MILLISECONDS = 30_000
"""What is left of the function's time when it begins no step any more: one takes seconds."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Plan shards; those that are not finished in time are put into the queue again."""
    failed = [record["messageId"] for record in event["Records"] if not _work(record, context)]
    return try_again(failed)


def _work(record: dict[str, Any], context: Any) -> bool:
    job = json.loads(record["body"])
    open_ = [shard for shard in job["shards"] if not _is_planned(job, shard, context)]
    if open_:
        work_on({**job, "shards": open_})
    logger().info("planned", run=job["run_id"], shards=job["shards"], open=open_)
    return True


def _is_planned(job: dict[str, Any], shard: int, context: Any) -> bool:
    return planner().plan(
        shard,
        app_id=job["app_id"],
        campaign_id=job["campaign_id"],
        run_id=job["run_id"],
        may_go_on=lambda: context.get_remaining_time_in_millis() > ENOUGH_MILLISECONDS,
    )
