"""Brings stream consumers back to life after a restart, and lets the audit publish what it lost.

The emulator saves how far each consumer has read, but not the stream: afterwards the saved position
lies ahead of every new record, and what was not yet consumed at the stop is gone.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from infra.local.aws import Cloud
from infra.local.errors import LocalStackError
from shared.kernel.clock import rfc3339

_SETTINGS = (
    "EventSourceArn",
    "FunctionName",
    "BatchSize",
    "FilterCriteria",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "StartingPosition",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "ScalingConfig",
)
"""What CreateEventSourceMapping takes of what GetEventSourceMapping says."""

RELAY = "relay_events"


def mappings(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """Yield the event source mappings that read a DynamoDB stream."""
    pages = cloud.client("lambda").get_paginator("list_event_source_mappings").paginate()
    for page in pages:
        for mapping in page["EventSourceMappings"]:
            if ":dynamodb:" in mapping["EventSourceArn"]:
                yield mapping


def settings_of(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that make an equal mapping, reading from the start of the stream."""
    settings = {name: mapping[name] for name in _SETTINGS if name in mapping}
    settings["FunctionName"] = mapping["FunctionArn"]
    settings["StartingPosition"] = "TRIM_HORIZON"
    return settings


def revive(cloud: Cloud) -> int:
    """Replace each stream consumer by an equal one that reads on; return how many there are."""
    dead = list(mappings(cloud))
    for mapping in dead:
        cloud.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        cloud.client("lambda").create_event_source_mapping(**settings_of(mapping))
    return len(dead)


def drop_twins(cloud: Cloud) -> None:
    """Leave one consumer per stream and function: the youngest.

    A deployment that changes a mapping's settings does not know the one that ``revive`` made, and
    makes another.
    """
    youngest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for mapping in sorted(mappings(cloud), key=lambda each: each["LastModified"]):
        twin = youngest.get(key := (mapping["EventSourceArn"], mapping["FunctionArn"]))
        if twin:
            cloud.client("lambda").delete_event_source_mapping(UUID=twin["UUID"])
        youngest[key] = mapping


def audit(cloud: Cloud, *, since: datetime, until: datetime) -> Mapping[str, Any]:
    """Have the relay publish what it never published between two instants; return its answer.

    Raises:
        LocalStackError: the relay failed.
    """
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.functions()[RELAY],
        Payload=json.dumps({"audit": {"from": rfc3339(since), "to": rfc3339(until)}}).encode(),
    )
    said = json.loads(answer["Payload"].read() or "null")
    if "FunctionError" in answer:
        raise LocalStackError(
            f"The audit of {RELAY} failed: {said}", fix=f"See `engage logs {RELAY}`."
        )
    return dict(said or {})
