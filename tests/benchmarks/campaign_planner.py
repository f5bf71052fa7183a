"""The planner of campaigns in a process of its own, beside boto3's client that only reads.

``python -m tests.benchmarks.campaign_planner ours APP CAMPAIGN RUN`` plans the first shard of a
run; ``... boto3 APP`` reads the same device rows, page by page. Each prints what it took.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import boto3

from functions.plan_campaign.wiring import planner
from shared.platform.settings import settings
from shared.push.model.planning import ShardPlan
from shared.push.service.planning import PAGE
from shared.registrations.store.devices import audience_partition
from tests.benchmarks.senders import cpu_seconds
from tests.capacity import metered

SHARD = 0


def main() -> None:
    """Plan or read, and print."""
    kind, *which = sys.argv[1:]
    said = _SIDES[kind](*which)
    said["peak_mb"] = _peak_megabytes()
    sys.stdout.write(json.dumps(said) + "\n")


def _ours(app_id: str, campaign_id: str, run_id: str) -> dict[str, float]:
    service = planner()
    run = service.campaigns.get_run(run_id, campaign_id=campaign_id, app_id=app_id)
    with metered() as meter:
        before = cpu_seconds()
        service.plan(SHARD, app_id=app_id, campaign_id=campaign_id, run_id=run_id)
        used = cpu_seconds() - before
    plan: ShardPlan = service.plans.shard_plan(run, SHARD)
    assert plan.is_done
    return {
        "planned": plan.planned,
        "cpu_ms": used / plan.planned * 1e6,
        "reads": meter.reads / plan.planned,
        "writes": meter.writes / plan.planned,
    }


def _boto3(app_id: str) -> dict[str, float]:
    pages = boto3.client("dynamodb").get_paginator("query")
    before, devices = cpu_seconds(), 0
    for page in pages.paginate(
        TableName=settings().registrations_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": audience_partition(app_id, SHARD)}},
        PaginationConfig={"PageSize": PAGE},
    ):
        devices += page["Count"]
    return {"planned": devices, "cpu_ms": (cpu_seconds() - before) / devices * 1e6}


def _peak_megabytes() -> float:
    """Return what this process had in memory at most, as Linux tells it.

    ``getrusage`` would not do: what it tells of a child begins with what its parent had.
    """
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) / 1024


_SIDES: dict[str, Callable[..., dict[str, float]]] = {"ours": _ours, "boto3": _boto3}

if __name__ == "__main__":
    main()
