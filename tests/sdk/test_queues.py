"""Both queues keep the same promises; SQLite's keeps them across processes, too."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_mobile import MemoryQueue, SqliteQueue
from engage_mobile.operations import Kind, Operation
from engage_mobile.queue import Change, OperationQueue
from engage_mobile.sqlite import QueueFileNewerError
from tests.sdk.phones import NOON


def operation(number: int, kind: Kind = Kind.TRACK, **changes: Any) -> Operation:
    given: dict[str, Any] = {
        "number": number,
        "key": f"key-{number}",
        "kind": kind,
        "method": "POST",
        "path": "events",
        "login": 0,
        "enqueued_at": NOON,
        "body": '{"a":"é"}',
        **changes,
    }
    return Operation(**given)


@pytest.fixture(params=["memory", "sqlite"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OperationQueue]:
    if request.param == "memory":
        yield MemoryQueue()
    else:
        opened = SqliteQueue.open(tmp_path / "queue.sqlite")
        yield opened
        opened.close()


def test_operations_come_back_whole_and_in_their_order(queue: OperationQueue) -> None:
    put = [
        operation(3, Kind.REDEEM, expires_at=NOON + 1, attempts=2, not_before=NOON),
        operation(1, Kind.REGISTER, method="PUT", merge_key="device", login=7),
        operation(2, body=None),
    ]
    queue.commit(Change(put=put))
    assert queue.first(10) == sorted(put, key=lambda one: one.number)
    assert [one.number for one in queue.first(1, after=1)] == [2]
    assert (len(queue), queue.last_number(), 3 in queue, 4 in queue) == (3, 3, True, False)


def test_an_empty_queue_has_nothing(queue: OperationQueue) -> None:
    assert (queue.first(10), len(queue), queue.last_number()) == ([], 0, 0)
    assert queue.oldest_telemetry() is None
    assert queue.newest_of("device") is None
    assert queue.notes() == {}


def test_a_change_puts_removes_and_notes_at_once(queue: OperationQueue) -> None:
    queue.commit(Change(put=[operation(1), operation(2)], notes={"a": "1", "b": "2"}))
    queue.commit(
        Change(put=[operation(2, attempts=1), operation(3)], remove=[1, 99], notes={"a": "3"})
    )
    assert [(one.number, one.attempts) for one in queue.first(10)] == [(2, 1), (3, 0)]
    assert queue.notes() == {"a": "3", "b": "2"}
    assert len(queue) == 2


def test_the_oldest_telemetry_and_the_newest_of_a_merge_key_are_found(
    queue: OperationQueue,
) -> None:
    kinds = [Kind.REGISTER, Kind.REDEEM, Kind.RECEIPT, Kind.TRACK, Kind.REGISTER]
    put = [
        operation(number, kind, merge_key="device" if kind is Kind.REGISTER else None)
        for number, kind in enumerate(kinds, start=1)
    ]
    queue.commit(Change(put=put))
    assert queue.oldest_telemetry() == put[2]
    assert queue.newest_of("device") == put[4]
    assert queue.newest_of("wishes") is None


CHANGES = st.lists(
    st.tuples(st.sets(st.integers(1, 9)), st.sets(st.integers(1, 9)), st.sampled_from(Kind)),
    max_size=12,
)


@settings(max_examples=60)
@given(CHANGES)
def test_sqlite_and_memory_never_differ(changes: list[tuple[set[int], set[int], Kind]]) -> None:
    memory = MemoryQueue()
    sqlite = SqliteQueue(sqlite3.connect(":memory:", isolation_level=None))
    for put, remove, kind in changes:
        change = Change(
            put=[operation(number, kind, merge_key="m") for number in sorted(put)],
            remove=sorted(remove - put),
            notes={"last": kind},
        )
        for one in (memory, sqlite):
            one.commit(change)
        assert list(memory.first(99)) == list(sqlite.first(99))
        assert memory.notes() == sqlite.notes()
        assert len(memory) == len(sqlite)
        assert memory.oldest_telemetry() == sqlite.oldest_telemetry()
        assert memory.newest_of("m") == sqlite.newest_of("m")
    sqlite.close()


def test_a_file_outlives_the_process(tmp_path: Path) -> None:
    first = SqliteQueue.open(tmp_path / "queue.sqlite")
    first.commit(Change(put=[operation(1)], notes={"a": "1"}))
    first.close()
    again = SqliteQueue.open(tmp_path / "queue.sqlite")
    assert again.first(10) == [operation(1)]
    assert (len(again), again.notes()) == (1, {"a": "1"})
    again.close()


def test_a_change_that_fails_halfway_changes_nothing(tmp_path: Path) -> None:
    queue = SqliteQueue.open(tmp_path / "queue.sqlite")
    queue.commit(Change(put=[operation(1)]))
    broken = operation(2, enqueued_at="never")  # a strict table takes no text for an instant
    with pytest.raises(sqlite3.IntegrityError):
        queue.commit(Change(put=[broken], remove=[1]))
    assert queue.first(10) == [operation(1)]
    assert len(queue) == 1
    queue.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    SqliteQueue.open(tmp_path / "queue.sqlite").close()
    connection = sqlite3.connect(tmp_path / "queue.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(QueueFileNewerError):
        SqliteQueue.open(tmp_path / "queue.sqlite")
