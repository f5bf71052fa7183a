"""Use cases of those who run campaigns: draft, approve, send, pause, resume, cancel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.errors import FieldProblem
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.push.errors import (
    AudienceEmptyError,
    CampaignChangedError,
    CampaignInvalidError,
    CampaignNameMismatchError,
    CampaignNotApprovedError,
    CampaignStateError,
    OwnApprovalError,
    PushNotConfiguredError,
    TemplateNotFoundError,
)
from shared.push.events import (
    CampaignApproved,
    CampaignCancelled,
    CampaignCreated,
    CampaignEvent,
    CampaignPaused,
    CampaignRehearsed,
    CampaignResumed,
    CampaignScheduled,
    CampaignUpdated,
)
from shared.push.model.campaigns import (
    LONGEST_AHEAD,
    Approval,
    Booking,
    Campaign,
    CampaignDraft,
    CampaignState,
    Run,
)
from shared.push.model.comparing import Detectable, detectable
from shared.push.model.estimates import Forecast, forecast
from shared.push.model.templates import Template
from shared.push.ports import (
    AudienceEstimate,
    CampaignApp,
    CampaignApps,
    CampaignStore,
    Jobs,
    Segments,
    TemplateStore,
)

PLANNED_AHEAD = timedelta(minutes=10)
"""Planning begins so long before the first device is due: a million are planned in less."""

_OPEN = frozenset({CampaignState.DRAFT, CampaignState.APPROVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What sending a campaign would take, by what is known now."""

    audience: AudienceEstimate
    forecast: Forecast
    first_at: datetime
    last_at: datetime
    detectable: Sequence[Detectable]
    needs_approval: bool
    budget_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignService:
    """Keeps campaigns, and moves them on."""

    campaigns: CampaignStore
    templates: TemplateStore
    segments: Segments
    apps: CampaignApps
    jobs: Jobs
    clock: Clock
    ids: Ids

    def create_campaign(
        self, draft: CampaignDraft, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[Campaign, bool]:
        """Store a new draft; say whether the attempt had made it before.

        A ``segment_version`` of 0 is the newest.

        Raises:
            CampaignInvalidError: its templates do not exist, or do not go together.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        at = self.clock()
        campaign = Campaign(
            app_id=app_id,
            campaign_id=self.ids.new("cmp"),
            draft=self._checked(draft, app_id=app_id),
            authors=(by,),
            created_at=at,
            updated_at=at,
        )
        event = self._told(CampaignCreated, campaign, by=by)
        if self.campaigns.add_campaign(campaign, event, attempt=attempt) or attempt is None:
            return campaign, False
        return self._recall(attempt, app_id=app_id) or campaign, True

    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        """Return a campaign.

        Raises:
            CampaignNotFoundError: the app has none of this id.
        """
        return self.campaigns.get_campaign(campaign_id, app_id=app_id)

    def list_campaigns(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Campaign]:
        """Return a page of an app's campaigns, in the order of their creation."""
        return self.campaigns.list_campaigns(app_id, limit=limit, cursor=cursor)

    def change_campaign(
        self, campaign_id: str, changes: Mapping[str, Any], *, app_id: str, version: int, by: str
    ) -> Campaign:
        """Change fields of a draft; what was approved is a draft again.

        ``version`` is the one that was read.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignChangedError: another version stands by now.
            CampaignStateError: it was sent already, or cancelled.
            CampaignInvalidError: its templates do not exist, or do not go together.
            InvalidFieldsError: a rule between its fields is broken.
        """
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if before.version != version:
            raise CampaignChangedError(f"version {before.version} stands")
        if before.state not in _OPEN:
            raise CampaignStateError(f"it is {before.state}: only what was not sent can be changed")
        draft = self._checked(replace(before.draft, **changes), app_id=app_id)
        after = replace(
            before,
            draft=draft,
            state=CampaignState.DRAFT,
            approval=None,
            authors=(*before.authors, by) if by not in before.authors else before.authors,
            updated_at=self.clock(),
            version=version + 1,
        )
        self._replace(after, CampaignUpdated, before=before, by=by)
        return after

    def approve(self, campaign_id: str, *, name: str, app_id: str, by: str) -> Campaign:
        """Say yes to a draft as it stands; ``name`` is its name, typed by hand.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it is no draft.
            OwnApprovalError: ``by`` drafted or changed it.
            CampaignNameMismatchError: it has another name.
        """
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if by in before.authors:
            raise OwnApprovalError("rule approval_by_another: its author cannot approve it")
        if name != before.draft.name:
            raise CampaignNameMismatchError("type the name of the campaign as it is")
        at = self.clock()
        versions = {
            one.name: self.templates.get_template(one.template_id, app_id=app_id).version
            for one in before.draft.variants
        }
        after = replace(
            before.moved_to(CampaignState.APPROVED, at=at),
            approval=Approval(by=by, at=at, templates=versions),
        )
        self._replace(after, CampaignApproved, before=before, by=by)
        return after

    def estimate(self, campaign_id: str, *, app_id: str) -> Estimate:
        """Return what sending the campaign now would take.

        Raises:
            CampaignNotFoundError: the app has none of this id.
        """
        campaign = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        app = self.apps.campaign_app(app_id)
        return self._estimate(campaign, app, at=self.clock())

    def send(self, campaign_id: str, *, app_id: str, by: str) -> Campaign:
        """Have a campaign sent, at its time.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it was sent already, or cancelled.
            PushNotConfiguredError: the app has no push credentials.
            AudienceEmptyError: nobody is in the segment.
            CampaignNotApprovedError: the audience is above the app's limit and nobody else said
                yes, or a template was changed since.
            CampaignInvalidError: its time is over, or its texts are not what they were.
            BudgetExceededError: the day's budget is used up.
        """
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if before.state not in _OPEN:
            # One that was paused before its time would go back to being scheduled: as a new run.
            raise CampaignStateError(f"it is {before.state}: it was sent already, or cancelled")
        at = self.clock()
        moved = before.moved_to(CampaignState.SCHEDULED, at=at)
        app = self.apps.campaign_app(app_id)
        if not app.can_push:
            raise PushNotConfiguredError(app_id)
        self._check_time(before.draft, at=at)
        texts = self._texts(before.draft, app_id=app_id)
        estimate = self._estimate(before, app, at=at)
        _check_approval(before, texts, estimate)
        run = self._run(before, app, texts, at=at, is_rehearsal=False)
        booking = _booking(estimate, app)
        after = replace(
            moved,
            run_id=run.run_id,
            booking=booking,
            starts_at=max(at, estimate.first_at - PLANNED_AHEAD),
        )
        event = self._told(
            CampaignScheduled,
            after,
            by=by,
            run_id=run.run_id,
            starts_at=after.starts_at,
            audience=estimate.audience.devices,
            conversion=before.draft.conversion.type if before.draft.conversion else None,
            converts_within=before.draft.conversion.within if before.draft.conversion else None,
            ends_at=before.draft.deadline(estimate.last_at),
        )
        self.campaigns.replace_campaign(after, event, before=before, run=run, booking=booking)
        if after.starts_at == at:
            self.jobs.advance(run)
        return after

    def rehearse(self, campaign_id: str, *, app_id: str, by: str) -> tuple[Campaign, Run]:
        """Have a campaign go through all that sending does, but FCM's delivery.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it was sent already, or cancelled.
            PushNotConfiguredError: the app has no push credentials.
        """
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if before.state not in _OPEN:
            raise CampaignStateError(f"it is {before.state}: rehearse what was not sent")
        app = self.apps.campaign_app(app_id)
        if not app.can_push:
            raise PushNotConfiguredError(app_id)
        at = self.clock()
        texts = self._texts(before.draft, app_id=app_id)
        run = self._run(before, app, texts, at=at, is_rehearsal=True)
        after = replace(before, rehearsal_id=run.run_id, updated_at=at, version=before.version + 1)
        event = self._told(CampaignRehearsed, after, by=by, run_id=run.run_id)
        self.campaigns.replace_campaign(after, event, before=before, run=run)
        self.jobs.advance(run)
        return after, run

    def pause(self, campaign_id: str, *, app_id: str, by: str) -> Campaign:
        """Have nothing more sent until it is resumed: within seconds, also of what has begun.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it is not under way.
        """
        return self._move(campaign_id, CampaignState.PAUSED, CampaignPaused, app_id=app_id, by=by)

    def resume(self, campaign_id: str, *, app_id: str, by: str) -> Campaign:
        """Have a paused campaign go on where it was.

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it is not paused.
        """
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if before.paused_from is None:
            raise CampaignStateError(f"it is {before.state}: only what is paused can be resumed")
        return self._move(campaign_id, before.paused_from, CampaignResumed, app_id=app_id, by=by)

    def cancel(self, campaign_id: str, *, app_id: str, by: str) -> Campaign:
        """Have nothing more sent, for good; what is pending ends as skipped(cancelled).

        Raises:
            CampaignNotFoundError: the app has none of this id.
            CampaignStateError: it is over.
        """
        return self._move(
            campaign_id, CampaignState.CANCELLED, CampaignCancelled, app_id=app_id, by=by
        )

    def _move(
        self,
        campaign_id: str,
        state: CampaignState,
        event: type[CampaignEvent],
        *,
        app_id: str,
        by: str,
    ) -> Campaign:
        before = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        after = before.moved_to(state, at=self.clock())
        unused = None
        if state is CampaignState.CANCELLED and _was_never_planned(before) and before.booking:
            unused = replace(before.booking, messages=-before.booking.messages)
            after = replace(after, booking=None)
        self._replace(after, event, before=before, by=by, booking=unused)
        if after.run_id and state is not CampaignState.PAUSED:
            self.jobs.advance(
                self.campaigns.get_run(after.run_id, campaign_id=campaign_id, app_id=app_id)
            )
        return after

    def _checked(self, draft: CampaignDraft, *, app_id: str) -> CampaignDraft:
        """Return a draft that pins its segment, held to the rules between it and its templates."""
        newest = self.segments.current_version(draft.segment_id, app_id=app_id)
        if draft.segment_version > newest:
            problem = FieldProblem(
                pointer="/segment_version", code="unknown", detail=f"{newest} is the newest"
            )
            raise CampaignInvalidError("there is no such version", fields=[problem])
        self._texts(draft, app_id=app_id)
        return replace(draft, segment_version=draft.segment_version or newest)

    def _texts(self, draft: CampaignDraft, *, app_id: str) -> Mapping[str, Template]:
        """Return the variants' templates.

        Raises:
            CampaignInvalidError: one does not exist, or they do not go together.
        """
        found: dict[str, Template] = {}
        problems: list[FieldProblem] = []
        for at, variant in enumerate(draft.variants):
            place = f"/variants/{at}"
            try:
                template = self.templates.get_template(variant.template_id, app_id=app_id)
            except TemplateNotFoundError:
                problems.append(_problem(f"{place}/template_id", "unknown", "no such template"))
                continue
            found[variant.name] = template
            problems += [
                _problem(f"{place}/variables/{name}", "unknown", "the template has none such")
                for name in variant.variables
                if name not in template.draft.variables
            ]
            first = next(iter(found.values())).draft
            if (template.draft.purpose, template.draft.topic) != (first.purpose, first.topic):
                detail = "all variants have one purpose and topic"
                problems.append(_problem(f"{place}/template_id", "purpose", detail))
        if problems:
            raise CampaignInvalidError("the campaign cannot be sent so", fields=problems)
        return found

    def _check_time(self, draft: CampaignDraft, *, at: datetime) -> None:
        first, last = draft.timing.first() or at, draft.timing.last() or at
        problems = []
        if first - at > LONGEST_AHEAD:
            problems.append(_problem("/send_at", "range", "at most a year ahead"))
        if draft.deadline(last) <= at:
            problems.append(_problem("/send_at", "over", "nobody is due any more"))
        if problems:
            raise CampaignInvalidError("the campaign cannot be sent so", fields=problems)

    def _estimate(self, campaign: Campaign, app: CampaignApp, *, at: datetime) -> Estimate:
        draft = campaign.draft
        audience = self.segments.estimate(
            draft.segment_id, version=draft.segment_version, app_id=campaign.app_id
        )
        first = max(draft.timing.first() or at, at)
        last = max(draft.timing.last() or at, at)
        day = first.astimezone(ZoneInfo(app.default_zone)).date()
        limit = app.rules.sends_per_day
        threshold = app.rules.approval_above
        return Estimate(
            audience=audience,
            forecast=forecast(
                audience.devices,
                holdout_percent=draft.holdout_percent,
                throttle_per_minute=draft.throttle_per_minute,
                spread=last - first,
                leaves_copies=draft.copy_kept_for is not None,
            ),
            first_at=first,
            last_at=last,
            detectable=detectable(draft, audience.devices),
            needs_approval=threshold is not None and audience.high > threshold,
            budget_left=(
                None if limit is None else limit - self.campaigns.booked(campaign.app_id, day)
            ),
        )

    def _run(
        self,
        campaign: Campaign,
        app: CampaignApp,
        texts: Mapping[str, Template],
        *,
        at: datetime,
        is_rehearsal: bool,
    ) -> Run:
        return Run(
            app_id=campaign.app_id,
            campaign_id=campaign.campaign_id,
            run_id=self.ids.sequence(),
            is_rehearsal=is_rehearsal,
            draft=campaign.draft,
            templates={name: template.draft for name, template in texts.items()},
            app_name=app.name,
            app_locale=app.default_locale,
            app_zone=app.default_zone,
            started_at=at,
        )

    def _replace(
        self,
        campaign: Campaign,
        event: type[CampaignEvent],
        *,
        before: Campaign,
        by: str,
        booking: Booking | None = None,
    ) -> None:
        told = self._told(event, campaign, by=by)
        self.campaigns.replace_campaign(campaign, told, before=before, booking=booking)

    def _recall(self, attempt: Attempt, *, app_id: str) -> Campaign | None:
        before = self.campaigns.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.campaigns.get_campaign(before.result, app_id=app_id)

    def _told(
        self, kind: type[CampaignEvent], campaign: Campaign, *, by: str, **details: Any
    ) -> Envelope:
        event = kind(
            app_id=campaign.app_id,
            occurred_at=self.clock(),
            campaign_id=campaign.campaign_id,
            name=campaign.draft.name,
            version=campaign.version,
            by=by,
            **details,
        )
        return seal(event, sequence=self.ids.sequence())


def _was_never_planned(campaign: Campaign) -> bool:
    return CampaignState.SCHEDULED in {campaign.state, campaign.paused_from}


def _check_approval(campaign: Campaign, texts: Mapping[str, Template], estimate: Estimate) -> None:
    """Hold a campaign to what the app asks of large ones.

    Raises:
        AudienceEmptyError: nobody is in the segment.
        CampaignNotApprovedError: somebody else must say yes first.
    """
    if estimate.audience.high == 0:
        raise AudienceEmptyError("no device fits the segment")
    approval = campaign.approval
    if approval is None:
        if estimate.needs_approval:
            raise CampaignNotApprovedError(
                f"rule approval_above: about {estimate.audience.devices} devices"
            )
        return
    changed = [name for name, one in texts.items() if approval.templates.get(name) != one.version]
    if changed:
        raise CampaignNotApprovedError(f"templates changed since: {', '.join(sorted(changed))}")


def _booking(estimate: Estimate, app: CampaignApp) -> Booking | None:
    if app.rules.sends_per_day is None:
        return None
    day = estimate.first_at.astimezone(ZoneInfo(app.default_zone)).date()
    return Booking(day=day, messages=estimate.forecast.messages, limit=app.rules.sends_per_day)


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)
