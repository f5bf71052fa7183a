"""The `engage rebuild` command: has projections made again from the ledger, call after call."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table

from infra.local.functions import Callee, callee
from infra.local.marketers import AppId
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.stack import Stack
from shared.kernel.clock import Clock, from_rfc3339, system_clock

PACKAGE = "rebuild_projections"
MINUTE = 60.0

Pause: TypeAlias = Callable[[float], None]
"""Waits for some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """Goes on with a rebuild until it is over, at most so many events a minute."""

    callee: Callee
    per_minute: int
    clock: Clock
    pause: Pause

    def all(self) -> Mapping[str, bool]:
        """Return what can be made again, and whether it may be deleted first."""
        found = self.callee.ask("names")["items"]
        return {one["projection"]: one["is_forgettable"] for one in found}

    def run(self, projection: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """Yield the rebuild each time that it went on; what began before is gone on with."""
        told = self.callee.ask("begin", projection=projection, **asked)
        while not told["is_over"]:
            begun_at, before = self.clock(), told
            told = self.callee.ask("go_on", projection=projection, limit=self.per_minute)
            yield told
            if not told["is_over"]:
                self.pause(self._rest(before, told, begun_at=begun_at))

    def look(self, projection: str, **asked: Any) -> dict[str, Any]:
        """Return how many events would be read; nothing is written."""
        told: dict[str, Any] = {"after": None, "is_over": False}
        read = 0
        while not told["is_over"]:
            told = self.callee.ask("look", projection=projection, after=told["after"], **asked)
            read += told["read"]
        return {"projection": projection, "read": read}

    def _rest(
        self, before: Mapping[str, Any], after: Mapping[str, Any], *, begun_at: datetime
    ) -> float:
        """Return the seconds to wait: what was read has its time, what is not settled needs it."""
        where = ("phase", "after")
        if [before[name] for name in where] == [after[name] for name in where]:
            until = after["waits_until"]
            left = (from_rfc3339(until) - self.clock()).total_seconds() if until else 0.0
            return max(left, 1.0)
        wanted: float = (after["read"] - before["read"]) / self.per_minute * MINUTE
        return max(wanted - (self.clock() - begun_at).total_seconds(), 0.0)


def rebuild(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    projections: Annotated[
        list[str] | None, typer.Argument(help="Such as audience; all if unset.")
    ] = None,
    app_id: AppId = None,
    function: Annotated[
        str | None, typer.Option(help="The output Rebuilder of a deployment on AWS.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From when on, such as 2026-11-22T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Until when; unset: now.")] = None,
    forgets: Annotated[
        bool, typer.Option("--delete", help="Delete first what may be; takes no range.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count events, write nothing.")
    ] = False,
    per_minute: Annotated[int, typer.Option(min=1, help="Events a minute, at most.")] = 6000,
    as_json: AsJson = False,
) -> None:
    """Make projections again from the ledger; one that was interrupted goes on."""
    stack: Stack = context.obj
    with reporting(as_json):
        found = callee(stack, PACKAGE, function=function, app_id=app_id)
        work = Rebuilding(callee=found, per_minute=per_minute, clock=system_clock, pause=time.sleep)
        span = {name: at for name, at in (("from", since), ("to", until)) if at}
        # What is named is deleted or refused; of all, what keeps records is only set right.
        wanted = dict.fromkeys(projections, True) if projections else work.all()
        made = []
        for name, may_be_deleted in wanted.items():
            asked = {**span, "forgets": forgets and may_be_deleted}
            made.append(
                work.look(name, **asked) if dry_run else _run(work, name, asked, as_json=as_json)
            )
        if not show({"projections": made}, as_json):
            tell(table(made))


def table(made: Sequence[Mapping[str, Any]]) -> Table:
    """Return what was made again, one projection a line."""
    found = Table("projection", "events read", box=None)
    for one in made:
        found.add_row(one["projection"], str(one["read"]))
    return found


def _run(work: Rebuilding, name: str, asked: Mapping[str, Any], *, as_json: bool) -> dict[str, Any]:
    last: dict[str, Any] = {"projection": name, "read": 0}
    for last in work.run(name, **asked):
        if not as_json:
            waits = f", waits until {last['waits_until']}" if last["waits_until"] else ""
            tell(f"{name}: {last['phase']}, {last['read']} events read{waits}")
    return last
