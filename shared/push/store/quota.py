"""What is left of each Firebase project's quota, in DynamoDB.

| what  | pk              | sk |
| ----- | --------------- | -- |
| quota | QUOTA#<project> | Q  |

The key has no app: apps may share a project, and FCM counts the project's messages.
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit
from shared.push.model.quota import Bucket, Ramp
from shared.push.ports import QuotaStore


class _QuotaRow(Row):
    """What is left of a project's quota, as one JSON text."""

    bucket = UnicodeAttribute()
    version = NumberAttribute()


class DynamoQuotaStore(QuotaStore):
    """Quotas, in the push table."""

    def __init__(self, *, table: str) -> None:
        self._quota = bind(_QuotaRow, table=table)

    @override
    def bucket_of(self, project_id: str) -> Bucket | None:
        try:
            row = self._quota.get(*_key(project_id), consistent_read=True)
        except DoesNotExist:
            return None
        return _bucket_of(json.loads(row.bucket))

    @override
    def replace_bucket(self, project_id: str, bucket: Bucket, *, before: Bucket | None) -> bool:
        row = self._quota
        text = json.dumps(asdict(bucket), default=_instant_text, separators=(",", ":"))
        put = Put(
            row=row(*_key(project_id), bucket=text, version=bucket.version),
            condition=row.version == before.version if before else row.pk.does_not_exist(),
        )
        try:
            commit({"quota": put})
        except WriteRefusedError:
            return False
        return True


def _key(project_id: str) -> tuple[str, str]:
    return f"QUOTA#{project_id}", "Q"


def _instant_text(at: datetime) -> str:
    """Return an instant with its microseconds: a bucket fills by nine messages a millisecond."""
    return at.isoformat()


def _bucket_of(plain: dict[str, Any]) -> Bucket:
    ramp, until = plain.pop("ramp"), plain.pop("blocked_until")
    return Bucket(
        **{**plain, "at": from_rfc3339(plain["at"])},
        blocked_until=from_rfc3339(until) if until else None,
        ramp=_ramp_of(ramp) if ramp else None,
    )


def _ramp_of(plain: dict[str, Any]) -> Ramp:
    since, at = from_rfc3339(plain["since"]), from_rfc3339(plain["at"])
    return Ramp(since=since, left=plain["left"], at=at)
