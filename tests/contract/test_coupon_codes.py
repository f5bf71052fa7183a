"""Codes on every store, real or fake: whose they are, how many are made, what a crash leaves."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from shared.coupons.errors import (
    CodeAssignedError,
    CodeNotFoundError,
    CodeTakenError,
    CouponNotFoundError,
    CouponStateError,
    JobNotFoundError,
    JobStateError,
    LeaseHeldError,
    MalformedCodeError,
    TooManyGuessesError,
    WeakPatternError,
)
from shared.coupons.model import code_jobs
from shared.coupons.model.code_jobs import FILES_KEPT, CodeJob, Generation, JobState, Tally
from shared.coupons.model.codes import CodeKind, CodeState, Holder
from shared.coupons.model.coupons import CouponState
from shared.coupons.model.guesses import ALLOWANCES, Guesser, Origin
from shared.coupons.model.patterns import Pattern
from shared.coupons.service import code_jobs as order_service
from shared.coupons.service import code_runs
from shared.coupons.service.code_jobs import Order
from shared.coupons.service.code_runs import LEASE, CodeRunService
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from tests.contract.coupon_codes import APP, CROWDED, Codes, on_dynamodb, remembered
from tests.fakes.coupon_codes import CrashedError, Failing, InMemoryCodeStore, Overtaken

ADA, GRACE = Holder(contact_id="con_ada"), Holder(contact_id="con_grace", device_id="phone-002")
PARTS = ("jobs", "codes", "files")
BURST = ALLOWANCES[Origin.DEVICE].burst


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Codes:
    if request.param == "memory":
        return remembered()
    return on_dynamodb(request.getfixturevalue("tables"))


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Pattern:
    """Let codes be ordered that are so few that most numbers meet a code that is there."""

    def hold_nothing(*_: Any, **__: Any) -> None:
        """Refuse no pattern."""

    monkeypatch.setattr(order_service, "hold_strength", hold_nothing)
    monkeypatch.setattr(code_runs, "BATCH", 4)
    return CROWDED


def typed(it: Codes, letters: str, coupon_id: str = "cpn_1") -> Any:
    return it.service.add_generic(letters, coupon_id=coupon_id, app_id=APP)


def test_a_generic_code_is_found_however_it_is_typed(it: Codes) -> None:
    code = typed(it, "Summer-10")
    assert (code.kind, code.last_four) == (CodeKind.GENERIC, "ER10")
    assert it.service.find(" sum mer\u201310", app_id=APP) == code
    assert it.service.find("SUMMER11", app_id=APP) is None
    assert it.service.find("no code at all!", app_id=APP) is None
    assert it.service.find("SUMMER10", app_id="app_2") is None
    assert "SUMMER" not in repr(code)


def test_a_generic_code_belongs_to_one_coupon(it: Codes) -> None:
    it.a_coupon("cpn_2")
    first = typed(it, "SUMMER10")
    assert typed(it, "summer 10") == first
    with pytest.raises(CodeTakenError):
        typed(it, "SUMMER10", "cpn_2")
    with pytest.raises(CouponNotFoundError):
        typed(it, "WINTER10", "cpn_3")
    with pytest.raises(MalformedCodeError):
        typed(it, "#!")
    assert it.listed() == [first]


def test_of_many_who_add_a_code_at_once_one_coupon_gets_it(it: Codes) -> None:
    names = [it.a_coupon(f"cpn_{number}") for number in range(8)]

    def add(coupon_id: str) -> bool:
        try:
            typed(it, "SUMMER10", coupon_id)
        except CodeTakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(add, names)).count(True) == 1
    assert sum(len(it.listed(name)) for name in names) == 1


def test_a_code_is_switched_off_and_on(it: Codes) -> None:
    code = typed(it, "SUMMER10")
    for active, state in ((False, CodeState.INACTIVE), (True, CodeState.AVAILABLE)):
        for _ in range(2):
            it.service.switch(code.fingerprint, active=active, coupon_id="cpn_1", app_id=APP)
        found = it.service.get_code(code.fingerprint, coupon_id="cpn_1", app_id=APP)
        assert (found.state_at(it.clock()), found.version) == (state, 2 + active)
    it.a_coupon("cpn_2")
    for coupon_id, fingerprint in (("cpn_2", code.fingerprint), ("cpn_1", "0" * 64)):
        with pytest.raises(CodeNotFoundError):
            it.service.switch(fingerprint, active=False, coupon_id=coupon_id, app_id=APP)


def test_a_code_is_kept_under_its_former_key_and_stays_known(it: Codes) -> None:
    code = typed(it, "SUMMER10")
    it.secrets.insert(0, b"a new key")
    assert it.service.find("SUMMER10", app_id=APP) == code
    assert typed(it, "SUMMER10") == code
    assert typed(it, "WINTER10").fingerprint != code.fingerprint
    del it.secrets[1]
    assert it.service.find("SUMMER10", app_id=APP) is None
    assert it.service.find("WINTER10", app_id=APP) is not None


def assigned(it: Codes, letters: str, holder: Holder) -> Any:
    return it.service.assign(letters, holder, coupon_id="cpn_1", app_id=APP)


def test_an_assigned_code_is_its_holders_alone_who_can_read_it(it: Codes) -> None:
    it.imported(b"ABCDEFGHJ2345\n")
    code = assigned(it, "abcdefghj2345", GRACE)
    assert assigned(it, "ABCDEFGHJ2345", GRACE) == code
    assert (code.contact_id, code.device_id) == ("con_grace", "phone-002")
    assert it.service.letters_of(code) == "ABCDEFGHJ2345"
    with pytest.raises(CodeAssignedError):
        assigned(it, "ABCDEFGHJ2345", ADA)
    it.vault.erased.add("con_grace")
    assert it.service.letters_of(code) is None


def test_a_code_leads_from_its_holder_until_it_is_forgotten(it: Codes) -> None:
    it.imported(b"ABCDEFGHJ2345\n")
    code = assigned(it, "abcdefghj2345", GRACE)
    assert it.service.codes.codes_of("con_grace", app_id=APP) == [code.fingerprint]
    it.service.codes.forget_code(code)
    assert it.service.codes.codes_of("con_grace", app_id=APP) == []
    left = it.service.get_code(code.fingerprint, coupon_id="cpn_1", app_id=APP)
    assert (left.active, left.is_assigned, left.sealed) == (False, False, None)


def test_what_everybody_may_use_is_assigned_to_nobody(it: Codes) -> None:
    code = typed(it, "SUMMER10")
    with pytest.raises(CodeAssignedError):
        assigned(it, "SUMMER10", ADA)
    with pytest.raises(CodeNotFoundError):
        assigned(it, "WINTER10", ADA)
    assert it.service.letters_of(code) is None


def test_of_many_who_are_given_a_code_at_once_one_has_it(it: Codes) -> None:
    it.imported(b"ABCDEFGHJ2345\n")

    def give(number: int) -> bool:
        try:
            assigned(it, "ABCDEFGHJ2345", Holder(contact_id=f"con_{number}"))
        except CodeAssignedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(give, range(8))).count(True) == 1


def test_a_minted_code_comes_to_be_where_it_is_put(it: Codes) -> None:
    minted = it.service.mint(Pattern(), ADA, coupon_id="cpn_1", app_id=APP, origin="clm_1")
    assert it.service.find(minted.letters, app_id=APP) is None
    assert it.codes.add_codes([minted.code]) == [None]
    found = it.service.find(minted.letters, app_id=APP)
    assert found == minted.code
    assert it.service.letters_of(found) == minted.letters
    assert (found.contact_id, found.bound, found.origin, found.version) == (
        "con_ada",
        True,
        "clm_1",
        1,
    )


def test_a_job_makes_as_many_codes_as_were_ordered(it: Codes) -> None:
    expires_at = it.clock() + timedelta(days=30)
    job = it.work(it.ordered(7, bound=True, expires_at=expires_at))
    assert job.state is JobState.DONE
    letters = it.filed(job)
    assert len(set(letters)) == 7
    found = [it.service.find(one, app_id=APP) for one in letters]
    assert found == it.listed(limit=3)
    for code in it.listed():
        assert (code.kind, code.bound, code.expires_at) == (CodeKind.UNIQUE, True, expires_at)
    assert isinstance(job.work, Generation)
    assert job.work.wrapped_key is None
    assert it.work(job) == job


def test_codes_are_spread_over_files_and_sheets_without_a_gap(
    it: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_runs, "BATCH", 4)
    monkeypatch.setattr(code_jobs, "FILE_CODES", 10)
    job = it.work(it.ordered(25))
    assert [len(it.files.codes[job.job_id, number].split()) - 1 for number in range(3)] == [
        10,
        10,
        5,
    ]
    found = [it.service.find(one, app_id=APP) for one in it.filed(job)]
    assert found == it.listed(limit=7)
    assert len(it.orders.codes_urls(job)) == 3


def test_a_number_whose_letters_are_taken_is_passed_over(it: Codes, crowded: Pattern) -> None:
    it.a_coupon("cpn_2")
    other = it.work(it.ordered(6, coupon_id="cpn_2", pattern=crowded))
    job = it.work(it.ordered(10, pattern=crowded))
    letters = [*it.filed(other), *it.filed(job)]
    assert len(set(letters)) == 16 == crowded.space
    assert len(it.listed()) == 10
    assert isinstance(job.work, Generation)
    assert job.work.next_number > 10


def mortal(it: Codes, dies: Callable[[], bool], *, after: bool) -> CodeRunService:
    """Return a worker that may die at each call of what it works with."""
    parts = {name: Failing(getattr(it, name), dies=dies, after=after) for name in PARTS}
    return it.worker(**parts)


def steps(it: Codes, job: CodeJob) -> list[tuple[int, bool]]:
    """Return every place in a job's work at which a worker may die: before or after a call."""
    calls = count()

    def note() -> bool:
        next(calls)
        return False

    it.work(job, worker=mortal(it, note, after=False))
    return [(number, after) for number in range(next(calls)) for after in (False, True)]


