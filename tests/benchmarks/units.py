"""U1: the capacity units of each operation, beside those that it may take."""

from collections.abc import Collection, Iterator
from functools import partial

from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell
from tests.capacity import OPERATIONS, deployed_for, metered
from tests.tables import make_all

TITLES = {"U1": "Capacity units of each operation, without index entries"}


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Meter each operation once: units do not vary."""
    comparisons = []
    with local_dynamodb() as client:
        for place, (name, operation) in enumerate(OPERATIONS.items()):
            tell(place, len(OPERATIONS))
            it = deployed_for(operation, partial(make_all, client))
            prepared = operation.prepare(it)
            with metered() as meter:
                operation.run(it, prepared)
            sides = {
                "writes": (meter.writes, operation.writes),
                "reads": (meter.reads, operation.reads),
            }
            comparisons += [
                Comparison(
                    what=f"{name}: {kind}",
                    peer="what it may take",
                    unit="units",
                    goal=Goal(1),
                    ours=Runs([taken]),
                    theirs=Runs([given]),
                )
                for kind, (taken, given) in sides.items()
                if taken or given
            ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)
