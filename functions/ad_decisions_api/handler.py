"""Lambda entry point of the ad decisions API."""

from typing import Any

from functions.ad_decisions_api.routes import ROUTERS
from functions.ad_decisions_api.wiring.door import doors
from shared.platform.http.api import Api

app = Api(*ROUTERS, doors=doors)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.answer(event, context)