def dying_at(number: int) -> Callable[[], bool]:
    calls = count()
    return lambda: next(calls) == number


def crashed(it: Codes, job: CodeJob, number: int, *, after: bool) -> CodeJob:
    """Work on a job; the worker dies at a step, and another one finishes it."""
    worker = mortal(it, dying_at(number), after=after)
    with pytest.raises(CrashedError):
        it.work(job, holder="first", worker=worker)
    it.wait(seconds=LEASE.total_seconds())
    return it.work(job, holder="second")


def crowded_job(pattern: Pattern, codes: int) -> tuple[Codes, InMemoryCodeStore, CodeJob]:
    """Return an order of most of the codes that another coupon left."""
    it = remembered()
    it.a_coupon("cpn_2")
    it.work(it.ordered(3, coupon_id="cpn_2", pattern=pattern))
    assert isinstance(it.codes, InMemoryCodeStore)
    return it, it.codes, it.ordered(codes, pattern=pattern)


def hold_exact(it: Codes, store: InMemoryCodeStore, job: CodeJob, codes: int) -> None:
    """Assert that a job that is done made exactly so many codes, listed and filed each once."""
    mine = {code.fingerprint for code in store.codes.values() if job.made(code)}
    filed = [it.hasher.fingerprint(one, app_id=APP) for one in it.filed(job)]
    assert len(filed) == len(mine) == job.work.codes == codes
    assert set(filed) == {code.fingerprint for code in it.listed()} == mine


