"""Lambda entry point of the push API."""

from typing import Any

from functions.push_api.routes import router
from functions.push_api.wiring import doors
from shared.platform.http.api import Api

app = Api(router, doors=doors)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
