"""The `engage report` commands: how people and the company meet, as tables and pictures."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.plots import bar, curve
from infra.local.stack import Stack

WIDTH = 40
CHANNELS = {
    "push": "bright_blue",
    "inapp": "blue",
    "email": "green",
    "sms": "bright_green",
    "web": "cyan",
    "mobileweb": "bright_cyan",
    "social": "magenta",
    "chat": "bright_magenta",
    "ad": "bright_black",
    "phone": "yellow",
    "post": "bright_yellow",
    "f2f": "red",
}
"""The channels, each with its colour: the digital ones are cold, the others warm."""

MILLION = 1_000_000

report = typer.Typer(
    help="Shows which channels tell, their mix, their costs, and who is touched too often.",
    no_args_is_help=True,
)

Since: TypeAlias = Annotated[
    str | None, typer.Option("--from", help="The first month, such as 2026-01.")
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--to", help="The last month, such as 2026-11.")
]


@report.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, address_option("ContactEventsApiUrl")] = None,
    app_id: AppId = None,
    role: RoleName = "viewer",
) -> None:
    """Show reports on the channels of an app, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        facts = stack.folder.notes().get("facts", {})
        found = place(facts, url=url, app_id=app_id, role=role)
        context.obj = Desk(caller=found.caller(), path=found.path("reports"))


@report.command("coverage")
def show_coverage(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="Of how many days, today's among them.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Say which channels told something, and since when the others are silent."""
    with reporting(as_json):
        found = _desk(context).get("coverage", days=str(days))
        if not show(found, as_json):
            tell(coverage_table(found))
            tell(f"{found['telling']} of 12 channels told something in {days} days.")
            tell(_as_of(found))


@report.command("mix")
def show_mix(
    context: typer.Context, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Show the mix of channels month by month, and how each channel went."""
    with reporting(as_json):
        found = _desk(context).get("channel-mix", **_span(since, until))
        if not show(found, as_json):
            tell(months_table(found["months"]))
            tell("")
            tell(channels_table(found))
            tell(_as_of(found))


@report.command("costs")
def show_costs(
    context: typer.Context, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Show what each channel cost, and a contact by it."""
    with reporting(as_json):
        found = _desk(context).get("costs", **_span(since, until))
        if not show(found, as_json):
            tell(costs_table(found["costs"]))
            tell(_as_of(found))


@report.command("pressure")
def show_pressure(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="More touches than this are too many.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show how often people were touched in 7 and 30 days, and who too often."""
    with reporting(as_json):
        found = _desk(context).get("pressure", limit=str(limit))
        if show(found, as_json):
            return
        for window in found["windows"]:
            tell(over_limit(window, limit=limit))
            tell(histogram_table(window["histogram"]))
        *_, longest = found["windows"]
        for one in longest["most_touched"][:10]:
            tell(f"{one['contact_id']}  {one['touches']} touches")
        tell(_as_of(found))


def coverage_table(found: Mapping[str, Any]) -> Table:
    """Return what each channel told, the most eager one as a whole bar."""
    table = Table("channel", "events", "", "last", box=None, header_style="dim")
    most = max(one["events"] for one in found["channels"])
    for one in found["channels"]:
        table.add_row(
            _named(one["channel"]),
            str(one["events"]),
            _bar_of(one["events"], most, style=CHANNELS[one["channel"]]),
            _silence(one["silent_days"]),
        )
    return table


def months_table(months: Sequence[Mapping[str, Any]]) -> Table:
    """Return a bar for each month, shared by its channels."""
    table = Table("month", "contacts", "", "digital", box=None, header_style="dim")
    for month in months:
        counts = {one["channel"]: one["inbound"] + one["outbound"] for one in month["channels"]}
        parts = [(counts.get(name, 0), style) for name, style in CHANNELS.items()]
        digital = f"{month['digital_share']:.0%}" if month["contacts"] else ""
        table.add_row(month["month"], str(month["contacts"]), bar(parts, width=WIDTH), digital)
    return table


def channels_table(found: Mapping[str, Any]) -> Table:
    """Return each channel's contacts over all months, their course, and the change."""
    columns = ("channel", "in", "out", "share", "by month", "change")
    table = Table(*columns, box=None, header_style="dim")
    for name in CHANNELS:
        rows = [one for month in found["months"] for one in month["channels"]]
        own = [one for one in rows if one["channel"] == name]
        inbound, outbound = (sum(one[way] for one in own) for way in ("inbound", "outbound"))
        if inbound + outbound:
            whole = sum(month["contacts"] for month in found["months"])
            table.add_row(
                _named(name),
                str(inbound),
                str(outbound),
                f"{(inbound + outbound) / whole:.1%}",
                curve([one["inbound"] + one["outbound"] for one in own], width=WIDTH),
                _change(found["changes"][name]),
            )
    return table


def costs_table(costs: Sequence[Mapping[str, Any]]) -> Table:
    """Return what channels cost; bars are of one currency each."""
    columns = ("channel", "contacts", "cost", "", "", "a contact")
    table = Table(*columns, box=None, header_style="dim")
    for one in costs:
        most = max(each["amount"] for each in costs if each["currency"] == one["currency"])
        table.add_row(
            _named(one["channel"]),
            str(one["contacts"]),
            f"{one['amount'] / MILLION:,.2f}",
            one["currency"],
            _bar_of(one["amount"], most, style=CHANNELS[one["channel"]]),
            "" if one["per_contact"] is None else f"{one['per_contact'] / MILLION:,.4f}",
        )
    return table


def histogram_table(histogram: Sequence[Mapping[str, int]]) -> Table:
    """Return how many people were touched so often, the most of them as a whole bar."""
    table = Table("touches", "people", "", box=None, header_style="dim")
    most = max((step["people"] for step in histogram), default=0)
    for step in histogram:
        people = step["people"]
        table.add_row(str(step["touches"]), str(people), _bar_of(people, most, style="yellow"))
    return table


def over_limit(window: Mapping[str, Any], *, limit: int) -> str:
    """Say in a sentence how many were touched too often."""
    share, days = window["over_share"], window["days"]
    if window["sampled"] == window["people"]:
        told = f"{window['over']} of {window['people']} people ({share['value']:.1%})"
    else:
        told = (
            f"{share['value']:.1%} of about {window['people']} people ({share['low']:.1%} to"
            f" {share['high']:.1%}, by {window['sampled']} of them)"
        )
    return f"In {days} days {told} were touched more than {limit} times."


def _bar_of(count: int, most: int, *, style: str) -> Text:
    """Return a bar as long as its part of the most; what is not nothing has a cell at least."""
    return bar([(count, style)], width=max(round(count / most * WIDTH), 1)) if count else Text()


def _named(channel: str) -> Text:
    return Text(channel, style=CHANNELS[channel])


def _silence(days: int | None) -> str:
    if days is None:
        return "never"
    return "today" if days == 0 else f"{days} days ago"


def _change(change: float | None) -> str:
    return "" if change is None else f"{change:+.0%}"


def _as_of(found: Mapping[str, Any]) -> str:
    at = found["counted_at"]
    return f"As of {at}." if at else "Nothing was counted yet: it is, every ten minutes."


def _span(since: str | None, until: str | None) -> dict[str, str]:
    return {name: month for name, month in (("from", since), ("to", until)) if month}


def _desk(context: typer.Context) -> Desk:
    desk: Desk = context.obj
    return desk
