"""`engage cost` adds up what was measured, at list prices."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.local import costs, prices
from infra.local.cli import app
from infra.local.costs import Assumed, Volumes, month
from shared.push.model.planning import LARGEST_CHUNK

NO_TIME = Assumed(call_ms=0, chunk_ms=0)


def line(feature: str, assumed: Assumed = NO_TIME, **volumes: int) -> dict[str, Any]:
    found = month(Volumes(**volumes), assumed)
    (one,) = [each for each in found["lines"] if each["feature"] == feature]
    return dict(one)


def test_a_million_redemptions_take_their_units_and_what_follows() -> None:
    found = line("redemptions", redemptions=1_000_000)

    # Eight writes and the index; a code's and the redemption's reads; an event, for five queues.
    assert (found["writes"], found["reads"], found["events"]) == (9_000_000, 6_500_000, 1_000_000)
    assert found["usd"] == {
        "DynamoDB": pytest.approx(9 * 0.625 + 6.5 * 0.125, abs=0.01),
        "EventBridge": 1.0,
        "SQS": pytest.approx(5 * 1.2 * 0.4),
        "API Gateway": 1.0,
        "Lambda": pytest.approx(0.2 * (1 + 0.5 + 0.01), abs=0.01),
        "standing": 0.0,
    }
    assert found["total_usd"] == pytest.approx(sum(found["usd"].values()), abs=0.02)


def test_a_push_of_a_campaign_takes_two_writes_its_index_and_a_share_of_its_chunk() -> None:
    found = line("pushes", pushes=1_000_000)
    assert found["writes"] == 2_054_000 + 1_000_000
    assert found["events"] == 1_000_000
    assert found["usd"]["API Gateway"] == 0


def test_devices_register_once_and_refresh_as_often_as_is_assumed() -> None:
    never = line("devices", Assumed(refreshes=0), devices=1000)
    often = line("devices", Assumed(refreshes=30), devices=1000)
    assert often["writes"] - never["writes"] == 30_000
    assert often["events"] == never["events"] == 1000


def test_time_costs_what_is_assumed_of_it() -> None:
    still, busy = (
        line("impressions", Assumed(call_ms=ms), impressions=1_000_000)["usd"]["Lambda"]
        for ms in (0, 1000)
    )
    # A fifth of a request for the decision, another for the events, and the calls behind the bus.
    assert busy - still == pytest.approx(0.91e6 * costs.GB_SECOND, rel=0.01)


def test_nothing_happens_and_something_stands_there() -> None:
    found = month(Volumes(), NO_TIME)
    assert [one["total_usd"] for one in found["lines"][:-1]] == [0, 0, 0, 0]
    assert 5 < found["total_usd"] < 30


def test_a_chunk_is_as_large_as_the_senders() -> None:
    assert costs.CHUNK == LARGEST_CHUNK
    assert prices.UNITS["a whole chunk of a campaign sent"].events == LARGEST_CHUNK


def test_peers_are_dated_and_have_a_source() -> None:
    found = month(Volumes(devices=1_000_000, pushes=10_000_000), NO_TIME)["peers"]
    assert [one["usd"] for one in found] == [5.0, 1210.0, 12000.0]
    for one in found:
        assert one["as_of"].startswith("2026-")
        assert one["source"].startswith("https://")


def test_the_command_says_it_as_a_table_and_as_json(tmp_path: Path) -> None:
    command = ["--state", str(tmp_path), "cost", "--devices", "1000000", "--pushes", "30000000"]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    told = CliRunner().invoke(app, [*command, "--json"])

    assert (shown.exit_code, told.exit_code) == (0, 0)
    assert f"{json.loads(told.stdout)['total_usd']:,.2f}" in shown.stdout
    assert "Not in it: logs" in shown.stdout


def test_the_page_shows_what_the_command_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "cost.md").read_text()
    found = re.search(r"^\.venv/bin/engage (cost .*)$", page, re.MULTILINE)
    assert found
    command = ["--state", str(tmp_path), *found[1].split()]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "150"}).stdout
    assert "\n".join(line.rstrip() for line in shown.splitlines()) in page
