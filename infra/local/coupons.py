"""The `engage coupon` commands: coupons, their codes, and the proof that their limits hold."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from infra.local import coupon_pictures as pictures
from infra.local.codes import CodeJobs, fetch_rejects, fetched, lines_of, write
from infra.local.documents import read
from infra.local.errors import LocalStackError
from infra.local.marketers import AppId, Desk, RoleName, address_option, place
from infra.local.outcome import AsJson, pairs, reporting, show, tell
from infra.local.screen import Screen
from infra.local.stack import Stack
from infra.local.watching import EVERY_SECONDS, Found, Watch

coupon = typer.Typer(help="Makes, watches and audits coupons.", no_args_is_help=True)

Id: TypeAlias = Annotated[str, typer.Argument(metavar="COUPON", help="Such as cpn_01J....")]
Document: TypeAlias = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="What the API takes: JSON or YAML.")
]
Bound: TypeAlias = Annotated[
    bool, typer.Option("--bound", help="A code is of no use before it is assigned to somebody.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where somebody works on coupons: their desk, and the screen that shows how far work is."""

    desk: Desk
    screen: Screen


@coupon.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, address_option("CouponsApiUrl")] = None,
    app_id: AppId = None,
    role: RoleName = "editor",
) -> None:
    """Make, watch and audit coupons, on the local stack or on AWS."""
    stack: Stack = context.obj
    with reporting(as_json=False):
        facts = stack.folder.notes().get("facts", {})
        found = place(facts, url=url, app_id=app_id, role=role)
        desk = Desk(caller=found.caller(), path=found.path("coupons"))
        context.obj = Workplace(desk=desk, screen=stack.screen)


@coupon.command("create")
def create(context: typer.Context, file: Document, as_json: AsJson = False) -> None:
    """Draft a coupon; it is of no use before it is activated."""
    with reporting(as_json):
        _tell(_desk(context).do(**read(file)), as_json)


@coupon.command("change")
def change(context: typer.Context, coupon_id: Id, file: Document, as_json: AsJson = False) -> None:
    """Change the fields that a file names; limits may be raised and lowered while they run."""
    with reporting(as_json):
        desk = _desk(context)
        version = desk.get(coupon_id)["version"]
        _tell(desk.change(coupon_id, **{"version": version, **read(file)}), as_json)


