from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_policy.errors import ReservationNotFoundError
from shared.contact_policy.model.pressure import (
    HEAVIEST,
    LONGEST_HOLD,
    MOST_TOUCHES,
    TOUCH_BYTES,
    Pressure,
    Touch,
    kind_of,
    kinds_of,
    offer_hash,
)
from shared.kernel.clock import milliseconds
from shared.kernel.events import Channel, Purpose
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB, touch, ulid

SINCE_EVER = 0
EVERY_KIND = kinds_of(Channel, Purpose)

TOUCHES = st.builds(
    touch,
    st.integers(0, 10**6).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    number=st.integers(0, 2**80 - 1),
    origin=st.sampled_from([ADA, BOB]),
    channel=st.sampled_from(Channel),
    purpose=st.sampled_from(Purpose),
    weight=st.integers(1, HEAVIEST),
    offer=st.integers(0, 2**32 - 1),
)


@given(st.lists(TOUCHES, unique_by=lambda one: one.touch_id))
def test_what_is_packed_is_unpacked_oldest_first(touches: list[Touch]) -> None:
    pressure = Pressure.of(touches)
    assert list(pressure.touches) == sorted(touches, key=lambda one: one.touch_id)
    assert len(pressure.packed) == TOUCH_BYTES * len(touches)


@given(st.integers(1, int(LONGEST_HOLD.total_seconds() * 1000)))
def test_a_held_touch_expires_never_early_and_at_most_eight_seconds_late(held: int) -> None:
    until = NOON + timedelta(milliseconds=held)
    (kept,) = Pressure.of([touch(NOON, held_until=until)]).touches
    assert kept.held_until is not None
    assert until <= kept.held_until < until + timedelta(seconds=8)


@given(st.lists(TOUCHES, unique_by=lambda one: one.touch_id))
def test_parting_what_was_united_gives_both_back(touches: list[Touch]) -> None:
    ada = Pressure.of((one for one in touches if one.origin == ADA), version=3)
    bob = Pressure.of(one for one in touches if one.origin == BOB)
    assert ada.united(bob).split([BOB]) == (ada, bob)


@given(st.lists(TOUCHES), st.lists(TOUCHES))
def test_uniting_is_a_union_however_often(one: list[Touch], other: list[Touch]) -> None:
    first, second = Pressure.of(one), Pressure.of(other)
    united = first.united(second)
    assert united.united(second) == united == second.united(first)


def test_a_touch_held_here_and_firm_there_is_firm() -> None:
    firm = touch(NOON)
    held = replace(firm, held_until=NOON + timedelta(hours=1))
    for one, other in ((firm, held), (held, firm)):
        assert Pressure.of([one]).united(Pressure.of([other])).touches == (firm,)


def test_a_touch_counts_once_however_often_it_comes() -> None:
    pressure = Pressure().with_touch(touch(NOON)).with_touch(touch(NOON))
    assert len(pressure) == 1


def test_a_released_touch_is_gone_and_releasing_again_changes_nothing() -> None:
    pressure = Pressure.of([touch(NOON), touch(NOON, number=1)])
    left = pressure.without(ulid(NOON))
    assert [one.touch_id for one in left.touches] == [ulid(NOON, 1)]
    assert left.without(ulid(NOON)) == left


def test_a_committed_touch_does_not_expire_any_more() -> None:
    held = Pressure.of([touch(NOON, held_until=NOON + timedelta(minutes=5))])
    later = NOON + timedelta(hours=1)
    assert held.counts(later).weight(EVERY_KIND, since=SINCE_EVER) == 0
    assert held.firm(ulid(NOON)).counts(later).weight(EVERY_KIND, since=SINCE_EVER) == 100


def test_what_is_not_there_cannot_be_committed() -> None:
    with pytest.raises(ReservationNotFoundError):
        Pressure().firm(ulid(NOON))


def test_old_and_expired_touches_are_pruned() -> None:
    old = touch(NOON - timedelta(days=31))
    expired = touch(NOON, held_until=NOON + timedelta(minutes=1))
    kept = touch(NOON, number=1)
    now = NOON + timedelta(hours=1)
    pressure = Pressure.of([old, expired, kept])
    assert pressure.pruned(NOON - timedelta(days=30), now=now).touches == (kept,)


def test_beyond_the_size_of_an_item_the_oldest_are_let_go() -> None:
    many = Pressure(packed=_many(MOST_TOUCHES))
    newest = touch(NOON + timedelta(seconds=1))
    after = many.with_touch(newest)
    assert len(after) == MOST_TOUCHES
    assert ulid(NOON) not in {one.touch_id for one in after.touches}
    assert after.touches[-1] == newest


@given(st.lists(TOUCHES, unique_by=lambda one: one.touch_id), st.sets(st.sampled_from(Channel)))
def test_what_is_summed_is_what_is_there(touches: list[Touch], channels: set[Channel]) -> None:
    since = NOON + timedelta(days=5)
    counts = Pressure.of(touches).counts(NOON)
    marketing = kinds_of(channels, [Purpose.MARKETING])
    assert counts.weight(marketing, since=milliseconds(since)) == sum(
        one.weight
        for one in touches
        if one.channel in channels
        and one.purpose is Purpose.MARKETING
        and one.touch_id[:10] > ulid(since)[:10]
    )


def test_the_stored_numbers_of_channels_and_purposes_never_change() -> None:
    assert [kind_of(channel, Purpose.TRANSACTIONAL) for channel in Channel] == list(range(0, 48, 4))
    assert [kind_of(Channel.CHAT, purpose) for purpose in Purpose] == [44, 45, 46]


def test_no_offer_has_the_hash_of_none() -> None:
    assert offer_hash(None) == 0
    assert 0 < offer_hash("spring") < 2**32


def _many(count: int) -> bytes:
    """Return packed touches of one instant, that differ in the chance of their ids alone."""
    row = Pressure.of([touch(NOON)]).packed
    return b"".join(row[:6] + number.to_bytes(10) + row[16:] for number in range(count))
