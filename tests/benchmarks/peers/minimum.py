"""The least that answers the same request: a router of a few lines and SigV4 by hand.

Nothing but the standard library: no retries, no schema, no logs. Nobody can start much faster.
"""

import hashlib
import hmac
import json
import os
import re
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

_ENDPOINT = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")  # noqa: TID251
_REGION = os.environ["AWS_DEFAULT_REGION"]  # noqa: TID251
_KEY_ID, _KEY = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]  # noqa: TID251
_HEADERS = ("content-type", "host", "x-amz-date", "x-amz-target")
_CONNECTION = HTTPConnection(_ENDPOINT)


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    http = event["requestContext"]["http"]
    for method, pattern, answer in _ROUTES:
        if method == http["method"] and pattern.fullmatch(http["path"]):
            status, body = answer(json.loads(event["body"]))
            headers = {"content-type": "application/json"}
            return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
    return {"statusCode": 404, "body": "{}"}


def _create_app(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if not (isinstance(body.get("name"), str) and isinstance(body.get("org"), str)):
        return 422, {"code": "invalid_fields"}
    item = {"pk": {"S": "APP#1"}, "sk": {"S": "APP"}, "name": {"S": body["name"]}}
    _call("PutItem", {"TableName": "registrations", "Item": item})
    return 201, body | {"app_id": "1"}


_ROUTES = ((("POST"), re.compile("/v1/apps"), _create_app),)


def _call(operation: str, parameters: dict[str, Any]) -> Any:
    """Call DynamoDB, signed as AWS documents Signature Version 4."""
    payload = json.dumps(parameters).encode()
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")  # noqa: TID251 - this has no clock
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": _ENDPOINT,
        "x-amz-date": now,
        "x-amz-target": f"DynamoDB_20120810.{operation}",
    }
    listed = "".join(f"{name}:{headers[name]}\n" for name in _HEADERS)
    signed = ";".join(_HEADERS)
    canonical = f"POST\n/\n\n{listed}\n{signed}\n{hashlib.sha256(payload).hexdigest()}"
    scope = f"{now[:8]}/{_REGION}/dynamodb/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{_KEY}".encode()
    for part in (now[:8], _REGION, "dynamodb", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={_KEY_ID}/{scope}, SignedHeaders={signed}, "
        f"Signature={signature}"
    )
    _CONNECTION.request("POST", "/", payload, headers)
    return json.loads(_CONNECTION.getresponse().read())
