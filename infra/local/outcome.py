"""How a command ends: a result for a person or a program, or what stands in the way."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from infra.local.errors import LocalStackError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
RESTART = "`engage status` says what runs. `engage down`, then `engage up`, starts it anew."


@contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Turn what stands in the way into words, or JSON, and exit code 1; never a traceback."""
    try:
        yield
    except LocalStackError as problem:
        fact, fix = problem.fact, problem.fix
    except (BotoCoreError, ClientError, httpx.HTTPError) as problem:
        fact, fix = f"A part of the stack refused or did not answer: {problem}", RESTART
    except OSError as problem:
        fact, fix = f"The system refused: {problem}", "`engage doctor` looks at disk and ports."
    except KeyboardInterrupt:
        fact, fix = "Interrupted.", "`engage up` goes on where it stopped; `engage down` ends all."
    else:
        return
    if as_json:
        sys.stdout.write(json.dumps({"error": fact, "fix": fix}) + "\n")
    else:
        console = Console(stderr=True, highlight=False)
        console.print(f"[red]✗[/] {escape(fact)}\n[yellow]→[/] {escape(fix)}", soft_wrap=True)
    raise typer.Exit(1)


def show(value: Mapping[str, Any], as_json: bool) -> bool:
    """Print a result for machines, if they asked; say whether they did."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2) + "\n")
    return as_json


def tell(what: object) -> None:
    """Print for a person; long values stay in one piece, so that they can be copied."""
    if isinstance(what, str):
        Console(highlight=False).print(what, markup=False, soft_wrap=True)
    else:
        Console(highlight=False).print(what)


def pairs(found: Mapping[str, Any]) -> Table:
    """Return the fields of a result, one a line; those without a value are left out."""
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        if value is not None:
            plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(Text(name, style="dim"), plain)
    return table
