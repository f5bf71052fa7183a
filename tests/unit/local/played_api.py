"""The API as the command line sees it, played: held to its document, both ways."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from infra.local.cli import app

FACTS = {"base_url": "http://api.example", "app_id": "app_1", "role_tokens": {"editor": "e"}}
DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


def engage(folder: Path, *arguments: str) -> Result:
    """Run a command on the stack whose notes lie in a folder."""
    command = ["--state", str(folder / "state"), *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "160"})


def operation_of(method: str, path: str) -> Any:
    """Return what the API's document says of a request."""
    for template, operations in DOCUMENT["paths"].items():
        is_path = re.fullmatch(re.sub(r"{[a-z_]+}", "[^/]+", template), path)
        if is_path and method.lower() in operations:
            return operations[method.lower()]
    raise AssertionError(f"the API has no {method} {path}")


def expect_body(operation: Any, body: Any) -> None:
    """Hold a body against what the route takes."""
    if "requestBody" not in operation:
        assert not body
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(body)


def expect_answer(operation: Any, answer: Mapping[str, Any]) -> None:
    """Hold an answer's fields against those that the route gives."""
    (told,) = {
        content["schema"]["$ref"].rpartition("/")[2]
        for status, one in operation["responses"].items()
        if status.startswith("2")
        for content in one["content"].values()
    }
    assert set(answer) <= set(DOCUMENT["components"]["schemas"][told]["properties"])


@dataclass
class PlayedApi:
    """Answers each path with what was laid down for it: the last answer again and again.

    ``asked`` are methods, paths and bodies, ``queries`` what stood behind the paths.
    """

    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, Iterator[Any]] = field(default_factory=dict)

    def lay(self, what: str, *answers: Any) -> None:
        """Lay down the answers to a method and path."""
        self.answers[what] = chain(answers, repeat(answers[-1]))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        is_json = request.headers.get("Content-Type") == "application/json"
        body = json.loads(content) if is_json else content.decode()
        self.asked.append((request.method, request.url.path, body))
        self.queries.append(dict(request.url.params))
        path = request.url.path
        asked = request.url.params.get("contact_id")
        query = f"?contact_id={asked}" if asked else ""
        answer = next(self.answers[f"{request.method} {path}{query}"])
        if isinstance(answer, BaseException):
            raise answer
        if request.url.host == "api.example":
            operation = operation_of(request.method, path)
            expect_body(operation, body)
            expect_answer(operation, answer)
        if isinstance(answer, str):
            return httpx.Response(200, text=answer)
        return httpx.Response(200, json=answer)
