"""The HTTP edge: one way to build an API, one way to say who may call, one way to say no.

Bad input never makes a 5xx: the body is read strictly before anything else sees it, and what
Powertools and pydantic raise becomes a problem document (RFC 9457).
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router as _Router
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
)
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
    ResponseValidationError,
)
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import override

from shared.kernel.errors import DomainError, Fault, FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.principal import Principal
from shared.platform.auth.doors import Access, Doors, Proof
from shared.platform.auth.errors import ForbiddenError, NotYoursError, UnauthenticatedError
from shared.platform.errors import ContendedError
from shared.platform.observability import logger

PROBLEM_JSON = "application/problem+json"
LARGEST_BODY = 256 * 1024
DEEPEST_JSON = 32
LONGEST_NUMBER = 40
"""Digits; a longer number is no measure of anything and costs quadratic time to read."""

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

LONGEST_KEY = 255

Event: TypeAlias = dict[str, Any]
RouteT = TypeVar("RouteT", bound=Callable[..., Any])
OutT = TypeVar("OutT", bound=BaseModel)


class MalformedBodyError(DomainError):
    """The body is no JSON that can be read without guessing."""

    code = "malformed_body"
    fault = Fault.MALFORMED


class BodyTooLargeError(DomainError):
    """The body is larger than 256 kB."""

    code = "body_too_large"
    fault = Fault.TOO_LARGE


class UnsupportedMediaTypeError(DomainError):
    """The body is not sent as `application/json`."""

    code = "unsupported_media_type"
    fault = Fault.UNSUPPORTED


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


FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_INSTANT = datetime(9000, 1, 1, tzinfo=UTC)
"""Instants between these can be told in any zone, and lie some days from the calendar's ends."""


def _in_calendar(at: datetime) -> datetime:
    if not FIRST_INSTANT <= at < LAST_INSTANT:
        raise PydanticCustomError("instant", "an instant of the years 1970 to 8999")
    return at.astimezone(UTC)


Instant: TypeAlias = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
"""An instant with its zone, as clients send it; in UTC from here on."""


class In(BaseModel):
    """A body that clients send: unknown fields are refused, and so are guesses at a type."""

    # Built when first needed: a cold start meets one route, and pays for its models alone.
    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, defer_build=True)


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)


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
    errors: list[FieldProblemOut] = []


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
    ) -> Callable[[RouteT], RouteT]:
        """Declare a route such as ``"PUT /v1/apps/<app_id>"``; the first success is the usual one.

        What the edge itself may refuse (proof, body) is documented along with ``refusals``.
        """
        method, _, path = route.partition(" ")
        register = self.route(
            path,
            method,
            summary=summary,
            responses=_answers(success, [*_edge_refusals(method, access), *refusals]),
            status_code=next(iter(success)),
            openapi_extensions={
                "x-engage-traffic": _traffic(access),
                "x-engage-access": access.describe(),
            },
        )

        def declare(function: RouteT) -> RouteT:
            _ACCESS[function] = access
            return register(function)

        return declare


_ACCESS: dict[Callable[..., Any], Access] = {}
_CALLER: ContextVar[Principal | None] = ContextVar("caller", default=None)
_EVENT: ContextVar[Event] = ContextVar("event")


def caller() -> Principal:
    """Return who calls; for routes that need proof."""
    principal = _CALLER.get()
    if principal is None:
        raise UnauthenticatedError
    return principal


def proof() -> Proof:
    """Return what the request offers as proof, for the one route that judges it itself."""
    return Proof.of(_EVENT.get())


def header(name: str) -> str | None:
    """Return a header of the request; ``name`` in lower case."""
    value = (_EVENT.get().get("headers") or {}).get(name)
    return value if isinstance(value, str) else None


def attempt() -> Attempt | None:
    """Return the request's Idempotency-Key, bound to the caller and to what is asked.

    Raises:
        InvalidFieldsError: the key is not 1 to 255 characters of printable ASCII.
    """
    key = header("idempotency-key")
    if key is None:
        return None
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        problem = FieldProblem(
            pointer="header/Idempotency-Key",
            code="idempotency_key",
            detail="1 to 255 characters of printable ASCII",
        )
        raise InvalidFieldsError("the Idempotency-Key is unusable", fields=[problem])
    event = _EVENT.get()
    asked = f"{event['requestContext']['http']['method']} {event['rawPath']}\n{event.get('body')}"
    return Attempt(caller=caller().subject, key=key, fingerprint=sha256(asked.encode()).hexdigest())


