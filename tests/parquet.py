"""What DuckDB reads in the archive's files: not the library that wrote them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb

from shared.kernel.clock import from_rfc3339
from shared.kernel.ids import made_at


def rows(objects: Mapping[str, bytes], app_id: str, folder: Path) -> list[dict[str, Any]]:
    """Return an app's rows as they lie in S3's ``objects``, each event once, by id.

    The query is the one that the documentation gives.
    """
    for place, content in objects.items():
        _, _, key = place.lstrip("/").partition("/")
        if key.startswith(f"APP/{app_id}/archive/"):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)
    if not any(folder.rglob("*.parquet")):
        return []
    files = f"{folder}/APP/{app_id}/archive/*/*/*.parquet"
    found = duckdb.connect().execute(
        "SELECT DISTINCT ON (id) * FROM read_parquet(?, hive_partitioning = true) ORDER BY id",
        [files],
    )
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def of_the_ledger(items: Iterable[Mapping[str, Any]], app_id: str) -> list[dict[str, Any]]:
    """Return an app's events among a table's items as the archive's columns have them."""
    found = [
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in items
        if "sequence" in item and item["pk"]["S"].startswith(f"APP#{app_id}#")
    ]
    return [
        {
            "id": f"evt_{row['sequence']}",
            "sequence": row["sequence"],
            "app": app_id,
            "type": row["type"],
            "source": row["source"],
            "time": from_rfc3339(row["time"]),
            "recorded_at": made_at(row["sequence"]),
            "day": made_at(row["sequence"]).date(),
            "subject": row["subject"],
            "contact": row["subject"].partition("/")[2]
            if row["subject"].startswith("contact/")
            else None,
            **{one: row.get(one) for one in ("channel", "direction", "purpose", "cause")},
            "data": json.loads(row["data"]),
        }
        for row in sorted(found, key=lambda row: row["sequence"])
    ]


def archived(objects: Mapping[str, bytes], app_id: str, folder: Path) -> list[dict[str, Any]]:
    """Return ``rows`` in the words of ``of_the_ledger``: instants in UTC, the data as JSON."""
    found = rows(objects, app_id, folder)
    for row in found:
        row["data"] = json.loads(row["data"])
        for name in ("time", "recorded_at"):
            row[name] = row[name].astimezone(UTC)
    return found
