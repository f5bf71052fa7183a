"""Which operations go together, in which order, and when."""

from typing import Any

from engage_mobile.batches import LARGEST_BODY, Choice, Flushing, choose
from engage_mobile.flush import POLICIES, ByAge, ByCount, OnBackground, Waiting
from engage_mobile.operations import SECOND, Kind
from tests.sdk.phones import NOON
from tests.sdk.test_queues import operation

AT_ONCE = Flushing(policies=(ByCount(1),))
LAZY = Flushing(policies=POLICIES)


def numbers(choice: Choice) -> list[int]:
    return [one.number for one in choice.operations]


def chosen(*kinds: Kind, flushing: Flushing = AT_ONCE, **changes: Any) -> list[int]:
    window = [operation(number, kind, **changes) for number, kind in enumerate(kinds, start=1)]
    return numbers(choose(window, now=NOON, flushing=flushing))


def test_telemetry_of_one_kind_goes_together() -> None:
    assert chosen(Kind.TRACK, Kind.RECEIPT, Kind.TRACK) == [1, 3]


def test_what_is_to_be_told_goes_before_telemetry_and_alone() -> None:
    assert chosen(Kind.TRACK, Kind.REDEEM, Kind.REDEEM) == [2]
    assert chosen(Kind.TRACK, Kind.ASK) == [2]


def test_nothing_goes_past_a_barrier() -> None:
    assert chosen(Kind.TRACK, Kind.IDENTIFY, Kind.REDEEM, Kind.TRACK) == [1]
    assert chosen(Kind.IDENTIFY, Kind.REDEEM) == [1]
    waiting = [operation(1, not_before=NOON + 9), operation(2, Kind.LOG_OUT), operation(3)]
    assert choose(waiting, now=NOON, flushing=AT_ONCE) == Choice(due_at=NOON + 9)


def test_telemetry_before_a_barrier_does_not_wait_for_its_policy() -> None:
    assert chosen(Kind.TRACK, flushing=LAZY) == []
    assert chosen(Kind.TRACK, Kind.LOG_OUT, flushing=LAZY) == [1]


def test_a_batch_is_as_large_as_the_api_takes() -> None:
    assert len(chosen(*[Kind.TRACK] * 501)) == 500
    assert len(chosen(*[Kind.RECEIPT] * 101)) == 100
    body = "x" * (LARGEST_BODY // 2)
    assert chosen(*[Kind.TRACK] * 3, body=body) == [1]
    assert chosen(*[Kind.TRACK] * 3, body="x" * (LARGEST_BODY // 2 - 1)) == [1, 2]
    assert chosen(Kind.TRACK, body="x" * 2 * LARGEST_BODY) == [1]


def test_what_waits_for_its_time_lets_others_go_first() -> None:
    window = [operation(1, Kind.REDEEM, not_before=NOON + 1), operation(2, Kind.REDEEM)]
    assert numbers(choose(window, now=NOON, flushing=AT_ONCE)) == [2]


def test_the_last_word_of_a_merge_key_stays_the_last() -> None:
    first = operation(1, Kind.WISH, merge_key="wishes", attempts=1, not_before=NOON + 1)
    window = [first, operation(2, Kind.WISH, merge_key="wishes")]
    assert choose(window, now=NOON, flushing=AT_ONCE) == Choice(due_at=NOON + 1)
    assert numbers(choose(window, now=NOON + 1, flushing=AT_ONCE)) == [1]


def test_nothing_is_due_where_nothing_waits() -> None:
    assert choose([], now=NOON, flushing=LAZY) == Choice()


def test_policies_say_when_telemetry_goes() -> None:
    few = Waiting(count=2, oldest_at=NOON)
    assert ByCount(3).flush_at(few) is None
    assert ByCount(2).flush_at(few) == NOON
    assert ByAge(SECOND).flush_at(few) == NOON + SECOND
    assert OnBackground().flush_at(few) is None
    assert OnBackground().flush_at(Waiting(count=1, oldest_at=NOON, in_background=True)) == NOON


def test_the_first_policy_that_is_met_decides() -> None:
    one = [operation(1)]
    assert choose(one, now=NOON, flushing=LAZY) == Choice(due_at=NOON + 10 * SECOND)
    assert chosen(*[Kind.TRACK] * 20, flushing=LAZY) == list(range(1, 21))
    assert numbers(choose(one, now=NOON, flushing=Flushing(policies=POLICIES, in_background=True)))
