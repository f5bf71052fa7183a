"""The tables as tests make them; a test of infra holds them against the deployed ones."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

REGION = "eu-west-1"

INDEXES: dict[str, dict[str, tuple[str, ...]]] = {
    "registrations": {"anonymous": ("anonymous",)},
    "contact_events": {"time": ("hour", "sequence")},
    "contact_policy": {},
    "push": {},
    "coupons": {},
    "placements": {},
}
"""The global secondary indexes of each table: hash key, then range key where there is one."""


class MakeTables(Protocol):
    """Makes every table of the deployment; returns their names by those in the code."""

    def __call__(self, *, indexed: bool = True) -> dict[str, str]: ...


def definition(name: str, *, table: str, indexed: bool = True) -> dict[str, Any]:
    """Return the arguments of ``create_table``; capacity is asserted on tables without indexes."""
    indexes = INDEXES[name] if indexed else {}
    attributes = {"pk", "sk"}.union(*indexes.values())
    made: dict[str, Any] = {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _keys(("pk", "sk")),
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in sorted(attributes)
        ],
    }
    if indexes:
        made["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": _keys(keys),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, keys in indexes.items()
        ]
    return made


def make_all(client: Any, *, indexed: bool = True) -> dict[str, str]:
    """Make every table of the deployment anew; return their names by those in the code."""
    made = {name: f"{name}-{uuid4().hex[:12]}" for name in INDEXES}
    for name, table in made.items():
        client.create_table(**definition(name, table=table, indexed=indexed))
    return made


def drop_all(client: Any, made: Mapping[str, str]) -> None:
    """Delete tables that were made: the more there are, the slower DynamoDB Local makes others."""
    for table in made.values():
        client.delete_table(TableName=table)


def _keys(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]
