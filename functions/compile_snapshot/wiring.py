"""Connects the compiler of snapshots to what is booked, its bucket, and the contact policy."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from random import sample
from typing import TypeVar

from typing_extensions import override

from shared.contact_policy.store import DynamoPolicyStore
from shared.kernel.clock import system_clock
from shared.placements.model.compiling import compile_snapshot
from shared.placements.model.granting import GRACE
from shared.placements.ports.snapshots import PolicyVersions
from shared.placements.service.budgets import BudgetService
from shared.placements.service.leases import LeaseService
from shared.placements.service.snapshots import SnapshotService
from shared.placements.store import DynamoDemandStore, DynamoLeaseStore, DynamoSnapshots
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.settings import settings
from shared.registrations.store import DynamoAppStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPolicies(PolicyVersions):
    """The policies that were put in force."""

    policies: DynamoPolicyStore

    @override
    def of(self, app_id: str) -> int:
        put, _ = self.policies.rules(app_id)
        return put.version if put else 0


def app_ids() -> Sequence[str]:
    """Return the ids of all apps in any order, so that none is the last each time."""
    apps = DynamoAppStore(table=settings().registrations_table, ledger=_ledger())
    return _shuffled(list(apps.app_ids()))


@cache
def snapshots() -> SnapshotService:
    """Return the compiler of this process."""
    policies = DynamoPolicyStore(table=settings().contact_policy_table, ledger=_ledger())
    return SnapshotService(
        demand=_demand(),
        snapshots=_snapshots(),
        policies=PutPolicies(policies=policies),
        compile=compile_snapshot,
        clock=system_clock,
        pause=pause_after,
    )


@cache
def budgets() -> BudgetService:
    """Return who has the budgets of exact flights follow what is booked."""
    return BudgetService(
        demand=_demand(),
        pointers=_snapshots(),
        leases=LeaseService(
            store=DynamoLeaseStore(table=settings().placements_table),
            shuffled=_shuffled,
            pause=pause_after,
            grace=GRACE,
        ),
    )


@cache
def _demand() -> DynamoDemandStore:
    return DynamoDemandStore(table=settings().placements_table, ledger=_ledger())


@cache
def _snapshots() -> DynamoSnapshots:
    bucket = Bucket(name=settings().snapshots_bucket)
    return DynamoSnapshots(table=settings().placements_table, bucket=bucket)


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


def _shuffled(some: Collection[T]) -> Sequence[T]:
    return sample(list(some), len(some))
