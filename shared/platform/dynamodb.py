"""DynamoDB through PynamoDB: one client a process, and transactions that name their writes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import random
from typing import Any, TypeAlias, TypeVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.pagination import ResultIterator
from pynamodb.transactions import TransactWrite
from typing_extensions import override

from shared.platform.errors import ContendedError

RowT = TypeVar("RowT", bound="Row")
Raw: TypeAlias = dict[str, Any]

# The defaults of 60 s outlive a request; three attempts of 3 s fit into a function's 15 s.
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 3
ATTEMPTS = 3
# A worker writes with up to 32 threads.
POOL = 32

# Transactions that met on an item are tried again: 8 times, after 10 ms to 1.3 s each.
CONFLICT_ATTEMPTS = 8
CONFLICT_PAUSE_SECONDS = 0.01


class Row(Model):
    """An item of a table whose keys are ``pk`` and ``sk``."""

    class Meta:
        """Names no table: ``bind`` does."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


@cache
def connection() -> Connection:
    """Return the process's connection; its client is made on first use."""
    return Connection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=ATTEMPTS - 1,
        max_pool_connections=POOL,
    )


class _OneClient(Connection):
    """A table's own connection over the process's one client."""

    @property
    @override
    def client(self) -> Any:
        return connection().client


def bind(row: type[RowT], *, table: str) -> type[RowT]:
    """Return ``row`` bound to the physical ``table`` and the one client; the original is untouched.

    PynamoDB would make a client for every model: 20 ms of cold start and a socket pool each.
    """
    meta = type("Meta", (row.Meta,), {"table_name": table})
    bound: type[RowT] = type(row.__name__, (row,), {"Meta": meta, "__module__": row.__module__})
    own = bound._get_connection()  # noqa: SLF001 - PynamoDB has no public way to share a client
    schema = own.connection.get_meta_table(table)
    own.connection = _OneClient()
    own.connection.add_meta_table(schema)
    return bound


def attributes_of(image: Mapping[str, Mapping[str, Any]]) -> Raw:
    """Return an item's attributes by name, as they come over the wire: a number is a text."""
    return {name: next(iter(typed.values())) for name, typed in image.items()}


def plain_rows(
    row: type[Row],
    pk: str,
    condition: Condition,
    *,
    newest_first: bool,
    page_size: int,
    attributes: Sequence[str] | None = None,
) -> Iterator[Raw]:
    """Yield attributes of a partition's rows (``None``: all), in the order of their keys.

    For pages of many rows: to make a ``Row`` of each is a tenth of the whole read. Attributes that
    are left out cost as much to read, and nothing to send.
    """
    return ResultIterator(
        row._get_connection().query,  # noqa: SLF001 - PynamoDB's own queries always make rows
        (pk,),
        {
            "range_key_condition": condition,
            "scan_index_forward": not newest_first,
            "limit": page_size,
            "attributes_to_get": list(attributes) if attributes else None,
        },
        map_fn=attributes_of,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write a whole item."""

    row: Row
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change some attributes of the item with this row's key."""

    row: Row
    actions: list[Action]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove the item with this row's key."""

    row: Row
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Hold the item with this row's key to a condition, and change nothing."""

    row: Row
    condition: Condition


Write: TypeAlias = Put | Update | Delete | Check

# PynamoDB sends these kinds in this order, whatever the order of the calls; reasons follow it.
_SEND_ORDER = (Check, Delete, Put, Update)


class WriteRefusedError(Exception):
    """A condition did not hold; nothing was written. ``failed`` names the writes that broke it."""

    def __init__(self, failed: Mapping[str, Raw | None]) -> None:
        super().__init__(", ".join(failed))
        self.failed = failed


def commit(writes: Mapping[str, Write], *, attempts: int = CONFLICT_ATTEMPTS) -> None:
    """Write all of ``writes`` or none; one alone is a plain write, at half the price.

    Transactions that meet on an item are tried again with jitter, ``attempts`` times in all. A
    retry after a lost answer is harmless: botocore sends the same client token again.

    Raises:
        WriteRefusedError: conditions failed; ``failed`` holds their names, with the item as it was
            where DynamoDB returned it.
        ContendedError: the items stayed busy.
    """
    if len(writes) == 1:
        _write_alone(*next(iter(writes.items())))
        return
    for attempt in range(attempts):
        try:
            _transact(writes)
        except TransactWriteError as error:
            _raise_refusal(writes, error)
            pause_after(attempt)
        else:
            return
    raise ContendedError(", ".join(writes))


def pause_after(attempt: int) -> None:
    """Wait, with jitter, after so many lost races (0: the first): 10 ms at most, then twice that.

    From the eighth on it grows no more: 1.3 s at most.
    """
    longest = CONFLICT_PAUSE_SECONDS * 2 ** min(attempt, CONFLICT_ATTEMPTS - 1)
    time.sleep(longest * random())  # noqa: S311 - jitter


def _in_send_order(writes: Mapping[str, Write]) -> list[tuple[str, Write]]:
    return sorted(writes.items(), key=lambda named: _SEND_ORDER.index(type(named[1])))


def _transact(writes: Mapping[str, Write]) -> None:
    with TransactWrite(connection=connection()) as transaction:
        for write in writes.values():
            match write:
                case Put(row=row, condition=condition):
                    transaction.save(row, condition=condition, return_values="ALL_OLD")
                case Update(row=row, actions=actions, condition=condition):
                    transaction.update(
                        row, actions=actions, condition=condition, return_values="ALL_OLD"
                    )
                case Delete(row=row, condition=condition):
                    transaction.delete(row, condition=condition)
                case Check(row=row, condition=condition):
                    transaction.condition_check(
                        type(row), row.pk, range_key=row.sk, condition=condition
                    )


def _raise_refusal(writes: Mapping[str, Write], error: TransactWriteError) -> None:
    """Raise what stands behind a failed transaction, unless it was only contended."""
    reasons = list(error.cancellation_reasons)
    if not reasons:
        if error.cause_response_code == "TransactionInProgressException":
            return
        raise error
    named = list(zip(_in_send_order(writes), reasons, strict=True))
    failed = {
        name: reason.raw_item
        for (name, _), reason in named
        if reason and reason.code == "ConditionalCheckFailed"
    }
    if failed:
        raise WriteRefusedError(failed) from error
    contended = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    if not all(reason is None or reason.code in contended for reason in reasons):
        raise error


def _write_alone(name: str, write: Write) -> None:
    try:
        match write:
            case Put(row=row, condition=condition):
                row.save(condition)
            case Update(row=row, actions=actions, condition=condition):
                row.update(actions, condition=condition)
            case Delete(row=row, condition=condition):
                row.delete(condition)
            case Check():
                raise TypeError("a check alone writes nothing")
    except (DeleteError, PutError, UpdateError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            raise WriteRefusedError({name: None}) from error
        raise
