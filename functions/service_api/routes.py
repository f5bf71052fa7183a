"""The routes of the service itself."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.service_api.schemas import HealthOut, MetaOut, ProblemKindOut
from functions.service_api.wiring import problems
from shared.platform.auth.doors import anyone
from shared.platform.auth.errors import NotYoursError
from shared.platform.http.problems import STATUS_OF, title_of
from shared.platform.http.routing import Router
from shared.platform.settings import settings

router = Router()


@router.on(
    "GET /v1/health",
    summary="Is anybody there?",
    access=anyone(),
    success={HTTPStatus.OK: "The service answers."},
)
def get_health() -> HealthOut:
    """Say that the service answers; nothing behind it is asked."""
    return HealthOut()


@router.on(
    "GET /v1/meta",
    summary="Versions",
    access=anyone(),
    success={HTTPStatus.OK: "The versions of the service and of its API."},
)
def get_meta() -> MetaOut:
    """Return which versions this deployment speaks."""
    return MetaOut(version=settings().service_version)


@router.on(
    "GET /v1/problems/<code>",
    summary="What a problem means",
    access=anyone(),
    success={HTTPStatus.OK: "The problem."},
    refusals=[NotYoursError],
)
def get_problem(code: Annotated[str, Path(pattern=r"^[a-z_]{1,64}$")]) -> ProblemKindOut:
    """Return what a problem's code means: the page that its `type` points to."""
    try:
        kind = problems()[code]
    except KeyError:
        raise NotYoursError(f"no problem is called {code}") from None
    return ProblemKindOut(code=code, status=STATUS_OF[kind.fault], title=title_of(kind))
