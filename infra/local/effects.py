"""Shows what a draft of a policy would have changed: for the screen, and for a pull request."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

_COLUMNS = ("rule", "channel", "allowed", "deferred", "refused", "newly", "contacts")


def effects_table(found: Mapping[str, Any]) -> Table:
    """Return the effect by rule and channel, before and after."""
    table = Table(*(Column(name, no_wrap=name != "newly") for name in _COLUMNS), box=None)
    for row in found["effects"]:
        table.add_row(*map(escape, _cells(row)))
    return table


def examples(found: Mapping[str, Any]) -> str:
    """Return touches that the draft answers otherwise, one a line."""
    lines = [
        f"{one['event_id']} of {one['contact_id']} by {one['channel']}:"
        f" {one['before']['decision']} → {one['after']['decision']}, {_why(one)}"
        for one in found["examples"]
    ]
    return "\n".join(lines)


def summary(found: Mapping[str, Any]) -> str:
    """Return in a few sentences how much was looked at, and what is not known."""
    whole = "" if found["is_whole"] else f" of {found['contacts_found']} found: a sample"
    told = (
        f"{found['touches']} touches of {found['contacts']} contacts{whole};"
        f" {found['changed']} are answered otherwise, of {found['contacts_changed']} contacts."
    )
    untold = [
        f"{count} tell no {name.replace('_', ' ')}"
        for name, count in found["untold"].items()
        if count
    ]
    return f"{told} Of the touches {', '.join(untold)}." if untold else told


def markdown(found: Mapping[str, Any], *, name: str) -> str:
    """Return what a draft changes as Markdown: its words, its effect, and examples."""
    return "\n".join(_lines(found, name))


def _lines(found: Mapping[str, Any], name: str) -> Iterator[str]:
    yield f"## Contact policy: {name} against version {found['version']}"
    yield ""
    if not found["differences"]:
        yield "The draft says what is in force."
    for one in found["differences"]:
        yield f"- **{_place(one)}** {one['kind']}{_change(one)}"
    yield ""
    yield f"### Effect from {found['since']} to {found['until']}"
    yield ""
    yield summary(found)
    yield ""
    yield _row(_COLUMNS)
    yield _row(["---", "---", *["---:"] * 3, "---", "---:"])
    for row in found["effects"]:
        yield _row(_cells(row))
    if found["examples"]:
        yield ""
        yield "### Examples"
        yield ""
        yield _row(["event", "at", "channel", "before", "after", "because"])
        yield _row(["---"] * 6)
    for one in found["examples"]:
        words = (one["before"]["decision"], one["after"]["decision"])
        yield _row([f"`{one['event_id']}`", one["at"], one["channel"], *words, _why(one)])


def _cells(row: Mapping[str, Any]) -> Sequence[str]:
    before, after = row["before"], row["after"]
    return (
        "all rules" if row["rule"] is None else f"{row['gate']}: {row['rule']}",
        row["channel"],
        *(
            str(before[word]) if before[word] == after[word] else f"{before[word]} → {after[word]}"
            for word in ("allowed", "deferred", "refused")
        ),
        ", ".join(
            f"{row[f'newly_{word}']} {word}"
            for word in ("refused", "deferred", "allowed")
            if row[f"newly_{word}"]
        ),
        str(row["contacts"]),
    )


def _why(one: Mapping[str, Any]) -> str:
    """Return the first reason of whichever policy stops the touch."""
    reasons = one["after"]["because"] or one["before"]["because"]
    return f"{reasons[0]['rule']}: {reasons[0]['detail']}" if reasons else ""


def _place(one: Mapping[str, Any]) -> str:
    return one["section"] if one["name"] is None else f"{one['section']}/{one['name']}"


def _change(one: Mapping[str, Any]) -> str:
    """Return the fields of a rule that differ, or the values as a whole."""
    before, after = one["before"], one["after"]
    if isinstance(before, dict) and isinstance(after, dict):
        fields = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        told = [f"{name} {_said(before.get(name))} → {_said(after.get(name))}" for name in fields]
        return ": " + "; ".join(told)
    if one["kind"] == "changed":
        return f": {_said(before)} → {_said(after)}"
    value = after if one["kind"] == "added" else before
    return "" if value is True else f": {_said(value)}"


def _said(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
