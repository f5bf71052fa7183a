"""Tenants that are made once, and put into the tables of many tests.

To make one takes some forty requests. Each test has tables, processes and fakes of its own all the
same: what the making of a tenant wrote is written there again.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.kernel.clock import system_clock
from tests.deployment import Deployment
from tests.functional.tenants import Tenant

KEPT = timedelta(minutes=1)
"""A till's token, which ends first, holds for four more minutes then."""

AT_ONCE = 25
"""Items that DynamoDB takes in one batch."""

Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """A tenant, and what its making left: items by the code's name of their table."""

    tenant: Tenant
    made_at: datetime
    items: Mapping[str, Sequence[Item]]
    jobs: Sequence[dict[str, Any]]
    objects: Mapping[str, bytes]


@dataclass(slots=True)
class Furnisher:
    """Puts tenants into deployments, and keeps the last one of each name for a while."""

    dynamodb: Any
    _kept: dict[str, Furniture] = field(default_factory=dict)

    def tenant(self, deployed: Deployment, name: str) -> Tenant:
        """Return the tenant of a name, which the deployment did not have before."""
        kept = self._kept.get(name)
        if kept and system_clock() - kept.made_at < KEPT:
            self._put(deployed, kept)
        else:
            kept = self._kept[name] = self._made(deployed, name)
        return kept.tenant

    def _made(self, deployed: Deployment, name: str) -> Furniture:
        made_at = system_clock()
        items, jobs, objects = self._items(deployed), deployed.aws.jobs, deployed.aws.objects
        jobs_before, objects_before = len(jobs), set(objects)
        tenant = Tenant.in_(deployed, name)
        fresh = {}
        for table, after in self._items(deployed).items():
            before = items[table]
            assert all(after.get(key) == item for key, item in before.items()), (
                f"a tenant is put elsewhere only where its making changes nothing else: {table}"
            )
            fresh[table] = [item for key, item in after.items() if key not in before]
        return Furniture(
            tenant=tenant,
            made_at=made_at,
            items=fresh,
            jobs=deepcopy(jobs[jobs_before:]),
            objects={key: objects[key] for key in objects.keys() - objects_before},
        )

    def _put(self, deployed: Deployment, kept: Furniture) -> None:
        for table, items in kept.items.items():
            for first in range(0, len(items), AT_ONCE):
                puts = [{"PutRequest": {"Item": one}} for one in items[first : first + AT_ONCE]]
                answer = self.dynamodb.batch_write_item(RequestItems={deployed.tables[table]: puts})
                assert not answer["UnprocessedItems"]
        deployed.aws.jobs.extend(deepcopy(list(kept.jobs)))
        deployed.aws.objects.update(kept.objects)

    def _items(self, deployed: Deployment) -> dict[str, dict[tuple[str, str], Item]]:
        """Return all items, by the code's name of their table and by their key."""
        scan = self.dynamodb.get_paginator("scan")
        return {
            name: {
                (item["pk"]["S"], item["sk"]["S"]): item
                for page in scan.paginate(TableName=table)
                for item in page["Items"]
            }
            for name, table in deployed.tables.items()
        }
