"""A contact's timeline: everything that touched it, on every channel."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.timelines import CloudEventOut, TimelineOut
from functions.contact_events_api.wiring import opened, org_of, timelines
from shared.contact_events.errors import TimelineNotFoundError
from shared.contact_events.model.timelines import Place, TimelineQuery, without_raw
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.platform.http.schemas import Instant
from shared.registrations.errors import AppNotFoundError, ContactErasedError

router = Router()

Bound: TypeAlias = Instant | None


class Order(StrEnum):
    """Which end of a timeline comes first."""

    OLDEST = "oldest"
    NEWEST = "newest"


@router.on(
    "GET /v1/apps/<app_id>/contacts/<contact_id>/timeline",
    summary="A contact's timeline",
    access=marketer(Role.VIEWER, or_contact=True),
    success={HTTPStatus.OK: "A page of events."},
    refusals=[AppNotFoundError, TimelineNotFoundError, ContactErasedError],
)
def get_timeline(  # noqa: PLR0913, PLR0917 - a filter is a parameter
    app_id: AppId,
    contact_id: Annotated[str, Path(pattern=r"^con_[0-9A-Z]{26}$")],
    since: Annotated[Bound, Query(alias="from")] = None,
    until: Annotated[Bound, Query(alias="to")] = None,
    channel: Annotated[Channel | None, Query()] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=128)] = None,
    as_of: Annotated[Bound, Query()] = None,
    order: Annotated[Order, Query()] = Order.OLDEST,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> TimelineOut:
    """Return everything that touched a contact, on every channel, also before it was known.

    `from` is inclusive, `to` exclusive; `as_of` answers what was recorded by then. A page behind a
    rare filter may come short: follow `next_cursor` until it is null. What another system sent, in
    `data.raw`, is for admins and the contact.
    """
    if since and until and since >= until:
        raise _wrong("to", "order", "an instant after `from`")
    org = org_of(app_id)
    query = TimelineQuery(
        since=since,
        until=until,
        channel=channel,
        type=type_ and type_.removeprefix(f"{org}."),
        as_of=as_of,
        after=_place_in(cursor, since, until) if cursor else None,
        newest_first=order is Order.NEWEST,
    )
    page = timelines().timeline(contact_id, app_id=app_id, query=query, limit=limit)
    role = caller().role_on(app_id)
    shown = opened if role in {None, Role.ADMIN} else without_raw
    return TimelineOut(
        items=tuple(CloudEventOut.of(shown(event), org=org) for event in page.items),
        next_cursor=page.next_cursor,
    )


def _place_in(cursor: str, since: Bound, until: Bound) -> Place:
    """Return a cursor's place, which lies where the page looks: it was given for the same range."""
    place = Place.of_cursor(cursor)
    if (since and place.at < since) or (until and place.at > until):
        raise _wrong("cursor", "cursor", "a cursor of the same `from` and `to`")
    return place


def _wrong(parameter: str, code: str, detail: str) -> InvalidFieldsError:
    problem = FieldProblem(pointer=f"query/{parameter}", code=code, detail=detail)
    return InvalidFieldsError("the range is unusable", fields=[problem])
