"""Lambda entry point of the contact events API."""

from typing import Any

from functions.contact_events_api.routes import ROUTERS
from functions.contact_events_api.wiring import audit_log, doors
from shared.platform.http.api import Api

app = Api(*ROUTERS, doors=doors, audit_log=audit_log)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
