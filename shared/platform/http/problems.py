"""Refusals as problem documents (RFC 9457), whatever raised them."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
    ResponseValidationError,
)
from pydantic import Field

from shared.kernel.errors import DomainError, Fault, FieldProblem, InvalidFieldsError
from shared.platform.errors import ContendedError
from shared.platform.http.bodies import UnsupportedMediaTypeError
from shared.platform.http.request import EVENT
from shared.platform.http.schemas import Out
from shared.platform.observability import logger

PROBLEM_JSON = "application/problem+json"


STATUS_OF = {
    Fault.MALFORMED: HTTPStatus.BAD_REQUEST,
    Fault.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Fault.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Fault.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Fault.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Fault.CONFLICT: HTTPStatus.CONFLICT,
    Fault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Fault.UNSUPPORTED: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Fault.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Fault.REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Fault.THROTTLED: HTTPStatus.TOO_MANY_REQUESTS,
}


class RouteNotFoundError(DomainError):
    """No route has this path."""

    code = "route_not_found"
    fault = Fault.NOT_FOUND


class MethodNotAllowedError(DomainError):
    """The path exists, but not with this method; `Allow` lists those it has."""

    code = "method_not_allowed"
    fault = Fault.METHOD_NOT_ALLOWED

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"use {' or '.join(allowed)}")
        self.allowed = tuple(allowed)


class BusyError(DomainError):
    """Other requests hold the same things; nothing was changed. Try again."""

    code = "busy"
    fault = Fault.CONFLICT


class FieldProblemOut(Out):
    """What is wrong with one field."""

    pointer: str = Field(description="JSON pointer into the body, or `path/name`, `query/name`.")
    code: str
    detail: str


class Problem(Out):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(
        description="Address of a page about this problem.", examples=["/v1/problems/not_found"]
    )
    title: str
    status: int
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str
    instance: str = Field(description="The id of this request, for support.")
    errors: tuple[FieldProblemOut, ...] = ()


def refuse_domain_error(error: DomainError) -> Response[str]:
    """Return the problem document of a domain's refusal."""
    status = STATUS_OF[error.fault]
    answer = problem_document(
        status,
        error.code,
        error.detail or title_of(type(error)),
        error.fields,
        title_of(type(error)),
    )
    if isinstance(error, MethodNotAllowedError):
        answer.headers["Allow"] = ", ".join(error.allowed)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(ceil(error.retry_after.total_seconds()))
    if status is HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def title_of(error: type[DomainError]) -> str:
    """Return the sentence that says what an error means: its docstring's first line."""
    return (error.__doc__ or error.code).partition("\n")[0]


def _refuse_fields(error: RequestValidationError) -> Response[str]:
    fields = [
        FieldProblem(pointer=_pointer(found["loc"]), code=found["type"], detail=_detail(found))
        for found in error.errors()
    ]
    return refuse_domain_error(InvalidFieldsError("see errors", fields=fields))


def _refuse_media_type(_: RequestUnsupportedContentType) -> Response[str]:
    return refuse_domain_error(UnsupportedMediaTypeError("send what the document names"))


def _own_mistake(error: ResponseValidationError) -> Response[str]:
    logger().error("answer breaks its schema", errors=error.errors())
    return problem_document(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", APOLOGY)


def _refuse_contended(_: ContendedError) -> Response[str]:
    return refuse_domain_error(BusyError("nothing was changed"))


REFUSALS: dict[type[Exception], Callable[[Any], Response[str]]] = {
    DomainError: refuse_domain_error,
    RequestValidationError: _refuse_fields,
    RequestUnsupportedContentType: _refuse_media_type,
    ResponseValidationError: _own_mistake,
    ContendedError: _refuse_contended,
}


def _pointer(location: Sequence[object]) -> str:
    """Return a JSON pointer for a place in the body, or ``path/name`` and the like."""
    place, *steps = [str(step).replace("~", "~0").replace("/", "~1") for step in location]
    return "/" + "/".join(steps) if place == "body" else "/".join([place, *steps])


def _detail(found: Mapping[str, Any]) -> str:
    """Return pydantic's sentence, which quotes limits and expectations but never the input."""
    return str(found.get("msg", found["type"]))


APOLOGY = "Something went wrong on our side; nothing was acknowledged. Quote the instance."


def problem_document(
    status: HTTPStatus,
    code: str,
    detail: str,
    fields: Sequence[FieldProblem] = (),
    title: str | None = None,
) -> Response[str]:
    """Return the answer that says why a request is refused."""
    told = Problem(
        type=f"/v1/problems/{code}",
        title=title or status.phrase,
        status=status,
        code=code,
        detail=_writable(detail),
        instance=EVENT.get({}).get("requestContext", {}).get("requestId", "unknown"),
        errors=tuple(
            FieldProblemOut(
                pointer=_writable(found.pointer), code=found.code, detail=_writable(found.detail)
            )
            for found in fields
        ),
    )
    body = told.model_dump_json()
    return Response(status_code=status, content_type=PROBLEM_JSON, body=body, headers={})


def _writable(text: str) -> str:
    """Return a text that may quote the request, without what UTF-8 cannot carry."""
    return text.encode(errors="replace").decode()
