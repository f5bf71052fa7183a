from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.ids import (
    ALPHABET,
    CHANCE_BITS,
    Ids,
    is_ulid,
    made_at,
    packed,
    ulid_of,
    unpacked,
)
from tests.fakes.clock import NOON, ManualClock

ULIDS = st.text(ALPHABET, min_size=25, max_size=25).map(lambda rest: "0" + rest)


def test_an_id_says_of_what_and_when_it_was_made() -> None:
    made = Ids(clock=ManualClock()).new("dev")
    assert made.startswith("dev_")
    assert made_at(made) == NOON
    assert is_ulid(made.removeprefix("dev_"))


@given(st.integers(0, (1 << CHANCE_BITS) - 1))
def test_a_ulid_keeps_its_instant_and_its_chance(chance: int) -> None:
    made = ulid_of(NOON, chance=chance)
    assert made_at(made) == NOON
    assert int.from_bytes(packed(made)[6:]) == chance


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_ids_of_one_process_rise_whatever_the_clock_does(steps: list[int]) -> None:
    clock = ManualClock()
    ids = Ids(clock=clock)
    made = []
    for step in steps:
        clock.advance(timedelta(milliseconds=step))
        made.append(ids.sequence())
    assert made == sorted(set(made))


@given(ULIDS)
def test_an_effect_comes_after_its_cause(cause: str) -> None:
    assert Ids(clock=ManualClock()).sequence(after=cause) > cause


@given(st.lists(ULIDS, max_size=5))
def test_packed_ids_come_back(ulids: list[str]) -> None:
    assert unpacked(b"".join(map(packed, ulids))) == ulids
