"""The documents that are generated from the code: the API's contract and the events' schemas."""

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from shared.kernel.events import ENVELOPE_FIELDS, DomainEvent
from shared.platform.http.api import Api

ROOT = Path(__file__).parents[1]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*_api/handler.py"))
METHODS = ("get", "put", "post", "patch", "delete")

DESCRIPTION = """\
Registrations, pushes and the timeline of contact events.

Refusals are problem documents (RFC 9457); `GET /v1/problems/{code}` says what a code means. The
gateway itself may answer 413, 429 and 503 with a short body of its own, `{"message": ...}`.
"""


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of all functions together."""
    whole: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Engage",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {
            "schemas": {},
            "securitySchemes": {
                "device_token": {"type": "http", "scheme": "bearer"},
                "oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "till_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed by a till with a registered Ed25519 key of its store"
                    " (EdDSA): `kid` the key, `iss` the store, `sub` the till, `aud` the app,"
                    " `iat` and `exp` at most ten minutes apart.",
                },
                "write_key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The user is a write key; there is no password. Libraries in"
                    " pages write it into the body, as `writeKey`.",
                },
                "webhook_signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "Standard Webhooks 1.0, with `webhook-id` and"
                    " `webhook-timestamp`: https://www.standardwebhooks.com",
                },
            },
        },
    }
    for name in FUNCTIONS:
        app = importlib.import_module(f"functions.{name}.handler").app
        _merge(whole, _document_of(app), function=name)
    whole["paths"] = dict(sorted(whole["paths"].items()))
    _link(whole)
    whole["components"]["schemas"] = dict(sorted(whole["components"]["schemas"].items()))
    return whole


def routes(document: dict[str, Any]) -> list[str]:
    """Return method and path of every operation."""
    return sorted(
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    )


def _document_of(app: Api) -> dict[str, Any]:
    schema = app.get_openapi_json_schema(title="Engage", version="1")
    found: dict[str, Any] = json.loads(schema)
    return found


def _merge(whole: dict[str, Any], part: dict[str, Any], *, function: str) -> None:
    for path, operations in part["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = _operation(operations[method], method, path, function)
                whole["paths"].setdefault(path, {})[method] = operation
    for name, schema in part.get("components", {}).get("schemas", {}).items():
        # Powertools declares its own validation errors, which this API never answers.
        if name in {"HTTPValidationError", "ValidationError", "ResponseValidationError"}:
            continue
        known = whole["components"]["schemas"].setdefault(name, schema)
        assert known == schema, f"two functions mean different things by {name}"


def _operation(operation: dict[str, Any], method: str, path: str, function: str) -> dict[str, Any]:
    access = operation["x-engage-access"]
    security: list[dict[str, list[str]]] = []
    if "device" in access:
        security.append({"device_token": []})
    if "marketer" in access or "operator" in access or "contact" in access:
        security.append({"oidc": []})
    if "till" in access:
        security.append({"till_token": []})
    if "write key" in access:
        security.append({"write_key": []})
    if "system" in access:
        security.append({"webhook_signature": []})
    described = {
        **{name: value for name, value in operation.items() if value is not None},
        "operationId": _operation_id(method, path),
        "tags": [function.removesuffix("_api")],
        "x-engage-function": function,
        "security": security or [{}],
    }
    answers = dict(sorted(described["responses"].items()))
    answers.pop("500", None)  # a bug of ours is no part of the contract
    if "204" in answers:
        answers["204"].pop("content", None)
    return {**described, "responses": answers}


def _link(whole: dict[str, Any]) -> None:
    """Say of what an operation makes (201) which operations there are on it: by ids it answers."""
    operations = {
        operation["operationId"]: (set(re.findall(r"{(\w+)}", path)), operation)
        for path, found in whole["paths"].items()
        for operation in found.values()
    }
    for source, (known, operation) in operations.items():
        made = operation["responses"].get("201")
        if made is None:
            continue
        answer = made["content"]["application/json"]["schema"]
        # A route that may make nothing has several answers: first is what it made.
        schema = answer.get("anyOf", [answer])[0]["$ref"].rpartition("/")[2]
        told = set(whole["components"]["schemas"][schema]["properties"])
        made["links"] = {
            target: {
                "operationId": target,
                "parameters": {name: f"$response.body#/{name}" for name in sorted(names)},
            }
            for target, (names, _) in operations.items()
            if target != source and names and names <= told and len(names) >= len(known)
        }


def _operation_id(method: str, path: str) -> str:
    words = [word.strip("{}") for word in path.split("/")[2:]]
    return "_".join([method, *words]).replace("-", "_")


def events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the type of every event, and the JSON schema of its data."""
    for path in sorted(ROOT.glob("shared/*/events.py")):
        importlib.import_module(f"shared.{path.parent.name}.events")
    for kind in _concrete(DomainEvent):
        yield kind.type, _schema(kind)


def index_of_events() -> str:
    """Return the page that lists every event that our domains tell, in Markdown."""
    lines = [
        f"| [`{kind}`]({kind}.schema.json) | {' '.join(schema['description'].split())}"
        f" | {schema['x-source'] or 'each its own'} | {schema['x-about']}"
        f" | {schema['x-channel'] or ''} |"
        for kind, schema in sorted(dict(events()).items())
    ]
    return "\n".join([_ABOVE_EVENTS, *lines, ""])


_ABOVE_EVENTS = """\
# Events

Every type that our domains put on the bus, into the ledger and into the [archive](../archive.md).
A type's schema is of its `data`, draft 2020-12. On the bus an event is a CloudEvent 1.0 whose
`type` has the app's organisation before it, as in `com.example.coupon.redeemed.v1`; a new meaning
is a new version. What other systems tell has names of theirs, or those that [wires](../wires.md)
lists.

| type | means | told by | about | channel |
|---|---|---|---|---|"""


def _concrete(kind: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    for inner in kind.__subclasses__():
        if "type" in vars(inner) and is_dataclass(inner):
            yield inner
        yield from _concrete(inner)


def _schema(kind: type[DomainEvent]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    own = [field for field in fields(kind) if field.name not in ENVELOPE_FIELDS]
    properties = {
        field.name: TypeAdapter(hints[field.name]).json_schema(mode="serialization")
        for field in own
    }
    # References lead to the top of a document, whichever of its parts they stand in.
    shared = {
        name: meant
        for schema in properties.values()
        for name, meant in schema.pop("$defs", {}).items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.type,
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": properties,
        **({"$defs": dict(sorted(shared.items()))} if shared else {}),
        "required": [field.name for field in own if field.default is MISSING],
        "x-source": _word(getattr(kind, "source", None)),
        "x-about": kind.about.removesuffix("_id"),
        "x-channel": _word(kind.channel),
        "x-direction": _word(kind.direction),
    }


def _word(value: object) -> str | None:
    """Return what every event of a kind says; ``None`` where none or each says its own."""
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, str) else None