def test_wherever_a_worker_dies_the_count_is_exact(crowded: Pattern) -> None:
    it, _, job = crowded_job(crowded, 11)
    for number, after in steps(it, job):
        it, store, job = crowded_job(crowded, 11)
        hold_exact(it, store, crashed(it, job, number, after=after), 11)


def test_what_a_worker_writes_after_the_job_is_over_makes_no_code_more(crowded: Pattern) -> None:
    it, store, job = crowded_job(crowded, 11)

    def finish() -> None:
        it.clock.advance(LEASE)
        it.work(job, holder="other")

    with pytest.raises(LeaseHeldError):
        it.work(job, worker=it.worker(codes=Overtaken(store, finish)))
    done = it.orders.get_job(job.job_id, coupon_id="cpn_1", app_id=APP)
    hold_exact(it, store, done, 11)


@pytest.mark.parametrize("seed", range(100))
def test_however_often_workers_die_the_count_is_exact(
    crowded: Pattern, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - a schedule, which its seed names
    monkeypatch.setattr(code_runs, "BATCH", chance.randint(1, 5))
    monkeypatch.setattr(code_jobs, "FILE_CODES", chance.randint(2, 9))
    codes = chance.randint(1, 13)
    it, store, job = crowded_job(crowded, codes)
    while not job.is_over:
        worker = mortal(it, lambda: chance.random() < 0.15, after=chance.random() < 0.5)
        with suppress(CrashedError):
            job = it.work(job, worker=worker, has_time=lambda: chance.random() < 0.9)
        it.clock.advance(LEASE)
        job = it.orders.get_job(job.job_id, coupon_id="cpn_1", app_id=APP)
    hold_exact(it, store, job, codes)


def test_wherever_a_worker_dies_an_import_counts_each_line_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(code_runs, "BATCH", 2)
    content = b"code\nAAA111\nBBB222\nTAKEN1\nbad!\nAAA-111\nCCC333\n"

    def started() -> tuple[Codes, CodeJob]:
        it = remembered()
        it.service.add_generic("TAKEN1", coupon_id=it.a_coupon("cpn_2"), app_id=APP)
        return it, it.started(content)

    for number, after in steps(*started()):
        it, job = started()
        job = crashed(it, job, number, after=after)
        told = (job.state, job.work.tally)  # type: ignore[union-attr]
        tally = Tally(accepted=3, malformed=1, taken=1, repeated=1)
        assert told == (JobState.DONE, tally), (number, after)
        assert [line for line, _ in it.rejects(job)] == [4, 5, 6], (number, after)
        assert [code.last_four for code in it.listed()] == ["111", "222", "333"]
        assert it.files.uploads == {}


def test_a_worker_without_time_leaves_the_rest_to_the_next(
    it: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_runs, "BATCH", 2)
    for job in (it.ordered(5), it.started(b"AAA111\nBBB222\nCCC333\nDDD444\nEEE555\n")):
        work = job
        for expected in (2, 4):
            work = it.work(job, has_time=iter([True, False]).__next__)
            assert work.work.codes == expected
        assert it.work(job).state is JobState.DONE
        assert it.queue.called[-2:] == [job.job_id] * 2
    assert len(it.listed()) == 10


def test_two_workers_never_have_a_job_at_once(it: Codes) -> None:
    job = it.ordered(3)
    at = it.clock()
    it.jobs.save_job(job.taken("other", at=at, until=at + LEASE))
    with pytest.raises(LeaseHeldError):
        it.work(job)
    it.clock.advance(LEASE)
    assert it.work(job).state is JobState.DONE


def test_a_worker_that_was_taken_for_dead_changes_nothing(
    it: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_runs, "BATCH", 2)
    job = it.ordered(5)

    def overtaken() -> Iterator[bool]:
        yield True
        it.clock.advance(LEASE)
        it.work(job, holder="other")
        yield True

    with pytest.raises(LeaseHeldError):
        it.work(job, has_time=overtaken().__next__)
    done = it.orders.get_job(job.job_id, coupon_id="cpn_1", app_id=APP)
    assert len(it.filed(done)) == len(it.listed()) == done.work.codes == 5


def test_weak_patterns_and_ended_coupons_get_no_codes(it: Codes) -> None:
    with pytest.raises(WeakPatternError):
        it.ordered(1, pattern=Pattern(length=8, check=False))
    it.ordered(1, pattern=Pattern(length=8, check=False), bound=True)
    it.a_coupon("cpn_2", CouponState.ENDED)
    with pytest.raises(CouponStateError):
        it.ordered(1, coupon_id="cpn_2")
    with pytest.raises(CouponStateError):
        it.announced(b"x", coupon_id="cpn_2")
    with pytest.raises(CouponNotFoundError):
        it.ordered(1, coupon_id="cpn_3")


def test_earlier_orders_of_a_pattern_count_when_it_is_weighed(it: Codes) -> None:
    pattern = Pattern(length=10, charset="23456789A", check=False)
    for _ in range(3):
        it.ordered(100_000, pattern=pattern)
    with pytest.raises(WeakPatternError, match="400000 of"):
        it.ordered(100_000, pattern=pattern)
    it.ordered(100_000, pattern=Pattern())


def test_the_same_attempt_orders_once(it: Codes) -> None:
    def order(fingerprint: str) -> Any:
        return it.orders.generate(
            Order(count=3, pattern=Pattern()),
            coupon_id="cpn_1",
            app_id=APP,
            by="ada",
            attempt=Attempt(caller="ada", key="k", fingerprint=fingerprint),
        )

    first, again = order("f"), order("f")
    assert (again.job, again.replayed) == (first.job, True)
    with pytest.raises(IdempotencyKeyReusedError):
        order("another")


def test_jobs_come_back_as_they_were_kept_the_newest_first(it: Codes) -> None:
    made = [it.ordered(3, expires_at=it.clock()), it.announced(b"ABC\n", bound=True)]
    for job in made:
        assert it.orders.get_job(job.job_id, coupon_id="cpn_1", app_id=APP) == job
    first = it.orders.list_jobs("cpn_1", app_id=APP, limit=1, cursor=None)
    rest = it.orders.list_jobs("cpn_1", app_id=APP, limit=1, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == made[::-1]
    assert rest.next_cursor is None
    with pytest.raises(JobNotFoundError):
        it.orders.get_job("cjb_none", coupon_id="cpn_1", app_id=APP)


def test_generated_codes_can_be_fetched_for_seven_days(it: Codes) -> None:
    job = it.ordered(3)
    with pytest.raises(JobStateError, match="started"):
        it.orders.codes_urls(job)
    job = it.work(job)
    assert len(it.orders.codes_urls(job)) == 1
    it.clock.advance(FILES_KEPT)
    with pytest.raises(JobStateError, match="seven days"):
        it.orders.codes_urls(job)


def test_codes_come_in_from_a_file_and_each_other_line_is_told(it: Codes) -> None:
    it.a_coupon("cpn_2")
    typed(it, "TAKEN1", "cpn_2")
    mine = typed(it, "MINE22")
    content = b"code,name\nAAA-111,x\naaa 111,y\nTAKEN1\nMINE22\n!\n"
    tally = Tally(accepted=1, unchanged=1, malformed=1, taken=1, repeated=1)
    expected = [(3, "repeated_code"), (4, "code_taken"), (6, "malformed_code")]
    for dry_run in (True, False):
        job = it.imported(content, dry_run=dry_run)
        assert (job.state, job.work.tally) == (JobState.DONE, tally)  # type: ignore[union-attr]
        assert it.rejects(job) == expected
        assert it.orders.rejects_url(job) is not None
        assert (it.service.find("AAA111", app_id=APP) is None) == dry_run
    again = it.imported(content)
    assert again.work.tally == Tally(unchanged=2, malformed=1, taken=1, repeated=1)  # type: ignore[union-attr]
    assert {code.fingerprint for code in it.listed()} == {
        mine.fingerprint,
        it.hasher.fingerprint("AAA111", app_id=APP),
    }


def test_a_line_that_repeats_one_of_an_earlier_batch_is_told(
    it: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_runs, "BATCH", 2)
    job = it.imported(b"AAA111\nBBB222\nAAA111\n")
    assert it.rejects(job) == [(3, "repeated_code")]


def test_an_import_starts_once_its_file_is_there(it: Codes) -> None:
    job = it.announced(b"AAA111\n")
    del it.files.uploads[job.job_id]
    with pytest.raises(JobStateError, match="upload 7 bytes"):
        it.orders.start_import(job.job_id, coupon_id="cpn_1", app_id=APP)
    with pytest.raises(LeaseHeldError):
        it.work(job)
    it.files.uploads[job.job_id] = b"AAA111\n"
    first = it.orders.start_import(job.job_id, coupon_id="cpn_1", app_id=APP)
    assert it.orders.start_import(job.job_id, coupon_id="cpn_1", app_id=APP) == first
    assert it.work(job).work.codes == 1


def test_an_upload_that_is_replaced_ends_the_import(it: Codes) -> None:
    job = it.started(b"AAA111\n")
    it.files.uploads[job.job_id] = b"BBB222\n"
    job = it.work(job)
    assert job.failure is not None
    assert (job.state, job.failure.code) == (JobState.FAILED, "upload_changed")
    assert it.listed() == []


def test_a_file_that_is_mostly_wrong_ends_the_import(
    it: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_runs, "MOST_REJECTS", 2)
    monkeypatch.setattr(code_runs, "BATCH", 2)
    job = it.imported(b"!\n" * 6)
    assert job.failure is not None
    assert (job.failure.code, len(it.rejects(job))) == ("too_many_rejects", 4)


def guess(it: Codes, letters: str = "NOSUCHCODE", **who: Any) -> None:
    """Try a code that does not exist."""
    it.throttle.miss(it.throttle.begin(letters, Guesser(app_id=APP, **who)))


def test_who_guesses_is_heard_less_and_less(it: Codes) -> None:
    for _ in range(BURST):
        guess(it, device_id="phone-001")
    with pytest.raises(TooManyGuessesError, match="960 seconds") as refused:
        guess(it, device_id="phone-001")
    assert len(it.missed) == BURST
    guess(it, device_id="phone-002")
    it.clock.advance(refused.value.retry_after)
    guess(it, device_id="phone-001")
    with pytest.raises(TooManyGuessesError):
        guess(it, device_id="phone-001")


def test_a_right_guess_writes_nothing(it: Codes) -> None:
    who = Guesser(app_id=APP, device_id="phone-001", contact_id="con_ada", address="192.0.2.1")
    tries = [it.throttle.begin("SUMMER10", who) for _ in range(2 * BURST)]
    assert len(tries[-1].buckets) == 4
    assert tries[-1].busy_until == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"contact_id": "con_ada"}, {"contact_id": "con_ada", "device_id": "phone-002"}),
        ({"device_id": "phone-001"}, {"contact_id": "con_ada", "device_id": "phone-001"}),
    ],
)
def test_another_device_or_login_does_not_help(
    it: Codes, first: dict[str, str], second: dict[str, str]
) -> None:
    for _ in range(BURST):
        guess(it, **first)
    with pytest.raises(TooManyGuessesError):
        guess(it, **second)


