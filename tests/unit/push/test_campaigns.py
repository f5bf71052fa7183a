"""Campaigns: legal moves only, a second person's yes, budgets, and instants in every zone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.push.errors import (
    AudienceEmptyError,
    BudgetExceededError,
    CampaignChangedError,
    CampaignInvalidError,
    CampaignNameMismatchError,
    CampaignNotApprovedError,
    CampaignStateError,
    OwnApprovalError,
    PushNotConfiguredError,
)
from shared.push.model.campaigns import (
    LEADS_TO,
    Campaign,
    CampaignDraft,
    CampaignState,
    Timing,
    Variant,
    instant_of,
)
from shared.push.model.templates import Template, TemplateDraft, Words
from shared.push.ports import CampaignRules
from shared.push.service.campaigns import CampaignService
from tests.fakes.campaigns import (
    InMemoryCampaignStore,
    ListedAudience,
    ListedJobs,
    OneCampaignApp,
    members_of,
)
from tests.fakes.clock import ManualClock
from tests.fakes.push import InMemoryTemplateStore

APP = "app_" + "0" * 26
ADA, BEN = "issuer#ada", "issuer#ben"
SALE = TemplateDraft(
    name="sale",
    purpose=Purpose.MARKETING,
    topic="offers",
    default_locale="en",
    contents={"en": Words(title="Sale")},
    variables={"where": "home"},
)
DRAFT = CampaignDraft(
    name="Spring",
    segment_id="seg_1",
    segment_version=0,
    variants=(Variant(name="a", template_id="tpl_1"),),
)


class Office:
    """An app with one template and an audience, and the people who run its campaigns."""

    def __init__(self, *, devices: int = 3) -> None:
        self.clock = ManualClock()
        self.store = InMemoryCampaignStore()
        self.templates = InMemoryTemplateStore()
        self.jobs = ListedJobs()
        self.apps = OneCampaignApp()
        names = [(f"phone-{place:04}", None) for place in range(devices)]
        self.audience = ListedAudience(members=members_of(names))
        self.write("tpl_1", SALE)
        self.campaigns = CampaignService(
            campaigns=self.store,
            templates=self.templates,
            segments=self.audience,
            apps=self.apps,
            jobs=self.jobs,
            clock=self.clock,
            ids=Ids(clock=self.clock),
        )

    def write(self, template_id: str, draft: TemplateDraft, *, version: int = 1) -> None:
        at = self.clock()
        self.templates.kept[APP, template_id] = Template(
            app_id=APP,
            template_id=template_id,
            draft=draft,
            version=version,
            created_at=at,
            updated_at=at,
        )

    def limited(self, **rules: int) -> None:
        self.apps.app = replace(self.apps.app, rules=CampaignRules(**rules))

    def drafted(self, draft: CampaignDraft = DRAFT) -> str:
        campaign, _ = self.campaigns.create_campaign(draft, app_id=APP, by=ADA, attempt=None)
        return campaign.campaign_id

    def send(self, campaign_id: str) -> Campaign:
        return self.campaigns.send(campaign_id, app_id=APP, by=ADA)


@pytest.fixture
def office() -> Office:
    return Office()


def campaign_in(state: CampaignState) -> Campaign:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    paused_from = CampaignState.SENDING if state is CampaignState.PAUSED else None
    return Campaign(
        app_id=APP,
        campaign_id="cmp_1",
        draft=DRAFT,
        state=state,
        authors=(ADA,),
        created_at=at,
        updated_at=at,
        paused_from=paused_from,
    )


@pytest.mark.parametrize(("state", "follower"), list(product(CampaignState, CampaignState)))
def test_a_campaign_makes_legal_moves_only(state: CampaignState, follower: CampaignState) -> None:
    campaign = campaign_in(state)
    may = follower in LEADS_TO[state]
    if state is CampaignState.PAUSED:
        may = follower in {CampaignState.SENDING, CampaignState.CANCELLED}
    if may:
        assert campaign.moved_to(follower, at=campaign.updated_at).state is follower
    else:
        with pytest.raises(CampaignStateError):
            campaign.moved_to(follower, at=campaign.updated_at)


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-12-01T09:00", "Europe/Zurich", "2026-12-01T08:00+00:00"),
        ("2026-12-01T09:00", "America/Bogota", "2026-12-01T14:00+00:00"),
        ("2026-12-01T09:00", "Pacific/Kiritimati", "2026-11-30T19:00+00:00"),
        ("2027-03-28T02:30", "Europe/Zurich", "2027-03-28T01:30+00:00"),
        ("2026-10-25T02:30", "Europe/Zurich", "2026-10-25T00:30+00:00"),
    ],
)
def test_a_wall_clock_means_one_instant_in_each_zone(wall: str, zone: str, instant: str) -> None:
    found = instant_of(datetime.fromisoformat(wall), zone=zone)
    assert found == datetime.fromisoformat(instant)
    timing = Timing(wall=datetime.fromisoformat(wall))
    first, last = timing.first(), timing.last()
    assert first
    assert last
    assert first <= found <= last


def test_what_expires_before_the_last_zone_is_due_is_refused() -> None:
    wall = datetime(2026, 12, 1, 9)
    with pytest.raises(InvalidFieldsError):
        replace(DRAFT, timing=Timing(wall=wall), expires_at=datetime(2026, 12, 1, 20, tzinfo=UTC))
    expires_at = datetime(2026, 12, 1, 22, tzinfo=UTC)
    assert replace(DRAFT, timing=Timing(wall=wall), expires_at=expires_at).expires_at == expires_at


def test_a_draft_pins_the_newest_version_of_its_segment(office: Office) -> None:
    office.audience.versions["seg_1"] = 7
    campaign_id = office.drafted()
    office.audience.versions["seg_1"] = 8
    found = office.campaigns.get_campaign(campaign_id, app_id=APP)
    assert found.draft.segment_version == 7
    with pytest.raises(CampaignInvalidError):
        office.drafted(replace(DRAFT, segment_version=9))


def test_a_campaign_is_created_once_for_an_attempt(office: Office) -> None:
    attempt = Attempt(caller=ADA, key="k", fingerprint="f")
    first = office.campaigns.create_campaign(DRAFT, app_id=APP, by=ADA, attempt=attempt)
    again = office.campaigns.create_campaign(DRAFT, app_id=APP, by=ADA, attempt=attempt)
    assert (first[1], again[1]) == (False, True)
    assert first[0] == again[0]
    assert [event.type for event in office.store.events] == ["campaign.created.v1"]


def test_templates_must_exist_and_go_together(office: Office) -> None:
    office.write("tpl_2", replace(SALE, name="other", topic=None))
    variants = (
        Variant(name="a", template_id="tpl_1", variables={"nothing": "x"}),
        Variant(name="b", template_id="tpl_2"),
        Variant(name="c", template_id="tpl_9"),
    )
    with pytest.raises(CampaignInvalidError) as refused:
        office.drafted(replace(DRAFT, variants=variants))
    assert [problem.pointer for problem in refused.value.fields] == [
        "/variants/0/variables/nothing",
        "/variants/1/template_id",
        "/variants/2/template_id",
    ]


def test_a_change_makes_a_draft_again_and_needs_the_version_that_was_read(office: Office) -> None:
    campaign_id = office.drafted()
    office.campaigns.approve(campaign_id, name="Spring", app_id=APP, by=BEN)
    with pytest.raises(CampaignChangedError):
        office.campaigns.change_campaign(
            campaign_id, {"holdout_percent": 5}, app_id=APP, version=1, by=ADA
        )
    changed = office.campaigns.change_campaign(
        campaign_id, {"holdout_percent": 5}, app_id=APP, version=2, by=BEN
    )
    assert (changed.state, changed.approval, changed.version) == (CampaignState.DRAFT, None, 3)
    assert changed.authors == (ADA, BEN)


def test_nobody_approves_what_they_wrote_or_did_not_look_at(office: Office) -> None:
    campaign_id = office.drafted()
    with pytest.raises(OwnApprovalError, match="approval_by_another"):
        office.campaigns.approve(campaign_id, name="Spring", app_id=APP, by=ADA)
    with pytest.raises(CampaignNameMismatchError):
        office.campaigns.approve(campaign_id, name="spring", app_id=APP, by=BEN)
    approved = office.campaigns.approve(campaign_id, name="Spring", app_id=APP, by=BEN)
    assert approved.state is CampaignState.APPROVED


def test_a_large_audience_needs_a_second_person(office: Office) -> None:
    office.limited(approval_above=2)
    campaign_id = office.drafted()
    with pytest.raises(CampaignNotApprovedError, match="approval_above"):
        office.send(campaign_id)
    office.campaigns.approve(campaign_id, name="Spring", app_id=APP, by=BEN)
    office.write("tpl_1", SALE, version=2)
    with pytest.raises(CampaignNotApprovedError, match="templates changed"):
        office.send(campaign_id)
    office.write("tpl_1", SALE)
    assert office.send(campaign_id).state is CampaignState.SCHEDULED


def test_a_small_audience_needs_none(office: Office) -> None:
    office.limited(approval_above=3)
    assert office.send(office.drafted()).state is CampaignState.SCHEDULED


def test_what_is_sent_at_once_is_taken_on_at_once(office: Office) -> None:
    sent = office.send(office.drafted())
    (run,) = office.jobs.advances
    assert (run.run_id, run.is_rehearsal) == (sent.run_id, False)
    assert run.templates == {"a": SALE}
    assert office.store.unsettled(APP) == [(sent.campaign_id, run.run_id)]


def test_what_is_for_later_is_planned_shortly_before(office: Office) -> None:
    due = office.clock() + timedelta(days=2)
    sent = office.send(office.drafted(replace(DRAFT, timing=Timing(at=due))))
    assert sent.starts_at == due - timedelta(minutes=10)
    assert office.jobs.advances == []


def test_a_budget_of_a_day_is_not_passed_and_what_is_cancelled_gives_back(office: Office) -> None:
    office.limited(sends_per_day=5)
    due = office.clock() + timedelta(days=2)
    later = replace(DRAFT, timing=Timing(at=due))
    first, second = office.drafted(later), office.drafted(later)
    office.send(first)
    with pytest.raises(BudgetExceededError, match="2 are left"):
        office.send(second)
    assert office.campaigns.get_campaign(second, app_id=APP).state is CampaignState.DRAFT
    office.campaigns.cancel(first, app_id=APP, by=ADA)
    assert office.send(second).state is CampaignState.SCHEDULED


def test_what_can_reach_nobody_is_refused() -> None:
    office = Office(devices=0)
    with pytest.raises(AudienceEmptyError):
        office.send(office.drafted())
    office = Office()
    late = replace(DRAFT, timing=Timing(at=office.clock() - timedelta(days=2)))
    with pytest.raises(CampaignInvalidError):
        office.send(office.drafted(late))
    office.apps.app = replace(office.apps.app, can_push=False)
    with pytest.raises(PushNotConfiguredError):
        office.send(office.drafted())


def test_a_rehearsal_changes_no_state_and_is_a_run_of_its_own(office: Office) -> None:
    campaign_id = office.drafted()
    campaign, run = office.campaigns.rehearse(campaign_id, app_id=APP, by=ADA)
    assert (campaign.state, campaign.rehearsal_id) == (CampaignState.DRAFT, run.run_id)
    assert run.is_rehearsal
    assert office.jobs.advances == [run]
    office.send(campaign_id)
    with pytest.raises(CampaignStateError):
        office.campaigns.rehearse(campaign_id, app_id=APP, by=ADA)


def test_pause_and_resume_go_back_to_where_it_was(office: Office) -> None:
    due = office.clock() + timedelta(days=2)
    campaign_id = office.send(office.drafted(replace(DRAFT, timing=Timing(at=due)))).campaign_id
    paused = office.campaigns.pause(campaign_id, app_id=APP, by=ADA)
    assert (paused.state, paused.paused_from) == (CampaignState.PAUSED, CampaignState.SCHEDULED)
    with pytest.raises(CampaignStateError):
        office.campaigns.pause(campaign_id, app_id=APP, by=ADA)
    resumed = office.campaigns.resume(campaign_id, app_id=APP, by=ADA)
    assert (resumed.state, resumed.paused_from) == (CampaignState.SCHEDULED, None)
    assert len(office.jobs.advances) == 1
    with pytest.raises(CampaignStateError):
        office.campaigns.resume(campaign_id, app_id=APP, by=ADA)


def test_sending_again_neither_resumes_what_is_paused_nor_begins_another_run(
    office: Office,
) -> None:
    due = office.clock() + timedelta(days=2)
    campaign_id = office.send(office.drafted(replace(DRAFT, timing=Timing(at=due)))).campaign_id
    office.campaigns.pause(campaign_id, app_id=APP, by=ADA)
    with pytest.raises(CampaignStateError):
        office.send(campaign_id)
    assert office.campaigns.get_campaign(campaign_id, app_id=APP).state is CampaignState.PAUSED
    assert len(office.store.runs) == 1


def test_an_estimate_says_what_bounds_the_time(office: Office) -> None:
    office.limited(approval_above=2, sends_per_day=100)
    draft = replace(DRAFT, throttle_per_minute=1, holdout_percent=34)
    found = office.campaigns.estimate(office.drafted(draft), app_id=APP)
    assert (found.audience.devices, found.forecast.held_out, found.forecast.messages) == (3, 1, 2)
    assert (found.forecast.minutes, found.forecast.bottleneck) == (2, "throttle_per_minute")
    assert (found.needs_approval, found.budget_left) == (True, 100)
