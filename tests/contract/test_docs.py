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
from typing_extensions import override

from infra.local.cli import app
from shared.contact_events.model.trigger_documents import trigger_of
from shared.contact_events.model.triggers import ReleaseReservations, RequestContact
from shared.contact_policy.model.document import policy_of
from shared.coupons.model.documents import coupon_of
from shared.coupons.model.limits import write_units
from shared.coupons.model.rules import Reason
from shared.kernel.ids import Ids
from shared.placements.model.engagements import Engagement, Rejection
from shared.placements.model.gates import Gate
from shared.placements.model.relations import Named
from shared.placements.model.requests import NoAd
from shared.placements.model.targeting import Field
from shared.placements.model.targeting_documents import rule_of as targeting_of_document
from shared.placements.model.targeting_text import parse, printed
from shared.placements.model.traffic import Suspicion
from shared.placements.ports.demand import Targeting
from shared.placements.service.demand_import import DemandImport
from shared.placements.service.relations import Relations
from shared.registrations.model.rule_documents import rule_of
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import EveryApp
from tests.fakes.placements_demand import InMemoryDemandStore, ThoseOf

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
    # A block without a kind is a picture; a file of touches is read by the test of their reader,
    # the table of the archive by that of its files, and a receiver is run by that of deliveries.
    of_the_sdk = {"python", "python fleet", "sh curl"}  # tests/sdk runs them
    assert kinds <= {"", "sh", "sh aws", "csv", "sql", "python receiver", *of_the_sdk}


@pytest.mark.parametrize("command", blocks("sh"))
def test_a_command_for_the_laptop_exists(command: str) -> None:
    if command.startswith(INSTALL):
        command = command.removeprefix(INSTALL)
        if command.startswith("pytest "):
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
        block.values[0] for block in blocks("sh") if str(block.values[0]).endswith(" pytest -n 2")
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


class TargetingAsText(Targeting):
    """The language, where it is written as text and names nothing of other domains."""

    @override
    def text_of(self, given: Any) -> str:
        return printed(parse(given, pointer=""))

    @override
    def names_in(self, text: str) -> Named:
        return Named()


def ads_of(beginning: str) -> str:
    """Return the block of the page about ads that begins so."""
    page = (ROOT / "docs" / "ads.md").read_text()
    (found,) = [one["text"] for one in FENCE.finditer(page) if one["text"].startswith(beginning)]
    return found


def test_the_ads_that_are_shown_can_be_imported() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    service = DemandImport(
        apps=EveryApp(),
        demand=InMemoryDemandStore(),
        relations=Relations(targeting=TargetingAsText(), coupons=ThoseOf(), segments=ThoseOf()),
        clock=ManualClock(at),
        ids=Ids(clock=ManualClock(at)),
    )
    report = service.run(json.loads(ads_of("{")), app_id="app_1", by="ada", dry_run=False)
    assert report.done, [one.problems for one in report.entries]


def test_the_targeting_that_is_shown_can_be_read() -> None:
    rules = ads_of("$device.platform").splitlines()
    assert len(rules) == 3
    for rule in rules:
        assert parse(printed(parse(rule))) == parse(rule)
    page = (ROOT / "docs" / "ads.md").read_text()
    shown = re.findall(r'`({"name".*?})`', page)
    assert len(shown) == 1
    targeting_of_document(json.loads(shown[0]))


def test_the_names_that_targeting_knows_are_all_told() -> None:
    page = (ROOT / "docs" / "ads.md").read_text()
    assert [name for name in Field if f"`{name}" not in page] == []


def table_of(page: str, heading: str) -> dict[str, str]:
    """Return the lines of the table under a heading, by their first cell."""
    _, _, rest = page.partition(f"| {heading} |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return {cells[1].strip(): cells[2] for cells in (line.split("|") for line in lines)}


def test_why_a_placement_stays_empty_is_told_by_its_number() -> None:
    page = (ROOT / "docs" / "ads.md").read_text()
    told = re.findall(r"(\d+) ([a-z_]+)", " ".join(table_of(page, "`no_ad`")))
    assert {NoAd(int(number)).name.lower() for number, _ in told} == {name for _, name in told}
    ours = {one for one in NoAd if one >= NoAd.NO_PLACEMENT}
    assert {int(number) for number, _ in told} == {*ours, NoAd.DAILY_CAP}


def test_what_counts_and_what_is_rejected_is_told() -> None:
    page = (ROOT / "docs" / "ads.md").read_text()
    events = re.findall(r"`([a-z0-9]+)`", " ".join(table_of(page, "event")))
    assert set(events) == set(Engagement)
    reasons = table_of(page, "reason")
    assert {one.strip("`") for one in reasons} == set(Rejection)
    suspicions = set(re.findall(r"`([a-z_]+)`", reasons["`invalid_traffic`"]))
    assert suspicions == set(Suspicion)


def test_the_gates_of_a_decision_are_told_in_their_order() -> None:
    page = (ROOT / "docs" / "ads.md").read_text()
    _, _, told = page.partition("The gates, in their order: ")
    names = told.partition(".")[0].replace("\n", " ").split(", ")
    assert names == [gate.name.lower() for gate in Gate]


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


def test_every_trigger_of_the_page_is_one() -> None:
    page = (ROOT / "docs" / "triggers.md").read_text()
    shown = [one["text"] for one in FENCE.finditer(page) if not one["kind"].strip()]
    rules = [trigger_of(yaml.safe_load(text)) for text in shown]
    assert [type(rule.then) for rule in rules] == [
        RequestContact,
        RequestContact,
        ReleaseReservations,
    ]
