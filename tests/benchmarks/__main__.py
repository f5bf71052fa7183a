"""Runs benchmarks: ``python -m tests.benchmarks [ID ...] [--quick]``.

Prints a line of JSON for each step (``{"step", "done", "of"}``) and each result (``{"result"}``).
``engage bench`` reads them, and shows them to people.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tests.benchmarks import (
    ad_events,
    ads,
    campaigns,
    codes,
    cold,
    combinations,
    coupons,
    dialects,
    ingest,
    mobile,
    pacing,
    policy,
    requests,
    simulating,
    stores,
    units,
    wire,
)
from tests.benchmarks.figures import Result, Tell

FAMILIES = (
    wire,
    campaigns,
    cold,
    stores,
    requests,
    policy,
    simulating,
    combinations,
    codes,
    coupons,
    dialects,
    ingest,
    pacing,
    ads,
    ad_events,
    mobile,
    units,
)
IDS = tuple(each for family in FAMILIES for each in family.TITLES)


def run(
    ids: Collection[str], *, quick: bool, tell: Callable[[str, int, int], None]
) -> Iterator[Result]:
    """Measure the ids, family by family."""
    for family in FAMILIES:
        if wanted := [each for each in family.TITLES if each in ids]:
            yield from family.measure(wanted, quick=quick, tell=_named(" ".join(wanted), tell))


def _named(step: str, tell: Callable[[str, int, int], None]) -> Tell:
    return lambda done, of: tell(step, done, of)


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(IDS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="fewer runs, rougher figures")
    asked = parser.parse_args()
    if unknown := set(asked.ids) - set(IDS):
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(IDS)}"
        )
    for result in run(asked.ids or IDS, quick=asked.quick, tell=_step):
        _line({"result": result.as_json()})
    return 0


def _step(step: str, done: int, of: int) -> None:
    _line({"step": step, "done": done, "of": of})


def _line(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
