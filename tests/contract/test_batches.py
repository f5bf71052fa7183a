"""Writes that share a request are done or refused each on its own, whatever happens to the request.

Faults are put between our client and Amazon's engine: a statement that is never executed, or an
answer that says of one that was executed that it was not.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from shared.platform import batches
from shared.platform.batches import MOST_STATEMENTS, Insert, Swap, write_each
from shared.platform.dynamodb import CONFLICT_ATTEMPTS, Row, bind, connection
from shared.platform.errors import ContendedError, StatementFailedError

TRANSIENT = (
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
)


class Counter(Row):
    """An item whose attributes have reserved words for names."""

    times = NumberAttribute(default=0)
    data = UnicodeAttribute(null=True)
    values = BinaryAttribute(legacy_encoding=False, null=True)


@pytest.fixture
def counter(tables: dict[str, str]) -> type[Counter]:
    return bind(Counter, table=tables["push"])


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the pauses that were made, which take no time."""
    made: list[int] = []
    monkeypatch.setattr(batches, "pause_after", made.append)
    return made


class Wire:
    """What goes by, and may be tampered with.

    ``skip`` says of a request, by its number, which of its statements are not executed, and with
    what code that is answered; ``tell`` says which are answered so although they were.
    """

    def __init__(self, table: str) -> None:
        self.requests: list[list[Mapping[str, Any]]] = []
        self.skip: Callable[[int], Mapping[int, str]] = lambda _: {}
        self.tell: Callable[[int], Mapping[int, str]] = lambda _: {}
        nobody = f"DELETE FROM \"{table}\" WHERE pk = 'nobody' AND sk = 's'"  # noqa: S608 - a test's
        self._nothing = {"Statement": nobody}

    def ask(self, params: dict[str, Any], **_: Any) -> None:
        statements = params["Statements"]
        skipped = self.skip(len(self.requests))
        self.requests.append(statements)
        params["Statements"] = [
            self._nothing if at in skipped else one for at, one in enumerate(statements)
        ]

    def answer(self, parsed: dict[str, Any], **_: Any) -> None:
        number = len(self.requests) - 1
        for at, code in {**self.skip(number), **self.tell(number)}.items():
            parsed["Responses"][at] = {"Error": {"Code": code}}


@contextmanager
def tapped(row: type[Row]) -> Iterator[Wire]:
    wire, events = Wire(row.Meta.table_name), connection().client.meta.events
    name = "dynamodb.BatchExecuteStatement"
    events.register(f"before-parameter-build.{name}", wire.ask)
    events.register(f"after-call.{name}", wire.answer)
    try:
        yield wire
    finally:
        events.unregister(f"before-parameter-build.{name}", wire.ask)
        events.unregister(f"after-call.{name}", wire.answer)


def test_each_of_many_is_done_or_refused_alone(counter: type[Counter]) -> None:
    taken = range(0, 60, 7)
    assert all(write_each([Insert(row=counter(str(number), "s", times=-1)) for number in taken]))
    every = [Insert(row=counter(str(number), "s", times=number)) for number in range(60)]
    with tapped(counter) as wire:
        assert write_each(every) == [number not in taken for number in range(60)]
    assert sorted(map(len, wire.requests)) == [10, MOST_STATEMENTS, MOST_STATEMENTS]
    for number in range(60):
        times = -1 if number in taken else number
        assert counter.get(str(number), "s", consistent_read=True).times == times


def test_an_item_is_written_as_a_put_writes_it(counter: type[Counter]) -> None:
    told: dict[str, Any] = {"times": 3, "data": 'it\'s "so"', "values": bytes(range(256))}
    counter("put", "s", **told).save()
    assert write_each([Insert(row=counter("insert", "s", **told))]) == [True]
    put, inserted = counter.get("put", "s").serialize(), counter.get("insert", "s").serialize()
    assert put | {"pk": {}} == inserted | {"pk": {}}


def test_a_swap_holds_only_for_what_was_expected(counter: type[Counter]) -> None:
    for key in ("same", "changed"):
        counter(key, "s", times=1, data="stays").save()
    counter.get("changed", "s").update([counter.times.set(2)])
    swaps = [
        Swap(row=counter(key, "s", times=9, values=b""), expected={"times": 1})
        for key in ("same", "changed", "absent")
    ]
    assert write_each(swaps) == [True, False, False]
    same, changed = counter.get("same", "s"), counter.get("changed", "s")
    assert (same.times, same.values, same.data) == (9, b"", "stays")
    assert changed.times == 2
    with pytest.raises(counter.DoesNotExist):
        counter.get("absent", "s")


def test_writes_of_one_key_follow_each_other(counter: type[Counter]) -> None:
    def to(times: int) -> Swap:
        return Swap(row=counter("1", "s", times=times), expected={"times": times - 1})

    twice = Insert(row=counter("1", "s", times=0))
    other = Insert(row=counter("2", "s"))
    with tapped(counter) as wire:
        assert write_each([twice, to(1), other, twice, to(2), to(2)]) == [
            *(True, True, True),
            *(False, True, False),
        ]
    assert list(map(len, wire.requests)) == [2, 1, 1, 1, 1]
    assert counter.get("1", "s", consistent_read=True).times == 2


def test_nothing_to_write_is_no_request(counter: type[Counter]) -> None:
    with tapped(counter) as wire:
        assert write_each([]) == []
    assert wire.requests == []


@pytest.mark.parametrize("code", TRANSIENT)
def test_what_could_not_be_done_just_then_is_sent_again_alone(
    counter: type[Counter], pauses: list[int], code: str
) -> None:
    counter("taken", "s").save()
    names = ["a", "taken", "b"]
    with tapped(counter) as wire:
        wire.skip = lambda request: {2: code} if request == 0 else {0: code} if request < 3 else {}
        inserts = [Insert(row=counter(name, "s")) for name in names]
        assert write_each(inserts) == [True, False, True]
    assert [len(request) for request in wire.requests] == [3, 1, 1, 1]
    assert pauses == [0, 1, 2]
    assert counter.get("b", "s").times == 0


def test_what_was_done_and_said_to_be_not_is_refused_because_of_itself(
    counter: type[Counter], pauses: list[int]
) -> None:
    counter("2", "s", times=1).save()
    with tapped(counter) as wire:
        wire.tell = lambda request: {} if request else dict.fromkeys((0, 1), "InternalServerError")
        insert = Insert(row=counter("1", "s", data="mine"))
        swap = Swap(row=counter("2", "s", times=2), expected={"times": 1})
        assert write_each([insert, swap]) == [False, False]
    assert counter.get("1", "s").data == "mine"
    assert counter.get("2", "s").times == 2


def test_who_is_never_served_is_told_so_and_the_others_are_written(
    counter: type[Counter], pauses: list[int]
) -> None:
    with tapped(counter) as wire:
        wire.skip = lambda _: {0: "ThrottlingError"}
        with pytest.raises(ContendedError, match="1 of 2"):
            write_each([Insert(row=counter(name, "s")) for name in ("starved", "served")])
    assert len(wire.requests) == len(pauses) == CONFLICT_ATTEMPTS
    assert counter.get("served", "s").times == 0
    with pytest.raises(counter.DoesNotExist):
        counter.get("starved", "s")


def test_a_statement_that_is_wrong_is_named_with_its_reason(counter: type[Counter]) -> None:
    too_large = Insert(row=counter("large", "s", data="x" * 400 * 1024))
    with pytest.raises(StatementFailedError, match="ValidationError: Item size"):
        write_each([Insert(row=counter("fits", "s")), too_large])
    with pytest.raises(counter.DoesNotExist):
        counter.get("large", "s")
