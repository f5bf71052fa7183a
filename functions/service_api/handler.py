"""Lambda entry point of the service's own API, and of every request that has no route."""

from typing import Any

from functions.service_api.routes import router
from functions.service_api.wiring import methods_at
from shared.platform.http.api import Api

app = Api(router, methods_at=methods_at)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
