import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from infra.local import imports
from infra.local.api import ApiCaller
from infra.local.cli import app
from infra.local.errors import LocalStackError


def engage(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--state", str(tmp_path / "state"), "import", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "people.csv"
    written.write_text("identifier.customer\n4711\n")
    return written


def an_import(state: str, read: int) -> dict[str, Any]:
    return {
        "import_id": "imp_1",
        "state": state,
        "upload": {"method": "PUT", "url": "https://files.example/1", "headers": {"X-Size": "25"}},
        "progress": {"read": read},
    }


def answering(asked: list[Any], states: Iterator[str]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.path, body))
        state = next(states) if request.method == "GET" else "created"
        return httpx.Response(200, json=an_import(state, read=1))

    return answer


def test_a_file_is_announced_uploaded_started_and_watched(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def upload(method: str, url: str, **sent: Any) -> httpx.Response:
        asked.append((method, url, sent["headers"], sent["content"].read()))
        return httpx.Response(200)

    monkeypatch.setattr(httpx, "request", upload)
    transport = httpx.MockTransport(answering(asked, iter(["started", "running", "done"])))
    with httpx.Client(base_url="https://api.example", transport=transport) as client:
        work = imports.Import(api=ApiCaller(client), app_id="app_1", file=file, every=0)
        states = [found["state"] for found in work.run({"kind": "contacts"})]

    assert states == ["started", "running", "done"]
    path = "/v1/apps/app_1/imports"
    assert asked == [
        ("POST", path, {"kind": "contacts", "size": 25}),
        ("PUT", "https://files.example/1", {"X-Size": "25"}, file.read_bytes()),
        ("POST", f"{path}/imp_1/start", {}),
        *[("GET", f"{path}/imp_1", None)] * 3,
    ]


def test_an_upload_that_is_refused_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "request", lambda *_, **__: httpx.Response(403, text="denied"))
    transport = httpx.MockTransport(answering([], iter([])))
    with httpx.Client(base_url="https://api.example", transport=transport) as client:
        work = imports.Import(api=ApiCaller(client), app_id="app_1", file=file)
        with pytest.raises(LocalStackError, match="403: denied"):
            next(work.run({}))


@pytest.mark.parametrize(("name", "file_format"), [("a.csv", "csv"), ("a.JSONL", "jsonl")])
def test_the_name_says_the_format(name: str, file_format: str) -> None:
    assert imports.format_of(Path(name)) == file_format


def test_a_name_that_says_nothing_needs_the_format(tmp_path: Path) -> None:
    file = tmp_path / "people"
    file.write_text("x")
    result = engage(tmp_path, str(file), "--kind", "contacts")
    assert result.exit_code == 1
    assert "--format csv" in result.stderr


def test_without_a_stack_there_must_be_a_url(tmp_path: Path, file: Path) -> None:
    result = engage(tmp_path, str(file), "--kind", "contacts")
    assert (result.exit_code, "The stack is not up." in result.stderr) == (1, True)


def test_an_api_elsewhere_needs_a_token_and_an_app(tmp_path: Path, file: Path) -> None:
    there = ("--kind", "contacts", "--url", "https://api.example")
    for arguments, missing in ((there, "--app"), ((*there, "--app", "app_1"), "ENGAGE_TOKEN")):
        result = engage(tmp_path, str(file), *arguments)
        assert (result.exit_code, missing in result.stderr) == (1, True)


def test_no_rejects_make_an_empty_file(tmp_path: Path) -> None:
    target = tmp_path / "rejects.jsonl"
    imports.fetch_rejects({"rejects_url": None}, target)
    assert target.read_bytes() == b""
