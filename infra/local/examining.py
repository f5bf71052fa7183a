"""The `engage doctor` command: what this machine lacks, and what a deployment suffers from."""

from collections.abc import Iterator, Sequence

import typer
from rich.markup import escape
from rich.table import Column, Table

from infra.local import doctor as physician
from infra.local.accounts import OnAws, Profile, Region, clients_of
from infra.local.health import Examination
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.resources import STACK, Clients, Resources
from infra.local.stack import Stack
from shared.kernel.clock import system_clock


def doctor(
    context: typer.Context,
    stack: OnAws = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine lacks, and what is not well with the deployment, here or on AWS."""
    with reporting(as_json):
        here: Stack = context.obj
        if stack or profile or region:
            findings = list(_deployment(*clients_of(context, stack, profile, region)))
        else:
            findings = list(physician.examine(here.checkout, here.folder))
            if (cloud := here.emulator.cloud()) and here.folder.notes().get("facts"):
                findings += _deployment(cloud, STACK)
        is_bad = any(finding.verdict is physician.Verdict.BAD for finding in findings)
        report = [
            {"name": each.name, "verdict": each.verdict, "found": each.found, "fix": each.fix}
            for each in findings
        ]
        if not show({"healthy": not is_bad, "findings": report}, as_json):
            tell(findings_table(findings))
        if is_bad:
            raise typer.Exit(1)


def findings_table(findings: Sequence[physician.Finding]) -> Table:
    """Return findings, each with what to do."""
    marks = {"good": "[green]✓[/]", "later": "[yellow]·[/]", "bad": "[red]✗[/]"}
    table = Table("", "", Column(overflow="fold"), show_header=False, box=None)
    for finding in findings:
        text = escape(finding.found)
        if finding.fix:
            text += f"\n[yellow]→[/] {escape(finding.fix)}"
        table.add_row(marks[finding.verdict], finding.name, text)
    return table


def _deployment(clients: Clients, stack: str) -> Iterator[physician.Finding]:
    resources = Resources.read(clients, stack)
    return Examination(
        clients=clients, resources=resources, stack=stack, clock=system_clock
    ).findings()
