"""Every code block of the documents is tried: run, or for AWS held against what exists there.

A block that only a laptop's stack can run is run by the end-to-end tests, which this file names.
"""

import json
import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from botocore.session import get_session
from jsonschema import Draft202012Validator

from infra.local.cli import app
from shared.contact_policy.model.document import policy_of
from shared.coupons.model.documents import coupon_of
from shared.coupons.model.limits import write_units
from shared.coupons.model.rules import Reason
from shared.registrations.model.rule_documents import rule_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -q uv && .venv/bin/uv run "
ENGAGE = ".venv/bin/engage "


def blocks(kind: str) -> list[Any]:
    """Return the commands of the blocks of a kind, as parameters named by their page."""
    return [
        pytest.param(line.strip(), id=f"{page.name}: {line.strip()[:60]}")
        for page in PAGES
        for found in FENCE.finditer(page.read_text())
        if found["kind"].strip() == kind
        for line in found["text"].splitlines()
        if line.strip()
    ]


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    kinds = {found["kind"].strip() for page in PAGES for found in FENCE.finditer(page.read_text())}
    assert kinds <= {"", "sh", "sh aws"}  # a block without a kind is a picture


@pytest.mark.parametrize("command", blocks("sh"))
def test_a_command_for_the_laptop_exists(command: str) -> None:
    if command.startswith(INSTALL):
        command = command.removeprefix(INSTALL)
        if command == "pytest":
            return
        command = f".venv/bin/{command}"
    expect_engage(command)


@pytest.mark.parametrize("command", blocks("sh aws"))
def test_a_command_for_aws_exists(command: str) -> None:
    if command.startswith("aws "):
        expect_aws(command)
    elif command.startswith("curl "):
        expect_curl(command)
    else:
        expect_engage(command)


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [
        block.values[0] for block in blocks("sh") if str(block.values[0]).endswith(" pytest")
    ]
    assert str(command) in (ROOT / ".ci" / "run").read_text().splitlines()


def expect_engage(command: str) -> None:
    """Hold a line against the command's own subcommands and options."""
    assert command.startswith(ENGAGE), command
    current: Any = typer.main.get_command(app)
    passed_on: set[str] = set()
    words = iter(shlex.split(command.removeprefix(ENGAGE)))
    for word in words:
        if word.startswith("-"):
            option = next((one for one in current.params if word in one.opts), None)
            assert option or word in passed_on, f"{current.name} has no {word}"
            if option and not option.is_flag:
                next(words)
        elif hasattr(current, "commands"):
            current = current.commands[word]
            passed_on = _passed_on(current)


def _passed_on(command: Any) -> set[str]:
    """Return what a command gives to CDK's, whose options are not its own."""
    return {"-c", "--profile", "--context"} if command.name in {"deploy", "destroy"} else set()


def expect_aws(command: str) -> None:
    """Hold a line of the AWS command line against the service's own model."""
    _, service, operation, *arguments = shlex.split(command)
    arguments = [one for one in arguments if one != "--cli-binary-format"]  # of every command
    model = get_session().get_service_model(service)
    names = {_dashed(name): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    options = {f"--{_dashed(member)}" for member in shape.members} if shape else set()
    assert {argument for argument in arguments if argument.startswith("--")} <= options


def expect_curl(command: str) -> None:
    """Hold curl's options against curl, and its body against the API's document."""
    told = subprocess.run(
        ["curl", "--help", "all"], capture_output=True, text=True, check=True
    ).stdout
    words = shlex.split(command)
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(^|\s){re.escape(option)}[ ,]", told), option
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    path = re.sub(r"\$([A-Z_]+)", lambda found: f"{{{found[1].lower()}}}", words[-1])
    path = "/v1/" + path.partition("v1/")[2]
    operation = document["paths"][path]["post"]
    if "-d" not in words:
        assert "requestBody" not in operation
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(
        json.loads(words[words.index("-d") + 1])
    )


def _dashed(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_the_policy_that_is_shown_is_the_file_beside_it_and_has_no_problem() -> None:
    page = (ROOT / "docs" / "contact-policy.md").read_text()
    (shown,) = [found["text"] for found in FENCE.finditer(page) if "caps:" in found["text"]]
    assert shown == (ROOT / "docs" / "contact-policy.yaml").read_text()
    policy_of(yaml.safe_load(shown))


def test_the_campaign_that_is_shown_is_one_that_the_api_takes() -> None:
    page = (ROOT / "docs" / "campaigns.md").read_text()
    (shown,) = [found["text"] for found in FENCE.finditer(page) if "segment_id:" in found["text"]]
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    taken = document["paths"]["/v1/apps/{app_id}/campaigns"]["post"]["requestBody"]
    schema = taken["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(
        yaml.safe_load(shown)
    )


def test_the_coupon_that_is_shown_costs_the_units_that_the_page_says() -> None:
    page = (ROOT / "docs" / "coupons.md").read_text()
    (shown,) = [found["text"] for found in FENCE.finditer(page) if '"discount":' in found["text"]]
    coupon = coupon_of(
        json.loads(shown), app_id="app_1", created_at=datetime(2026, 11, 23, tzinfo=UTC)
    )
    assert f"one with the limits above takes {write_units(coupon.limits)};" in page


def test_the_reasons_that_are_named_are_those_that_there_are() -> None:
    page = (ROOT / "docs" / "coupons.md").read_text()
    (sentence,) = [one for one in page.split("\n\n") if one.startswith("Each refusal")]
    named = set(re.findall(r"`([a-z_]+)`", sentence)) - {"texts"}
    assert named <= set(Reason)


def test_the_rules_that_are_shown_have_no_problem() -> None:
    page = (ROOT / "docs" / "segments.md").read_text()
    trees = [found["text"] for found in FENCE.finditer(page) if found["text"].startswith("{")]
    leaves = [one for one in re.findall(r"`({.*?})`", page) if "..." not in one]
    commands = re.findall(r"-d '(.*)' ", page)
    assert (len(trees), len(leaves), len(commands)) == (1, 5, 2)
    for shown in (*trees, *leaves):
        rule_of(json.loads(shown))
    for command in commands:
        rule_of(json.loads(command)["rule"])
