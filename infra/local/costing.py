"""The `engage cost` command: what a month would cost on AWS, and at others."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from infra.local.costs import SERVICES, Assumed, Volumes, month
from infra.local.outcome import AsJson, reporting, show, tell

_USUAL = Assumed()


def cost(
    devices: Annotated[int, typer.Option(min=0, help="Devices, all registered anew.")] = 0,
    pushes: Annotated[int, typer.Option(min=0, help="Messages of campaigns.")] = 0,
    redemptions: Annotated[int, typer.Option(min=0, help="Coupons redeemed.")] = 0,
    impressions: Annotated[int, typer.Option(min=0, help="Ads shown.")] = 0,
    refreshes: Annotated[
        int, typer.Option(min=0, help="How often a device registers again, with nothing new.")
    ] = _USUAL.refreshes,
    call_ms: Annotated[
        float, typer.Option(min=1, help="Milliseconds of a function's call.")
    ] = _USUAL.call_ms,
    as_json: AsJson = False,
) -> None:
    """Say what a month costs on AWS, from measured units and list prices, and at others."""
    with reporting(as_json):
        volumes = Volumes(
            devices=devices, pushes=pushes, redemptions=redemptions, impressions=impressions
        )
        found = month(volumes, Assumed(refreshes=refreshes, call_ms=call_ms))
        if show(found, as_json):
            return
        tell(month_table(found))
        assumed = ", ".join(f"{name} {value:g}" for name, value in found["assumed"].items())
        tell(f"\nUS dollars, us-east-1, list prices as of {found['prices_as_of']}.")
        tell(f"Assumed: {assumed}. Not in it: {', '.join(found['not_in_it'])}.\n")
        tell(peers_table(found["peers"]))


def month_table(found: Mapping[str, Any]) -> Table:
    """Return costs by feature and service."""
    numbers = [Column(name, justify="right") for name in ("volume", *SERVICES, "total")]
    table = Table("feature", *numbers, box=None, header_style="dim")
    for line in found["lines"]:
        usd = [f"{line['usd'][service]:,.2f}" for service in SERVICES]
        table.add_row(line["feature"], f"{line['volume']:,}", *usd, f"{line['total_usd']:,.2f}")
    table.add_row("total", *[""] * (len(SERVICES) + 1), f"{found['total_usd']:,.2f}")
    return table


def peers_table(peers: Sequence[Mapping[str, Any]]) -> Table:
    """Return what others take for the same devices and pushes, and what they do for it."""
    usd = Column("USD", justify="right")
    table = Table("devices and pushes at", usd, "as of", "what it does", box=None)
    for peer in peers:
        table.add_row(peer["name"], f"{peer['usd']:,.2f}", peer["as_of"], peer["does"])
    return table
