"""Vendors' webhooks: each is believed by its own signature, and read by its own dialect."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.wiring import confirm, ingest, public_host, trust_in
from shared.contact_events.dialects import DIALECTS, ses
from shared.contact_events.errors import DialectNotFoundError, SignatureMismatchError
from shared.contact_events.model.payloads import Payload
from shared.kernel.clock import system_clock
from shared.platform.auth.doors import vendor
from shared.platform.http.bodies import Content
from shared.platform.http.request import asked_url, content, headers
from shared.platform.http.routing import Router
from shared.platform.web import VendorUnreachableError

router = Router()

LARGEST_WEBHOOK = 1024 * 1024
"""Bytes: what vendors send at most; SendGrid collects about 768 kB."""


@router.on(
    "POST /v1/apps/<app_id>/webhooks/<dialect>",
    summary="A vendor's webhook",
    access=vendor(),
    success={HTTPStatus.NO_CONTENT: "Taken; rejects are listed."},
    refusals=[DialectNotFoundError, SignatureMismatchError, VendorUnreachableError],
    takes=Content(
        schemas={
            "application/json": {
                "description": "As the vendor documents it: see docs/channels.md."
            },
            "application/x-www-form-urlencoded": {"type": "object"},
        },
        largest=LARGEST_WEBHOOK,
    ),
)
def post_webhook(
    app_id: AppId, dialect: Annotated[str, Path(pattern=r"^[a-z]{1,32}$")]
) -> Response[None]:
    """Record what a vendor tells, each event once.

    Without the vendor's own signature nothing is stored. A subscription that SNS asks to confirm is
    confirmed. The answer is empty: vendors read none, and one of them takes any other for a reply.
    """
    known = DIALECTS.get(dialect)
    if known is None:
        raise DialectNotFoundError(f"one of {', '.join(DIALECTS)}")
    payload = Payload(
        body=content(),
        received_at=system_clock(),
        headers=headers(),
        url=asked_url(public_host()),
    )
    known.verify(payload, trust=trust_in(dialect, app_id=app_id))
    asked_to_confirm = ses.confirmation_of(payload) if known is ses else None
    if asked_to_confirm:
        confirm(asked_to_confirm)
    else:
        ingest().ingest(known.translate(payload, app_id=app_id), app_id=app_id, wire=dialect)
    return Response(status_code=HTTPStatus.NO_CONTENT)
