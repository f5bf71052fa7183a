"""The `engage trigger` commands: which triggers there are, and what one would have done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.local.documents import read
from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.stack import Stack

trigger = typer.Typer(
    help="Lists triggers, and plays the past to one before it is approved.", no_args_is_help=True
)


@trigger.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, address_option("ContactEventsApiUrl")] = None,
    app_id: AppId = None,
    role: RoleName = "editor",
) -> None:
    """Work on the triggers of an app, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        facts = stack.folder.notes().get("facts", {})
        found = place(facts, url=url, app_id=app_id, role=role)
        context.obj = Desk(caller=found.caller(), path=found.path("triggers"))


@trigger.command("ls")
def list_triggers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the triggers of the app, and which version of each is in force."""
    with reporting(as_json):
        found = _desk(context).get()
        if not show(found, as_json):
            tell(triggers_table(found))


@trigger.command("simulate")
def simulate_trigger(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The trigger's document, in YAML or JSON.")],
    since: Annotated[
        str, typer.Option("--from", help="From when on, such as 2026-11-22T00:00:00Z.")
    ],
    until: Annotated[str, typer.Option("--to", help="Until when; 8 days at most.")],
    as_json: AsJson = False,
) -> None:
    """Say what a trigger would have done by the ledger of some time; nothing is written."""
    with reporting(as_json):
        body = {"document": read(file), "from": since, "to": until}
        found = _desk(context).do("simulate", **body)
        if not show(found, as_json):
            tell(samples_table(found))
            tell(summary(found))


def triggers_table(found: Mapping[str, Any]) -> Table:
    """Return the triggers, one a line."""
    table = Table("trigger", "name", "when", "version", "state", "in force", box=None)
    for one in found["items"]:
        document, in_force = one["document"], one["in_force"]
        table.add_row(
            one["trigger_id"],
            document["name"],
            document["when"]["type"],
            str(one["version"]),
            one["state"],
            "-" if in_force is None else str(in_force),
        )
    return table


def samples_table(found: Mapping[str, Any]) -> Table:
    """Return the first starts of a simulation, one a line."""
    table = Table("contact", "because of", "due", "came to", box=None)
    for one in found["samples"]:
        table.add_row(one["contact_id"], one["cause"], one["due_at"], one["state"])
    return table


def summary(found: Mapping[str, Any]) -> str:
    """Return in one sentence what a simulation came to."""
    counts = ", ".join(f"{count} {state}" for state, count in sorted(found["counts"].items()))
    return f"{found['events']} events, {found['people']} contacts: {counts or 'nothing started'}."


def _desk(context: typer.Context) -> Desk:
    desk: Desk = context.obj
    return desk
