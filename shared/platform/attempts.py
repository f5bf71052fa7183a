"""What idempotent requests came to, remembered beside what they changed.

| what                          | pk                      | sk            |
| ----------------------------- | ----------------------- | ------------- |
| attempt within an app         | APP#<app>#ATTEMPT#<key> | A             |
| attempt of a caller, any app  | GRANT#<principal>       | ATTEMPT#<key> |
"""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from shared.kernel.idempotency import KEPT, Attempt, Remembered
from shared.platform.dynamodb import Put, Row, bind


class _AttemptRow(Row):
    """What an idempotent request came to."""

    fingerprint = UnicodeAttribute()
    result = UnicodeAttribute()
    expires_at = NumberAttribute()


class Attempts:
    """Builds the write that remembers an attempt in the transaction of its effect.

    ``app_id`` is left out where a request may make an app: its attempts stand under their caller.
    What was remembered with it is recalled with it.
    """

    def __init__(self, *, table: str) -> None:
        self._row = bind(_AttemptRow, table=table)

    def remember(
        self, attempt: Attempt, *, result: str, at: datetime, app_id: str | None = None
    ) -> Put:
        """Return the write; it is refused where the attempt is remembered already."""
        row = self._row(
            *_key(attempt, app_id),
            fingerprint=attempt.fingerprint,
            result=result,
            expires_at=int((at + KEPT).timestamp()),
        )
        return Put(row=row, condition=self._row.pk.does_not_exist())

    def recall(self, attempt: Attempt, *, app_id: str | None = None) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        try:
            row = self._row.get(*_key(attempt, app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return Remembered(fingerprint=row.fingerprint, result=row.result)


def _key(attempt: Attempt, app_id: str | None) -> tuple[str, str]:
    if app_id is None:
        return f"GRANT#{attempt.caller}", f"ATTEMPT#{attempt.id}"
    return f"APP#{app_id}#ATTEMPT#{attempt.id}", "A"
