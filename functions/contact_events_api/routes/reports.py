"""The routes of reports on channels."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.reports import (
    ChannelMixOut,
    CostsOut,
    CoverageOut,
    PressureOut,
)
from functions.contact_events_api.wiring import expect_app, reporting
from shared.contact_events.model.reports import changes, months
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK = HTTPStatus.OK
REPORTS = "/v1/apps/<app_id>/reports"

MOST_MONTHS = 120
MONTHS_UNLESS_SAID = 12

_MONTH = r"^2[0-9]{3}-(0[1-9]|1[0-2])$"
FirstMonth: TypeAlias = Annotated[str | None, Query(alias="from", pattern=_MONTH)]
LastMonth: TypeAlias = Annotated[str | None, Query(alias="to", pattern=_MONTH)]


@router.on(
    f"GET {REPORTS}/coverage",
    summary="Which channels tell",
    access=marketer(Role.VIEWER),
    success={OK: "All twelve channels."},
    refusals=[AppNotFoundError],
)
def get_coverage(app_id: AppId, days: Annotated[int, Query(ge=1, le=366)] = 30) -> CoverageOut:
    """Say of each channel how many events it told in the last `days`, and how long it is silent.

    Days are those of UTC, today's among them. A channel that told nothing for 400 days counts as
    one that never told anything.
    """
    expect_app(app_id)
    service = reporting()
    found = service.coverage(app_id, days=days)
    return CoverageOut.of(found, days=days, today=service.today(), counted_at=service.counted_at())


@router.on(
    f"GET {REPORTS}/channel-mix",
    summary="The mix of channels, by month",
    access=marketer(Role.VIEWER),
    success={OK: "The contacts of each month, by channel and by who began."},
    refusals=[AppNotFoundError],
)
def get_channel_mix(
    app_id: AppId, since: FirstMonth = None, until: LastMonth = None
) -> ChannelMixOut:
    """Return how people and the company met in each month, both months included.

    Unless said otherwise it is the last twelve. What counts as one contact says docs/channels.md.
    """
    expect_app(app_id)
    first, last = _span(since, until)
    found = reporting().channel_mix(app_id, first=first, last=last)
    return ChannelMixOut.of(found, changes=changes(found), counted_at=reporting().counted_at())


@router.on(
    f"GET {REPORTS}/costs",
    summary="What channels cost",
    access=marketer(Role.VIEWER),
    success={OK: "The cost of each channel, by currency."},
    refusals=[AppNotFoundError],
)
def get_costs(app_id: AppId, since: FirstMonth = None, until: LastMonth = None) -> CostsOut:
    """Return what events of some months say that they cost, and what a contact cost.

    Unless said otherwise it is the last twelve months. Costs that nobody tells are not in it.
    """
    expect_app(app_id)
    first, last = _span(since, until)
    found = reporting().costs(app_id, first=first, last=last)
    return CostsOut.of(found, first=first, last=last, counted_at=reporting().counted_at())


@router.on(
    f"GET {REPORTS}/pressure",
    summary="How often people are touched",
    access=marketer(Role.VIEWER),
    success={OK: "The last 7 and 30 days."},
    refusals=[AppNotFoundError],
)
def get_pressure(app_id: AppId, limit: Annotated[int, Query(ge=0, le=1_000)] = 5) -> PressureOut:
    """Say how often people were touched, and how many more than `limit` times.

    An hour in which more than 1,000 people were touched is sampled: then `sampled` people stand for
    about `people`, and the share over the limit comes with its interval of 95 %. Ads do not count.
    """
    expect_app(app_id)
    found = reporting().pressure(app_id, limit=limit)
    return PressureOut.of(found, limit=limit, counted_at=reporting().counted_at())


def _span(since: str | None, until: str | None) -> tuple[date, date]:
    """Return the first and last month that are asked for, each by its first day."""
    last = _month(until) if until else reporting().today().replace(day=1)
    first = _month(since) if since else _months_before(last, MONTHS_UNLESS_SAID - 1)
    if not 1 <= len(months(first, last)) <= MOST_MONTHS:
        detail = f"a month from that of `from` on, {MOST_MONTHS} months in all at most"
        problem = FieldProblem(pointer="query/to", code="span", detail=detail)
        raise InvalidFieldsError("the months are unusable", fields=[problem])
    return first, last


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _months_before(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)
