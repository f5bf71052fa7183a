"""Reports on the command line: the API is played, and its answers are held to its document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from typer.testing import CliRunner, Result

from infra.local.cli import app
from infra.local.reports import CHANNELS, WIDTH, coverage_table, histogram_table, over_limit
from infra.local.state import StateFolder
from shared.kernel.events import Channel

FACTS = {"base_url": "http://api.example", "app_id": "app_1", "role_tokens": {"viewer": "v"}}
REPORTS = "/v1/apps/{app_id}/reports"
DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
COUNTED = {"counted_at": "2026-11-23T14:00:00Z"}


def share(channel: str, inbound: int, outbound: int, *, whole: int) -> dict[str, Any]:
    told = {"channel": channel, "inbound": inbound, "outbound": outbound}
    return told | {"share": (inbound + outbound) / whole}


def window(days: int, **changes: Any) -> dict[str, Any]:
    return {
        "days": days,
        "people": 3,
        "sampled": 3,
        "over": 1,
        "over_share": {"value": 1 / 3, "low": 1 / 3, "high": 1 / 3},
        "histogram": [{"touches": 1, "people": 2}, {"touches": 7, "people": 1}],
        "most_touched": [{"contact_id": "con_1", "touches": 7}],
    } | changes


ANSWERS: Mapping[str, Any] = {
    "coverage": COUNTED
    | {
        "days": 30,
        "telling": 1,
        "channels": [
            {"channel": "email", "events": 7, "last_day": "2026-11-23", "silent_days": 0},
            {"channel": "post", "events": 0, "last_day": "2026-09-01", "silent_days": 83},
            {"channel": "f2f", "events": 0, "last_day": None, "silent_days": None},
        ],
    },
    "channel-mix": COUNTED
    | {
        "months": [
            {
                "month": "2026-10",
                "contacts": 10,
                "digital_share": 0.0,
                "channels": [share("post", 0, 10, whole=10), share("email", 0, 0, whole=10)],
            },
            {
                "month": "2026-11",
                "contacts": 10,
                "digital_share": 0.3,
                "channels": [share("post", 0, 7, whole=10), share("email", 1, 2, whole=10)],
            },
        ],
        "changes": {"post": -0.3, "email": None},
    },
    "costs": COUNTED
    | {
        "first_month": "2026-01",
        "last_month": "2026-11",
        "costs": [
            {
                "channel": "post",
                "currency": "CHF",
                "amount": 1_700_000,
                "contacts": 2,
                "per_contact": 850_000,
            }
        ],
    },
    "pressure": COUNTED | {"limit": 5, "windows": [window(7), window(30)]},
}


@dataclass
class Api:
    """Answers the reports as the API's document says, and notes what it was asked."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url.copy_with(scheme="http", host="api.example")))
        name = request.url.path.rpartition("/")[2]
        operation = DOCUMENT["paths"][f"{REPORTS}/{name}"]["get"]
        assert {one["name"] for one in operation["parameters"]} >= set(request.url.params)
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(
            ANSWERS[name]
        )
        return httpx.Response(200, json=ANSWERS[name])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    played = Api()
    client = partial(httpx.Client, transport=httpx.MockTransport(played))
    monkeypatch.setattr(httpx, "Client", client)
    return played


@pytest.fixture
def state(tmp_path: Path) -> Path:
    StateFolder(tmp_path).note({"facts": FACTS})
    return tmp_path


def engage(state: Path, *arguments: str) -> Result:
    command = ["--state", str(state), "report", *arguments]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result


def row_of(name: str, table: str) -> list[str]:
    """Return the words of the one row that a name begins."""
    (row,) = [line.split() for line in table.splitlines() if line.split()[:1] == [name]]
    return row


def test_coverage_says_who_is_silent(api: Api, state: Path) -> None:
    told = engage(state, "coverage", "--days", "30").stdout
    assert api.asked == ["http://api.example/v1/apps/app_1/reports/coverage?days=30"]
    assert "83 days ago" in told
    assert "never" in told
    assert "1 of 12 channels told something in 30 days." in told
    assert "As of 2026-11-23T14:00:00Z." in told


def test_the_mix_is_a_bar_a_month_and_a_curve_a_channel(api: Api, state: Path) -> None:
    told = engage(state, "mix", "--from", "2026-10", "--to", "2026-11").stdout
    assert api.asked[0].endswith("/channel-mix?from=2026-10&to=2026-11")
    month, post = row_of("2026-11", told), row_of("post", told)
    assert (month[1], month[-1]) == ("10", "30%")
    assert post == ["post", "0", "17", "85.0%", "█▆", "-30%"]


def test_costs_are_in_whole_units(api: Api, state: Path) -> None:
    row = row_of("post", engage(state, "costs").stdout)
    assert row == ["post", "2", "1.70", "CHF", "█" * WIDTH, "0.8500"]


def test_pressure_names_people_and_their_touches(api: Api, state: Path) -> None:
    told = engage(state, "pressure", "--limit", "5").stdout
    assert "In 7 days 1 of 3 people (33.3%) were touched more than 5 times." in told
    assert told.count("con_1  7 touches") == 1


def test_a_sample_comes_with_its_interval() -> None:
    share = {"value": 0.1, "low": 0.08, "high": 0.125}
    sampled = window(30, people=20_000, sampled=1_000, over=100, over_share=share)
    assert over_limit(sampled, limit=5) == (
        "In 30 days 10.0% of about 20000 people (8.0% to 12.5%, by 1000 of them) were touched more"
        " than 5 times."
    )


def test_machines_get_what_the_api_said(api: Api, state: Path) -> None:
    for command, name in (("coverage", "coverage"), ("mix", "channel-mix"), ("costs", "costs")):
        assert json.loads(engage(state, command, "--json").stdout) == ANSWERS[name]


def test_bars_are_as_long_as_their_part_of_the_most() -> None:
    told = StringIO()
    steps = [
        {"touches": 1, "people": 1_000},
        {"touches": 2, "people": 500},
        {"touches": 3, "people": 1},
    ]
    Console(file=told, width=80).print(histogram_table(steps))
    assert [told.getvalue().splitlines()[row].count("█") for row in (1, 2, 3)] == [40, 20, 1]


def test_every_channel_has_a_colour_of_its_own() -> None:
    assert set(CHANNELS) == set(Channel)
    assert len(set(CHANNELS.values())) == len(CHANNELS)


def test_channels_that_told_nothing_have_no_bar() -> None:
    told = StringIO()
    nothing = {"channel": "sms", "events": 0, "last_day": None, "silent_days": None}
    Console(file=told, width=80).print(coverage_table({"channels": [nothing]}))
    assert "█" not in told.getvalue()
