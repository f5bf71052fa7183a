"""The page for app developers: each block of it is run, against the fake server over HTTP."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_mobile import system_clock
from engage_mobile.outcomes import Because
from engage_mobile.retry import FINAL_CONFLICTS
from tests.sdk.servers import Effect, FakeServer, user_token
from tests.sdk.serving import served

PAGE = (Path(__file__).parents[2] / "docs" / "mobile-sdk.md").read_text()
BLOCKS = re.findall(r"^```([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TOKEN = user_token("ada-lovelace")


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(system_clock)


@pytest.fixture
def url(server: FakeServer) -> Iterator[str]:
    with served(server) as address:
        yield address


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def test_the_lines_of_curl_do_what_they_say(server: FakeServer, url: str) -> None:
    (lines,) = blocks("sh curl")
    environment = {**os.environ, "API_URL": url, "APP_ID": "app_1", "USER_TOKEN": TOKEN}  # noqa: TID251
    subprocess.run(  # noqa: S603
        ["bash", "-euo", "pipefail", "-c", lines],  # noqa: S607
        check=True,
        capture_output=True,
        timeout=60,
        env=environment,
    )
    assert server.effects() == {
        Effect("event", "ada-lovelace", "com.example.basket.filled"): 1,
        Effect("redemption", "ada-lovelace", "1"): 1,
    }


def test_the_python_does_what_it_says(
    server: FakeServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"API_URL": url, "APP_ID": "app_1", "USER_TOKEN": TOKEN, "FOLDER": tmp_path}
    program = "\n".join(blocks("python"))
    exec(compile(program, "docs/mobile-sdk.md", "exec"), names)  # noqa: S102 - our own page
    assert capsys.readouterr().out == "off the price: 100\n"
    told = {(effect.kind, effect.whose) for effect in server.effects()}
    assert told == {
        (kind, "ada-lovelace") for kind in ("event", "receipt", "redemption", "ad_event", "mark")
    }


def test_the_fleet_does_what_it_says(
    server: FakeServer, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = blocks("python fleet")
    given = {"API_URL": url, "APP_ID": "app_1", "COUPON_ID": "cpn_1", "sign_in": user_token}
    exec(compile(program, "docs/mobile-sdk.md", "exec"), given)  # noqa: S102 - our own page
    viewed = sum(times for effect, times in server.effects().items() if effect.kind == "event")
    assert viewed > 20
    assert capsys.readouterr().out == f"{viewed} pages viewed\n"


def test_the_page_has_no_block_that_is_not_run() -> None:
    assert {kind for kind, _ in BLOCKS} == {
        "python",
        "python fleet",
        "sh",
        "sh curl",
    }  # tests/contract tries those of sh
    assert PAGE.count("```") == 2 * len(BLOCKS)


def test_every_reason_and_every_final_conflict_is_told() -> None:
    assert [one for one in (*Because, *FINAL_CONFLICTS) if f"`{one}`" not in PAGE] == []


def test_the_parts_of_a_port_are_those_that_there_are() -> None:
    _, _, table = PAGE.partition("| part | does |")
    cells = " ".join(line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:])
    told = set(re.findall(r"`([a-z_]+)`", cells))
    folder = Path(__file__).parents[2] / "mobile_sdk_stub" / "engage_mobile"
    modules = {path.stem for path in folder.glob("[!_]*.py")}
    assert told < modules
    assert modules - told == {"answers", "memory", "outcomes", "requests", "transport"}
