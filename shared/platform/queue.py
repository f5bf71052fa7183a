"""SQS: jobs into a queue, and which of a batch to deliver again."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.platform.clients import client


class JobQueue:
    """A queue of JSON jobs."""

    def __init__(self, *, url: str) -> None:
        self._url = url

    def put(self, job: Mapping[str, Any], *, after: timedelta = timedelta()) -> None:
        """Add a job, to be delivered ``after`` a while: whole seconds, at most 900 (SQS)."""
        client("sqs").send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps(dict(job)),
            DelaySeconds=int(after.total_seconds()),
        )


def try_again(message_ids: Sequence[str]) -> dict[str, Any]:
    """Return the answer that makes Lambda deliver these messages of a batch again."""
    return {"batchItemFailures": [{"itemIdentifier": one} for one in message_ids]}