@coupon.command("list")
def list_coupons(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the coupons of the app."""
    with reporting(as_json):
        found = list(_desk(context).items())
        if show({"items": found}, as_json):
            return
        table = Table("coupon", "name", "state", "discount", box=None, header_style="dim")
        for one in found:
            table.add_row(one["coupon_id"], one["name"], one["state"], one["discount"]["kind"])
        tell(table)


@coupon.command("show")
def show_coupon(context: typer.Context, coupon_id: Id, as_json: AsJson = False) -> None:
    """Show a coupon, and the write units of each of its limits."""
    with reporting(as_json):
        _tell(_desk(context).get(coupon_id), as_json)


def _command(verb: str, help_: str) -> Callable[..., None]:
    def command(context: typer.Context, coupon_id: Id, as_json: AsJson = False) -> None:
        with reporting(as_json):
            _tell(_desk(context).do(coupon_id, verb), as_json)

    command.__doc__ = help_
    return coupon.command(verb)(command)


_command("activate", "Let a coupon be claimed and used.")
_command("pause", "Let a coupon neither be claimed nor used, until it is activated again.")
_command("end", "Let a coupon neither be claimed nor used any more, for good.")


@coupon.command("generate")
def generate(
    context: typer.Context,
    coupon_id: Id,
    count: Annotated[int, typer.Option(help="How many codes; up to ten million.")],
    pattern: Annotated[
        str | None, typer.Option(help="Such as SPRING-####-####-####; # is a place of chance.")
    ] = None,
    bound: Bound = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until all codes are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have unique codes made; a pattern that could be guessed is refused, with what it would cost.

    Without a pattern a code has twelve letters of chance and a check character.
    """
    with reporting(as_json):
        jobs = _jobs(context, coupon_id)
        wanted: dict[str, Any] = {"count": count, "bound": bound}
        if pattern is not None:
            wanted["pattern"] = pattern
        job = jobs.order(wanted)
        if wait:
            title = f"Making {count:,} codes"
            job = _finished(context, title, jobs.watched(job), of=lambda one: (count, one["codes"]))
        _tell_job(job, as_json)


@coupon.command("import")
def import_codes(
    context: typer.Context,
    coupon_id: Id,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV: a code in the first column.")
    ],
    bound: Bound = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge all, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring in codes that exist already, and say which lines give none, and why."""
    with reporting(as_json):
        jobs = _jobs(context, coupon_id)
        job = jobs.bring(file, {"bound": bound, "dry_run": dry_run})
        title, lines = f"Importing {escape(file.name)}", lines_of(file)
        found = _finished(
            context, title, jobs.watched(job), of=lambda one: (lines, _lines_read(one))
        )
        rejects = fetch_rejects(found)
        if rejects and not as_json:
            tell(pictures.conflicts(rejects))
        _tell_job({**found, "rejects": rejects} if as_json else found, as_json)


@coupon.command("codes")
def codes(
    context: typer.Context,
    coupon_id: Id,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The CSV file to write.")],
    last_four: Annotated[
        bool, typer.Option("--last-four", help="Of every code the last four, and its state.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the codes that were made in the last seven days into a file, whole.

    Nobody has them after that but their holders: of all codes, also of older ones, the last four
    letters and the state can be had at any time.
    """
    with reporting(as_json):
        jobs = _jobs(context, coupon_id)
        urls = () if last_four else jobs.whole()
        if not (last_four or urls):
            raise LocalStackError(
                "No codes were made in the last seven days.", fix="Add --last-four."
            )
        found = write(jobs.listed() if last_four else fetched(urls), out)
        if not show({"codes": found, "file": str(out)}, as_json):
            tell(f"{found} codes are in {out}.")


@coupon.command("audit")
def audit(
    context: typer.Context,
    coupon_id: Id,
    contact_id: Annotated[
        str | None, typer.Option("--contact", help="Whose own limits are recounted, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recount every limit from the uses themselves; fail if a counter says anything else."""
    with reporting(as_json):
        query = {"contact_id": contact_id} if contact_id else {}
        found = _desk(context).get(coupon_id, "audit", **query)
        if not show(found, as_json):
            tell(pictures.limits(found["items"]))
        if not found["is_balanced"]:
            raise typer.Exit(1)


@coupon.command("watch")
def watch(
    context: typer.Context,
    coupon_id: Id,
    every: Annotated[
        float, typer.Option(help="Seconds between two looks; each recounts every use.")
    ] = EVERY_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Look at a sale until it is sold out, or Ctrl-C: bars of its limits, and its uses a second."""
    with reporting(as_json):
        desk = _desk(context)
        limits = [one for one in desk.get(coupon_id)["limits"] if one["subject"] == "coupon"]
        if not limits:
            raise LocalStackError(
                "The coupon has no limit over all its uses, so it is never sold out.",
                fix="`engage coupon audit` shows what is counted of it.",
            )

        def look() -> tuple[Found, bool]:
            found = running(desk.get(coupon_id, "audit")["items"])
            return {"limits": found}, any(map(is_sold_out, found))

        sale = Sale(coupon_id=coupon_id, limits=limits)
        watched = Watch(look=look, done=sale.done, picture=sale.picture, every=every)
        found: Found = {"limits": []}
        with suppress(KeyboardInterrupt):
            for looked in watched.seen(as_json=as_json):
                found = looked
        if not show(found, as_json):
            tell(pictures.limits(found["limits"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What is sold of a coupon, by the limits that it has over all its uses."""

    coupon_id: str
    limits: Sequence[Found]

    @property
    def _measure(self) -> Found:
        """Return the limit that says how fast it goes: one of uses, or else of money."""
        of_uses = (one for one in self.limits if one["uses"] is not None)
        return next(of_uses, self.limits[0])

    def done(self, found: Found) -> int:
        """Return how many uses took place, or how much was spent where nothing counts uses."""
        granted = {one["limit_id"]: int(one["granted"]) for one in found["limits"]}
        return granted.get(self._measure["limit_id"], 0)

    def picture(self, found: Found, rates: Sequence[float]) -> Group:
        """Return how it goes."""
        unit = "minor units" if self._measure["uses"] is None else "uses"
        title = f"{self.coupon_id}  {rates[-1]:.0f} {unit} a second"
        return pictures.sale(title, found["limits"], rates)


def running(audits: Sequence[Found]) -> Sequence[Found]:
    """Return the limits over all uses of a coupon, of each the last window."""
    last: dict[str, Found] = {}
    for one in audits:
        before = last.get(one["limit_id"])
        if one["subject"] == "coupon" and (before is None or before["window"] <= one["window"]):
            last[one["limit_id"]] = one
    return list(last.values())


def is_sold_out(limit: Found) -> bool:
    """Say whether nothing is left of a limit, and nothing can come back from who holds some."""
    return not (limit["available"] or limit["reserved"] or limit["in_flight"])


def _lines_read(job: Found) -> int:
    return int(job["accepted"] + job["unchanged"] + job["rejected"])


def _finished(
    context: typer.Context,
    title: str,
    looks: Iterator[Found],
    *,
    of: Callable[[Found], tuple[int, int]],
) -> Found:
    """Show how far a job is until it ends, and return it; ``of``: the whole, and what is done."""
    workplace: Workplace = context.obj
    job: Found = {}
    with workplace.screen.step(title) as step:
        for job in looks:
            whole, done = of(job)
            step.of(whole, done=done)
        step.says(job["state"])
    return job


def _tell_job(job: Found, as_json: bool) -> None:
    """Show a job; one that failed is a failure of the command."""
    _tell(job, as_json)
    if job["state"] == "failed":
        raise typer.Exit(1)


def _jobs(context: typer.Context, coupon_id: str) -> CodeJobs:
    return CodeJobs(desk=_desk(context), coupon_id=coupon_id)


def _desk(context: typer.Context) -> Desk:
    workplace: Workplace = context.obj
    return workplace.desk


def _tell(found: Found, as_json: bool) -> None:
    if not show(found, as_json):
        tell(pairs(found))
