"""An API: asks who calls, reads, routes, answers; bad input never makes a 5xx."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
)
from pydantic import BaseModel
from typing_extensions import override

from shared.kernel.errors import DomainError
from shared.platform.auth.doors import Doors
from shared.platform.http.audit import UNAUDITED, AuditLog, audited_call
from shared.platform.http.bodies import (
    FORM,
    Content,
    content_of,
    expect_form,
    expect_json,
    read_form,
    read_json,
    readable_body,
)
from shared.platform.http.problems import (
    APOLOGY,
    REFUSALS,
    MethodNotAllowedError,
    RouteNotFoundError,
    problem_document,
    refuse_domain_error,
)
from shared.platform.http.request import CALLED, CALLER, CONTENT, EVENT, Called, Event, proof
from shared.platform.http.routing import _ACCESS, _CONTENT, HTML, Router
from shared.platform.observability import logger

OutT = TypeVar("OutT", bound=BaseModel)


def answered(
    out: OutT, status: HTTPStatus = HTTPStatus.OK, *, replayed: bool = False
) -> Response[OutT]:
    """Return an answer with a status of its own, marked where it is the first one again."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(status_code=status, content_type="application/json", body=out, headers=headers)


def shown(
    page: str, status: HTTPStatus = HTTPStatus.OK, *, headers: Mapping[str, str]
) -> Response[str]:
    """Return a page for a person, from a route that gives ``HTML``."""
    return Response(
        status_code=status, content_type=f"{HTML}; charset=utf-8", body=page, headers=dict(headers)
    )


def pictured(picture: bytes, *, media_type: str, headers: Mapping[str, str]) -> Response[str]:
    """Return a picture, from a route that gives its media type; gateways take bytes as base64."""
    answer = Response(
        status_code=HTTPStatus.OK,
        content_type=media_type,
        body=b64encode(picture).decode(),
        headers=dict(headers),
    )
    answer.base64_encoded = True
    return answer


def led_on(url: str, *, headers: Mapping[str, str]) -> Response[str]:
    """Return a redirection to a URL, which is asked for anew each time (302)."""
    return Response(status_code=HTTPStatus.FOUND, body="", headers={**headers, "Location": url})


class Api(APIGatewayHttpResolver):
    """A resolver that asks who calls before it looks at the request, and refuses as RFC 9457.

    ``methods_at`` says with which methods a path is known, where that is more than this API's.
    ``audit_log`` keeps what marketers do.
    """

    def __init__(
        self,
        *routers: Router,
        doors: Callable[[], Doors] | None = None,
        audit_log: Callable[[], AuditLog] | None = None,
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
        if audit_log is None and any(map(_is_audited, self._routes())):
            raise ValueError("these routes need an audit log")
        self._with_content = [
            (route, _CONTENT[route.func]) for route in self._routes() if route.func in _CONTENT
        ]
        # Powertools keeps the first step of every route here; ours asks for proof before it.
        self._request_validation_middleware = _Entrance(doors)
        self._audit_log = audit_log
        self._methods_at = methods_at or self._own_methods_at
        for error, refuse in REFUSALS.items():
            self.exception_handler(error)(refuse)
        self.not_found(self._unrouted)

    def answer(self, event: Event, context: object) -> Event:
        """Answer one HTTP request; the whole of a ``lambda_handler``."""
        began = time.perf_counter()
        token = EVENT.set(event)
        CONTENT.set(b"")
        CALLER.set(None)
        CALLED.set(None)
        try:
            answer = _safely(lambda: self._read_and_resolve(event, context))
            answer = _safely(partial(self._noted, answer))
        finally:
            EVENT.reset(token)
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
            readable = self._readable(event)
        except DomainError as error:
            return _render(refuse_domain_error(error))
        answer = self.resolve(readable, context)  # type: ignore[arg-type]
        # A gateway wants text: an answer without content is empty, not null.
        return {**answer, "statusCode": int(answer["statusCode"]), "body": answer.get("body") or ""}

    def _readable(self, event: Event) -> Event:
        """Return the event as routes read it: its body in plain text, or aside as bytes."""
        takes = self._content_at(event)
        if takes is None:
            readable = {**event, **readable_body(event)}
            EVENT.set(readable)
            return readable
        # The event keeps the body: its sender may have signed it.
        CONTENT.set(content_of(event, largest=takes.largest))
        return {**event, "body": None, "isBase64Encoded": False}

    def _content_at(self, event: Event) -> Content | None:
        """Return what the event's route takes byte by byte; ``None`` where that is nothing."""
        method, path = event["requestContext"]["http"]["method"], event["rawPath"]
        for route, takes in self._with_content:
            if route.method == method and route.rule.match(path):
                return takes
        return None

    def _noted(self, answer: Event) -> Event:
        """Return the answer, once the audit log has what is to be kept of the call."""
        call = audited_call(answer)
        if call is not None and self._audit_log is not None:
            self._audit_log().note(call)
        return answer

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
        route, path = app.context["_route"], app.context["_route_args"]
        access = _ACCESS.get(route.func)
        if self._doors is not None and access is not None and not access.anyone:
            CALLED.set(Called(method=route.method, path=route.openapi_path, parameters=path))
            caller = self._doors().recognise(proof(), access, path)
            CALLER.set(caller)
            if caller is not None:
                CALLER.set(self._doors().authorise(caller, access, path))
        for body in route.dependant.body_params:
            expect = expect_form if body.field_info.media_type == FORM else expect_json
            expect(app.current_event.headers)
        return super().handler(app, next_middleware)

    @override
    def _parse_form_data(self, app: Any) -> dict[str, Any]:
        return read_form(app.current_event.body or "")


def _is_audited(route: Any) -> bool:
    access = _ACCESS[route.func]
    return route.method not in UNAUDITED and (access.role is not None or access.operator)


def _safely(step: Callable[[], Event]) -> Event:
    """Return what a step answers, or an apology: a problem document, never a stack trace."""
    try:
        return step()
    except Exception:  # noqa: BLE001 - the last line
        logger().exception("unforeseen")
        return _render(problem_document(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", APOLOGY))


def _render(answer: Response[str]) -> Event:
    return {
        "statusCode": int(answer.status_code),
        "headers": dict(answer.headers),
        "body": answer.body,
        "isBase64Encoded": False,
        "cookies": [],
    }
