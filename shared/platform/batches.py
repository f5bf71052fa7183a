"""Conditional writes of single items, many to a request: each is done or refused on its own.

A transaction takes twice the units and is refused as a whole; ``BatchWriteItem`` has no conditions.
Statements in PartiQL have both: each has the price of a single write, its own condition and its own
answer (AWS: API reference of BatchExecuteStatement, BatchStatementRequest, BatchStatementError).
All values are parameters, so a statement's text is far below its limit of 8,192 characters.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from shared.platform.dynamodb import CONFLICT_ATTEMPTS, Raw, Row, connection, pause_after
from shared.platform.errors import ContendedError, StatementFailedError

MOST_STATEMENTS = 25
"""Of one request (AWS: BatchExecuteStatement)."""

AT_ONCE = 4
"""Requests at a time: a sender's slice of 100 messages is four."""

_REFUSED = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """Write a whole item; refused where there is one of its key."""

    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Set what this row has of attributes in the item of its key; what it lacks stays.

    Refused unless the item is there and has the ``expected`` values, by the names of attributes.
    """

    row: Row
    expected: Mapping[str, Any]


SingleWrite: TypeAlias = Insert | Swap


def write_each(writes: Sequence[SingleWrite]) -> list[bool]:
    """Do each of ``writes``, in no order but that of writes of one key; say which were not refused.

    A statement that DynamoDB could not do just then is tried again alone, with jitter. Whatever is
    sent again after a lost answer, by botocore or here, may be refused because of itself, as any
    conditional write is: whoever is refused has to look at what is there.

    Raises:
        ContendedError: some items stayed busy; of the others, some may be written.
        StatementFailedError: a statement is wrong or not allowed; as above.
    """
    done: dict[int, bool] = {}
    for wave in _waves(writes):
        batches = list(_batches(wave))
        answers = _threads().map(_settled, batches) if len(batches) > 1 else map(_settled, batches)
        for some in answers:
            done |= some
    return [done[place] for place in range(len(writes))]


def _waves(writes: Sequence[SingleWrite]) -> list[dict[int, Raw]]:
    """Return the statements by their places, those of one key each in another wave.

    In one request they would be done in any order.
    """
    waves: list[dict[int, Raw]] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for place, write in enumerate(writes):
        key = (write.row.Meta.table_name, write.row.pk, write.row.sk)
        if seen[key] == len(waves):
            waves.append({})
        waves[seen[key]][place] = _statement(write)
        seen[key] += 1
    return waves


def _batches(wave: Mapping[int, Raw]) -> Iterator[dict[int, Raw]]:
    places = list(wave)
    for start in range(0, len(places), MOST_STATEMENTS):
        yield {place: wave[place] for place in places[start : start + MOST_STATEMENTS]}


def _settled(batch: Mapping[int, Raw]) -> dict[int, bool]:
    """Send the statements of one request until each is done or refused."""
    left = dict(batch)
    done: dict[int, bool] = {}
    for attempt in range(CONFLICT_ATTEMPTS):
        codes = dict(zip(left, _sent(left.values()), strict=True))
        done |= {place: code is None for place, code in codes.items() if code not in _TRANSIENT}
        left = {place: left[place] for place, code in codes.items() if code in _TRANSIENT}
        if not left:
            return done
        pause_after(attempt)
    raise ContendedError(f"{len(left)} of {len(batch)} statements")


def _sent(statements: Collection[Raw]) -> Iterator[str | None]:
    """Send a request; yield the code of each statement's error, ``None`` where it was done."""
    client: Any = connection().client
    answer = client.batch_execute_statement(Statements=list(statements))
    for response in answer["Responses"]:
        error = response.get("Error")
        if error and error["Code"] not in _REFUSED | _TRANSIENT:
            raise StatementFailedError(f"{error['Code']}: {error.get('Message')}")
        yield error["Code"] if error else None


def _statement(write: SingleWrite) -> Raw:
    row = write.row
    table, values = row.Meta.table_name, row.serialize()
    if isinstance(write, Insert):
        return {"Statement": _insertion(table, *values), "Parameters": list(values.values())}
    key = [values.pop("pk"), values.pop("sk")]
    attributes = row.get_attributes()
    expected = [
        {attributes[name].attr_type: attributes[name].serialize(value)}
        for name, value in write.expected.items()
    ]
    return {
        "Statement": _exchange(table, tuple(values), tuple(write.expected)),
        "Parameters": [*values.values(), *key, *expected],
    }


@cache
def _insertion(table: str, *names: str) -> str:
    fields = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{fields}}}'


@cache
def _exchange(table: str, names: tuple[str, ...], expected: tuple[str, ...]) -> str:
    sets = " ".join(f'SET "{name}" = ?' for name in names)
    conditions = " AND ".join(f'"{name}" = ?' for name in ("pk", "sk", *expected))
    return f'UPDATE "{table}" {sets} WHERE {conditions}'


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE)
