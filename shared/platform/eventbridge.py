"""EventBridge: the one place that puts events on the bus."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from shared.kernel.envelope import Envelope, cloudevent
from shared.platform.clients import client
from shared.platform.ledger import plain
from shared.platform.observability import logger

MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024
"""Limits of one PutEvents call (EventBridge quotas)."""

SOURCE = "engage"


class EventBus:
    """Publishes contact events as CloudEvents in EventBridge's detail.

    The detail type is the event's type without the organisation, so that rules need not know it.
    """

    def __init__(self, *, name: str) -> None:
        self._name = name

    def publish(self, events: Sequence[tuple[Envelope, str]]) -> frozenset[str]:
        """Publish events; return the sequences of those that EventBridge did not take."""
        failed: set[str] = set()
        for batch in _batches([(event, self._entry(event, org)) for event, org in events]):
            answer = client("events").put_events(Entries=[entry for _, entry in batch])
            if not answer["FailedEntryCount"]:
                continue
            for (event, _), told in zip(batch, answer["Entries"], strict=True):
                if told.get("ErrorCode"):
                    failed.add(event.sequence)
                    logger().warning("unpublished", event=event.id, code=told["ErrorCode"])
        return frozenset(failed)

    def _entry(self, event: Envelope, org: str) -> dict[str, Any]:
        detail = json.dumps(cloudevent(event, org=org), default=plain, ensure_ascii=False)
        return {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": detail,
            "EventBusName": self._name,
            "Time": event.time,
        }


def _batches(
    entries: Sequence[tuple[Envelope, dict[str, Any]]],
) -> Iterator[list[tuple[Envelope, dict[str, Any]]]]:
    """Yield the entries in groups that one call may carry."""
    batch: list[tuple[Envelope, dict[str, Any]]] = []
    size = 0
    for event, entry in entries:
        weight = len(entry["Detail"].encode()) + len(entry["DetailType"]) + len(SOURCE) + 14
        if batch and (len(batch) == MOST_ENTRIES or size + weight > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((event, entry))
        size += weight
    if batch:
        yield batch
