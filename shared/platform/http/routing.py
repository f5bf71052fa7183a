"""Routes that say who may call them, what they answer and how they refuse."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router as _Router
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from shared.kernel.errors import DomainError, InvalidFieldsError
from shared.kernel.idempotency import IdempotencyKeyReusedError
from shared.platform.auth.doors import Access
from shared.platform.auth.errors import ForbiddenError, NotYoursError, UnauthenticatedError
from shared.platform.http.bodies import (
    JSON,
    BodyTooLargeError,
    Content,
    MalformedBodyError,
    UnsupportedMediaTypeError,
)
from shared.platform.http.problems import PROBLEM_JSON, STATUS_OF, BusyError, Problem, title_of

HTML = "text/html"

RouteT = TypeVar("RouteT", bound=Callable[..., Any])


class Router(_Router):
    """Powertools' router, whose routes say who may call them and how they refuse."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def on(
        self,
        route: str,
        *,
        summary: str,
        access: Access,
        success: Mapping[HTTPStatus, str],
        refusals: Sequence[type[DomainError]] = (),
        gives: str = JSON,
        takes: Content | None = None,
    ) -> Callable[[RouteT], RouteT]:
        """Declare a route such as ``"PUT /v1/apps/<app_id>"``; the first success is the usual one.

        What the edge itself may refuse (proof, body) is documented along with ``refusals``, which
        are problem documents whatever media type the route ``gives``. A route that takes a form
        has one parameter ``FormFields``; one that ``takes`` a content reads it by
        ``request.content``.
        """
        method, _, path = route.partition(" ")
        register = self.route(
            path,
            method,
            summary=summary,
            responses=_answers(success, gives, [*_edge_refusals(method, access), *refusals]),
            status_code=next(iter(success)),
            openapi_extensions={
                "x-engage-traffic": _traffic(access),
                "x-engage-access": access.describe(),
                **_described(takes),
            },
        )

        def declare(function: RouteT) -> RouteT:
            _ACCESS[function] = access
            if takes is not None:
                _CONTENT[function] = takes
            return register(function)

        return declare


_ACCESS: dict[Callable[..., Any], Access] = {}
_CONTENT: dict[Callable[..., Any], Content] = {}


def _edge_refusals(method: str, access: Access) -> list[type[DomainError]]:
    refusals: list[type[DomainError]] = [InvalidFieldsError]
    if not access.anyone:
        refusals += [UnauthenticatedError, ForbiddenError, NotYoursError]
    # A body that cannot be read is refused wherever it is sent, also where none is expected.
    refusals += [MalformedBodyError, BodyTooLargeError]
    if method in {"POST", "PUT", "PATCH"}:
        refusals += [UnsupportedMediaTypeError, BusyError]
    if method == "POST":
        refusals += [IdempotencyKeyReusedError]
    return refusals


def _answers(
    success: Mapping[HTTPStatus, str], gives: str, refusals: Sequence[type[DomainError]]
) -> dict[int, OpenAPIResponse]:
    """Document a route: what it returns, and each error it may raise, by status."""
    documented: dict[int, OpenAPIResponse] = {
        int(status): {"description": text} for status, text in success.items()
    }
    if gives != JSON:  # Powertools documents JSON by what the route returns
        for status, answer in documented.items():
            leads_on = status >= HTTPStatus.MULTIPLE_CHOICES
            answer["content"] = {} if leads_on else {gives: {"schema": {"type": "string"}}}
    for error in dict.fromkeys(refusals):
        status = int(STATUS_OF[error.fault])
        before = documented[status]["description"] + " " if status in documented else ""
        documented[status] = {
            "description": f"{before}`{error.code}`: {title_of(error)}",
            "content": {PROBLEM_JSON: {"model": Problem}},
        }
    return documented


def _described(takes: Content | None) -> Mapping[str, Any]:
    """Document a body of which Powertools knows nothing, since no parameter takes it."""
    if takes is None:
        return {}
    content = {media_type: {"schema": schema} for media_type, schema in takes.schemas.items()}
    return {
        "requestBody": {"required": True, "content": content},
        "x-engage-content": {"largest": takes.largest},
    }


def _traffic(access: Access) -> str:
    if access.anyone:
        return "open"
    return "device" if access.device or access.till else "management"
