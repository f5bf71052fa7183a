"""Lambda entry point of the coupons API."""

from typing import Any

from functions.coupons_api.routes import ROUTERS
from functions.coupons_api.wiring import audit_log, doors
from shared.platform.http.api import Api

app = Api(*ROUTERS, doors=doors, audit_log=audit_log)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
