"""The `engage ads` commands: what is booked, how it is delivered, and why something was shown."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Group
from rich.markup import escape

from infra.local import ad_pictures as pictures
from infra.local.documents import read
from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, pairs, reporting, show, tell
from infra.local.screen import Screen
from infra.local.stack import Stack
from infra.local.watching import Found, Watch
from shared.kernel.clock import Clock, from_rfc3339

EVERY_SECONDS = 5.0
"""How often a delivery is looked at: counters are a few seconds old anyway."""

SETTLED_AFTER = timedelta(days=3)
"""A day (UTC) that began so long ago is over for a day in every zone of the earth."""

ads = typer.Typer(help="Books ads, watches their delivery and explains it.", no_args_is_help=True)

FlightId: TypeAlias = Annotated[str, typer.Argument(metavar="FLIGHT", help="Such as flt_01J....")]


class Shelf(StrEnum):
    """What can be listed, by its path."""

    PLACEMENTS = "placements"
    AD_TEMPLATES = "ad-templates"
    ADVERTISERS = "advertisers"
    AD_CAMPAIGNS = "ad-campaigns"
    FLIGHTS = "flights"
    CREATIVES = "creatives"
    ADS = "ads"

    @property
    def id_field(self) -> str:
        """Return what the id of such a thing is called."""
        return f"{self.value.removesuffix('s').replace('-', '_')}_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where somebody works on ads: their desk, their screen, and the time."""

    desk: Desk
    screen: Screen
    clock: Clock


@ads.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, address_option("PlacementsApiUrl")] = None,
    app_id: AppId = None,
    role: RoleName = "editor",
) -> None:
    """Book ads, watch their delivery and explain it, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        facts = stack.folder.notes().get("facts", {})
        found = place(facts, url=url, app_id=app_id, role=role)
        desk = Desk(caller=found.caller(), path=found.path())
        context.obj = Workplace(desk=desk, screen=stack.screen, clock=stack.clock)


@ads.command("import")
def import_demand(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="What is to be booked: JSON or YAML."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge all, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring what is booked to what a file says; nothing is written where a line is refused."""
    with reporting(as_json):
        workplace: Workplace = context.obj
        report: Found = {}
        with workplace.screen.step(f"Importing {escape(file.name)}") as step:
            for report in _reports(workplace.desk, read(file), dry_run=dry_run):
                lines = len(report["items"])
                step.of(lines, done=lines - _left(report))
        if not show(report, as_json):
            tell(pictures.report(report))
        if report["refused"] or not (dry_run or report["done"]):
            raise typer.Exit(1)


@ads.command("list")
def list_things(
    context: typer.Context,
    shelf: Annotated[Shelf, typer.Argument(metavar="KIND", help=", ".join(Shelf))] = Shelf.FLIGHTS,
    as_json: AsJson = False,
) -> None:
    """Show the flights of the app, or what else is named."""
    with reporting(as_json):
        found = list(_desk(context).items(shelf))
        if not show({"items": found}, as_json):
            is_flights = shelf is Shelf.FLIGHTS
            tell(pictures.flights(found) if is_flights else pictures.things(found, shelf.id_field))


def _command(verb: str, help_: str) -> Callable[..., None]:
    def command(context: typer.Context, flight_id: FlightId, as_json: AsJson = False) -> None:
        with reporting(as_json):
            found = _desk(context).do("flights", flight_id, verb)
            if not show(found, as_json):
                tell(pairs(found))

    command.__doc__ = help_
    return ads.command(verb)(command)


_command("activate", "Have a flight shown from its start on; it must have an ad that fits.")
_command("pause", "Have a flight not shown, until it is activated again.")
_command("end", "Have a flight not shown any more, for good.")


@ads.command("results")
def results(context: typer.Context, flight_id: FlightId, as_json: AsJson = False) -> None:
    """Show what came of a flight: by day, placement and creative, and what was rejected."""
    with reporting(as_json):
        found = _desk(context).get("flights", flight_id, "results")
        if not show(found, as_json):
            tell(pictures.results(found))


