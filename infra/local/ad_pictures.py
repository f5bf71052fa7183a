"""What marketers see of ads: what is booked, what came of it, and why something was shown."""

import json
from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from infra.local.plots import bar, curve
from infra.local.watching import Found

WIDTH = 60

MILLIONTHS = 1_000_000
"""Of a minor unit: what revenue is counted in."""

FIGURES = (
    *("loaded", "impressions", "viewable50", "viewable100"),
    *("clicks", "coupon_claims", "conversions"),
)
"""What is counted of a flight, in the order in which it happens."""

ACTIONS = ("created", "updated", "unchanged", "refused")
"""What an import makes of a line."""

LEASES = {"shown": "green", "open": "cyan", "left": "bright_black"}
"""What became of the numbers of an exact flight, each with its colour."""


def report(report: Found) -> Group:
    """Return what became of an import, or would: the lines that change something, and problems."""
    table, problems = _table("kind", "key", "action", "id"), _table("place", "problem")
    for line in report["items"]:
        if line["action"] != "unchanged":
            cells = (line["kind"], line["key"], line["action"], line["thing_id"] or "")
            table.add_row(*map(Text, cells))
        for problem in line["problems"]:
            problems.add_row(Text(problem["pointer"]), Text(problem["detail"]))
    summary = ", ".join(f"{report[name]} {name}" for name in ACTIONS)
    if not report["done"]:
        summary += "; this is not so yet"
    tables = [one for one in (table, problems) if one.row_count]
    return Group(*tables, Text(summary))


def flights(found: Iterable[Found]) -> Table:
    """Return flights, each with what it is to bring."""
    table = _table("flight", "name", "state", "tier", "goal", "from", "until")
    for one in found:
        cells = (one["flight_id"], one["name"], one["state"], str(one["tier"]))
        times = (one["starts_at"], one["ends_at"] or "")
        table.add_row(*(Text(cell) for cell in (*cells, _goal(one["target"]), *times)))
    return table


def things(found: Iterable[Found], id_field: str) -> Table:
    """Return placements, creatives, ads and the like."""
    table = _table("id", "name", "state")
    for one in found:
        table.add_row(*map(Text, (one[id_field], one["name"], one["state"])))
    return table


def results(found: Found) -> Group:
    """Return what came of a flight by its parts, its impressions by day, and all of it."""
    parts: list[Table | Text] = []
    for title, name, some in (
        ("day", "day", found["by_day"]),
        ("placement", "placement_id", found["by_placement"]),
        ("creative", "creative_id", found["by_creative"]),
    ):
        table = _figures_of(title)
        for one in some:
            table.add_row(one[name], *_cells(one["figures"]))
        parts.append(table)
    days = [one["figures"]["impressions"] for one in found["by_day"]]
    parts.append(Text(f"impressions by day: {curve(days, width=WIDTH)}"))
    given = [] if found["given"] is None else [Text(f"given: {found['given']:,}")]
    return Group(*parts, total(found["total"]), *given)


def total(figures: Found) -> Group:
    """Return all figures of a flight in one line, and below it what was rejected."""
    table = _figures_of("")
    table.add_row("all", *_cells(figures))
    rejected = [f"{reason} {count:,}" for reason, count in figures["rejected"].items() if count]
    return Group(table, Text(f"rejected: {', '.join(rejected) or 'nothing'}"))


def delivery(
    title: str, *, done: int, goal: int | None, passed: float | None, rates: Sequence[float]
) -> Group:
    """Return how far a flight is: a bar of its goal, one of its time, and how fast it went."""
    lines: list[Text] = [Text(title)]
    if goal is None:
        lines.append(Text(f"delivered  {done:,}"))
    else:
        lines.append(Text(f"delivered  {done:,} of {goal:,} ({done / goal:.0%})"))
        lines.append(_filled(done / goal, "green"))
    if passed is not None:
        lines.append(Text(f"time       {passed:.0%}"))
        lines.append(_filled(passed, "blue"))
    return Group(*lines, Text(curve(rates, width=WIDTH)))


