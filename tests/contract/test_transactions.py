"""Transactions name the writes that were refused, whatever order PynamoDB sends them in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pynamodb.attributes import NumberAttribute

from shared.platform.dynamodb import (
    Check,
    Delete,
    Put,
    Row,
    Update,
    WriteRefusedError,
    bind,
    commit,
)


class Counter(Row):
    times = NumberAttribute(default=0)


@pytest.fixture
def counter(tables: dict[str, str]) -> type[Counter]:
    return bind(Counter, table=tables["push"])


def test_all_is_written_or_nothing(counter: type[Counter]) -> None:
    fresh = counter.pk.does_not_exist()
    commit({"one": Put(row=counter("1", "s")), "two": Put(row=counter("2", "s"))})
    with pytest.raises(WriteRefusedError) as refused:
        commit(
            {
                "three": Put(row=counter("3", "s"), condition=fresh),
                "two": Put(row=counter("2", "s"), condition=fresh),
            }
        )
    assert set(refused.value.failed) == {"two"}
    with pytest.raises(counter.DoesNotExist):
        counter.get("3", "s")


@pytest.mark.parametrize("failing", ["put", "update", "delete", "check"])
def test_the_refused_write_is_named_among_all_kinds(counter: type[Counter], failing: str) -> None:
    for key in ("update", "delete", "check"):
        commit({"made": Put(row=counter(key, "s"))})
    exists, absent = counter.pk.exists(), counter.pk.does_not_exist()

    def holds(kind: str) -> bool:
        return kind != failing

    with pytest.raises(WriteRefusedError) as refused:
        commit(
            {
                "update": Update(
                    row=counter("update", "s"),
                    actions=[counter.times.set(1)],
                    condition=exists if holds("update") else absent,
                ),
                "put": Put(row=counter("put", "s"), condition=absent if holds("put") else exists),
                "delete": Delete(
                    row=counter("delete", "s"), condition=exists if holds("delete") else absent
                ),
                "check": Check(
                    row=counter("check", "s"), condition=exists if holds("check") else absent
                ),
            }
        )
    assert set(refused.value.failed) == {failing}


@pytest.mark.parametrize("kind", [Put, Delete])
def test_a_write_alone_is_refused_by_its_name(
    counter: type[Counter], kind: type[Put | Delete]
) -> None:
    with pytest.raises(WriteRefusedError) as refused:
        commit({"only": kind(row=counter("1", "s"), condition=counter.pk.exists())})
    assert set(refused.value.failed) == {"only"}


def test_transactions_that_meet_are_all_done_in_the_end(counter: type[Counter]) -> None:
    commit({"one": Put(row=counter("1", "s")), "two": Put(row=counter("2", "s"))})

    def add(_: int) -> None:
        commit(
            {
                key: Update(row=counter(key, "s"), actions=[counter.times.add(1)])
                for key in ("1", "2")
            }
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(200)))
    assert [counter.get(key, "s").times for key in ("1", "2")] == [200, 200]
