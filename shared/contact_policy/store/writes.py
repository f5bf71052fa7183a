"""Compare-and-swap in DynamoDB: an item's next version, refused if the one before is gone."""

from collections.abc import Mapping

from pynamodb.attributes import NumberAttribute

from shared.contact_policy.errors import StaleError
from shared.platform.dynamodb import Put, Row, Write, WriteRefusedError, commit


class VersionedRow(Row):
    """An item that counts its writes."""

    version = NumberAttribute()


def next_of(row: VersionedRow, *, before: int) -> Put:
    """Return the write of an item that follows a version; 0: there was none."""
    kind = type(row)
    return Put(row=row, condition=kind.version == before if before else kind.pk.does_not_exist())


def commit_or_stale(writes: Mapping[str, Write]) -> None:
    """Write all or nothing; a refused condition means that the decision was based on the past.

    Raises:
        StaleError: read and decide again.
    """
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(str(error)) from error