def leases(audit: Found) -> Group:
    """Return what became of the numbers of an exact flight: they add up to its target."""
    is_bounded = audit["target"] is not None
    parts = {name: audit[name] for name in LEASES if audit[name] is not None}
    told = ", ".join(f"{count:,} {name}" for name, count in parts.items())
    whole = f"target {audit['target']:,}, {audit['owed']:,} owed: " if is_bounded else ""
    numbers = f"{audit['given']:,} numbers were given, {audit['lapsed']:,} came back"
    is_balanced = audit["is_balanced"]
    verdict = Text("✓", style="green") if is_balanced else Text("out of balance", style="red")
    drawn = bar([(count, LEASES[name]) for name, count in parts.items()], width=WIDTH)
    return Group(Text(whole + told), drawn, Text(numbers), verdict)


def rebuilt(days: Iterable[Found]) -> Group:
    """Return the counters that lacked something, and what."""
    table = _table("flight", "counter", "lacked", "")
    for day in days:
        for one in day["counters"]:
            lacked = ", ".join(f"{more:,} {name}" for name, more in one["added"].items())
            place = [one["placement_id"], one["creative_id"]]
            counter = " ".join(filter(None, [one["hour"] or one["day"] or "life", *place]))
            verdict = "" if one["is_done"] else "counted in meanwhile: again"
            table.add_row(*map(Text, (one["flight_id"], counter, lacked, verdict)))
    return Group(table if table.row_count else Text("counters say what the ledger says"))


def explanation(found: Found) -> Group:
    """Return what each ad met in each placement of a decision."""
    verdict = "the same again" if found["is_same"] else "it comes out otherwise now"
    lines: list[Table | Text] = [
        Text(f"{found['decision_id']}  snapshot {found['snapshot_version']}  {verdict}")
    ]
    for slot in found["placements"]:
        because = f", {slot['no_ad']['reason']}" if slot["no_ad"] else ""
        table = _table("ad", "flight", "tier", "drawn", "", "because")
        for trace in slot["ads"]:
            table.add_row(*map(Text, _met(trace)))
        lines += [Text(f"\n{slot['name']}: {slot['given']} of {slot['wanted']}{because}"), table]
        if slot["left_out"]:
            lines.append(Text(f"{slot['left_out']} more: ask about a flight by --flight"))
    return Group(*lines)


def _met(trace: Found) -> Sequence[str]:
    """Return an ad, when it was drawn, what became of it, and by which figures or comparisons."""
    outcome = "given" if trace["is_given"] else trace["gate"] or "not drawn"
    order = "" if trace["order"] is None else str(trace["order"])
    failed = [
        f"{one['comparison']}: {json.dumps(one['found'], ensure_ascii=False)}"
        for one in trace["answers"]
        if not one["holds"]
    ]
    figures = [f"{name} {value}" for name, value in trace["figures"].items()]
    because = ", ".join(failed or figures)
    return trace["ad_id"], trace["flight_id"], str(trace["tier"]), order, outcome, because


def _filled(part: float, style: str) -> Text:
    cells = min(round(part * WIDTH), WIDTH)
    return Text.assemble(("█" * cells, style), ("░" * (WIDTH - cells), "bright_black"))


def _goal(target: Found) -> str:
    bounds = [
        f"{target[name]:,} {word}"
        for name, word in (("lifetime", "in all"), ("daily", "a day"))
        if target[name] is not None
    ]
    exactly = "exactly " if target["exact"] else ""
    return f"{target['goal']}: {exactly}{', '.join(bounds)}" if bounds else target["goal"]


def _figures_of(title: str) -> Table:
    table = _table(title)
    for name in (*FIGURES, "revenue"):
        table.add_column(name.replace("_", " "), justify="right")
    return table


def _cells(figures: Found) -> Sequence[str]:
    """Return figures as text; revenue in minor units."""
    revenue = figures["revenue_millionths"] / MILLIONTHS
    return [*(f"{figures[name]:,}" for name in FIGURES), f"{revenue:,.2f}"]


def _table(*names: str) -> Table:
    return Table(*names, box=None, header_style="dim")
