"""The routes of campaigns."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.push_api.schemas import AppId, Cursor, Limit
from functions.push_api.schemas.campaigns import (
    ApprovalIn,
    CampaignChangeIn,
    CampaignEstimateOut,
    CampaignId,
    CampaignIn,
    CampaignOut,
    CampaignsOut,
    ContactId,
    ExplanationOut,
    RehearsalOut,
    RunId,
    TrialIn,
    TrialOut,
    TrialsOut,
)
from functions.push_api.schemas.results import ResultsOut
from functions.push_api.wiring import campaigns, explanations, rehearsals, results, trials
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.push.errors import (
    AudienceEmptyError,
    BudgetExceededError,
    CampaignChangedError,
    CampaignInvalidError,
    CampaignNameMismatchError,
    CampaignNotApprovedError,
    CampaignNotFoundError,
    CampaignStateError,
    OwnApprovalError,
    PushNotConfiguredError,
    TemplateNotFoundError,
)
from shared.registrations.errors import AppNotFoundError, SegmentNotFoundError

router = Router()
OK, CREATED, ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
CAMPAIGNS = "/v1/apps/<app_id>/campaigns"
CAMPAIGN = f"{CAMPAIGNS}/<campaign_id>"


@router.on(
    f"POST {CAMPAIGNS}",
    summary="Draft a campaign",
    access=marketer(Role.EDITOR),
    success={CREATED: "The campaign, a draft."},
    refusals=[AppNotFoundError, SegmentNotFoundError, CampaignInvalidError],
)
def create_campaign(app_id: AppId, body: Annotated[CampaignIn, Body()]) -> Response[CampaignOut]:
    """Store a draft; with an `Idempotency-Key`, once."""
    campaign, replayed = campaigns().create_campaign(
        body.draft(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(CampaignOut.of(campaign), CREATED, replayed=replayed)


@router.on(
    f"GET {CAMPAIGNS}",
    summary="The campaigns of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of campaigns."},
)
def list_campaigns(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> CampaignsOut:
    """Return which campaigns there are, in the order of their creation."""
    page = campaigns().list_campaigns(app_id, limit=limit, cursor=cursor and place_of(cursor))
    return CampaignsOut(
        items=tuple(CampaignOut.of(one) for one in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {CAMPAIGN}",
    summary="A campaign",
    access=marketer(Role.VIEWER),
    success={OK: "The campaign."},
    refusals=[CampaignNotFoundError],
)
def get_campaign(app_id: AppId, campaign_id: CampaignId) -> CampaignOut:
    """Return a campaign and its state."""
    return CampaignOut.of(campaigns().get_campaign(campaign_id, app_id=app_id))


@router.on(
    f"PATCH {CAMPAIGN}",
    summary="Change a draft",
    access=marketer(Role.EDITOR),
    success={OK: "The campaign, a draft again."},
    refusals=[
        CampaignNotFoundError,
        CampaignChangedError,
        CampaignStateError,
        CampaignInvalidError,
        SegmentNotFoundError,
    ],
)
def change_campaign(
    app_id: AppId, campaign_id: CampaignId, body: Annotated[CampaignChangeIn, Body()]
) -> CampaignOut:
    """Change what was not sent yet; an approval is gone then."""
    campaign = campaigns().change_campaign(
        campaign_id, body.changes(), app_id=app_id, version=body.version, by=caller().subject
    )
    return CampaignOut.of(campaign)


@router.on(
    f"POST {CAMPAIGN}/estimate",
    summary="What sending a campaign would take",
    access=marketer(Role.VIEWER),
    success={OK: "Devices, time, quota and cost."},
    refusals=[CampaignNotFoundError, SegmentNotFoundError],
)
def estimate_campaign(app_id: AppId, campaign_id: CampaignId) -> CampaignEstimateOut:
    """Look at the audience as it is now; of a large one at a sample."""
    return CampaignEstimateOut.of(campaigns().estimate(campaign_id, app_id=app_id))


@router.on(
    f"POST {CAMPAIGN}/rehearse",
    summary="Rehearse a campaign",
    access=marketer(Role.EDITOR),
    success={ACCEPTED: "The rehearsal has begun."},
    refusals=[
        CampaignNotFoundError,
        CampaignStateError,
        CampaignChangedError,
        CampaignInvalidError,
        PushNotConfiguredError,
    ],
)
def rehearse_campaign(app_id: AppId, campaign_id: CampaignId) -> Response[RehearsalOut]:
    """Do all that sending does, but have FCM only check: nobody is told, nothing is counted."""
    _, run = campaigns().rehearse(campaign_id, app_id=app_id, by=caller().subject)
    return answered(_rehearsal(app_id, campaign_id, run.run_id), ACCEPTED)


@router.on(
    f"GET {CAMPAIGN}/rehearsals/<run_id>",
    summary="What a rehearsal came to",
    access=marketer(Role.VIEWER),
    success={OK: "Counts by state, reason and variant; duration, quota and cost."},
    refusals=[CampaignNotFoundError],
)
def get_rehearsal(app_id: AppId, campaign_id: CampaignId, run_id: RunId) -> RehearsalOut:
    """Return where each message would end, as far as the rehearsal is."""
    return _rehearsal(app_id, campaign_id, run_id)


def _rehearsal(app_id: str, campaign_id: str, run_id: str) -> RehearsalOut:
    found = rehearsals().get_rehearsal(run_id, campaign_id=campaign_id, app_id=app_id)
    return RehearsalOut.of(found.run, found.books, is_done=found.is_done, found=found.forecast)


@router.on(
    f"POST {CAMPAIGN}/test",
    summary="Send a campaign's text to named devices",
    access=marketer(Role.SENDER),
    success={ACCEPTED: "Of each device its message, or why there is none."},
    refusals=[CampaignNotFoundError, CampaignInvalidError, TemplateNotFoundError],
)
def test_campaign(
    app_id: AppId, campaign_id: CampaignId, body: Annotated[TrialIn, Body()]
) -> Response[TrialsOut]:
    """Queue one message for each device now, whatever the hour; the books know nothing of it."""
    campaign = campaigns().get_campaign(campaign_id, app_id=app_id)
    found = trials().try_on(campaign, body.device_ids, variant=body.variant)
    return answered(TrialsOut(trials=tuple(TrialOut.of(one) for one in found)), ACCEPTED)


@router.on(
    f"GET {CAMPAIGN}/results",
    summary="What came of a campaign",
    access=marketer(Role.VIEWER),
    success={OK: "The books, and what people did: by variant, and beside the control."},
    refusals=[CampaignNotFoundError],
)
def get_results(app_id: AppId, campaign_id: CampaignId) -> ResultsOut:
    """Return what came of a campaign up to now; of one that was not sent, nothing."""
    return ResultsOut.of(results().results(campaign_id, app_id=app_id))


@router.on(
    f"GET {CAMPAIGN}/explain",
    summary="Why a campaign told a person, or did not",
    access=marketer(Role.VIEWER),
    success={OK: "Of each device of the person what became of its message, gate by gate."},
    refusals=[AppNotFoundError, CampaignNotFoundError, SegmentNotFoundError],
)
def explain_campaign(
    app_id: AppId, campaign_id: CampaignId, contact_id: Annotated[ContactId, Query()]
) -> ExplanationOut:
    """Ask what sending asks, and send nothing; what the ledger tells goes before what is now."""
    found = explanations().explain(campaign_id, app_id=app_id, contact_id=contact_id)
    return ExplanationOut.of(found)


@router.on(
    f"POST {CAMPAIGN}/approve",
    summary="Approve a campaign",
    access=marketer(Role.SENDER),
    success={OK: "The campaign, approved."},
    refusals=[
        CampaignNotFoundError,
        CampaignChangedError,
        CampaignStateError,
        OwnApprovalError,
        CampaignNameMismatchError,
    ],
)
def approve_campaign(
    app_id: AppId, campaign_id: CampaignId, body: Annotated[ApprovalIn, Body()]
) -> CampaignOut:
    """Say yes to a draft that somebody else wrote."""
    campaign = campaigns().approve(campaign_id, name=body.name, app_id=app_id, by=caller().subject)
    return CampaignOut.of(campaign)


@router.on(
    f"POST {CAMPAIGN}/send",
    summary="Send a campaign",
    access=marketer(Role.SENDER),
    success={ACCEPTED: "The campaign is scheduled; it is sent at its time."},
    refusals=[
        CampaignNotFoundError,
        CampaignChangedError,
        CampaignStateError,
        CampaignInvalidError,
        CampaignNotApprovedError,
        AudienceEmptyError,
        BudgetExceededError,
        PushNotConfiguredError,
        SegmentNotFoundError,
    ],
)
def send_campaign(app_id: AppId, campaign_id: CampaignId) -> Response[CampaignOut]:
    """Have a campaign planned and sent at its time, or at once."""
    campaign = campaigns().send(campaign_id, app_id=app_id, by=caller().subject)
    return answered(CampaignOut.of(campaign), ACCEPTED)


@router.on(
    f"POST {CAMPAIGN}/pause",
    summary="Pause a campaign",
    access=marketer(Role.SENDER),
    success={OK: "The campaign, paused: nothing is sent a few seconds from now."},
    refusals=[CampaignNotFoundError, CampaignChangedError, CampaignStateError],
)
def pause_campaign(app_id: AppId, campaign_id: CampaignId) -> CampaignOut:
    """Have nothing more sent until it is resumed, also of what has begun."""
    return CampaignOut.of(campaigns().pause(campaign_id, app_id=app_id, by=caller().subject))


@router.on(
    f"POST {CAMPAIGN}/resume",
    summary="Resume a campaign",
    access=marketer(Role.SENDER),
    success={OK: "The campaign goes on."},
    refusals=[CampaignNotFoundError, CampaignChangedError, CampaignStateError],
)
def resume_campaign(app_id: AppId, campaign_id: CampaignId) -> CampaignOut:
    """Have a paused campaign go on where it was."""
    return CampaignOut.of(campaigns().resume(campaign_id, app_id=app_id, by=caller().subject))


@router.on(
    f"POST {CAMPAIGN}/cancel",
    summary="Cancel a campaign",
    access=marketer(Role.SENDER),
    success={OK: "The campaign, cancelled: what is pending ends as skipped."},
    refusals=[CampaignNotFoundError, CampaignChangedError, CampaignStateError],
)
def cancel_campaign(app_id: AppId, campaign_id: CampaignId) -> CampaignOut:
    """Have nothing more sent, for good."""
    return CampaignOut.of(campaigns().cancel(campaign_id, app_id=app_id, by=caller().subject))
