"""The `engage campaign` commands: each is one call of the API, shown to a person or a program."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from infra.local.documents import read
from infra.local.experiments import detectable, draw, experiment
from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, pairs, reporting, show, tell
from infra.local.plots import bar, curve
from infra.local.stack import Stack
from infra.local.watching import Found, Watch

WIDTH = 60
STATES = {
    "sent": "green",
    "deferred": "bright_yellow",
    "skipped": "yellow",
    "held_out": "blue",
    "invalid": "magenta",
    "expired": "cyan",
    "failed": "red",
    "unknown": "bright_red",
    "pending": "bright_black",
}
"""The states of the books, each with its colour."""

OVER = frozenset({"done", "cancelled"})

campaign = typer.Typer(help="Drafts, sends and watches push campaigns.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Such as cmp_01J....")]


@campaign.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, address_option("PushApiUrl")] = None,
    app_id: AppId = None,
    role: RoleName = "sender",
) -> None:
    """Draft, send and watch push campaigns, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        facts = stack.folder.notes().get("facts", {})
        found = place(facts, url=url, app_id=app_id, role=role)
        context.obj = Desk(caller=found.caller(), path=found.path("campaigns"))


@campaign.command("create")
def create(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What the API takes: YAML or JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Draft a campaign."""
    with reporting(as_json):
        _tell(_desk(context).do(**read(file)), as_json)


@campaign.command("change")
def change(
    context: typer.Context,
    campaign_id: Id,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What changes: YAML or JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change a draft; what was approved is a draft again."""
    with reporting(as_json):
        version = _desk(context).get(campaign_id)["version"]
        _tell(_desk(context).change(campaign_id, **{"version": version, **read(file)}), as_json)


@campaign.command("list")
def list_campaigns(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the campaigns of the app."""
    with reporting(as_json):
        found = _desk(context).get(limit="100")
        if show(found, as_json):
            return
        table = Table("campaign", "name", "state", "send at", box=None, header_style="dim")
        for one in found["items"]:
            table.add_row(
                one["campaign_id"], one["name"], one["state"], one["send_at"] or "at once"
            )
        tell(table)


@campaign.command("show")
def show_campaign(context: typer.Context, campaign_id: Id, as_json: AsJson = False) -> None:
    """Show a campaign."""
    with reporting(as_json):
        _tell(_desk(context).get(campaign_id), as_json)


@campaign.command("estimate")
def estimate(context: typer.Context, campaign_id: Id, as_json: AsJson = False) -> None:
    """Say what sending would take and can show: devices, time, quota, cost, and least rises."""
    with reporting(as_json):
        found = _desk(context).do(campaign_id, "estimate")
        if show(found, as_json):
            return
        tell(pairs({name: value for name, value in found.items() if name != "detectable"}))
        if found["detectable"]:
            tell("What it can show, in points of the share that converts:")
            tell(detectable(found["detectable"]))


@campaign.command("rehearse")
def rehearse(context: typer.Context, campaign_id: Id, as_json: AsJson = False) -> None:
    """Do all that sending does, but have FCM only check; wait for what it comes to."""
    with reporting(as_json):
        desk = _desk(context)
        run_id = desk.do(campaign_id, "rehearse")["run_id"]

        def look() -> tuple[dict[str, Any], bool]:
            found = desk.get(campaign_id, "rehearsals", run_id)
            return found, found["done"]

        found = _watched(look, title="rehearsal", as_json=as_json)
        if not show(found, as_json):
            tell(books_table(found["books"]))
            tell(pairs(found["forecast"]))


@campaign.command("test")
def try_on(
    context: typer.Context,
    campaign_id: Id,
    device_ids: Annotated[list[str], typer.Argument(metavar="DEVICE...")],
    variant: Annotated[str | None, typer.Option(help="Unset: each device's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send the campaign's text to some devices now."""
    with reporting(as_json):
        found = _desk(context).do(campaign_id, "test", device_ids=device_ids, variant=variant)
        if show(found, as_json):
            return
        table = Table("device", "variant", "message", box=None, header_style="dim")
        for one in found["trials"]:
            table.add_row(one["device_id"], one["variant"], one["message_id"] or one["problem"])
        tell(table)


@campaign.command("approve")
def approve(
    context: typer.Context,
    campaign_id: Id,
    name: Annotated[
        str, typer.Option(prompt="Type the campaign's name", help="The campaign's name.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say yes to a campaign that somebody else wrote."""
    with reporting(as_json):
        _tell(_desk(context).do(campaign_id, "approve", name=name), as_json)


def _command(verb: str, help_: str) -> Callable[..., None]:
    def command(context: typer.Context, campaign_id: Id, as_json: AsJson = False) -> None:
        with reporting(as_json):
            _tell(_desk(context).do(campaign_id, verb), as_json)

    command.__doc__ = help_
    return campaign.command(verb)(command)


_command("send", "Have a campaign planned and sent at its time, or at once.")
_command("pause", "Have nothing more sent until it is resumed, also of what has begun.")
_command("resume", "Have a paused campaign go on where it was.")
_command("cancel", "Have nothing more sent, for good.")


@campaign.command("results")
def results(
    context: typer.Context,
    campaign_id: Id,
    svg: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also draw what is proved into this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the books, what people did, and what that proves: by text, beside the hold-out."""
    with reporting(as_json):
        found = _desk(context).get(campaign_id, "results")
        proved = experiment(found["experiment"])
        if svg is not None:
            draw(Group(_funnels(found), proved), svg, title=campaign_id)
        if not show(found, as_json):
            tell(books_table(found["books"]))
            tell(_funnels(found))
            tell(proved)


@campaign.command("explain")
def explain(
    context: typer.Context,
    campaign_id: Id,
    contact_id: Annotated[str, typer.Option("--contact", help="Such as con_01J....")],
    as_json: AsJson = False,
) -> None:
    """Say, gate by gate, why a person gets a campaign, or why not."""
    with reporting(as_json):
        found = _desk(context).get(campaign_id, "explain", contact_id=contact_id)
        if not show(found, as_json):
            tell(json.dumps(found, indent=2, ensure_ascii=False))


@campaign.command("watch")
def watch(context: typer.Context, campaign_id: Id, as_json: AsJson = False) -> None:
    """Look at a campaign until it is over: a bar of its books, and how many are sent a second."""
    with reporting(as_json):
        desk = _desk(context)

        def look() -> tuple[dict[str, Any], bool]:
            found = desk.get(campaign_id, "results")
            return found, found["state"] in OVER and not found["books"]["pending"]

        found = _watched(look, title=campaign_id, as_json=as_json)
        if not show(found, as_json):
            tell(books_table(found["books"]))


def _desk(context: typer.Context) -> Desk:
    desk: Desk = context.obj
    return desk


def _watched(
    look: Callable[[], tuple[Found, bool]], *, title: str, as_json: bool
) -> dict[str, Any]:
    """Look again and again until it is over, and return what was seen last."""
    watch = Watch(look=look, done=_done, picture=partial(_picture, title))
    *_, found = watch.seen(as_json=as_json)
    return dict(found)


def _done(found: Found) -> int:
    books = found["books"]
    return int(books["planned"] - books["pending"])


def _picture(title: str, found: Found, rates: Sequence[float]) -> Group:
    books = found["books"]
    state = found.get("state", "rehearsing")
    head = f"{title}  {state}  {_done(found)} of {books['planned']}  {rates[-1]:.0f} a second"
    parts = [(books[name], style) for name, style in STATES.items() if name in books]
    return Group(Text(head), bar(parts, width=WIDTH), Text(curve(rates, width=WIDTH)))


def books_table(books: Mapping[str, Any]) -> Table:
    """Return the books: each state, how many ended in it, and why."""
    table = Table("state", "messages", "because", box=None, header_style="dim")
    for name, style in STATES.items():
        if books.get(name):
            because = books["because"].get(name, {})
            reasons = ", ".join(f"{reason} {count}" for reason, count in because.items())
            table.add_row(Text(name, style=style), str(books[name]), reasons)
    table.add_row("planned", str(books["planned"]), "" if books["balanced"] else "out of balance")
    return table


def _funnels(found: Mapping[str, Any]) -> Table:
    steps = ("sent", "delivered", "opened", "clicked", "converted")
    table = Table("", *steps, box=None, header_style="dim")
    rows = {one["name"]: one["funnel"] for one in found["variants"]}
    for name, funnel in {**rows, "all": found["funnel"]}.items():
        table.add_row(name, *(str(funnel[step]) for step in steps))
    control = found["control"]
    table.add_row("control", str(control["held_out"]), "", "", "", str(control["converted"]))
    return table


def _tell(found: Mapping[str, Any], as_json: bool) -> None:
    if not show(found, as_json):
        tell(pairs(found))
