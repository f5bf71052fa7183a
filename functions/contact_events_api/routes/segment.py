"""The wire of Segment's libraries: the same paths, the same answers, another host."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.contact_events_api.schemas.ingest import SuccessOut
from functions.contact_events_api.wiring import app_of_key, ingest
from shared.contact_events.dialects import segment
from shared.kernel.clock import system_clock
from shared.platform.auth.doors import anyone, source
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.http.bodies import Content, inflated
from shared.platform.http.request import caller, content, header, host
from shared.platform.http.routing import Router
from shared.registrations.errors import WriteKeyNotFoundError

router = Router()

CALL: dict[str, Any] = {"type": "object", "description": "See docs/wires.md."}
BATCH: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "properties": {"batch": {"type": "array", "items": CALL, "maxItems": segment.MOST_EVENTS}},
}
PATHS: Mapping[str, str | None] = {
    "batch": None,
    "b": None,
    "track": "track",
    "t": "track",
    "identify": "identify",
    "i": "identify",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
}
"""The call that each path takes, after ``/v1/``; a batch says of each event which it is.

The short ones are those of libraries in pages and on phones.
"""


@router.on(
    "GET /v1/projects/<write_key>/settings",
    summary="Settings for Segment's mobile libraries",
    access=anyone(),
    success={HTTPStatus.OK: "Settings by which a library sends to this host."},
    refusals=[WriteKeyNotFoundError],
)
def get_settings(
    write_key: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")],
) -> dict[str, Any]:
    """Return what a library asks for when it starts."""
    if app_of_key(write_key) is None:
        raise WriteKeyNotFoundError
    return dict(segment.settings(write_key, host=host()))


def _take(call: str | None) -> SuccessOut:
    """Record the calls of a request; what is refused of them is kept as a reject, as Segment does.

    A library sends again whatever is not answered by 200, also what can never be taken.
    """
    app_id = caller().app_id
    if app_id is None:
        raise UnauthenticatedError
    translation = segment.translate(
        _whole(content()), app_id=app_id, received_at=system_clock(), call=call
    )
    ingest().ingest(translation, app_id=app_id, wire=segment.SOURCE)
    return SuccessOut(success=True)


def _whole(body: bytes) -> bytes:
    if header("content-encoding") == "gzip":
        return inflated(body, largest=segment.LARGEST_BATCH)
    return body


def _route(path: str, call: str | None) -> None:
    schema = BATCH if call is None else CALL

    @router.on(
        f"POST /v1/{path}",
        summary=f"Segment's {call or 'batch'} call" if len(path) > 1 else f"Short for {call}",
        access=source(),
        success={HTTPStatus.OK: "Taken; rejects are listed."},
        takes=Content(
            schemas={"application/json": schema, "text/plain": {"type": "string"}},
            largest=segment.LARGEST_BATCH,
        ),
    )
    def take() -> SuccessOut:
        """Record what a library sends, each call once; gzip is read, too."""
        return _take(call)


for _path, _call in PATHS.items():
    _route(_path, _call)
