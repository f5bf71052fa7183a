"""The `engage fleet` command: simulated phones that live at the local stack."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from engage_mobile import HttpTransport
from engage_mobile_fleet import Fleet, StillWaitingError, Summary
from infra.local.errors import LocalStackError
from infra.local.grounds import GroundKeeper
from infra.local.outcome import AsJson, reporting, show, tell
from infra.local.screen import Screen, Step
from infra.local.stack import Stack


def fleet(
    context: typer.Context,
    *,
    phones: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws who they are and what they do.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="How long they live.")] = 10,
    at_once: Annotated[
        int, typer.Option(min=1, max=16, help="Requests in flight; the stack takes 16.")
    ] = 16,
    as_json: AsJson = False,
) -> None:
    """Let simulated phones live at the local stack, and show what they did."""
    with reporting(as_json):
        stack: Stack = context.obj
        facts = stack.folder.notes().get("facts", {})
        if not facts:
            raise LocalStackError("The stack is not up.", fix="Run `engage up`.")
        sizes = {"phones": phones, "seed": seed, "at_once": at_once}
        told = _lived(facts, stack.screen, rounds=rounds, **sizes)
        if not show(told, as_json):
            tell(_table(told))


def _lived(
    facts: Mapping[str, Any], screen: Screen, *, phones: int, seed: int, at_once: int, rounds: int
) -> dict[str, Any]:
    """Let a fleet live, and return its summary, with the coupon and the flight that it met."""
    base_url = facts["base_url"]
    with (
        httpx.Client(base_url=base_url, timeout=60) as client,
        HttpTransport(base_url) as transport,
    ):
        keeper = GroundKeeper(facts, client)
        with screen.step("A coupon and an ad are made"):
            ground = keeper.prepare()
        plan = ground.plan(phones=phones, seed=seed, at_once=at_once, stack=keeper)
        bar = _Bar()
        living = Fleet(transport, plan, progress=bar)
        summary = asyncio.run(_story(living, keeper, screen, bar, rounds))
    met = {"coupon_id": ground.coupon.coupon_id, "flight_id": ground.flight_id}
    return {**summary.as_json(), **met}


class _Bar:
    """Shows how many phones are through with all rounds of a step."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._of = self._done = 0

    def over(self, step: Step, *, parts: int) -> None:
        """Begin a step of so many parts."""
        self._step, self._of, self._done = step, parts, 0

    def __call__(self, _done: int, _of: int) -> None:
        """Count one phone."""
        self._done += 1
        if self._step is not None:
            self._step.of(max(self._of, self._done), done=self._done)


async def _story(
    living: Fleet, keeper: GroundKeeper, screen: Screen, bar: _Bar, rounds: int
) -> Summary:
    """Let phones register, get a push, live and tell the rest.

    Raises:
        LocalStackError: the stack did not take everything.
    """
    count = len(living.phones)
    with screen.step(f"{count} phones register") as step:
        bar.over(step, parts=count)
        await living.start()
        step.says(f"{living.summary().logged_in} people log in")
    with screen.step("A push goes to all of them") as step:
        step.says(f"{_pushed(living, keeper.push)} came")
    with screen.step(f"They live {rounds} rounds") as step:
        bar.over(step, parts=count * rounds)
        await living.live(rounds)
        step.says(f"{living.summary().waiting} operations wait on phones that are offline")
    with screen.step("All are online again, and tell the rest") as step:
        bar.over(step, parts=count)
        try:
            await living.finish()
        except StillWaitingError as waiting:
            raise LocalStackError(
                f"The stack did not take everything: {waiting} wait.",
                fix="`engage logs` shows what the functions say.",
            ) from waiting
    return living.summary()


def _pushed(living: Fleet, push: Callable[[list[str]], Any]) -> int:
    """Send every phone a push; return how many came."""
    came = list(push([phone.engage.device_id for phone in living.phones]))
    for address, message_id in came:
        living.deliver(address, message_id)
    return len(came)


def _table(told: Mapping[str, Any]) -> Table:
    """Return a summary for a person: what was done, and what became of it."""
    table = Table("", "", show_header=False, box=None)
    for deed, times in told["deeds"].items():
        table.add_row(deed.replace("_", " "), f"{times:,}")
    table.add_section()
    for kind, counts in told["answers"].items():
        words = ", ".join(f"{times:,} {word}" for word, times in counts.items())
        table.add_row(kind.replace("_", " "), words)
    table.add_section()
    table.add_row("requests", f"{told['requests']:,}, {told['most_in_flight']} at once at most")
    table.add_row("without an answer", f"{told['unanswered']:,}")
    table.add_row("coupon", told["coupon_id"])
    table.add_row("flight", told["flight_id"])
    return table
