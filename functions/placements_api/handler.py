"""Lambda entry point of the API of booked ads."""

from typing import Any

from functions.placements_api.routes import ROUTERS
from functions.placements_api.wiring import audit_log, doors
from shared.platform.http.api import Api

app = Api(*ROUTERS, doors=doors, audit_log=audit_log)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
