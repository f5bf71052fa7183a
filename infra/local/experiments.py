"""Pictures of what a campaign proves: on the terminal, and the same as SVG."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.local.plots import interval

WIDTH = 41
PICTURE_WIDTH = 110
_STYLES = {"better": "green", "worse": "red", "open": "yellow"}
_HELD_OUT = "hold-out"


def experiment(found: Mapping[str, Any]) -> Group:
    """Return the pictures of an experiment, as results have it."""
    return Group(*_parts(found))


def detectable(found: Sequence[Mapping[str, Any]]) -> Table:
    """Return what a campaign can show, as the estimate has it."""
    table = Table("text", "than", "told", "beside", "least rise", box=None, header_style="dim")
    for one in found:
        rise = "none would show" if one["rise"] is None else _points(one["rise"])
        table.add_row(
            one["variant"], one["than"] or _HELD_OUT, str(one["told"]), str(one["beside"]), rise
        )
    return table


def draw(what: RenderableType, file: Path, *, title: str) -> None:
    """Write as SVG what a terminal would show."""
    console = Console(record=True, file=io.StringIO(), width=PICTURE_WIDTH, highlight=False)
    console.print(what)
    file.write_text(console.export_svg(title=title, unique_id="engage"))


def _parts(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    for one in found["splits"]:
        if one["alarming"]:
            yield Text(
                f"Do not believe what follows: of {one['group']} the texts have shares that are an"
                f" accident once in {1 / max(one['chance'], 1e-9):,.0f} campaigns.",
                style="red",
            )
    compared = [*found["uplifts"], *found["pairs"]]
    if compared:
        yield _comparisons(compared)


def _comparisons(compared: Sequence[Mapping[str, Any]]) -> Table:
    """Return one line for each, all on one scale, which is that of the widest."""
    ends = [abs(one["always"][end]) for one in compared for end in ("low", "high")]
    reach = max(ends)
    scale = f"{_points(-reach)}{_points(reach):>{WIDTH - len(_points(-reach))}}"
    table = Table("text", "than", "points", scale, "", box=None, header_style="dim")
    for one in compared:
        style = _STYLES[one["verdict"]]
        low, high = one["always"]["low"], one["always"]["high"]
        table.add_row(
            one["variant"],
            one["than"] or _HELD_OUT,
            _points(one["difference"]),
            interval(low, high, reach=reach, width=WIDTH, style=style),
            Text(one["verdict"], style=style),
        )
    return table


def _points(share: float) -> str:
    return f"{share * 100:+.2f}"
