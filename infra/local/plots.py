"""Pictures of figures for a terminal: one bar of shares, and a curve over time."""

from collections.abc import Sequence

from rich.text import Text

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def bar(parts: Sequence[tuple[int, str]], *, width: int) -> Text:
    """Return one line of ``width`` cells, shared by parts ``(count, style)`` as they add up.

    Each part that is not empty has a cell at least, as far as there are cells.
    """
    told = [(count, style) for count, style in parts if count > 0]
    total = sum(count for count, _ in told)
    line, drawn, before = Text(), 0, 0
    for place, (count, style) in enumerate(told):
        before += count
        to_come = len(told) - 1 - place
        ends = min(max(round(before / total * width), drawn + 1), width - to_come)
        line.append("█" * (ends - drawn), style=style)
        drawn = ends
    line.append("░" * (width - drawn), style="bright_black")
    return line


def curve(values: Sequence[float], *, width: int) -> str:
    """Return the last ``width`` values as one line of blocks, the largest as a whole one."""
    last = values[-width:]
    top = max(last, default=0.0)
    if top <= 0:
        return _EIGHTHS[0] * len(last)
    return "".join(_EIGHTHS[round(value / top * (len(_EIGHTHS) - 1))] for value in last)


def interval(low: float, high: float, *, reach: float, width: int, style: str) -> Text:
    """Return one line of ``width`` cells from -``reach`` to ``reach``, with zero in the middle.

    The interval is a bar, and zero a mark in it; what lies farther out is cut off.
    """
    last = width - 1
    left, right = (
        min(max(round((value / reach + 1) / 2 * last), 0), last) for value in (low, high)
    )
    line = Text("·" * width, style="bright_black")
    line.stylize(style, left, right + 1)
    plain = [("━" if left <= at <= right else "·") for at in range(width)]
    plain[last // 2] = "┃" if left <= last // 2 <= right else "│"
    line.plain = "".join(plain)
    return line
