"""What DuckDB reads in the archive's files: not the library that wrote them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb


def rows(objects: Mapping[str, bytes], app_id: str, folder: Path) -> list[dict[str, Any]]:
    """Return an app's rows as they lie in S3's ``objects``, each event once, by id.

    The query is the one that the documentation gives.
    """
    for place, content in objects.items():
        _, _, key = place.lstrip("/").partition("/")
        if key.startswith(f"APP/{app_id}/archive/"):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)
    files = f"{folder}/APP/{app_id}/archive/*/*/*.parquet"
    found = duckdb.connect().execute(
        "SELECT DISTINCT ON (id) * FROM read_parquet(?, hive_partitioning = true) ORDER BY id",
        [files],
    )
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
