"""The `engage archive` commands: what is in the archive, and whether it has what the ledger has."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table

from infra.local.errors import LocalStackError
from infra.local.functions import Callee, callee
from infra.local.marketers import AppId
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.stack import Stack
from shared.kernel.clock import system_clock

PACKAGE = "compact_archive"

Found: TypeAlias = Mapping[str, Any]
Days: TypeAlias = Sequence[date]

archive = typer.Typer(
    help="Lists the archive's files, and holds its rows against the ledger.", no_args_is_help=True
)

Since: TypeAlias = Annotated[
    str | None, typer.Option("--from", help="The first day of recording (UTC).")
]
Until: TypeAlias = Annotated[str | None, typer.Option("--to", help="The last one; unset: today.")]


@archive.callback()
def choose_place(
    context: typer.Context,
    app_id: AppId = None,
    function: Annotated[
        str | None, typer.Option(help="The output Compactor of a deployment on AWS.")
    ] = None,
) -> None:
    """Look at the archive of an app, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        context.obj = callee(stack, PACKAGE, function=function, app_id=app_id)


@archive.command("ls")
def list_files(
    context: typer.Context, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """List files by day and type; with a range of days also their rows."""
    with reporting(as_json):
        found = _listed(_callee(context), _days(since, until) if since or until else None)
        if not show({"items": found}, as_json):
            tell(files_table(found))


@archive.command("verify")
def verify(
    context: typer.Context, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Hold days against the ledger, the last eight if unset; fail if they differ."""
    with reporting(as_json):
        found = [
            line
            for day in _days(since, until)
            for line in _callee(context).ask("verify", day=day.isoformat())["items"]
        ]
        differing = [line for line in found if line["only_archive"] or line["only_ledger"]]
        if not show({"items": found, "is_equal": not differing}, as_json):
            tell(differences_table(differing))
            tell(summary(found, differing))
        if differing:
            raise typer.Exit(1)


def files_table(found: Sequence[Found]) -> Table:
    """Return what lies where, one day and type a line."""
    table = Table("day", "type", "files", "bytes", "rows", box=None)
    for one in found:
        rows = str(one["events"]) if "events" in one else "-"
        table.add_row(one["day"], one["type"], str(one["files"]), f"{one['bytes']:,}", rows)
    return table


def differences_table(differing: Sequence[Found]) -> Table:
    """Return the days and types that differ."""
    table = Table("day", "type", "archive", "ledger", "missing", "surplus", box=None)
    for one in differing:
        names = ("archive", "ledger", "only_ledger", "only_archive")
        table.add_row(one["day"], one["type"], *(str(one[name]) for name in names))
    return table


def summary(found: Sequence[Found], differing: Sequence[Found]) -> str:
    """Return in one sentence how archive and ledger compare."""
    rows = sum(one["archive"] for one in found)
    if not differing:
        return f"{rows} rows of the archive are those of the ledger."
    missing, surplus = (
        sum(one[name] for one in differing) for name in ("only_ledger", "only_archive")
    )
    return (
        f"{missing} events are missing in the archive: the next night brings them. {surplus} are"
        " not in the ledger any more: they are too old for it, or wait to be erased."
    )


def _listed(asked: Callee, days: Days | None) -> list[Found]:
    if days is None:
        return list(asked.ask("list")["items"])
    return [line for day in days for line in asked.ask("list", day=day.isoformat())["items"]]


def _days(since: str | None, until: str | None) -> Days:
    """Return the days of a range, both ends included.

    Raises:
        LocalStackError: one of them is no day.
    """
    try:
        last = date.fromisoformat(until) if until else system_clock().date()
        first = date.fromisoformat(since) if since else last - timedelta(days=7)
    except ValueError as error:
        raise LocalStackError(f"That is no day: {error}.", fix="Such as 2026-11-23.") from error
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _callee(context: typer.Context) -> Callee:
    found: Callee = context.obj
    return found
