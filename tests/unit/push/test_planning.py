"""Plans and releases: every device once, in its minute, under the throttle, whatever crashes."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kernel.ids import Ids
from shared.push.model import State, planning
from shared.push.model.books import books_of, line_of
from shared.push.model.campaigns import Campaign, CampaignState, Run, Timing, Variant
from shared.push.model.planning import (
    LARGEST_CHUNK,
    MOST_CHUNKS,
    Member,
    planned_chunks,
    variant_for,
)
from shared.push.model.throttle import Allowance, allowed
from shared.push.service.planning import PlanService
from shared.push.service.releasing import ReleaseService
from shared.registrations.model import audience
from tests.fakes.campaigns import InMemoryPlanStore, members_of
from tests.fakes.push import InMemoryChunkStore
from tests.unit.push.test_campaigns import ADA, APP, DRAFT, SALE, Office

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
ZONES = ("Europe/Zurich", "Europe/London", "Asia/Tokyo", "America/Bogota", None)
RUN = Run(
    app_id=APP,
    campaign_id="cmp_1",
    run_id="0" * 26,
    is_rehearsal=False,
    draft=replace(
        DRAFT,
        segment_version=1,
        timing=Timing(wall=datetime(2026, 12, 1, 9)),
        variants=(
            Variant(name="a", template_id="tpl_1", weight=3),
            Variant(name="b", template_id="tpl_1"),
        ),
    ),
    templates={"a": SALE, "b": SALE},
    app_name="Shop",
    app_locale="en",
    app_zone="Europe/Zurich",
    started_at=AT,
)


def people(count: int) -> list[Member]:
    return [
        Member(device_id=f"d{at:05}", contact_id=f"con_{at:05}", zone=ZONES[at % len(ZONES)])
        for at in range(count)
    ]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1_500), st.sampled_from([None, 1, 7, 5_000]))
def test_every_member_is_planned_once_in_a_chunk_of_its_instant(
    count: int, throttle: int | None
) -> None:
    run = replace(RUN, draft=replace(RUN.draft, throttle_per_minute=throttle))
    members = people(count)
    chunks, taken = planned_chunks(run, members, shard=3, step=0)
    assert len(chunks) <= MOST_CHUNKS
    assert taken == count or len(chunks) == MOST_CHUNKS
    planned = Counter(one.device_id for chunk in chunks for one in chunk.recipients)
    assert planned == Counter(member.device_id for member in members[:taken])
    zones = {member.device_id: member.zone for member in members}
    for chunk in chunks:
        assert len(chunk.recipients) <= min(LARGEST_CHUNK, throttle or LARGEST_CHUNK)
        for one in chunk.recipients:
            due = run.draft.timing.instant_for(
                zones[one.device_id], app_zone=run.app_zone, started_at=AT
            )
            assert chunk.planned_at == due


def test_the_same_step_makes_the_same_chunks() -> None:
    assert planned_chunks(RUN, people(700), shard=1, step=4) == planned_chunks(
        RUN, people(700), shard=1, step=4
    )
    ids = {
        chunk.chunk_id
        for shard, step in ((0, 0), (0, 1), (1, 0))
        for chunk in planned_chunks(RUN, people(700), shard=shard, step=step)[0]
    }
    assert len(ids) == 3 * 4


def test_push_and_registrations_count_the_same_shards() -> None:
    assert planning.AUDIENCE_SHARDS == audience.AUDIENCE_SHARDS


def test_variants_share_by_weight_and_a_contact_keeps_its_own() -> None:
    shares = Counter(
        variant_for(f"con_{at}", RUN.draft.variants, salt="cmp_1").name for at in range(4_000)
    )
    # Three standard deviations of a binomial of 4,000 with a quarter.
    assert abs(shares["b"] - 1_000) < 3 * 27.4
    assert len({variant_for("con_1", RUN.draft.variants, salt="cmp_1").name for _ in "123"}) == 1


def test_a_line_balances_and_books_are_the_sum_of_lines() -> None:
    chunks, _ = planned_chunks(RUN, people(1_200), shard=0, step=0)
    chunks[0] = replace(
        chunks[0].with_states({0: State.SENT, 1: State.SKIPPED, 2: State.TRYING}),
        reasons={1: "cap"},
    )
    books = books_of(line_of(chunk) for chunk in chunks)
    assert books.is_balanced
    assert (books.planned, books.pending) == (1_200, 1_198)
    assert (books.count(State.SENT), books.reasons(State.SKIPPED)) == (1, {"cap": 1})
    assert books.by_state == {"pending": 1_198, "sent": 1, "skipped": 1}


@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(0, 90), st.lists(st.integers(1, 500), max_size=5)), max_size=30),
)
def test_a_throttle_lets_no_more_go_than_its_rate(
    throttle: int, minutes: list[tuple[int, list[int]]]
) -> None:
    now, before, gone = AT, None, []
    for passed, wanted in minutes:
        now += timedelta(seconds=passed)
        sizes = [min(size, throttle) for size in wanted]
        count, before = allowed(sizes, throttle=throttle, before=before, at=now)
        gone += [(now, size) for size in sizes[:count]]
    for at, _ in gone:
        within = sum(size for then, size in gone if at <= then < at + timedelta(minutes=1))
        # A full bucket, and what flows in during the minute.
        assert within <= 2 * throttle
        span = (now - at).total_seconds() / 60
        since = sum(size for then, size in gone if then >= at)
        assert since <= throttle * (1 + span) + 1e-6


def test_a_throttle_saves_nothing_up() -> None:
    before = Allowance(left=0, at=AT)
    count, after = allowed([10] * 30, throttle=100, before=before, at=AT + timedelta(hours=3))
    assert (count, after.left) == (10, 0)


class Pipeline(Office):
    """An office with a planner and a releaser; whoever sends is played by the tests."""

    def __init__(self, *, devices: int = 200, shards: int = 4) -> None:
        super().__init__(devices=0)
        names = [(f"phone-{place:05}", ZONES[place % len(ZONES)]) for place in range(devices)]
        self.audience.members = members_of(names, shards=shards)
        self.chunks = InMemoryChunkStore()
        self.plans = InMemoryPlanStore(campaigns=self.store, chunks=self.chunks)
        self.planner = PlanService(
            campaigns=self.store,
            plans=self.plans,
            audience=self.audience,
            jobs=self.jobs,
            clock=self.clock,
        )
        self.releaser = ReleaseService(
            campaigns=self.store,
            plans=self.plans,
            jobs=self.jobs,
            clock=self.clock,
            ids=Ids(clock=self.clock),
        )

    @property
    def campaign(self) -> Campaign:
        (campaign,) = self.store.kept.values()
        return campaign

    @property
    def state(self) -> str:
        return self.campaign.state.value

    @property
    def run(self) -> Run:
        *_, run = self.store.runs.values()
        return run

    def advance(self) -> None:
        run = self.run
        self.releaser.advance(run.run_id, campaign_id=run.campaign_id, app_id=APP)

    def plan(self) -> None:
        while self.jobs.plans:
            run, shard = self.jobs.plans.pop(0)
            self.planner.plan(shard, app_id=APP, campaign_id=run.campaign_id, run_id=run.run_id)

    def finish(self, chunk_id: str, state: State = State.SENT) -> None:
        chunk = self.chunks.kept[APP, chunk_id]
        ended = chunk.with_states(dict.fromkeys(chunk.pending, state))
        self.chunks.kept[APP, chunk_id] = ended
        self.chunks.count(ended)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def test_a_campaign_at_once_is_planned_released_and_done(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    assert pipeline.state == CampaignState.PLANNING
    pipeline.plan()
    pipeline.advance()
    assert pipeline.state == CampaignState.SENDING
    released = [waiting.chunk_id for _, waiting, _ in pipeline.jobs.sends]
    assert sum(waiting.size for _, waiting, _ in pipeline.jobs.sends) == 200
    pipeline.advance()
    assert pipeline.state == CampaignState.SENDING
    assert len(pipeline.jobs.sends) == len(released)
    for chunk_id in released:
        pipeline.finish(chunk_id)
    pipeline.advance()
    assert pipeline.state == CampaignState.DONE
    assert pipeline.store.unsettled(APP) == []
    *_, finished = pipeline.store.events
    assert (finished.type, finished.data["books"]) == ("campaign.finished.v1", {"sent": 200})


def test_each_zone_is_released_in_its_own_minute(pipeline: Pipeline) -> None:
    wall = datetime(2026, 3, 2, 9)
    campaign_id = pipeline.drafted(replace(DRAFT, timing=Timing(wall=wall)))
    sent = pipeline.send(campaign_id)
    assert sent.starts_at == datetime(2026, 3, 1, 18, 50, tzinfo=UTC)
    pipeline.advance()
    assert pipeline.state == CampaignState.SCHEDULED
    zone_of = {
        member.device_id: member.zone
        for some in pipeline.audience.members.values()
        for member in some
    }
    released: dict[str, datetime] = {}
    while pipeline.clock() < datetime(2026, 3, 2, 15, tzinfo=UTC):
        pipeline.clock.advance(timedelta(minutes=1))
        pipeline.advance()
        pipeline.plan()
        for _, waiting, delay in pipeline.jobs.sends:
            for one in pipeline.chunks.kept[APP, waiting.chunk_id].recipients:
                assert one.device_id not in released
                released[one.device_id] = pipeline.clock() + delay
        pipeline.jobs.sends.clear()
    assert len(released) == 200
    for device_id, at in released.items():
        due = Timing(wall=wall).instant_for(
            zone_of[device_id], app_zone="Europe/Zurich", started_at=AT
        )
        assert timedelta(0) <= at - due < timedelta(seconds=1)


def test_a_throttle_paces_the_release(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.drafted(replace(DRAFT, throttle_per_minute=30)))
    pipeline.advance()
    pipeline.plan()
    for minute in range(8):
        pipeline.advance()
        sizes = sum(waiting.size for _, waiting, _ in pipeline.jobs.sends)
        assert sizes <= 30 * (minute + 1)
        pipeline.clock.advance(timedelta(minutes=1))
    assert sum(waiting.size for _, waiting, _ in pipeline.jobs.sends) == 200


def test_a_planner_that_is_cut_off_goes_on_where_it_was(pipeline: Pipeline) -> None:
    pipeline = Pipeline(devices=20_000, shards=1)
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    run = pipeline.run
    place = {"app_id": APP, "campaign_id": run.campaign_id, "run_id": run.run_id}
    turns = iter([True, False])
    assert not pipeline.planner.plan(0, **place, may_go_on=lambda: next(turns))
    assert pipeline.plans.shard_plan(run, 0).steps == 1
    pipeline.plan()
    planned = Counter(
        one.device_id for chunk in pipeline.chunks.kept.values() for one in chunk.recipients
    )
    assert (len(planned), set(planned.values())) == (20_000, {1})


def test_two_planners_of_a_shard_plan_nobody_twice(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    run = pipeline.run
    before = pipeline.plans.shard_plan(run, 0)
    pipeline.planner._step(run, before)
    assert pipeline.planner._step(run, before) == pipeline.plans.shard_plan(run, 0)
    assert pipeline.plans.shard_plan(run, 0).steps == 1


def test_pausing_stops_planning_and_resuming_has_it_go_on(pipeline: Pipeline) -> None:
    campaign_id = pipeline.send(pipeline.drafted()).campaign_id
    pipeline.advance()
    pipeline.campaigns.pause(campaign_id, app_id=APP, by=ADA)
    pipeline.plan()
    pipeline.advance()
    assert pipeline.chunks.kept == {}
    pipeline.clock.advance(timedelta(seconds=1))
    pipeline.campaigns.resume(campaign_id, app_id=APP, by=ADA)
    pipeline.advance()
    pipeline.plan()
    pipeline.advance()
    assert sum(waiting.size for _, waiting, _ in pipeline.jobs.sends) == 200


def test_shards_that_nobody_plans_are_given_to_planners_again(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    pipeline.jobs.plans.clear()
    pipeline.advance()
    assert pipeline.jobs.plans == []
    pipeline.clock.advance(timedelta(minutes=15))
    pipeline.advance()
    assert len(pipeline.jobs.plans) == 64


def test_cancelling_has_everything_ended_also_what_waits_elsewhere(pipeline: Pipeline) -> None:
    later = pipeline.clock() + timedelta(hours=1)
    campaign_id = pipeline.send(
        pipeline.drafted(replace(DRAFT, timing=Timing(at=later)))
    ).campaign_id
    pipeline.clock.advance(timedelta(minutes=51))
    pipeline.advance()
    pipeline.plan()
    pipeline.advance()
    first, *rest = pipeline.plans.due(pipeline.run, until=None, limit=10)
    # One of them is away: put off, or with a sender.
    pipeline.plans.released(pipeline.run, [first])
    pipeline.clock.advance(timedelta(seconds=1))
    pipeline.campaigns.cancel(campaign_id, app_id=APP, by=ADA)
    pipeline.advance()
    asked = {waiting.chunk_id for _, waiting, _ in pipeline.jobs.sends}
    assert asked == {first.chunk_id, *(one.chunk_id for one in rest)}
    assert pipeline.store.unsettled(APP) != []
    for chunk_id in asked:
        pipeline.finish(chunk_id, State.SKIPPED)
    pipeline.advance()
    assert pipeline.state == CampaignState.CANCELLED
    assert pipeline.store.unsettled(APP) == []


def test_a_rehearsal_is_planned_and_released_at_once_and_settled(pipeline: Pipeline) -> None:
    later = pipeline.clock() + timedelta(days=1)
    campaign_id = pipeline.drafted(replace(DRAFT, timing=Timing(at=later), throttle_per_minute=10))
    pipeline.campaigns.rehearse(campaign_id, app_id=APP, by=ADA)
    pipeline.advance()
    pipeline.plan()
    pipeline.advance()
    assert sum(waiting.size for _, waiting, _ in pipeline.jobs.sends) == 200
    for _, waiting, _ in pipeline.jobs.sends:
        pipeline.finish(waiting.chunk_id)
    pipeline.advance()
    assert pipeline.state == CampaignState.DRAFT
    assert pipeline.store.unsettled(APP) == []


def test_a_crash_between_job_and_note_releases_again_and_loses_nothing(
    pipeline: Pipeline,
) -> None:
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    pipeline.plan()

    class CrashError(Exception):
        pass

    def crash_at_the_third() -> None:
        if len(pipeline.jobs.sends) == 2:
            raise CrashError

    pipeline.jobs.before_send = crash_at_the_third
    with pytest.raises(CrashError):
        pipeline.advance()
    pipeline.jobs.before_send = lambda: None
    pipeline.advance()
    jobs = Counter(waiting.chunk_id for _, waiting, _ in pipeline.jobs.sends)
    assert set(jobs) == {chunk_id for _, chunk_id in pipeline.chunks.kept}


def test_a_crash_between_the_end_and_its_settlement_is_made_good(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.drafted())
    pipeline.advance()
    pipeline.plan()
    pipeline.advance()
    for _, waiting, _ in pipeline.jobs.sends:
        pipeline.finish(waiting.chunk_id)
    pipeline.advance()
    run = pipeline.run
    pipeline.store.open[APP, run.campaign_id, run.run_id] = None  # nobody came to settle it
    pipeline.advance()
    assert pipeline.store.unsettled(APP) == []