def answered(
    out: OutT, status: HTTPStatus = HTTPStatus.OK, *, replayed: bool = False
) -> Response[OutT]:
    """Return an answer with a status of its own, marked where it is the first one again."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(status_code=status, content_type="application/json", body=out, headers=headers)


class Api(APIGatewayHttpResolver):
    """A resolver that asks who calls before it looks at the request, and refuses as RFC 9457.

    ``methods_at`` says with which methods a path is known, where that is more than this API's.
    """

    def __init__(
        self,
        *routers: Router,
        doors: Callable[[], Doors] | None = None,
        methods_at: Callable[[str], list[str]] | None = None,
    ) -> None:
        super().__init__(
            enable_validation=True,
            json_body_deserializer=read_json,
            response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        )
        for router in routers:
            self.include_router(router)
        if doors is None and not all(_ACCESS[route.func].anyone for route in self._routes()):
            raise ValueError("these routes need doors")
        # Powertools keeps the first step of every route here; ours asks for proof before it.
        self._request_validation_middleware = _Entrance(doors)
        self._methods_at = methods_at or self._own_methods_at
        for error, refuse in _REFUSALS.items():
            self.exception_handler(error)(refuse)
        self.not_found(self._unrouted)

    def answer(self, event: Event, context: object) -> Event:
        """Answer one HTTP request; the whole of a ``lambda_handler``."""
        began = time.perf_counter()
        token = _EVENT.set(event)
        _CALLER.set(None)
        try:
            answer = self._read_and_resolve(event, context)
        except Exception:  # noqa: BLE001 - the last line: a problem document, never a stack trace
            logger().exception("unforeseen")
            answer = _render(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", _APOLOGY))
        finally:
            _EVENT.reset(token)
        http = event.get("requestContext", {}).get("http", {})
        logger().info(
            "answered",
            method=http.get("method"),
            route=event.get("routeKey"),
            status=answer["statusCode"],
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            request_id=event.get("requestContext", {}).get("requestId"),
        )
        return answer

    def _read_and_resolve(self, event: Event, context: object) -> Event:
        try:
            readable = {**event, **_body(event)}
        except DomainError as error:
            return _render(refuse_domain_error(error))
        _EVENT.set(readable)
        return self.resolve(readable, context)  # type: ignore[arg-type]

    def _unrouted(self, _: NotFoundError) -> Response[str]:
        path = self.current_event.path
        allowed = self._methods_at(path)
        # A known route whose parameters hold letters that no id has comes here, too.
        if allowed and self.current_event.http_method not in allowed:
            return refuse_domain_error(MethodNotAllowedError(allowed))
        return refuse_domain_error(RouteNotFoundError(f"no route is {path}"))

    def _own_methods_at(self, path: str) -> list[str]:
        return sorted({route.method for route in self._routes() if route.rule.match(path)})

    def _routes(self) -> list[Any]:
        return [*self._static_routes, *self._dynamic_routes]


class _Entrance(OpenAPIRequestValidationMiddleware):
    """Asks who calls, then validates: a stranger learns nothing from a wrong body."""

    def __init__(self, doors: Callable[[], Doors] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._doors = doors

    @override
    def handler(self, app: Any, next_middleware: NextMiddleware) -> Response[Any]:
        access = _ACCESS.get(app.context["_route"].func)
        if self._doors is not None and access is not None and not access.anyone:
            path = app.context["_route_args"]
            _CALLER.set(self._doors().admit(proof(), access, path))
        if self._has_body(app):
            _expect_json(app.current_event.headers)
        return super().handler(app, next_middleware)

    def _has_body(self, app: Any) -> bool:
        return bool(app.context["_route"].dependant.body_params)


def read_json(text: str) -> Any:
    """Return the value of a JSON text, read without guessing.

    Raises:
        MalformedBodyError: it is no JSON, repeats a key, nests deeper than 32, or holds a number
            that is none (NaN) or is longer than 40 digits, or a text that cannot be stored.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=_short(int),
            parse_float=_short(float),
        )
    except RecursionError:
        raise MalformedBodyError(f"the body nests deeper than {DEEPEST_JSON}") from None
    except ValueError as error:
        raise MalformedBodyError(f"the body is no JSON: {error}") from error
    if _depth(value) > DEEPEST_JSON:
        raise MalformedBodyError(f"the body nests deeper than {DEEPEST_JSON}")
    if "\\u" in text:  # only escapes can bring in what UTF-8 cannot, or should not, carry
        _refuse_unwritable(value)
    return value


