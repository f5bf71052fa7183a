"""A push function as tutorials build it: what the naive API function has, and firebase-admin."""

import json
import os
from typing import Any

import firebase_admin
from firebase_admin import credentials, messaging

from tests.benchmarks.peers.naive_api import lambda_handler as answer

firebase = firebase_admin.initialize_app(
    credentials.Certificate(json.loads(os.environ["SERVICE_ACCOUNT"]))  # noqa: TID251
)
service = messaging._get_messaging_service(firebase)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take one job; what it would send stays unsent, since only the start is measured."""
    answered: dict[str, Any] = answer(event, context)
    return answered
