"""Checks JSON against Google's own discovery document of FCM, as Google's front end does.

The document is compiled once into nested functions, because it is asked for every message.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from infra.local.fcm.answers import Violation

Check: TypeAlias = Callable[[Any, str, list[Violation]], None]
"""Appends to the list what is wrong with a value that stands at a path."""

Schema: TypeAlias = Mapping[str, Any]

_TYPES = "type.googleapis.com/google.firebase.fcm.v1."
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_INT32 = range(-(2**31), 2**31)


@cache
def discovery_document() -> Schema:
    """Return FCM's discovery document, from google-api-python-client."""
    folder = files("googleapiclient").joinpath("discovery_cache", "documents")
    document: Schema = json.loads(folder.joinpath("fcm.v1.json").read_text("utf-8"))
    return document


@cache
def send_request_check() -> Check:
    """Return the check of the body of ``messages:send``."""
    return _Compiler(discovery_document()["schemas"]).message("SendMessageRequest")


@cache
def snake_case(name: str) -> str:
    """Return a field's name as protobuf spells it; JSON may use either spelling."""
    return _CAPITAL.sub(r"_\1", name).lower()


class _Compiler:
    """Turns schemas into checks; each named schema once."""

    def __init__(self, schemas: Schema) -> None:
        self._schemas = schemas
        self._messages: dict[str, Check] = {}

    def message(self, name: str) -> Check:
        """Return the check of a named schema."""
        if name not in self._messages:
            self._messages[name] = self._object(self._schemas[name]["properties"])
        return self._messages[name]

    def _of(self, schema: Schema, name: str) -> Check:
        if "$ref" in schema:
            return self.message(schema["$ref"])
        if "enum" in schema:
            return _enum(schema["enum"], name)
        match schema["type"]:
            case "object":
                return _map(self._of(schema["additionalProperties"], name))
            case "array":
                return _list(self._of(schema["items"], name))
            case plain:
                return _PLAIN[plain, schema.get("format")]

    def _object(self, properties: Schema) -> Check:
        checks: dict[str, tuple[str, Check]] = {}
        for name, schema in properties.items():
            proto = snake_case(name)
            checks[name] = checks[proto] = (proto, self._of(schema, name))

        def check(value: Any, path: str, found: list[Violation]) -> None:
            if not isinstance(value, dict):
                found.append(_invalid_value(path, "message", value))
                return
            for name, part in value.items():
                known = checks.get(name)
                if known is None:
                    found.append(_unknown_name(path, name))
                elif part is not None:
                    known[1](part, f"{path}.{known[0]}" if path else known[0], found)

        return check


def _map(check_value: Check) -> Check:
    def check(value: Any, path: str, found: list[Violation]) -> None:
        if not isinstance(value, dict):
            found.append(_invalid_value(path, "Map", value))
            return
        for index, part in enumerate(value.values()):
            check_value(part, f"{path}[{index}].value", found)

    return check


def _list(check_item: Check) -> Check:
    def check(value: Any, path: str, found: list[Violation]) -> None:
        if not isinstance(value, list):
            found.append(_invalid_value(path, "list", value))
            return
        for index, part in enumerate(value):
            check_item(part, f"{path}[{index}]", found)

    return check


def _enum(names: list[str], field: str) -> Check:
    # Google's parser takes a name in either case, or its number; firebase-admin sends "high".
    known = frozenset(names) | {name.lower() for name in names}
    kind = f"{_TYPES}{field[0].upper()}{field[1:]}"

    def check(value: Any, path: str, found: list[Violation]) -> None:
        if type(value) is int and 0 <= value <= len(names):
            return
        if not (isinstance(value, str) and value in known):
            found.append(_invalid_value(path, kind, value))

    return check


def _string(value: Any, path: str, found: list[Violation]) -> None:
    if type(value) is not str:
        found.append(_invalid_value(path, "TYPE_STRING", value))


def _boolean(value: Any, path: str, found: list[Violation]) -> None:
    if type(value) is not bool:
        found.append(_invalid_value(path, "TYPE_BOOL", value))


def _int32(value: Any, path: str, found: list[Violation]) -> None:
    if type(value) is not int or value not in _INT32:
        found.append(_invalid_value(path, "TYPE_INT32", value))


def _float(value: Any, path: str, found: list[Violation]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        found.append(_invalid_value(path, "TYPE_FLOAT", value))


def _duration(value: Any, path: str, found: list[Violation]) -> None:
    if not (isinstance(value, str) and _DURATION.fullmatch(value)):
        found.append(_invalid_value(path, "type.googleapis.com/google.protobuf.Duration", value))


def _instant(value: Any, path: str, found: list[Violation]) -> None:
    if not (isinstance(value, str) and _INSTANT.fullmatch(value)):
        found.append(_invalid_value(path, "type.googleapis.com/google.protobuf.Timestamp", value))


def _anything(_value: Any, _path: str, _found: list[Violation]) -> None:
    pass


_PLAIN: Mapping[tuple[str, str | None], Check] = {
    ("string", None): _string,
    ("string", "google-duration"): _duration,
    ("string", "google-datetime"): _instant,
    ("boolean", None): _boolean,
    ("integer", "int32"): _int32,
    ("number", "float"): _float,
    ("any", None): _anything,
}


def _unknown_name(path: str, name: str) -> Violation:
    where = f" at '{path}'" if path else ""
    start = "Invalid JSON payload received. Unknown name"
    return Violation(path, f'{start} "{name}"{where}: Cannot find field.')


def _invalid_value(path: str, kind: str, value: Any) -> Violation:
    return Violation(path, f"Invalid value at '{path}' ({kind}), {json.dumps(value)}")
