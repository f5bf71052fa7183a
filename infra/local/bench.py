"""Runs the benchmarks in a process of their own, and hears how far they are.

They import functions and domains, which this package may not.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from infra.local.checkout import Checkout
from infra.local.errors import LocalStackError
from infra.local.screen import Screen

_MARKS = {
    "reached": "[green]reached[/]",
    "close": "[yellow]close[/]",
    "missed": "[red]missed[/]",
    "skipped": "[yellow]skipped[/]",
}
_WRONG_USE = 2


def results(
    ids: Sequence[str], *, quick: bool, checkout: Checkout, screen: Screen
) -> Iterator[Mapping[str, Any]]:
    """Yield each benchmark's result as it comes, and show the progress meanwhile.

    Raises:
        LocalStackError: an id is unknown, or a benchmark could not run.
    """
    command = [sys.executable, "-m", "tests.benchmarks", *ids, *(["--quick"] if quick else [])]
    with (
        TemporaryFile("w+") as said,
        screen.step("Measuring, side by side") as step,
        subprocess.Popen(
            command, cwd=checkout.root, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                told = json.loads(line)
                if "result" in told:
                    yield told["result"]
                else:
                    step.names(f"Measuring {told['step']}")
                    step.of(told["of"], done=told["done"])
        except BaseException:
            process.terminate()  # whoever stops listening, stops the measuring
            raise
        if code := process.wait():
            said.seek(0)
            raise _failure(code, said.read())


def table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Return the results for people: one line a comparison."""
    right = {"justify": "right"}
    shown = Table(
        *("id", Column("what", overflow="fold"), Column("beside", overflow="fold")),
        *(Column(name, **right) for name in ("ours", "theirs", "ratio", "goal")),  # type: ignore[arg-type]
        "verdict",
        box=None,
        header_style="dim",
    )
    for result in found:
        if "why" in result:
            why = escape(result["why"])
            shown.add_row(result["id"], why, "", "", "", "", "", _MARKS[result["verdict"]])
        for one in result.get("comparisons", ()):
            shown.add_row(
                result["id"],
                escape(one["what"]),
                escape(one["peer"]),
                _spread(one["ours"], one["unit"]),
                _spread(one["theirs"], one["unit"]),
                f"{one['ratio']:.2f}",
                one["goal"],
                _MARKS[one["verdict"]],
            )
    return shown


def _spread(side: Mapping[str, Any], unit: str) -> str:
    median = f"{side['median']:.4g} {unit}"
    if side["min"] == side["max"]:
        return median
    return f"{median} [dim]{side['min']:.4g}-{side['max']:.4g}[/]"


def _failure(code: int, said: str) -> LocalStackError:
    last = said.strip().splitlines()[-1:] or [f"exit code {code}"]
    if code == _WRONG_USE:
        fact = last[0].partition("error: ")[2] or last[0]
        return LocalStackError(f"{fact}.", fix="Name some of them, or none for all.")
    return LocalStackError(
        f"A benchmark could not run: {last[0]}",
        fix="`engage doctor` says what this machine lacks; npm and PyPI must be within reach.",
    )
