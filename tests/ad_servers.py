"""One of many processes that serve an exact flight at once: ``python -m tests.ad_servers TABLE N``.

It draws, loses some answers, has three of ten ads never shown, and sweeps, on a clock of its own
that runs fast. It prints the tokens that were shown, as JSON.
"""

import json
import sys
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random

from shared.placements.model.leases import Bounds, Lease
from shared.placements.service.leases import LeaseService
from shared.placements.store.leases import DynamoLeaseStore, LeaseSlots
from shared.platform.dynamodb import WriteRefusedError, commit, pause_after
from tests.fakes.clock import NOON

APP, FLIGHT, DAY = "app_1", "flt_1", ""
HARD_GOAL = 50
GRACE = timedelta(minutes=11)
START = NOON
_STEP = timedelta(minutes=1)
_SWEEP_EVERY = 7
_MINUTES = 60
_NEVER_SHOWN, _LOST, _SHOWN_NOW, _SECOND_TRY = 0.3, 0.1, 0.5, 0.2


def at_work(table: str, name: str, *, hours: float, begins_at: datetime = START) -> list[str]:
    """Serve ads for some hours; return the tokens of those that were shown."""
    chance = Random(name)  # noqa: S311 - a seed repeats what this process does

    def shuffled(numbers: Collection[int]) -> Sequence[int]:
        return chance.sample(list(numbers), len(numbers))

    store, slots = DynamoLeaseStore(table=table), LeaseSlots(table=table)
    service = LeaseService(store=store, shuffled=shuffled, pause=pause_after, grace=GRACE)
    bounds = Bounds(app_id=APP, flight_id=FLIGHT, version=1, lifetime=HARD_GOAL)
    waiting: list[tuple[str, Lease]] = []
    tokens: list[str] = []
    for minute in range(int(hours * _MINUTES)):
        at = begins_at + minute * _STEP
        lease = service.draw(bounds, day=DAY, at=at)
        if lease is not None and chance.random() >= _LOST + _NEVER_SHOWN:
            waiting.append((f"{name}-{minute}", lease))
        if waiting and chance.random() < _SHOWN_NOW:
            token, due = waiting.pop(chance.randrange(len(waiting)))
            tokens += _shown(slots, due, token)
            if chance.random() < _SECOND_TRY:
                assert _shown(slots, due, token) == []
        if minute % _SWEEP_EVERY == 0:
            service.sweep(FLIGHT, app_id=APP, at=at, most=20)
    for token, due in waiting:
        tokens += _shown(slots, due, token)
    return tokens


def _shown(slots: LeaseSlots, lease: Lease, token_id: str) -> list[str]:
    try:
        commit({"slot": slots.used_by(lease, token_id)})
    except WriteRefusedError:
        return []
    return [token_id]


if __name__ == "__main__":
    shown = at_work(sys.argv[1], f"process {sys.argv[2]}", hours=2)
    sys.stdout.write(json.dumps(shown))
