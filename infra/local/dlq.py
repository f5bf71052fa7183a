"""The `engage dlq` commands: what could not be handled, and its way back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from infra.local.accounts import OnAws, Profile, Region, clients_of
from infra.local.dead_letters import DeadLetters, Depth, Fate
from infra.local.letters import Letter, Way
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.resources import Resources
from shared.kernel.clock import rfc3339

MOST = 1000
"""Letters that one redrive takes on, unless said."""

dlq = typer.Typer(
    help="Looks into dead-letter queues, and sends what is there back.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="As `engage dlq ls` names it, such as Push.")]
_WAYS: Mapping[Way, str] = {
    Way.SEND: "goes back to its queue",
    Way.CALL: "the function is called again",
    Way.AUDIT: "the relay's audit publishes what is missing of that time",
    Way.DROP: "no longer needed: the schedule's next call did it. Deleted",
    Way.KEEP: "stays: see the runbook of its alarm",
}


@dlq.command("ls")
def list_queues(
    context: typer.Context,
    stack: OnAws = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show each dead-letter queue, how many letters it holds, and since when."""
    with reporting(as_json):
        found = _letters(context, stack, profile, region).depths()
        told = [asdict(one) | {"oldest": one.oldest and rfc3339(one.oldest)} for one in found]
        if not show({"queues": told}, as_json):
            tell(depths_table(found))


@dlq.command("peek")
def peek_queue(
    context: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option(min=1, help="Letters to show, at most.")] = 10,
    stack: OnAws = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show what letters are, and why they are here; nothing of a person, and all stay."""
    with reporting(as_json):
        letters = _letters(context, stack, profile, region)
        found = letters.peek(name, limit=limit)
        told = [_told(one, letters) for one in found]
        if not show({"letters": told}, as_json):
            tell(letters_table(told))


@dlq.command("redrive")
def redrive_queue(
    context: typer.Context,
    name: Name,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go where, change nothing.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Letters to take on, at most.")] = MOST,
    stack: OnAws = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Send letters back to where they came from; mend the cause first."""
    with reporting(as_json):
        letters = _letters(context, stack, profile, region)
        work = letters.fates if dry_run else letters.redrive
        found = work(name, limit=limit)
        needless = sum(one.letters for one in found if one.way is Way.DROP)
        told = {"dry_run": dry_run, "no_longer_needed": needless}
        if not show({**told, "letters": [asdict(one) for one in found]}, as_json):
            tell(fates_table(found))
            if dry_run:
                tell("Nothing was changed.")
        if any(one.failed for one in found):
            raise typer.Exit(1)


def depths_table(found: Sequence[Depth]) -> Table:
    """Return how full each queue is; those that hold something stand out."""
    table = Table("queue", "letters", "oldest", box=None, header_style="dim")
    for one in found:
        style = "red" if one.letters else "dim"
        oldest = rfc3339(one.oldest) if one.oldest else ""
        table.add_row(one.name, str(one.letters), oldest, style=style)
    return table


def letters_table(told: Sequence[Mapping[str, Any]]) -> Table:
    """Return letters, one a row."""
    wide = Column("about", overflow="fold")
    table = Table("since", "kind", "of", "why", wide, "redrive", box=None, header_style="dim")
    for one in told:
        about = " ".join(f"{name}={value}" for name, value in one["about"].items())
        cells = (one["at"], one["kind"], one["of"], one["reason"], about, one["way"])
        table.add_row(*map(str, cells))
    return table


def fates_table(found: Sequence[Fate]) -> Table:
    """Return what becomes of letters, those of one kind and origin in a row."""
    table = Table("letters", "kind", "of", "redrive", box=None, header_style="dim")
    for one in found:
        failed = f"; {one.failed} of them were refused, and stay" if one.failed else ""
        table.add_row(str(one.letters), one.kind, one.to, _WAYS[one.way] + failed)
    return table


def _letters(
    context: typer.Context, stack: str | None, profile: str | None, region: str | None
) -> DeadLetters:
    clients, name = clients_of(context, stack, profile, region)
    return DeadLetters(clients=clients, resources=Resources.read(clients, name))


def _told(letter: Letter, letters: DeadLetters) -> dict[str, Any]:
    return {
        "at": rfc3339(letter.at),
        "kind": letter.kind,
        "of": letters.resources.name_of(letter.to) if letter.to else "",
        "reason": letter.reason,
        "about": dict(letter.about),
        "way": letter.way,
    }
