"""The archive as Lambda writes it, read by DuckDB beside the ledger it was made from."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.kernel.clock import system_clock
from tests import parquet
from tests.conftest import ROOT
from tests.functional.bus import records
from tests.functional.conftest import Deployment
from tests.functional.relay_events.test_relay import stream_batch
from tests.functional.settle_contacts.test_erasure import PERSONAL, ada, settle, spoken_with

DAY = timedelta(days=1)


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app(
        issuers=[{"issuer": deployed.pool.issuer, "audiences": ["shop"]}],
        kept_identifiers=["email", "phone"],
    )


def tell(deployed: Deployment, dynamodb: Any, *, lose: int = 0, size: int = 4) -> None:
    """Bring all that was recorded to the archive, but for some, in batches that overlap."""
    deployed.aws.published.clear()
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb))
    events = [entry["Detail"] for entry in deployed.aws.published][lose:]
    for start in range(0, len(events), size - 1):
        deployed.invoke("archive_events", records(events[start : start + size]))


def compact(deployed: Deployment, monkeypatch: pytest.MonkeyPatch, *, later: timedelta) -> Any:
    """Keep the archive as on another day."""
    from functions.compact_archive import wiring  # noqa: PLC0415 - as the process has it now

    for made in (wiring.compaction, wiring.forgetting):
        made.cache_clear()
    monkeypatch.setattr(wiring, "system_clock", lambda: system_clock() + later)
    return deployed.invoke("compact_archive", {"detail-type": "Scheduled Event"})


def ledger(deployed: Deployment, dynamodb: Any, app_id: str) -> list[dict[str, Any]]:
    """Return an app's rows of the ledger as the archive's columns have them."""
    items = dynamodb.scan(TableName=deployed.tables["contact_events"])["Items"]
    return parquet.of_the_ledger(items, app_id)


def archived(deployed: Deployment, app_id: str, folder: Path) -> list[dict[str, Any]]:
    """Return what DuckDB reads in an app's files."""
    return parquet.archived(deployed.aws.objects, app_id, folder)


def test_rows_of_the_archive_are_rows_of_the_ledger(
    deployed: Deployment,
    dynamodb_client: Any,
    app_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact_id = ada(deployed, app_id)
    spoken_with(deployed, app_id, contact_id)
    tell(deployed, dynamodb_client)
    recorded = ledger(deployed, dynamodb_client, app_id)
    assert len(recorded) > 6
    assert archived(deployed, app_id, tmp_path / "parts") == recorded

    compact(deployed, monkeypatch, later=DAY)
    assert archived(deployed, app_id, tmp_path / "wholes") == recorded
    deployed.a_device(app_id, "phone-of-later")
    tell(deployed, dynamodb_client)
    compact(deployed, monkeypatch, later=DAY)
    recorded = ledger(deployed, dynamodb_client, app_id)
    assert archived(deployed, app_id, tmp_path / "late") == recorded
    day = system_clock().date().isoformat()
    asked = {"app_id": app_id, "day": day}
    shown = deployed.invoke("compact_archive", {"verify": asked})["items"]
    assert sum(line["ledger"] for line in shown) == len(recorded)
    for line in shown:
        assert (line["files"], line["archive"]) == (1, line["ledger"])
        assert (line["only_archive"], line["only_ledger"]) == (0, 0)
    listed = deployed.invoke("compact_archive", {"list": {"app_id": app_id}})["items"]
    assert [(line["type"], line["files"]) for line in listed] == [
        (line["type"], 1) for line in shown
    ]
    assert min(line["bytes"] for line in listed) > 100
    of_day = deployed.invoke("compact_archive", {"list": asked})["items"]
    assert [line["events"] for line in of_day] == [line["ledger"] for line in shown]


def test_what_is_on_the_bus_is_as_its_schema_says(
    deployed: Deployment, dynamodb_client: Any, app_id: str
) -> None:
    spoken_with(deployed, app_id, ada(deployed, app_id))
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb_client))
    told = {entry["DetailType"]: entry["Detail"] for entry in deployed.aws.published}
    assert len(told) > 5
    for kind, event in told.items():
        schema = json.loads((ROOT / "docs" / "events" / f"{kind}.schema.json").read_text())
        Draft202012Validator(schema).validate(event["data"])


def test_what_the_bus_lost_is_in_the_archive_the_next_day(
    deployed: Deployment,
    dynamodb_client: Any,
    app_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada(deployed, app_id)
    tell(deployed, dynamodb_client, lose=3)
    asked = {"app_id": app_id, "day": system_clock().date().isoformat()}
    shown = deployed.invoke("compact_archive", {"verify": asked})["items"]
    assert sum(line["only_ledger"] for line in shown) == 3
    assert compact(deployed, monkeypatch, later=DAY)["fetched"] >= 3
    recorded = ledger(deployed, dynamodb_client, app_id)
    assert archived(deployed, app_id, tmp_path) == recorded


def test_after_an_erasure_no_file_has_anything_of_a_person(
    deployed: Deployment,
    dynamodb_client: Any,
    app_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact_id = ada(deployed, app_id)
    spoken_with(deployed, app_id, contact_id)
    tell(deployed, dynamodb_client)
    compact(deployed, monkeypatch, later=DAY)
    before = archived(deployed, app_id, tmp_path / "before")
    assert [row for row in before if row["contact"] == contact_id]
    # An identifier leads nowhere, also before: only its contact's id, which means nothing, is told.
    assert "ada@example.com" not in json.dumps(before, default=str)

    deployed.request(f"DELETE /v1/apps/{app_id}/contacts/{contact_id}", bearer=deployed.operator())
    settle(deployed, dynamodb_client, monkeypatch)
    tell(deployed, dynamodb_client)
    compact(deployed, monkeypatch, later=DAY)

    after = archived(deployed, app_id, tmp_path / "after")
    assert after == ledger(deployed, dynamodb_client, app_id)
    told = json.dumps(after, default=str)
    assert [one for one in PERSONAL if one in told] == []
    assert {row["type"] for row in after if contact_id in json.dumps(row, default=str)} == {
        "contact.erased.v1"
    }
