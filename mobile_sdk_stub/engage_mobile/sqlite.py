"""A queue in one SQLite file: what was put there outlives the process, at whatever point it ends.

The file is in WAL mode with ``synchronous=NORMAL``: a process that is killed loses nothing that was
committed. A phone whose battery is pulled may lose the last moments before, never a part of a
change (https://www.sqlite.org/pragma.html#pragma_synchronous): that buys an enqueue without waiting
for the disk.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from engage_mobile.operations import Importance, Kind, Operation
from engage_mobile.queue import Change

SCHEMA_VERSION: Final = 1

_TABLES: Final = (
    """CREATE TABLE operations (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, method TEXT NOT NULL,
        path TEXT NOT NULL, login INTEGER NOT NULL, enqueued_at INTEGER NOT NULL, body TEXT,
        merge_key TEXT, expires_at INTEGER, attempts INTEGER NOT NULL, not_before INTEGER NOT NULL,
        is_telemetry INTEGER NOT NULL) STRICT""",
    "CREATE INDEX telemetry ON operations (number) WHERE is_telemetry",
    "CREATE INDEX merging ON operations (merge_key, number) WHERE merge_key IS NOT NULL",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_COLUMNS: Final = (
    "number, key, kind, method, path, login, enqueued_at, body, merge_key, expires_at, attempts,"
    " not_before"
)
_PUT: Final = "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REMOVE: Final = "DELETE FROM operations WHERE number = ?"
_NOTE: Final = "INSERT OR REPLACE INTO notes VALUES (?, ?)"
_SELECT: Final = f"SELECT {_COLUMNS} FROM operations"  # noqa: S608 - our own names


class QueueFileNewerError(Exception):
    """A newer version of this SDK wrote the file; this one would not understand it."""


class SqliteQueue:
    """Keeps operations in a SQLite database; one transaction a change."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection that begins no transactions by itself (``isolation_level=None``).

        Raises:
            QueueFileNewerError: a newer version of this SDK wrote the database.
        """
        self._connection = connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise QueueFileNewerError(f"version {version}")
        if version == 0:
            self._make_tables()
        (self._size,) = connection.execute("SELECT count(*) FROM operations").fetchone()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file, or make it; calls may come from any thread, one at a time.

        Raises:
            QueueFileNewerError: a newer version of this SDK wrote it.
        """
        return cls(sqlite3.connect(path, isolation_level=None, check_same_thread=False))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def commit(self, change: Change) -> None:
        """Make a change durable, in one transaction."""
        grown = 0
        with self._transaction():
            write = self._connection.executemany
            if change.remove:
                grown -= write(_REMOVE, [(number,) for number in change.remove]).rowcount
            if change.put:
                grown += sum(one.number not in self for one in change.put)
                write(_PUT, [_row_of(one) for one in change.put])
            if change.notes:
                write(_NOTE, [*change.notes.items()])
        self._size += grown

    def first(self, limit: int, *, after: int = 0) -> Sequence[Operation]:
        """Return up to ``limit`` operations behind the number ``after``, in their order."""
        return self._read(f"{_SELECT} WHERE number > ? ORDER BY number LIMIT ?", after, limit)

    def oldest_telemetry(self) -> Operation | None:
        """Return the telemetry that waits longest."""
        found = self._read(f"{_SELECT} WHERE is_telemetry ORDER BY number LIMIT 1")
        return found[0] if found else None

    def newest_of(self, merge_key: str) -> Operation | None:
        """Return the operation that was put last under a merge key."""
        found = self._read(f"{_SELECT} WHERE merge_key = ? ORDER BY number DESC LIMIT 1", merge_key)
        return found[0] if found else None

    def last_number(self) -> int:
        """Return the highest number in the queue; 0 where it is empty."""
        (last,) = self._connection.execute("SELECT max(number) FROM operations").fetchone()
        return int(last or 0)

    def notes(self) -> Mapping[str, str]:
        """Return all notes, by their names."""
        return dict(self._connection.execute("SELECT name, value FROM notes").fetchall())

    def __contains__(self, number: int) -> bool:
        """Say whether an operation of this number waits."""
        found = self._connection.execute("SELECT 1 FROM operations WHERE number = ?", (number,))
        return found.fetchone() is not None

    def __len__(self) -> int:
        """Return how many operations wait."""
        return int(self._size)

    def _read(self, query: str, *values: Any) -> list[Operation]:
        return [_operation_of(row) for row in self._connection.execute(query, values)]

    def _make_tables(self) -> None:
        with self._transaction():
            for statement in _TABLES:
                self._connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # what failed first is what is told
                self._connection.execute("ROLLBACK")
            raise


def _row_of(one: Operation) -> tuple[Any, ...]:
    return (
        one.number,
        one.key,
        one.kind.value,
        one.method,
        one.path,
        one.login,
        one.enqueued_at,
        one.body,
        one.merge_key,
        one.expires_at,
        one.attempts,
        one.not_before,
        one.importance is Importance.TELEMETRY,
    )


def _operation_of(row: Sequence[Any]) -> Operation:
    return Operation(
        number=row[0],
        key=row[1],
        kind=Kind(row[2]),
        method=row[3],
        path=row[4],
        login=row[5],
        enqueued_at=row[6],
        body=row[7],
        merge_key=row[8],
        expires_at=row[9],
        attempts=row[10],
        not_before=row[11],
    )