def _refuse_unwritable(value: Any) -> None:
    written = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in written.replace("\\\\", ""):
        raise MalformedBodyError("a text holds the character NUL")
    try:
        written.encode()
    except UnicodeEncodeError:
        raise MalformedBodyError("a text holds half of a surrogate pair") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedBodyError("the body repeats a key")
    return found


def _no_number(name: str) -> None:
    raise MalformedBodyError(f"{name} is no JSON number")


def _short(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def bounded(digits: str) -> Any:
        if len(digits) > LONGEST_NUMBER:
            raise MalformedBodyError(f"a number has more than {LONGEST_NUMBER} digits")
        value = read(digits)
        if value in (float("inf"), float("-inf")):
            raise MalformedBodyError("a number is larger than JSON readers agree on")
        return value

    return bounded


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest


def _body(event: Event) -> Event:
    """Return the event's body as plain text, so that every later reader sees the same."""
    body = event.get("body")
    if not body:
        return {"body": None, "isBase64Encoded": False}
    try:
        raw = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
        text = raw.decode()
    except ValueError as error:  # binascii's and Unicode's errors are such
        raise MalformedBodyError("the body is no UTF-8") from error
    if len(raw) > LARGEST_BODY:
        raise BodyTooLargeError(f"{len(raw)} bytes")
    return {"body": text, "isBase64Encoded": False}


def _expect_json(headers: Mapping[str, str]) -> None:
    media = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.endswith("+json")):
        raise UnsupportedMediaTypeError(f"send application/json, not {media or 'nothing'}")


def refuse_domain_error(error: DomainError) -> Response[str]:
    """Return the problem document of a domain's refusal."""
    status = STATUS_OF[error.fault]
    answer = _problem(
        status,
        error.code,
        error.detail or title_of(type(error)),
        error.fields,
        title_of(type(error)),
    )
    if isinstance(error, MethodNotAllowedError):
        answer.headers["Allow"] = ", ".join(error.allowed)
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
    return refuse_domain_error(UnsupportedMediaTypeError("send application/json"))


def _own_mistake(error: ResponseValidationError) -> Response[str]:
    logger().error("answer breaks its schema", errors=error.errors())
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", _APOLOGY)


def _refuse_contended(_: ContendedError) -> Response[str]:
    return refuse_domain_error(BusyError("nothing was changed"))


_REFUSALS: dict[type[Exception], Callable[[Any], Response[str]]] = {
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


_APOLOGY = "Something went wrong on our side; nothing was acknowledged. Quote the instance."


def _problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    fields: Sequence[FieldProblem] = (),
    title: str | None = None,
) -> Response[str]:
    event = _EVENT.get({})
    problem = Problem(
        type=f"/v1/problems/{code}",
        title=title or status.phrase,
        status=status,
        code=code,
        detail=_writable(detail),
        instance=event.get("requestContext", {}).get("requestId", "unknown"),
        errors=[
            FieldProblemOut(
                pointer=_writable(found.pointer), code=found.code, detail=_writable(found.detail)
            )
            for found in fields
        ],
    )
    return Response(
        status_code=status, content_type=PROBLEM_JSON, body=problem.model_dump_json(), headers={}
    )


def _writable(text: str) -> str:
    """Return a text that may quote the request, without what UTF-8 cannot carry."""
    return text.encode(errors="replace").decode()


def _render(answer: Response[str]) -> Event:
    return {
        "statusCode": int(answer.status_code),
        "headers": dict(answer.headers),
        "body": answer.body,
        "isBase64Encoded": False,
        "cookies": [],
    }


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
    success: Mapping[HTTPStatus, str], refusals: Sequence[type[DomainError]]
) -> dict[int, OpenAPIResponse]:
    """Document a route: what it returns, and each error it may raise, by status."""
    documented: dict[int, OpenAPIResponse] = {
        int(status): {"description": text} for status, text in success.items()
    }
    for error in dict.fromkeys(refusals):
        status = int(STATUS_OF[error.fault])
        before = documented[status]["description"] + " " if status in documented else ""
        documented[status] = {
            "description": f"{before}`{error.code}`: {title_of(error)}",
            "content": {PROBLEM_JSON: {"model": Problem}},
        }
    return documented


def _traffic(access: Access) -> str:
    if access.anyone:
        return "open"
    return "device" if access.device else "management"
