"""The routes of segments: parse, call one use case, render."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId, Cursor, Limit
from functions.registrations_api.schemas.segments import (
    EstimateOut,
    RuleIn,
    SegmentChangeIn,
    SegmentId,
    SegmentIn,
    SegmentOut,
    SegmentsOut,
    Version,
)
from functions.registrations_api.wiring import registrations
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppNotFoundError,
    SegmentChangedError,
    SegmentInvalidError,
    SegmentNameTakenError,
    SegmentNotFoundError,
    TooManyEventTypesError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
SEGMENTS = "/v1/apps/<app_id>/segments"
SEGMENT = f"{SEGMENTS}/<segment_id>"


@router.on(
    f"POST {SEGMENTS}",
    summary="Define a segment",
    access=marketer(Role.EDITOR),
    success={CREATED: "The segment, version 1."},
    refusals=[
        AppNotFoundError,
        SegmentNotFoundError,
        SegmentInvalidError,
        SegmentNameTakenError,
        TooManyEventTypesError,
    ],
)
def create_segment(app_id: AppId, body: Annotated[SegmentIn, Body()]) -> Response[SegmentOut]:
    """Define whom campaigns are for; with an `Idempotency-Key`, once.

    Events count from when the first segment of the app names their type.
    """
    segment, replayed = registrations().segments.create_segment(
        body.name, body.parsed(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(SegmentOut.of(segment), CREATED, replayed=replayed)


@router.on(
    f"GET {SEGMENTS}",
    summary="The segments of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of segments."},
)
def list_segments(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> SegmentsOut:
    """Return the segments as they stand, in the order of their creation."""
    page = registrations().segments.list_segments(
        app_id, limit=limit, cursor=cursor and place_of(cursor)
    )
    return SegmentsOut(
        items=tuple(SegmentOut.of(segment) for segment in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"POST {SEGMENTS}/estimate",
    summary="Estimate a rule",
    access=marketer(Role.VIEWER),
    success={OK: "How many devices it matches now, with a sample."},
    refusals=[SegmentInvalidError],
)
def estimate_rule(app_id: AppId, body: Annotated[RuleIn, Body()]) -> EstimateOut:
    """Estimate a rule before it is saved.

    It counts devices; whether the contact policy lets them be reached is asked when something is
    sent.
    """
    return EstimateOut.of(registrations().audience.estimate(body.parsed(), app_id=app_id))


@router.on(
    f"GET {SEGMENT}",
    summary="A segment",
    access=marketer(Role.VIEWER),
    success={OK: "The segment."},
    refusals=[SegmentNotFoundError],
)
def get_segment(app_id: AppId, segment_id: SegmentId, version: Version = None) -> SegmentOut:
    """Return a segment as it stands, or as it was in one version."""
    found = registrations().segments.get_segment(segment_id, app_id=app_id, version=version)
    return SegmentOut.of(found)


@router.on(
    f"PUT {SEGMENT}",
    summary="Change a segment",
    access=marketer(Role.EDITOR),
    success={OK: "The segment, in its next version."},
    refusals=[
        SegmentNotFoundError,
        SegmentChangedError,
        SegmentInvalidError,
        SegmentNameTakenError,
        TooManyEventTypesError,
    ],
)
def update_segment(
    app_id: AppId, segment_id: SegmentId, body: Annotated[SegmentChangeIn, Body()]
) -> SegmentOut:
    """Replace name and rule; what pinned the version before keeps that one."""
    segment = registrations().segments.update_segment(
        segment_id,
        app_id=app_id,
        name=body.name,
        rule=body.parsed(),
        version=body.version,
        by=caller().subject,
    )
    return SegmentOut.of(segment)


@router.on(
    f"DELETE {SEGMENT}",
    summary="Delete a segment",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "The segment is gone; its versions stay for what pinned them."},
    refusals=[SegmentNotFoundError, SegmentChangedError],
)
def delete_segment(app_id: AppId, segment_id: SegmentId) -> Response[None]:
    """Delete a segment, and free its name."""
    registrations().segments.delete_segment(segment_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"POST {SEGMENT}/estimate",
    summary="Estimate a segment",
    access=marketer(Role.VIEWER),
    success={OK: "How many devices it matches now, with a sample."},
    refusals=[SegmentNotFoundError],
)
def estimate_segment(app_id: AppId, segment_id: SegmentId, version: Version = None) -> EstimateOut:
    """Estimate a segment as it stands, or as it was in one version.

    An app with at most 5,000 devices is counted; of a larger one whole shards are read until they
    had so many, and the rest is told from these.
    """
    segment = registrations().segments.get_segment(segment_id, app_id=app_id, version=version)
    return EstimateOut.of(registrations().audience.estimate(segment.rule, app_id=app_id))
