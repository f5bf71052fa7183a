"""An operator who has projections made again, and looks at their items before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.deployment import Deployment
from tests.fakes.clock import ManualClock

Item = dict[str, Any]
IsOurs = Callable[[Item], bool]

A_WHILE = timedelta(minutes=6)
"""After which what was recorded is settled."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Calls the function until it is over; calls of ``crashes`` are done, and not noted as done."""

    deployed: Deployment
    dynamodb: Any
    app_id: str
    clock: ManualClock
    crashes: list[int] = field(default_factory=list)

    def call(self, name: str, **asked: Any) -> dict[str, Any]:
        event = {name: {"app_id": self.app_id, **asked}}
        return self.deployed.invoke("rebuild_projections", event)

    def rebuild(self, projection: str, *, limit: int = 5_000, **asked: Any) -> dict[str, Any]:
        """Begin, and go on until it is over; return what was told last."""
        self.clock.advance(A_WHILE)
        told = self.call("begin", projection=projection, **asked)
        calls = 0
        while not told.get("is_over", True):
            calls += 1
            assert calls < 200, told
            before = self._place(projection)
            told, earlier = self.call("go_on", projection=projection, limit=limit), told
            if calls in self.crashes:
                self.dynamodb.put_item(
                    TableName=self.deployed.tables["contact_events"], Item=before
                )
            elif told == earlier:
                self.clock.advance(A_WHILE)
        return told

    def forget(self, projection: str) -> None:
        """Have what a projection keeps deleted, and no more."""
        self.clock.advance(A_WHILE)
        told = self.call("begin", projection=projection, forgets=True)
        while told["phase"] == "forgetting":
            told = self.call("go_on", projection=projection, limit=1)

    def items(
        self, table: str, is_ours: IsOurs, *, but: tuple[str, ...] = ()
    ) -> Mapping[Any, Item]:
        """Return items of a table by their keys, without some attributes."""
        return {
            (item["pk"]["S"], item["sk"]["S"]): {
                name: value for name, value in item.items() if name not in but
            }
            for item in self._rows(table)
            if is_ours(item)
        }

    def delete(self, table: str, is_ours: IsOurs) -> None:
        """Delete items of a table, whoever needs them."""
        for item in filter(is_ours, self._rows(table)):
            key = {name: item[name] for name in ("pk", "sk")}
            self.dynamodb.delete_item(TableName=self.deployed.tables[table], Key=key)

    def _rows(self, table: str) -> list[Item]:
        pages = self.dynamodb.get_paginator("scan")
        found = pages.paginate(TableName=self.deployed.tables[table])
        return [item for page in found for item in page["Items"]]

    def _place(self, projection: str) -> Item:
        key = {"pk": {"S": f"APP#{self.app_id}#REBUILDS"}, "sk": {"S": projection}}
        found: Item = self.dynamodb.get_item(
            TableName=self.deployed.tables["contact_events"], Key=key
        )["Item"]
        return found
