"""DynamoDB streams: records into events, and which record to try again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import attributes_of
from shared.platform.ledger import envelope_of


def recorded(batch: Mapping[str, Any]) -> Iterator[tuple[str, Envelope | None]]:
    """Yield each record's stream position, and the event it recorded (``None``: unreadable)."""
    for record in batch["Records"]:
        change = record["dynamodb"]
        yield change["SequenceNumber"], _event_of(change.get("NewImage", {}))


def try_again(positions: Sequence[str]) -> dict[str, Any]:
    """Return the answer that makes Lambda deliver the batch again from the first failed record."""
    return {"batchItemFailures": [{"itemIdentifier": position} for position in positions]}


def _event_of(image: Mapping[str, Mapping[str, Any]]) -> Envelope | None:
    try:
        return envelope_of(attributes_of(image))
    except (KeyError, ValueError, IndexError):
        return None
