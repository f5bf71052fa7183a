"""A deployment in one process: the real handlers over DynamoDB Local and a fake of the rest."""

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from shared.platform.auth import deployment
from tests.conftest import ROOT
from tests.fakes.aws import Aws, running_aws
from tests.fakes.issuer import OidcIssuer

POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"
OPERATOR_ROLE = "arn:aws:iam::123456789012:role/ops/Operator"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Deployment:
    """Sends requests the way the HTTP API and function URLs do."""

    aws: Aws
    tables: dict[str, str]
    pool: OidcIssuer
    routes: dict[str, str] = field(default_factory=dict)

    def request(
        self,
        route: str,
        body: Any = None,
        *,
        bearer: str | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        function: str | None = None,
        **event: Any,
    ) -> Answer:
        """Call the function that serves a route; ``event`` replaces parts of its event."""
        method, _, path = route.partition(" ")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if bearer:
            sent["authorization"] = f"Bearer {bearer}"
        if body is not None:
            sent.setdefault("content-type", "application/json")
        asked = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
            "queryStringParameters": query,
            "headers": sent,
            "requestContext": {
                "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
                "requestId": str(uuid4()),
                "stage": "$default",
                **event.pop("requestContext", {}),
            },
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
            **event,
        }
        answer = self.invoke(function or self.function_of(method, path), asked)
        text = answer.get("body")
        return Answer(answer["statusCode"], answer["headers"], json.loads(text) if text else None)

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        handler = importlib.import_module(f"functions.{function}.handler")
        answer: dict[str, Any] = handler.lambda_handler(event, Context())
        return answer

    def function_of(self, method: str, path: str) -> str:
        """Return the function behind a route, as the API document tells the gateway."""
        for pattern, operations in _document()["paths"].items():
            if method.lower() in operations and re.fullmatch(
                re.sub(r"\{\w+\}", "[^/]+", pattern), path
            ):
                name: str = operations[method.lower()]["x-engage-function"]
                return name
        return "service_api"

    def operator(self) -> str:
        """Return a token of somebody who operates the deployment."""
        return self.pool.token("operator", **{"cognito:groups": ["operators"]})

    def marketer(self, app_id: str, role: str) -> str:
        """Return a token of somebody with one role on one app."""
        subject = f"{role}-{app_id}"
        granted = self.request(
            "PUT /v1/grants",
            {"principal": f"{POOL}#{subject}", "app_id": app_id, "role": role},
            bearer=self.operator(),
        )
        assert granted.status == 200, granted.body
        return self.pool.token(subject)

    def an_app(self, **settings: Any) -> str:
        body = {"name": "Shop", "org": "com.example", "platforms": ["android"], **settings}
        answer = self.request("POST /v1/apps", body, bearer=self.operator())
        assert answer.status == 201, answer.body
        app_id: str = answer.body["app_id"]
        return app_id

    def a_device(self, app_id: str, device_id: str = "phone-001", **state: Any) -> dict[str, Any]:
        """Register a device and return it, with its token."""
        body = {"platform": "android", "client_seq": 1, **state}
        answer = self.request(f"PUT /v1/apps/{app_id}/devices/{device_id}", body)
        assert answer.status in {200, 201}, answer.body
        device: dict[str, Any] = answer.body
        return device


class Context:
    aws_request_id = "request-1"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:function"


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return document


@pytest.fixture(scope="session")
def aws_on_wire() -> Iterator[Aws]:
    with running_aws() as aws:
        yield aws


@pytest.fixture
def deployed(
    tables: dict[str, str],
    aws_on_wire: Aws,
    dynamodb_client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    pool = OidcIssuer(POOL, audience="marketers")
    aws_on_wire.secrets = {
        "device-tokens": {"current": "a device token key"},
        "identifiers": {"current": "an identifier key"},
    }
    aws_on_wire.keys = pool.jwks()
    aws_on_wire.published.clear()
    aws_on_wire.jobs.clear()
    settings = {
        "AWS_ENDPOINT_URL": aws_on_wire.url,
        "DEVICE_TOKEN_SECRET": "device-tokens",
        "IDENTIFIER_SECRET": "identifiers",
        "EVENT_BUS": "contact-events",
        "PUSH_QUEUE_URL": f"{aws_on_wire.url}/push",
        "OIDC_ISSUER": POOL,
        "OIDC_AUDIENCE": "marketers",
        "OPERATOR_ROLE_ARN": OPERATOR_ROLE,
        "SERVICE_VERSION": "1.2.3",
        "POWERTOOLS_SERVICE_NAME": "engage",
        "POWERTOOLS_METRICS_NAMESPACE": "Engage",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    _start_processes_anew()
    dynamodb_client.put_item(
        TableName=tables["registrations"],
        Item={
            "pk": {"S": f"GRANT#{POOL}#group/operators"},
            "sk": {"S": "APP#*"},
            "role": {"S": "admin"},
        },
    )
    return Deployment(aws=aws_on_wire, tables=tables, pool=pool)


def _start_processes_anew() -> None:
    """Drop what warm Lambda processes would keep."""
    deployment.own_issuer.cache_clear()
    deployment.device_tokens.cache_clear()
    deployment.token_verifier.cache_clear()
    for name in FUNCTIONS:
        wiring = importlib.import_module(f"functions.{name}.wiring")
        for value in vars(wiring).values():
            if hasattr(value, "cache_clear") and value.__module__ == wiring.__name__:
                value.cache_clear()
