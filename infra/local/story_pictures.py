"""What a person sees of the story: each chapter as a table, a bar or a curve."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.local.ad_pictures import FIGURES
from infra.local.campaigns import STATES, WIDTH, books_table
from infra.local.outcome import pairs
from infra.local.plots import bar, curve
from infra.local.story import Chapter

NEXT: Final = (
    ("engage campaign --app {app_id} --as admin results {campaign_id}", "the campaign's books"),
    ("engage ads --app {app_id} --as admin results {flight_id}", "what came of the ads"),
    ("engage coupon --app {app_id} --as admin audit {coupon_id}", "the coupon, counted anew"),
)
"""What to try next, and what for."""


def story(chapters: Sequence[Chapter]) -> Group:
    """Return all chapters, in their order."""
    return Group(*(part for number, one in enumerate(chapters, 1) for part in _parts(number, one)))


def next_commands(chapters: Sequence[Chapter]) -> list[tuple[str, str]]:
    """Return three commands that look closer at what is there now, each with what it shows."""
    ids = {
        name: value
        for one in chapters
        for name, value in one.evidence.items()
        if name.endswith("_id")
    }
    return [(command.format(**ids), what) for command, what in NEXT]


def _parts(number: int, chapter: Chapter) -> Iterator[RenderableType]:
    yield Text(f"\n{number}. {chapter.title}", style="bold")
    draw = next((draw for name, draw in _DRAWN.items() if name in chapter.evidence), None)
    yield draw(chapter.evidence) if draw else pairs(chapter.evidence)


def _campaign(evidence: Mapping[str, Any]) -> Group:
    plain = {name: value for name, value in evidence.items() if name != "by_second"}
    table = Table("zone", "messages", "by the second", box=None, header_style="dim")
    for zone, counts in evidence["by_second"].items():
        table.add_row(zone, str(sum(counts)), curve(counts, width=WIDTH))
    return Group(pairs(plain), table)


def _books(evidence: Mapping[str, Any]) -> Group:
    books, ads, coupon = (evidence[name] for name in ("campaign", "ads", "coupon"))
    sums = Table("", "here", "there", "", box=None, header_style="dim")
    for one in evidence["sums"]:
        mark = "[green]✓[/]" if one["here"] == one["there"] else "[red]✗[/]"
        sums.add_row(one["what"], str(one["here"]), str(one["there"]), mark)
    return Group(
        bar([(books[name], style) for name, style in STATES.items() if name in books], width=WIDTH),
        books_table(books),
        Text("ads: " + ", ".join(f"{ads[name]} {name}" for name in FIGURES if ads[name])),
        Text(f"coupon: {coupon['granted']} of {coupon['limit']} used"),
        sums,
    )


def _timeline(evidence: Mapping[str, Any]) -> Group:
    table = Table("time", "channel", "event", box=None, header_style="dim")
    for event in evidence["events"]:
        table.add_row(event["time"], event["channel"] or "", event["type"])
    return Group(Text(evidence["contact_id"]), table)


def _cost(evidence: Mapping[str, Any]) -> Group:
    table = Table("", "times", "writes", "reads", "US$", box=None, header_style="dim")
    for one in evidence["lines"]:
        counts = (f"{one[name]:,.0f}" for name in ("times", "writes", "reads"))
        table.add_row(one["operation"], *counts, f"{one['cost_usd']:.6f}")
    table.add_row(
        "requests", f"{evidence['requests']:,}", "", "", f"{evidence['requests_usd']:.6f}"
    )
    table.add_row("the campaign", "", "", "", f"{evidence['campaign_usd']:.6f}")
    table.add_row("all", "", "", "", f"{evidence['total_usd']:.6f}", style="bold")
    return Group(table, Text(f"List prices of us-east-1 since {evidence['prices_as_of']}."))


_DRAWN: Final[Mapping[str, Callable[[Mapping[str, Any]], Group]]] = {
    "by_second": _campaign,
    "sums": _books,
    "events": _timeline,
    "lines": _cost,
}
"""How a chapter is drawn whose evidence has this field; all others are shown as they are."""
