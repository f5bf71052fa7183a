"""A deployment in one process: the real handlers, asked the way AWS's doors ask them."""

import importlib
import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from shared.kernel.clock import system_clock
from tests.conftest import ROOT
from tests.fakes.aws import Aws
from tests.fakes.issuer import OidcIssuer
from tests.rights import Roles

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
    roles: Roles

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
        """Call the function that serves a route; ``event`` replaces parts of its event.

        ``bearer`` is a token, or the secret with which another system signs the request.
        """
        method, _, path = route.partition(" ")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        if bearer and bearer.startswith("whsec_"):
            sent |= signature(bearer, text or "")
        elif bearer:
            sent["authorization"] = f"Bearer {bearer}"
        if body is not None:
            sent.setdefault("content-type", "application/json")
        asked = http_event(
            method, path, query=urlencode(query or {}), headers=sent, body=text, **event
        )
        answer = self.invoke(function or self.function_of(method, path), asked)
        return Answer(answer["statusCode"], answer["headers"], _content_of(answer))

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Run a function, under its own role."""
        handler = importlib.import_module(f"functions.{function}.handler")
        with self.roles.of(function):
            answer: dict[str, Any] = handler.lambda_handler(event, Context())
        return answer

    def function_of(self, method: str, path: str) -> str:
        """Return the function behind a route, as the API document tells the gateway."""
        for pattern, operations in document()["paths"].items():
            if method.lower() in operations and re.fullmatch(
                re.sub(r"\{\w+\}", "[^/]+", pattern), path
            ):
                name: str = operations[method.lower()]["x-engage-function"]
                return name
        return "service_api"

    def operator(self) -> str:
        """Return a token of somebody who operates the deployment."""
        groups: dict[str, Any] = {"cognito:groups": ["operators"]}
        return self.pool.token("operator", **groups)

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

    def an_import(self, app_id: str, content: bytes = b"x", **settings: Any) -> dict[str, Any]:
        """Announce a file and upload it as the answer says."""
        body = {"kind": "contacts", "size": len(content), **settings}
        answer = self.request(f"POST /v1/apps/{app_id}/imports", body, bearer=self.operator())
        assert answer.status == 201, answer.body
        upload = answer.body["upload"]
        sent = httpx.put(upload["url"], content=content, headers=upload["headers"])
        assert sent.status_code == 200, sent.text
        announced: dict[str, Any] = answer.body
        return announced

    def log_in(self, device: dict[str, Any], subject: str, *, audience: str) -> dict[str, Any]:
        """Bind a device to a contact of an app that trusts the pool for ``audience``."""
        users = OidcIssuer(self.pool.issuer, audience=audience)
        bound = self.request(
            f"PUT /v1/apps/{device['app_id']}/devices/{device['device_id']}/contact",
            {"user_token": users.token(subject)},
            bearer=device["device_token"],
        )
        assert bound.status == 200, bound.body
        known: dict[str, Any] = bound.body
        return known


def _content_of(answer: dict[str, Any]) -> Any:
    """Return what an answer brings: a page as text, a picture as bytes, all else is JSON."""
    text = answer.get("body")
    if answer["isBase64Encoded"]:
        return b64decode(answer["body"])
    if not text or answer["headers"].get("Content-Type", "").startswith("text/"):
        return text or None
    return json.loads(text)


def signature(secret: str, body: str | bytes) -> dict[str, str]:
    """Return the headers by which the reference implementation signs a body now."""
    text = body if isinstance(body, str) else body.decode()
    message_id, at = f"msg_{uuid4().hex}", system_clock()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, text),
    }


class Context:
    aws_request_id = "request-1"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:function"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    body: str | bytes | None = None,
    **replaced: Any,
) -> dict[str, Any]:
    """Return the event of a request, in payload format 2.0.

    As the gateway does, ``path`` comes decoded, header names in lower case, repeated query
    parameters joined by commas, and a body that is no text in base64.
    """
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        **({"queryStringParameters": parameters} if parameters else {}),
        "headers": headers or {},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": str(uuid4()),
            "stage": "$default",
            **replaced.pop("requestContext", {}),
        },
        "body": b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
        **replaced,
    }


@cache
def document() -> dict[str, Any]:
    """Return the published OpenAPI document."""
    found: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return found
