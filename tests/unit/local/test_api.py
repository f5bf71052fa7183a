"""What the command line says when the API refuses."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from infra.local.state import StateFolder

FACTS = {
    "base_url": "http://api.example",
    "app_id": "app_1",
    "role_tokens": {"editor": "e", "sender": "s"},
}


def problem(status: int, **told: Any) -> httpx.Response:
    """Return a problem document as the API answers it."""
    body = {
        "type": f"/v1/problems/{told['code']}",
        "status": status,
        "instance": "request-1",
        "errors": [],
        **told,
    }
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


NOT_FOUND = problem(
    404, code="coupon_not_found", title="There is no such coupon.", detail="cpn_1 is not known"
)
INVALID = problem(
    422,
    code="invalid_fields",
    title="Some fields break a rule.",
    detail="the coupon has problems",
    errors=[
        {"pointer": "/discount/kind", "code": "word", "detail": "one of percent is needed"},
        {"pointer": "", "code": "too_large", "detail": "at most 16384 bytes"},
    ],
)


def refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: httpx.Response, *command: str
) -> Result:
    """Run a command of which every call gets one answer."""
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    state.note({"facts": FACTS})
    transport = httpx.MockTransport(lambda _: answer)
    monkeypatch.setattr(httpx, "Client", partial(httpx.Client, transport=transport))
    return CliRunner().invoke(app, ["--state", str(state.path), *command])


@pytest.mark.parametrize("thing", ["coupon", "campaign"])
def test_a_refusal_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, thing: str
) -> None:
    result = refused(monkeypatch, tmp_path, NOT_FOUND, thing, "show", "cpn_1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "✗ cpn_1 is not known",
        "→ coupon_not_found: There is no such coupon.",
    ]


@pytest.mark.parametrize("thing", ["coupon", "campaign"])
def test_a_refusal_names_each_field_and_what_is_wrong_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, thing: str
) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text("name: Spring\n")
    result = refused(monkeypatch, tmp_path, INVALID, thing, "create", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "✗ the coupon has problems",
        "  /discount/kind: one of percent is needed",
        "  body: at most 16384 bytes",
        "→ invalid_fields: Some fields break a rule.",
    ]


def test_a_mistake_of_ours_points_at_the_logs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = problem(500, code="internal", title="Internal", detail="something went wrong")
    result = refused(monkeypatch, tmp_path, answer, "coupon", "list")
    assert result.exit_code == 1
    assert "something went wrong" in result.stderr
    assert "engage logs" in result.stderr


def test_what_is_no_problem_document_is_shown_as_it_came(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = httpx.Response(429, json={"message": "Too Many Requests"})
    result = refused(monkeypatch, tmp_path, answer, "coupon", "list")
    assert result.exit_code == 1
    assert 'refused with 429: {"message":"Too Many Requests"}' in result.stderr