@ads.command("watch")
def watch(
    context: typer.Context,
    flight_id: FlightId,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = EVERY_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Look at a flight until it is delivered or over, or Ctrl-C: its goal beside its time."""
    with reporting(as_json):
        workplace: Workplace = context.obj
        desk = workplace.desk
        delivery = Delivery(flight=desk.get("flights", flight_id), clock=workplace.clock)

        def look() -> tuple[Found, bool]:
            found = desk.get("flights", flight_id, "results")
            return found, delivery.is_over(found)

        watched = Watch(look=look, done=delivery.done, picture=delivery.picture, every=every)
        found: Found = {}
        with suppress(KeyboardInterrupt):
            for looked in watched.seen(as_json=as_json):
                found = looked
        if found and not show(found, as_json):
            tell(pictures.total(found["total"]))


@ads.command("explain")
def explain(
    context: typer.Context,
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="Such as dec_01J....")],
    flight_id: Annotated[
        str | None, typer.Option("--flight", help="Whose ads alone are told of.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of a past decision what each ad met on its way; fail if it comes out otherwise now."""
    with reporting(as_json):
        query = {"flight_id": flight_id} if flight_id else {}
        found = _desk(context).get("ad-decisions", decision_id, **query)
        if not show(found, as_json):
            tell(pictures.explanation(found))
        if not found["is_same"]:
            raise typer.Exit(1)


@ads.command("audit")
def audit(context: typer.Context, flight_id: FlightId, as_json: AsJson = False) -> None:
    """Recount the numbers of an exact flight; fail if they do not add up to its target."""
    with reporting(as_json):
        found = _desk(context).get("flights", flight_id, "audit")
        if not show(found, as_json):
            tell(pictures.leases(found))
        if not found["is_balanced"]:
            raise typer.Exit(1)


@ads.command("rebuild")
def rebuild(
    context: typer.Context,
    flight_id: Annotated[str | None, typer.Option("--flight", help="Whose counters alone.")] = None,
    days: Annotated[int, typer.Option(help="How many days back, of those that are settled.")] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell it, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add to counters what they lack of the ledger, as an admin; fail if some must wait."""
    with reporting(as_json):
        workplace: Workplace = context.obj
        found = [
            _rebuilt(workplace.desk, day, flight_id, dry_run=dry_run)
            for day in _settled(workplace.clock, days)
        ]
        if not show({"days": found}, as_json):
            tell(pictures.rebuilt(found))
        if not all(day["is_done"] for day in found):
            raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far a flight is on the way to its goal, and through its time."""

    flight: Found
    clock: Clock

    @property
    def goal(self) -> int | None:
        """Return what the flight is to bring in its life; ``None``: as much as it can."""
        target: Found = self.flight["target"]
        return None if target["lifetime"] is None else int(target["lifetime"])

    def done(self, found: Found) -> int:
        """Return what was brought of what the flight counts; revenue in whole minor units."""
        goal, total = self.flight["target"]["goal"], found["total"]
        if goal == "revenue":
            return int(total["revenue_millionths"]) // pictures.MILLIONTHS
        return int(total[goal])

    def is_over(self, found: Found) -> bool:
        """Say whether nothing more is to come: it is delivered, was ended, or its end passed."""
        ends_at = self._ends_at
        is_past = ends_at is not None and self.clock() >= ends_at
        is_delivered = self.goal is not None and self.done(found) >= self.goal
        return is_past or is_delivered or self.flight["state"] == "ended"

    def time_passed(self) -> float | None:
        """Return which part of the flight's time has passed; ``None``: it has no end."""
        if self._ends_at is None:
            return None
        starts_at = from_rfc3339(self.flight["starts_at"])
        passed = (self.clock() - starts_at) / (self._ends_at - starts_at)
        return min(max(passed, 0.0), 1.0)

    def picture(self, found: Found, rates: Sequence[float]) -> Group:
        """Return how it goes."""
        title = f"{self.flight['flight_id']}  {self.flight['name']}  {rates[-1] * 60:.0f} a minute"
        return pictures.delivery(
            title, done=self.done(found), goal=self.goal, passed=self.time_passed(), rates=rates
        )

    @property
    def _ends_at(self) -> datetime | None:
        ends_at = self.flight["ends_at"]
        return None if ends_at is None else from_rfc3339(ends_at)


def _settled(clock: Clock, days: int) -> Iterator[date]:
    """Yield the last days that are settled, wherever the app is: the oldest first."""
    last = clock().date() - SETTLED_AFTER
    for ago in reversed(range(days)):
        yield last - timedelta(days=ago)


def _rebuilt(desk: Desk, day: date, flight_id: str | None, *, dry_run: bool) -> Found:
    body = {"day": day.isoformat(), **({"flight_id": flight_id} if flight_id else {})}
    return desk.caller.post(f"{desk.path}/ad-counters/rebuild", body, dry_run=dry_run)


def _reports(desk: Desk, document: Found, *, dry_run: bool) -> Iterator[Found]:
    """Yield what became of an import, as often as one request leaves something for the next."""
    left: int | None = None
    while True:
        report = desk.caller.post(f"{desk.path}/ad-demand/import", document, dry_run=dry_run)
        yield report
        before, left = left, _left(report)
        if dry_run or report["refused"] or left in {0, before}:
            return


def _left(report: Found) -> int:
    """Return how many lines are not done."""
    return sum(not line["done"] for line in report["items"])


def _desk(context: typer.Context) -> Desk:
    workplace: Workplace = context.obj
    return workplace.desk
