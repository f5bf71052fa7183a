"""SQS: jobs into a queue, and which of a batch to deliver again."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared.platform.clients import client

AT_ONCE = 8
"""Requests that add jobs at a time. SQS bills a batch of ten as one, which a campaign's two
thousand jobs do not make worth a path that may fail in parts."""


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

    def put_all(self, jobs: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        """Add jobs, each delivered after a while as in ``put``, several at a time.

        Where one cannot be added this raises as ``put`` does; others may be in.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda job: self.put(job[0], after=job[1]), jobs):
                pass


def try_again(message_ids: Sequence[str]) -> dict[str, Any]:
    """Return the answer that makes Lambda deliver these messages of a batch again."""
    return {"batchItemFailures": [{"itemIdentifier": one} for one in message_ids]}
