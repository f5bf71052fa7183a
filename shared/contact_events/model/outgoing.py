"""CloudEvents as we hand them out: one as a document, many as a batch.

An event is what ``shared.kernel.envelope.cloudevent`` writes of a row of the ledger, and what the
bus carries: both have plain JSON for data
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

STRUCTURED = "application/cloudevents+json"
"""The media type of one event."""

BATCH = "application/cloudevents-batch+json"
"""The media type of many."""


def structured(event: Mapping[str, Any]) -> bytes:
    """Return an event as a document of the media type ``STRUCTURED``, in UTF-8."""
    return _written(event)


def batch(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Return events, in their order, as a document of ``BATCH``; none make an empty batch."""
    return _written(events)


def _written(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
