"""Lambda entry point of the contact policy API."""

from typing import Any

from functions.contact_policy_api.routes import router
from functions.contact_policy_api.wiring import doors
from shared.platform.http.api import Api

app = Api(router, doors=doors)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
