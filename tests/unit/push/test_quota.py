"""What senders may take of a project's quota, whoever asks when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from shared.push.model.quota import (
    BLOCK,
    BURST,
    KEPT,
    LONGEST_BLOCKED,
    QUOTA,
    RAMP,
    RATE,
    RESERVE,
    WINDOW,
    Bucket,
    Lane,
    blocked,
    full,
    leased,
)
from shared.push.service.quota import Governor
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.push import InMemoryQuotaStore

SECOND = timedelta(seconds=1)
PAUSES = st.integers(0, 3_000_000).map(lambda count: timedelta(microseconds=count))


class OneProject:
    def project_of(self, app_id: str) -> str:
        return "project"


@dataclass
class Senders:
    """Some processes that send through one project, and what each sent when."""

    clock: ManualClock = field(default_factory=ManualClock)
    store: InMemoryQuotaStore = field(default_factory=InMemoryQuotaStore)
    sent: list[tuple[datetime, int]] = field(default_factory=list)

    def process(self) -> Governor:
        return Governor(store=self.store, projects=OneProject(), clock=self.clock)

    def send(self, process: Governor, messages: int, lane: Lane) -> timedelta | None:
        wait = process.take(messages, app_id="app", lane=lane)
        if wait is None:
            self.sent.append((self.clock(), messages))
        return wait


def drained(bucket: Bucket, *, lane: Lane, at: datetime) -> tuple[Bucket, int]:
    """Lease blocks until there are no more; return what is left, and how many messages they are."""
    blocks = 0
    while isinstance(after := leased(bucket, lane=lane, at=at), Bucket):
        bucket, blocks = after, blocks + 1
    return bucket, blocks * BLOCK


def most_in_a_window(sent: Sequence[tuple[datetime, int]]) -> int:
    return max(
        sum(count for at, count in sent if begin <= at < begin + WINDOW) for begin, _ in sent
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(PAUSES, st.sampled_from(Lane), st.booleans()), min_size=1, max_size=120))
def test_no_minute_has_more_than_the_quota_however_leases_and_their_use_are_spread(
    steps: list[tuple[timedelta, Lane, bool]],
) -> None:
    bucket, at, sent = full(NOON), NOON, []
    for pause, lane, is_kept in steps:
        at += pause
        bucket, messages = drained(bucket, lane=lane, at=at)
        sent.append((at + KEPT if is_kept else at, messages))
    assert most_in_a_window(sent) <= QUOTA


def test_a_minute_that_begins_with_blocks_kept_from_before_has_no_more_than_the_quota() -> None:
    bucket, at, leases = full(NOON), NOON, []
    while at <= NOON + WINDOW + KEPT:
        bucket, messages = drained(bucket, lane=Lane.TRANSACTIONAL, at=at)
        leases.append((at, messages))
        at += timedelta(milliseconds=250)
    # Blocks of the first five seconds are kept and used at their end, the others at once.
    begin = NOON + KEPT
    assert sum(count for at, count in leases if at < begin + WINDOW) <= QUOTA
    assert sum(count for _, count in leases) > 0.97 * QUOTA


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(1, 100), st.integers(0, 100), PAUSES, st.booleans()
        ),
        max_size=80,
    )
)
def test_processes_never_send_more_than_was_leased_and_nothing_of_an_old_block(
    steps: list[tuple[int, int, int, timedelta, bool]],
) -> None:
    it = Senders()
    processes = [it.process() for _ in range(3)]
    leases: list[datetime] = []
    for number, messages, unused, pause, is_campaign in steps:
        it.clock.advance(pause)
        lane = Lane.CAMPAIGN if is_campaign else Lane.TRANSACTIONAL
        version = it.store.kept["project"].version if it.store.kept else 0
        it.send(processes[number], messages, lane)
        if it.store.kept and it.store.kept["project"].version > version:
            leases.append(it.clock())
        given_back = min(unused, messages)
        if it.sent and it.sent[-1] == (it.clock(), messages):
            processes[number].return_unused(given_back, app_id="app", lane=lane)
            it.sent[-1] = (it.clock(), messages - given_back)
        used = sum(count for at, count in it.sent if at == it.clock())
        recent = sum(BLOCK for at in leases if at > it.clock() - KEPT)
        assert used <= recent
    assert sum(count for _, count in it.sent) <= BLOCK * len(leases)


@given(st.integers(0, 120), PAUSES)
def test_campaigns_leave_a_reserve_to_what_somebody_waits_for(
    seconds: int, pause: timedelta
) -> None:
    bucket, at = full(NOON), NOON
    for _ in range(seconds):
        at += SECOND
        bucket, _ = drained(bucket, lane=Lane.CAMPAIGN, at=at)
    bucket, messages = drained(bucket, lane=Lane.TRANSACTIONAL, at=at + pause)
    assert messages >= RESERVE


def test_after_a_rest_campaigns_speed_up_over_a_minute() -> None:
    bucket, at, so_far = full(NOON), NOON, 0
    while at < NOON + 2 * RAMP:
        bucket, messages = drained(bucket, lane=Lane.CAMPAIGN, at=at)
        so_far += messages
        passed = (at - NOON).total_seconds()
        if passed <= RAMP.total_seconds():
            assert so_far <= BLOCK + RATE * passed**2 / (2 * RAMP.total_seconds()) + 1
        at += timedelta(milliseconds=200)
    full_speed = RATE * RAMP.total_seconds()
    assert so_far > 0.97 * (full_speed + full_speed / 2)
    rested, _ = drained(bucket, lane=Lane.CAMPAIGN, at=at)
    _, messages = drained(rested, lane=Lane.CAMPAIGN, at=at + RAMP)
    assert messages == BLOCK


def test_what_somebody_waits_for_needs_no_ramp() -> None:
    _, messages = drained(full(NOON), lane=Lane.TRANSACTIONAL, at=NOON)
    assert messages == BURST


@given(st.sampled_from(Lane), st.lists(PAUSES, max_size=10))
def test_who_waits_as_long_as_they_are_told_gets_a_block(
    lane: Lane, pauses: list[timedelta]
) -> None:
    bucket, at = full(NOON), NOON
    for pause in pauses:
        at += pause
        bucket, _ = drained(bucket, lane=lane, at=at)
        wait = leased(bucket, lane=lane, at=at)
        assert isinstance(wait, timedelta)
        assert wait > timedelta(0)
        assert isinstance(leased(bucket, lane=lane, at=at + wait), Bucket)


def test_where_fcm_takes_nothing_both_lanes_wait_and_campaigns_begin_anew() -> None:
    bucket, at = full(NOON), NOON
    for _ in range(100):
        at += SECOND
        bucket, _ = drained(bucket, lane=Lane.CAMPAIGN, at=at)
    stopped = blocked(bucket, at=at, until=at + RAMP / 2)
    for lane in Lane:
        assert leased(stopped, lane=lane, at=at + SECOND) == RAMP / 2 - SECOND
    _, messages = drained(stopped, lane=Lane.CAMPAIGN, at=at + RAMP / 2 + SECOND)
    assert messages == BLOCK


def test_a_longer_stop_holds_and_none_is_endless() -> None:
    long = blocked(full(NOON), at=NOON, until=NOON + 2 * RAMP)
    assert blocked(long, at=NOON, until=NOON + RAMP).blocked_until == NOON + 2 * RAMP
    endless = blocked(full(NOON), at=NOON, until=NOON + timedelta(days=1))
    assert endless.blocked_until == NOON + LONGEST_BLOCKED


def test_five_slices_are_one_write() -> None:
    it = Senders()
    process = it.process()
    for _ in range(5):
        assert it.send(process, 100, Lane.CAMPAIGN) is None
    assert it.store.kept["project"].version == 1


def test_a_stop_reaches_other_processes_with_their_next_block() -> None:
    it = Senders()
    one, other = it.process(), it.process()
    assert it.send(other, 100, Lane.TRANSACTIONAL) is None
    one.turned_away(app_id="app", until=NOON + RAMP)
    assert it.send(one, 1, Lane.TRANSACTIONAL) == RAMP
    it.clock.advance(KEPT)
    assert it.send(other, 1, Lane.TRANSACTIONAL) == RAMP - KEPT


def test_who_loses_every_race_comes_again_later() -> None:
    class Contended(InMemoryQuotaStore):
        @override
        def replace_bucket(self, project_id: str, bucket: Bucket, *, before: Bucket | None) -> bool:
            return False

    it = Senders(store=Contended())
    process = it.process()
    assert it.send(process, 1, Lane.TRANSACTIONAL) == SECOND
    process.turned_away(app_id="app", until=NOON + RAMP)
    assert it.sent == []