def test_an_address_is_kept_as_a_fingerprint_of_its_network(it: Codes) -> None:
    who = Guesser(app_id=APP, address="192.0.2.1")
    neighbour = Guesser(app_id=APP, address="192.0.2.99")
    (bucket, _) = it.throttle.begin("SUMMER10", who).buckets
    assert bucket in it.throttle.begin("SUMMER10", neighbour).buckets
    assert "192.0.2" not in bucket.subject


def test_of_misses_at_the_same_time_none_is_lost(it: Codes) -> None:
    who = Guesser(app_id=APP, device_id="phone-001")
    tried = it.throttle.begin("NOSUCHCODE", who)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: it.throttle.miss(tried), range(BURST - 1)))
    after = it.throttle.begin("NOSUCHCODE", who)
    (device, _) = after.buckets
    weight = ALLOWANCES[Origin.DEVICE].every
    assert after.busy_until[device] == it.clock() + weight * (BURST - 1)


def test_a_bucket_that_fell_empty_since_it_was_read_begins_anew(it: Codes) -> None:
    who = Guesser(app_id=APP, device_id="phone-001")
    guess(it, device_id="phone-001")
    it.wait(hours=1)
    stale = it.throttle.begin("NOSUCHCODE", who)
    it.guesses.add_miss(
        stale.buckets[0],
        weight=timedelta(seconds=5),
        at=it.clock(),
        before=it.clock() + timedelta(days=1),
    )
    found = it.guesses.busy_until([stale.buckets[0]])
    assert list(found.values()) == [it.clock() + timedelta(seconds=5)]
