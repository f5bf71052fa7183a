"""Connects the sweep of leases to the table of ads."""

from collections.abc import Collection, Sequence
from functools import cache
from random import sample
from typing import TypeVar

from shared.placements.model.granting import GRACE
from shared.placements.service.budgets import BudgetService
from shared.placements.service.leases import LeaseService
from shared.placements.store import DynamoDemandStore, DynamoLeaseStore, DynamoPointers
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.store import DynamoAppStore

T = TypeVar("T")


def app_ids() -> Sequence[str]:
    """Return the ids of all apps in any order, so that none is the last each time."""
    apps = DynamoAppStore(table=settings().registrations_table, ledger=_ledger())
    return _shuffled(list(apps.app_ids()))


@cache
def budgets() -> BudgetService:
    """Return who sweeps the budgets of exact flights."""
    table = settings().placements_table
    return BudgetService(
        demand=DynamoDemandStore(table=table, ledger=_ledger()),
        pointers=DynamoPointers(table=table),
        leases=LeaseService(
            store=DynamoLeaseStore(table=table), shuffled=_shuffled, pause=pause_after, grace=GRACE
        ),
    )


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


def _shuffled(some: Collection[T]) -> Sequence[T]:
    return sample(list(some), len(some))
