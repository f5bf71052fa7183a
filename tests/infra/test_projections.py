"""Whoever follows the ledger is told of in the page of projections: none can be forgotten."""

import re
from collections.abc import Iterator

from tests.conftest import ROOT
from tests.infra.templates import Template, shown

PAGE = ROOT / "docs" / "projections.md"
BY_SCHEDULE = {"fold_channels"}
"""Reads the ledger itself, where others hear what the bus or the stream tells."""


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading, by their cells."""
    _, _, rest = PAGE.read_text().partition(f"## {heading}\n")
    section, _, _ = rest.partition("\n## ")
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def functions_of(heading: str) -> set[str]:
    return {name for row in rows(heading) for name in re.findall(r"`([a-z_]+)`", row[1])}


def followers(service: Template) -> Iterator[str]:
    """Yield the functions that the bus's queues or the ledger's stream feed."""
    fed = {
        shown(target["Arn"])
        for rule in service.all("AWS::Events::Rule").values()
        if "EventPattern" in rule
        for target in rule["Targets"]
    }
    packages = {
        name: function["Handler"].split(".")[1]
        for name, function in service.all("AWS::Lambda::Function").items()
    }
    for mapping in service.all("AWS::Lambda::EventSourceMapping").values():
        is_stream = "StartingPosition" in mapping
        if is_stream or shown(mapping["EventSourceArn"]) in fed:
            yield packages[shown(mapping["FunctionName"])]


def test_whoever_follows_the_ledger_is_a_projection_or_an_effect(service: Template) -> None:
    made, effects = functions_of("What is made of the ledger"), functions_of("What is not")
    assert made & effects == set()
    assert made | effects == set(followers(service)) | BY_SCHEDULE
