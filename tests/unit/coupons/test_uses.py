"""Noted uses are a set: packing loses nothing, and what was united can be parted."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.limits import MOST_PACKED, Limit, Period, Subject
from shared.coupons.model.uses import Use, Uses, packed_uses, uses_of
from shared.coupons.model.windows import window_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ADA, BOB = "con_00000000000000000000000001", "con_00000000000000000000000002"


def red(number: int) -> str:
    return f"red_{number:026d}"


some_use = st.builds(
    Use,
    redemption_id=st.integers(0, 30).map(red),
    at=st.integers(0, 10**9).map(lambda count: NOON + count * MILLISECOND),
    amount=st.integers(0, 2**40 - 1),
    attempt=st.integers(0, 65_535),
    origin=st.sampled_from([ADA, BOB, None]),
)


def uses(many: list[Use]) -> Uses:
    noted = Uses()
    for use in many:
        noted = noted.with_use(use)
    return noted


some_uses = st.lists(some_use, max_size=20).map(uses)


@given(some_uses)
def test_packing_loses_nothing(noted: Uses) -> None:
    assert uses_of(packed_uses(noted), version=0) == noted


def test_a_hundred_uses_stay_small_and_thirty_fit_into_a_kilobyte() -> None:
    many = [Use(redemption_id=red(number), at=NOON, origin=ADA) for number in range(MOST_PACKED)]
    assert len(packed_uses(uses(many))) < 3 * 1024 + 100
    assert len(packed_uses(uses(many[:30]))) < 1024 - 100


@given(some_uses, some_uses)
def test_it_does_not_matter_who_is_united_with_whom(one: Uses, other: Uses) -> None:
    united = one.united(other)
    assert {use.redemption_id for use in united.entries} == {
        use.redemption_id for use in (*one.entries, *other.entries)
    }
    assert [u.redemption_id for u in united.united(other).entries] == [
        u.redemption_id for u in united.entries
    ]


@given(some_uses)
def test_who_is_parted_gets_their_own_and_nothing_else(noted: Uses) -> None:
    stays, leaves = noted.split({BOB})
    assert {use.origin for use in leaves.entries} <= {BOB}
    assert BOB not in {use.origin for use in stays.entries}
    assert stays.united(leaves).entries == noted.entries


@given(some_uses, some_use)
def test_noting_twice_is_noting_once(noted: Uses, use: Use) -> None:
    once = noted.with_use(use)
    assert once.with_use(use) == once


def test_only_the_try_that_noted_a_use_forgets_it() -> None:
    noted = Uses().with_use(Use(redemption_id=red(1), at=NOON, attempt=2))
    assert noted.without(red(1), attempt=1) == noted
    assert not noted.without(red(1), attempt=2).entries


def test_an_amount_is_lessened_and_never_raised() -> None:
    noted = Uses().with_use(Use(redemption_id=red(1), at=NOON, amount=500))
    less = noted.lessened(red(1), to=300)
    assert [use.amount for use in less.entries] == [300]
    assert less.lessened(red(1), to=400) == less


@given(st.lists(st.integers(0, 200), min_size=1, max_size=40), st.integers(1, 4))
def test_no_rolling_window_ever_has_more_than_its_limit(hours: list[int], most: int) -> None:
    """Uses come in any order of their instants, as from clocks that differ."""
    limit = Limit(limit_id="r", subject=Subject.CONTACT, period=Period.ROLLING, hours=24, uses=most)
    noted = Uses()
    for number, hour in enumerate(hours):
        use = Use(redemption_id=red(number), at=NOON + timedelta(hours=hour))
        window = window_of(limit, use.at, zone="UTC")
        if noted.allow(use, limit=limit, window=window):
            noted = noted.with_use(use)
    for use in noted.entries:
        until = use.at + timedelta(hours=24)
        assert sum(use.at <= one.at < until for one in noted.entries) <= most


def test_old_uses_are_let_go_an_hour_after_nobody_counts_them() -> None:
    limit = Limit(limit_id="d", subject=Subject.CONTACT, period=Period.DAY, uses=1)
    noted = uses(
        [
            Use(redemption_id=red(1), at=NOON - timedelta(hours=14)),
            Use(redemption_id=red(2), at=NOON - timedelta(hours=12, minutes=30)),
            Use(redemption_id=red(3), at=NOON),
        ]
    )
    window = window_of(limit, NOON, zone="UTC")
    assert [use.redemption_id for use in noted.pruned(window).entries] == [red(2), red(3)]
    assert [use.redemption_id for use in noted.within(window)] == [red(3)]
