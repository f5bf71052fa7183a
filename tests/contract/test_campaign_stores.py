"""Every store of campaigns and their plans, real or fake, keeps these promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.kernel.envelope import Envelope, seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.push.errors import (
    BudgetExceededError,
    CampaignChangedError,
    CampaignNotFoundError,
    PlanAdvancedError,
)
from shared.push.events import CampaignCreated
from shared.push.model import DeliveryMode
from shared.push.model.campaigns import (
    Approval,
    Booking,
    Campaign,
    CampaignDraft,
    CampaignState,
    Conversion,
    Run,
    Timing,
    Variant,
)
from shared.push.model.planning import Member, ShardPlan, planned_chunks
from shared.push.model.throttle import Allowance
from shared.push.ports import CampaignStore, PlanStore, Waiting
from tests.contract.test_template_stores import FULL, SALE
from tests.fakes.campaigns import InMemoryCampaignStore, InMemoryPlanStore
from tests.fakes.clock import ManualClock
from tests.fakes.push import InMemoryChunkStore

APP = "app_" + "0" * 26
AT = datetime(2026, 12, 1, 6, 30, 0, 123_000, tzinfo=UTC)
PLAIN = CampaignDraft(
    name="Spring",
    segment_id="seg_1",
    segment_version=3,
    variants=(Variant(name="a", template_id="tpl_1"),),
)
WHOLE = CampaignDraft(
    name="Frühling",
    segment_id="seg_1",
    segment_version=3,
    variants=(
        Variant(name="a", template_id="tpl_1", weight=9, variables={"where": "Zürich"}),
        Variant(name="b", template_id="tpl_2"),
    ),
    timing=Timing(wall=datetime(2026, 12, 1, 9)),
    throttle_per_minute=100,
    expires_at=datetime(2026, 12, 3, tzinfo=UTC),
    holdout_percent=2.5,
    delivery=DeliveryMode.AT_MOST_ONCE,
    conversion=Conversion(type="purchase.completed.v1", within=timedelta(hours=5)),
    offer_key="spring",
    priority=70,
)
DAY = date(2026, 12, 1)


@dataclass(frozen=True, kw_only=True)
class Stores:
    campaigns: CampaignStore
    plans: PlanStore
    told: Callable[[], list[str]]
    clock: ManualClock

    def event(self, campaign: Campaign) -> Envelope:
        event = CampaignCreated(
            app_id=campaign.app_id,
            occurred_at=AT,
            campaign_id=campaign.campaign_id,
            name=campaign.draft.name,
            version=campaign.version,
            by="ada",
        )
        return seal(event, sequence=Ids(clock=self.clock).sequence())

    def add(self, draft: CampaignDraft = PLAIN, *, campaign_id: str = "cmp_1") -> Campaign:
        campaign = Campaign(
            app_id=APP,
            campaign_id=campaign_id,
            draft=draft,
            authors=("ada",),
            created_at=AT,
            updated_at=AT,
        )
        self.campaigns.add_campaign(campaign, self.event(campaign), attempt=None)
        return campaign

    def planning(self, *, is_rehearsal: bool = False) -> Run:
        """Return the run of a campaign that is being planned."""
        campaign = self.add()
        run = run_of(campaign, is_rehearsal=is_rehearsal)
        state = campaign.state if is_rehearsal else CampaignState.PLANNING
        after = replace(campaign, state=state, version=2)
        self.campaigns.replace_campaign(after, None, before=campaign, run=run)
        return run

    def cancel(self, run: Run) -> None:
        before = self.campaigns.get_campaign(run.campaign_id, app_id=APP)
        after = replace(before, state=CampaignState.CANCELLED, version=before.version + 1)
        self.campaigns.replace_campaign(after, None, before=before)


def run_of(campaign: Campaign, *, is_rehearsal: bool = False) -> Run:
    return Run(
        app_id=APP,
        campaign_id=campaign.campaign_id,
        run_id="0" * 26,
        is_rehearsal=is_rehearsal,
        draft=campaign.draft,
        templates={"a": FULL, "b": SALE},
        app_name="Shop",
        app_locale="de-CH",
        app_zone="Europe/Zurich",
        started_at=AT,
    )


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        campaigns = InMemoryCampaignStore()
        return Stores(
            campaigns=campaigns,
            plans=InMemoryPlanStore(campaigns=campaigns, chunks=InMemoryChunkStore()),
            told=lambda: [event.type for event in campaigns.events],
            clock=ManualClock(),
        )
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Stores:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.push.store import DynamoCampaignStore, DynamoPlanStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in rows]

    ledger = Ledger(table=tables["contact_events"])
    return Stores(
        campaigns=DynamoCampaignStore(table=tables["push"], ledger=ledger),
        plans=DynamoPlanStore(table=tables["push"]),
        told=told,
        clock=ManualClock(),
    )


@pytest.mark.parametrize("draft", [PLAIN, WHOLE])
def test_a_campaign_comes_back_as_it_was_stored(it: Stores, draft: CampaignDraft) -> None:
    campaign = it.add(draft)
    assert it.campaigns.get_campaign("cmp_1", app_id=APP) == campaign
    after = replace(
        campaign,
        state=CampaignState.PAUSED,
        paused_from=CampaignState.SCHEDULED,
        approval=Approval(by="ben", at=AT, templates={"a": 4}),
        booking=Booking(day=DAY, messages=3, limit=9),
        run_id="0" * 26,
        rehearsal_id="1" * 26,
        starts_at=AT,
        version=2,
    )
    it.campaigns.replace_campaign(after, None, before=campaign)
    assert it.campaigns.get_campaign("cmp_1", app_id=APP) == after
    assert it.campaigns.state_of("cmp_1", app_id=APP) is CampaignState.PAUSED
    assert it.told() == ["campaign.created.v1"]
    for ask in (it.campaigns.get_campaign, it.campaigns.state_of):
        with pytest.raises(CampaignNotFoundError):
            ask("cmp_1", app_id="app_other")


def test_a_campaign_is_added_once_for_an_attempt(it: Stores) -> None:
    campaign = it.add(campaign_id="cmp_0")
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    assert it.campaigns.recall(attempt, app_id=APP) is None
    first, again = (replace(campaign, campaign_id=one) for one in ("cmp_1", "cmp_2"))
    assert it.campaigns.add_campaign(first, it.event(first), attempt=attempt)
    assert not it.campaigns.add_campaign(again, it.event(again), attempt=attempt)
    remembered = it.campaigns.recall(attempt, app_id=APP)
    assert remembered
    assert (remembered.result, remembered.fingerprint) == ("cmp_1", "f")
    assert len(it.told()) == 2


def test_campaigns_are_listed_in_the_order_of_their_creation(it: Stores) -> None:
    for place in range(3):
        it.add(campaign_id=f"cmp_{place}")
    first = it.campaigns.list_campaigns(APP, limit=2, cursor=None)
    rest = it.campaigns.list_campaigns(APP, limit=2, cursor=first.next_cursor)
    assert [one.campaign_id for one in (*first.items, *rest.items)] == ["cmp_0", "cmp_1", "cmp_2"]
    assert rest.next_cursor is None


def test_of_two_changes_one_is_refused(it: Stores) -> None:
    campaign = it.add()
    after = replace(campaign, state=CampaignState.CANCELLED, version=2)
    it.campaigns.replace_campaign(after, it.event(after), before=campaign)
    with pytest.raises(CampaignChangedError):
        it.campaigns.replace_campaign(after, it.event(after), before=campaign)
    assert len(it.told()) == 2


@pytest.mark.parametrize("draft", [PLAIN, WHOLE])
def test_a_run_comes_back_and_is_listed_until_it_is_settled(
    it: Stores, draft: CampaignDraft
) -> None:
    campaign = it.add(draft)
    run = run_of(campaign)
    it.campaigns.replace_campaign(replace(campaign, version=2), None, before=campaign, run=run)
    assert it.campaigns.get_run(run.run_id, campaign_id="cmp_1", app_id=APP) == run
    with pytest.raises(CampaignNotFoundError):
        it.campaigns.get_run("1" * 26, campaign_id="cmp_1", app_id=APP)
    assert it.campaigns.unsettled(APP) == [("cmp_1", run.run_id)]
    assert it.campaigns.unsettled("app_other") == []
    it.campaigns.settle(run)
    assert it.campaigns.unsettled(APP) == []


def test_a_days_budget_is_never_passed(it: Stores) -> None:
    campaign = it.add()
    for place, (messages, fits) in enumerate(((6, True), (5, False), (4, True), (1, False))):
        before = it.campaigns.get_campaign("cmp_1", app_id=APP)
        after = replace(before, version=before.version + 1)
        booking = Booking(day=DAY, messages=messages, limit=10)
        if fits:
            it.campaigns.replace_campaign(after, None, before=before, booking=booking)
            continue
        with pytest.raises(BudgetExceededError, match="left"):
            it.campaigns.replace_campaign(after, None, before=before, booking=booking)
        assert it.campaigns.get_campaign("cmp_1", app_id=APP) == before, place
    assert it.campaigns.booked(APP, DAY) == 10
    before = it.campaigns.get_campaign("cmp_1", app_id=APP)
    given_back = Booking(day=DAY, messages=-6, limit=10)
    it.campaigns.replace_campaign(
        replace(campaign, version=before.version + 1), None, before=before, booking=given_back
    )
    assert it.campaigns.booked(APP, DAY) == 4
    assert it.campaigns.booked(APP, DAY + timedelta(days=1)) == 0


def people(count: int, *, first: int = 0) -> list[Member]:
    return [
        Member(device_id=f"d{at:05}", contact_id=f"con_{at:05}", zone=None)
        for at in range(first, first + count)
    ]


def test_a_step_is_written_once_with_its_chunks_and_lines(it: Stores) -> None:
    run = it.planning()
    assert it.plans.shard_plan(run, 5) == ShardPlan(shard=5)
    chunks, _ = planned_chunks(run, people(700), shard=5, step=0)
    plan = ShardPlan(shard=5).advanced(chunks, after="d00699", is_done=False, at=AT)
    it.plans.add_step(run, plan, chunks)
    with pytest.raises(PlanAdvancedError):
        it.plans.add_step(run, plan, chunks)
    more, _ = planned_chunks(run, people(3, first=700), shard=5, step=1)
    it.plans.add_step(run, plan.advanced(more, after=None, is_done=True, at=AT), more)
    (found,) = it.plans.shard_plans(run)
    assert (found.planned, found.steps, found.is_done, found.after) == (703, 2, True, None)
    lines = it.plans.lines(run)
    assert sorted(line.size for line in lines) == [3, 200, 500]
    assert all(line.is_balanced and line.pending == line.size for line in lines)


def test_no_step_is_added_after_a_cancellation(it: Stores) -> None:
    run = it.planning()
    it.cancel(run)
    chunks, _ = planned_chunks(run, people(1), shard=0, step=0)
    with pytest.raises(PlanAdvancedError):
        it.plans.add_step(
            run, ShardPlan(shard=0).advanced(chunks, after=None, is_done=True, at=AT), chunks
        )
    assert it.plans.lines(run) == []


def test_a_rehearsal_is_planned_while_its_campaign_is_a_draft(it: Stores) -> None:
    run = it.planning(is_rehearsal=True)
    chunks, _ = planned_chunks(run, people(1), shard=0, step=0)
    it.plans.add_step(
        run, ShardPlan(shard=0).advanced(chunks, after="d", is_done=False, at=AT), chunks
    )
    assert [line.pending for line in it.plans.lines(run)] == [1]


def test_chunks_wait_in_the_order_in_which_they_are_due(it: Stores) -> None:
    run = it.planning()
    wall = Timing(wall=datetime(2026, 12, 1, 9))
    local = replace(run, draft=replace(run.draft, timing=wall))
    members = [
        replace(member, zone=zone)
        for member, zone in zip(
            people(3), ["America/Bogota", "Asia/Tokyo", "Europe/Zurich"], strict=True
        )
    ]
    chunks, _ = planned_chunks(local, members, shard=0, step=0)
    it.plans.add_step(
        run, ShardPlan(shard=0).advanced(chunks, after=None, is_done=True, at=AT), chunks
    )
    waiting = it.plans.due(run, until=None, limit=10)
    assert [one.due_at.hour for one in waiting] == [0, 8, 14]
    tokyo, zurich, _ = waiting
    assert it.plans.due(run, until=zurich.due_at, limit=10) == [tokyo, zurich]
    just_before = zurich.due_at - timedelta(milliseconds=1)
    assert it.plans.due(run, until=just_before, limit=10) == [tokyo]
    assert it.plans.due(run, until=None, limit=1) == [tokyo]
    it.plans.released(run, [tokyo, zurich])
    it.plans.released(run, [Waiting(chunk_id=tokyo.chunk_id, due_at=tokyo.due_at, size=1)])
    assert len(it.plans.due(run, until=None, limit=10)) == 1


def test_an_allowance_is_replaced_by_one_of_two(it: Stores) -> None:
    run = it.planning()
    assert it.plans.allowance(run) is None
    first = Allowance(left=1 / 3, at=AT)
    assert it.plans.replace_allowance(run, first, before=None)
    assert not it.plans.replace_allowance(run, first, before=None)
    assert it.plans.allowance(run) == first
    second = Allowance(left=0, at=AT + timedelta(seconds=1))
    assert it.plans.replace_allowance(run, second, before=first)
    assert not it.plans.replace_allowance(run, second, before=first)


def test_the_last_time_of_asking_is_remembered(it: Stores) -> None:
    run = it.planning()
    assert it.plans.asked(run) is None
    it.plans.note_asked(run, at=AT)
    assert it.plans.asked(run) == AT


def test_state_is_what_was_acknowledged_last(it: Stores) -> None:
    run = it.planning()
    it.cancel(run)
    assert it.campaigns.state_of(run.campaign_id, app_id=APP) is CampaignState.CANCELLED
