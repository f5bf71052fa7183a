"""What marketers see of coupons: how limits stand, how a sale goes, what was wrong with a file."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from infra.local.plots import bar, curve
from infra.local.watching import Found

WIDTH = 60
PARTS = {
    "granted": "green",
    "reserved": "yellow",
    "in_flight": "cyan",
    "available": "bright_black",
}
"""What a limit is divided into, each with its colour."""

_MOST_LINES = 5
"""Lines of a file that are named for each reason."""


def limits(audits: Sequence[Found]) -> Table:
    """Return how each limit stands, in each of its windows."""
    table = Table("limit", "counts", "window", box=None, header_style="dim")
    for name in ("of", *PARTS):
        style = PARTS.get(name)
        table.add_column(name.replace("_", " "), justify="right", header_style=style)
    table.add_column("")
    for one in audits:
        verdict = "[green]✓[/]" if one["is_balanced"] else "[red]out of balance[/]"
        counts = [str(one[name]) for name in ("limit", *PARTS)]
        table.add_row(one["limit_id"], one["subject"], one["window"], *counts, verdict)
    return table


def sale(title: str, audits: Sequence[Found], rates: Sequence[float]) -> Group:
    """Return a sale: a bar of each limit, and a curve of how fast it went."""
    lines: list[Text] = []
    for one in audits:
        told = ", ".join(f"{one[name]} {name.replace('_', ' ')}" for name in PARTS)
        lines += [
            Text(f"{one['limit_id']} {one['window']}: {told} of {one['limit']}"),
            bar([(one[name], style) for name, style in PARTS.items()], width=WIDTH),
        ]
    return Group(Text(title), *lines, Text(curve(rates, width=WIDTH)))


def conflicts(rejects: Sequence[Found]) -> Table:
    """Return how many lines of a file gave no code, by the reason, and the first of them."""
    lines: dict[str, list[int]] = {}
    for one in rejects:
        lines.setdefault(one["reason"], []).append(one["line"])
    table = Table("reason", "lines", "the first", box=None, header_style="dim")
    for reason, some in sorted(lines.items()):
        table.add_row(reason, str(len(some)), ", ".join(map(str, some[:_MOST_LINES])))
    return table
