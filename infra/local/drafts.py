"""The `engage policy` commands of drafts: their effect on the last days, and laws joined in."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table

from infra.local import policy as policies
from infra.local.effects import effects_table, examples, markdown, summary
from infra.local.errors import LocalStackError
from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, pairs, reporting, show, tell
from infra.local.stack import Stack

laws = typer.Typer(
    help="Lists law packs, and joins them to a policy; no legal advice.", no_args_is_help=True
)

_DRAFT = typer.Argument(exists=True, dir_okay=False, help="The draft, in YAML or JSON.")
Draft: TypeAlias = Annotated[Path, _DRAFT]
Days: TypeAlias = Annotated[int, typer.Option("--days", min=1, max=30, help="Of the past.")]
Contacts: TypeAlias = Annotated[
    int, typer.Option("--contacts", min=1, max=1_000, help="How many are played at most.")
]
Refused: TypeAlias = Annotated[
    bool, typer.Option("--refused", help="Play what was refused then, too.")
]
Url: TypeAlias = Annotated[str | None, address_option("ContactPolicyApiUrl")]


class History(StrEnum):
    """What counts as history of a touch: what happened, or what the policy itself allowed."""

    HAPPENED = "happened"
    PLAYED = "played"


Histories: TypeAlias = Annotated[
    History, typer.Option("--history", help="What counts: what happened, or what was allowed.")
]


def simulate(  # noqa: PLR0913 - options
    context: typer.Context,
    file: Draft,
    *,
    days: Days = 7,
    contacts: Contacts = 200,
    history: Histories = History.HAPPENED,
    refused: Refused = False,
    url: Url = None,
    app_id: AppId = None,
    role: RoleName = "editor",
    as_json: AsJson = False,
) -> None:
    """Say what a draft would have changed in the last days; nothing is written."""
    with reporting(as_json):
        body = _body(file, days=days, contacts=contacts, history=history, refused=refused)
        found = _desk(context, url=url, app_id=app_id, role=role).do("simulate", **body)
        if not show(found, as_json):
            tell(effects_table(found))
            if found["examples"]:
                tell(examples(found))
            tell(summary(found))


def diff(  # noqa: PLR0913 - options
    context: typer.Context,
    file: Draft,
    *,
    days: Days = 7,
    contacts: Contacts = 200,
    history: Histories = History.HAPPENED,
    refused: Refused = False,
    url: Url = None,
    app_id: AppId = None,
    role: RoleName = "editor",
) -> None:
    """Say in Markdown, for a pull request, what a draft changes in words and in effect."""
    with reporting(as_json=False):
        body = _body(file, days=days, contacts=contacts, history=history, refused=refused)
        found = _desk(context, url=url, app_id=app_id, role=role).do("simulate", **body)
        tell(markdown(found, name=file.name))


@laws.command("ls")
def list_laws(context: typer.Context, as_json: AsJson = False) -> None:
    """List the law packs with what they ask for, and since when."""
    with reporting(as_json):
        found = policies.laws(_stack(context).checkout)
        if not show({"items": list(found)}, as_json):
            table = Table("law", "country", "in force", "rules", box=None)
            for pack in found:
                since = ", ".join(source["in_force"] for source in pack["sources"])
                rules = [rule["id"] for listed in pack["rules"].values() for rule in listed]
                table.add_row(pack["name"], pack["country"], since, "\n".join(rules))
            tell(table)


@laws.command("show")
def show_law(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a pack, such as fr-phone.")],
    as_json: AsJson = False,
) -> None:
    """Show one law pack: its rules, its sources, and what of the law it leaves out."""
    with reporting(as_json):
        found = _pack(context, name)
        if not show(found, as_json):
            tell(pairs(found))


@laws.command("join")
def join_laws(
    context: typer.Context,
    file: Draft,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of packs.")],
) -> None:
    """Switch law packs on in a policy's file; all else in it stays as it is."""
    with reporting(as_json=False):
        for name in names:
            _pack(context, name)
        file.write_text(policies.joined(file, names), encoding="utf-8")
        tell(f"{file} has {', '.join(names)}. They are no legal advice: see `engage policy laws`.")


def _pack(context: typer.Context, name: str) -> Mapping[str, Any]:
    packs = {pack["name"]: pack for pack in policies.laws(_stack(context).checkout)}
    if name not in packs:
        raise LocalStackError(f"No law pack is called {name}.", fix=f"One of {', '.join(packs)}.")
    return packs[name]


def _body(
    file: Path, *, days: int, contacts: int, history: History, refused: bool
) -> dict[str, Any]:
    return {
        "document": policies.draft(file),
        "days": days,
        "contacts": contacts,
        "history": history.value,
        "with_refused": refused,
    }


def _desk(context: typer.Context, *, url: str | None, app_id: str | None, role: str) -> Desk:
    facts = _stack(context).folder.notes().get("facts", {})
    found = place(facts, url=url, app_id=app_id, role=role)
    return Desk(caller=found.caller(), path=found.path("policy"))


def _stack(context: typer.Context) -> Stack:
    stack: Stack = context.obj
    return stack
