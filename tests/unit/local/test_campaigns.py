"""What marketers see of campaigns, and how they prove who they are on AWS."""

from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from infra.local.campaigns import STATES, _picture, books_table
from infra.local.cli import app
from infra.local.documents import read
from infra.local.errors import LocalStackError
from infra.local.marketers import SignedByIam, place
from infra.local.plots import bar, curve

FACTS = {
    "base_url": "http://localhost:8000",
    "app_id": "app_1",
    "role_tokens": {"sender": "s", "admin": "a"},
}
URL = "https://abc.lambda-url.eu-west-1.on.aws/"


def text_of(what: Any) -> str:
    told = StringIO()
    Console(file=told, width=120).print(what)
    return told.getvalue()


def books(**counts: int) -> dict[str, Any]:
    told = dict.fromkeys(STATES, 0) | counts
    return {
        "planned": sum(told.values()),
        **told,
        "because": {"skipped": {"cap": counts.get("skipped", 0)}},
        "balanced": True,
    }


@given(st.lists(st.integers(0, 10**7), max_size=8), st.integers(8, 90))
def test_a_bar_is_as_wide_as_asked_and_shows_every_part(counts: list[int], width: int) -> None:
    drawn = bar([(count, f"color({at})") for at, count in enumerate(counts)], width=width)
    assert len(drawn.plain) == width
    shown = {span.style for span in drawn.spans if "█" in drawn.plain[span.start : span.end]}
    assert shown == {f"color({at})" for at, count in enumerate(counts) if count}


def test_a_curve_has_the_last_values_and_its_top_is_whole() -> None:
    assert curve([0, 1, 2, 4, 8], width=4) == "▁▂▄█"
    assert curve([0, 0], width=4) == "  "
    assert curve([], width=4) == ""


def test_a_picture_says_how_far_a_campaign_is() -> None:
    found = {"state": "sending", "books": books(sent=30, skipped=10, pending=60)}
    told = text_of(_picture("cmp_1", found, [0.0, 12.0]))
    assert "cmp_1  sending  40 of 100  12 a second" in told


def test_books_are_told_with_their_reasons() -> None:
    told = text_of(books_table(books(sent=30, skipped=10)))
    assert "cap 10" in told
    assert "out of balance" not in told
    assert "out of balance" in text_of(books_table({**books(sent=1), "balanced": False}))


def test_commands_go_to_the_local_stack_with_the_token_of_a_role() -> None:
    found = place(FACTS, url=None, app_id=None, role="admin")
    assert (found.url, found.token) == ("http://localhost:8000", "a")
    assert found.path("campaigns", "cmp_1") == "/v1/apps/app_1/campaigns/cmp_1"
    assert place(FACTS, url=None, app_id="app_2", role="sender").app_id == "app_2"
    for facts, role in (({}, "sender"), (FACTS, "boss")):
        with pytest.raises(LocalStackError):
            place(facts, url=None, app_id=None, role=role)


def test_an_address_needs_its_app_and_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_TOKEN", "t")
    with pytest.raises(LocalStackError):
        place({}, url=URL, app_id=None, role="sender")
    found = place({}, url=URL, app_id="app_1", role="sender")
    assert (found.url, found.token) == (URL.rstrip("/"), "t")
    monkeypatch.delenv("ENGAGE_TOKEN")
    with pytest.raises(LocalStackError, match="no function URL"):
        place({}, url="https://example.com", app_id="app_1", role="sender").caller()


def test_requests_to_function_urls_are_signed_with_their_body() -> None:
    signer = SignedByIam(Credentials("AKID", "secret", "session"), region="eu-west-1")
    with httpx.Client(base_url=URL) as client:
        requests = [
            client.build_request("POST", "/v1/apps/app_1/campaigns", json={"name": name})
            for name in ("one", "two")
        ]
    signed = [next(signer.auth_flow(request)) for request in requests]
    proofs = [request.headers["authorization"] for request in signed]
    assert all("/eu-west-1/lambda/aws4_request" in proof for proof in proofs)
    assert proofs[0] != proofs[1]
    assert {request.headers["x-amz-security-token"] for request in signed} == {"session"}


def test_drafts_are_read_from_yaml_with_their_dates_as_text(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("name: Spring\nsend_at: 2026-12-01T09:00:00\nvariants: [{name: a}]\n")
    assert read(file) == {
        "name": "Spring",
        "send_at": "2026-12-01T09:00:00",
        "variants": [{"name": "a"}],
    }
    for text in ("- a list", "a: [1"):
        file.write_text(text)
        with pytest.raises(LocalStackError):
            read(file)


def test_without_a_stack_a_command_says_what_to_do(tmp_path: Path) -> None:
    state = ["--state", str(tmp_path)]
    result = CliRunner().invoke(app, [*state, "campaign", "list"])
    assert result.exit_code == 1
    assert "engage up" in result.output
