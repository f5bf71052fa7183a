"""Buckets of misses in DynamoDB: one number each, which any number of processes may add to.

| what   | pk                                 | sk    |
| ------ | ---------------------------------- | ----- |
| bucket | APP#<app>#GUESS#<origin>#<subject> | GUESS |
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute
from typing_extensions import override

from shared.coupons.model.guesses import Bucket
from shared.coupons.ports.codes import GuessStore
from shared.kernel.clock import from_milliseconds, milliseconds
from shared.platform.dynamodb import Row, Update, WriteRefusedError, bind, commit
from shared.platform.errors import ContendedError

KEPT = timedelta(days=2)
"""After the last miss; no bucket remembers one for longer than a day."""

ATTEMPTS = 6
"""A bucket falls empty between two looks at most once: then the next write is right."""

_MILLISECOND = timedelta(milliseconds=1)


class _BucketRow(Row):
    """Until when misses are remembered, in milliseconds from 1970."""

    busy_until = NumberAttribute()
    expires_at = NumberAttribute()


class DynamoGuessStore(GuessStore):
    """Buckets, in the coupons table."""

    def __init__(self, *, table: str) -> None:
        self._bucket = bind(_BucketRow, table=table)

    @override
    def busy_until(self, buckets: Collection[Bucket]) -> Mapping[Bucket, datetime]:
        by_key = {_key(bucket): bucket for bucket in buckets}
        rows = self._bucket.batch_get(list(by_key)) if by_key else ()
        return {by_key[row.pk, row.sk]: from_milliseconds(int(row.busy_until)) for row in rows}

    @override
    def add_miss(
        self, bucket: Bucket, *, weight: timedelta, at: datetime, before: datetime | None
    ) -> None:
        on, fresh = self._on(bucket, weight=weight, at=at), self._fresh(bucket, weight, at)
        order = (on, fresh) if before is not None and before > at else (fresh, on)
        for attempt in range(ATTEMPTS):
            try:
                commit({"bucket": order[attempt % 2]})
            except WriteRefusedError:
                continue
            return
        raise ContendedError(bucket.origin)

    def _on(self, bucket: Bucket, *, weight: timedelta, at: datetime) -> Update:
        """Return the write that moves on a bucket that remembers misses."""
        row = self._bucket
        return Update(
            row=row(*_key(bucket)),
            actions=[
                row.busy_until.set(row.busy_until + weight // _MILLISECOND),
                row.expires_at.set(_expiry(at)),
            ],
            condition=row.busy_until > milliseconds(at),
        )

    def _fresh(self, bucket: Bucket, weight: timedelta, at: datetime) -> Update:
        """Return the write that begins a bucket anew."""
        row = self._bucket
        return Update(
            row=row(*_key(bucket)),
            actions=[
                row.busy_until.set(milliseconds(at + weight)),
                row.expires_at.set(_expiry(at)),
            ],
            condition=row.pk.does_not_exist() | (row.busy_until <= milliseconds(at)),
        )


def _expiry(at: datetime) -> int:
    return int((at + KEPT).timestamp())


def _key(bucket: Bucket) -> tuple[str, str]:
    return f"APP#{bucket.app_id}#GUESS#{bucket.origin}#{bucket.subject}", "GUESS"
