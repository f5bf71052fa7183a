"""Exports of other vendors over HTTP: taken once, and nobody who opted out is sent to."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions.run_import import wiring
from shared.registrations.model.imports import WRITTEN_AS, ImportKind
from shared.registrations.service import import_runs
from shared.registrations.service.import_runs import LEASE
from shared.registrations.service.vendor_rows import VENDORS
from shared.registrations.store import DynamoImportStore
from tests.contract.test_imports import KilledError
from tests.deployment import Deployment
from tests.fakes.clock import ManualClock
from tests.functional.bus import told
from tests.functional.run_import.test_run_import import call, job, started
from tests.functional.run_import.test_touches import counts
from tests.functional.tenants import stored
from tests.unit.registrations.test_vendors import sample

ROWS = {ImportKind.PINPOINT: 7, ImportKind.ONESIGNAL: 6, ImportKind.BRAZE: 3}
ABOUT_FILES = ("#IMPORTS", "#S#import", "#S#app", "#AUDIT")


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app()


def begun(deployed: Deployment, app_id: str, kind: ImportKind, **settings: Any) -> str:
    return started(deployed, app_id, sample(kind), kind=kind, format=WRITTEN_AS[kind], **settings)


def imported(
    deployed: Deployment, app_id: str, kind: ImportKind, **settings: Any
) -> dict[str, Any]:
    import_id = begun(deployed, app_id, kind, **settings)
    assert deployed.invoke("run_import", job(app_id, import_id)) == {"batchItemFailures": []}
    done: dict[str, Any] = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert done["state"] == "done", done
    return done


def kept(deployed: Deployment, dynamodb_client: Any) -> list[str]:
    """Return all that is stored but for the files themselves."""
    return stored(deployed, dynamodb_client, but_for=ABOUT_FILES)


@pytest.mark.parametrize("kind", VENDORS)
def test_an_export_that_is_imported_twice_changes_nothing(
    deployed: Deployment, dynamodb_client: Any, app_id: str, kind: ImportKind
) -> None:
    empty = kept(deployed, dynamodb_client)
    rehearsed = imported(deployed, app_id, kind, dry_run=True)
    assert counts(rehearsed) == (ROWS[kind], 0, 0)
    assert kept(deployed, dynamodb_client) == empty

    first = imported(deployed, app_id, kind)
    assert counts(first) == (ROWS[kind], 0, 0)
    assert first["not_carried"] == rehearsed["not_carried"] != {}
    before = kept(deployed, dynamodb_client)
    assert counts(imported(deployed, app_id, kind)) == (0, ROWS[kind], 0)
    assert kept(deployed, dynamodb_client) == before


@pytest.mark.parametrize("kind", VENDORS)
def test_what_was_refused_elsewhere_is_withdrawn_here_once(
    deployed: Deployment, dynamodb_client: Any, app_id: str, kind: ImportKind
) -> None:
    for _ in range(2):
        imported(deployed, app_id, kind)
    withdrawn = told(deployed, dynamodb_client, "consent.withdrawn.v1")
    said = sorted((one["data"]["consent_channel"], one["purpose"]) for one in withdrawn)
    people = {"email": 1, "push": 2}
    assert said == [
        (channel, purpose)
        for channel, count in people.items()
        for purpose in ("marketing", "service")
        for _ in range(count)
    ]


@pytest.mark.parametrize("kind", VENDORS)
def test_wherever_a_worker_dies_the_next_one_completes_the_same(
    deployed: Deployment,
    dynamodb_client: Any,
    app_id: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: ImportKind,
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(wiring, "system_clock", clock)
    monkeypatch.setattr(import_runs, "BATCH", 1)
    import_id = begun(deployed, app_id, kind)
    for _ in range(ROWS[kind]):
        with monkeypatch.context() as dying:
            saves = iter([DynamoImportStore.save_import] * 2)  # taken, and one batch
            dying.setattr(DynamoImportStore, "save_import", _dying(saves))
            with pytest.raises(KilledError):
                deployed.invoke("run_import", job(app_id, import_id))
        clock.advance(LEASE)
    deployed.invoke("run_import", job(app_id, import_id))

    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert (done["state"], done["progress"]["read"]) == ("done", ROWS[kind])
    before = kept(deployed, dynamodb_client)
    assert counts(imported(deployed, app_id, kind)) == (0, ROWS[kind], 0)
    assert kept(deployed, dynamodb_client) == before


def _dying(saves: Iterator[Any]) -> Any:
    def save_import(store: DynamoImportStore, moved: Any, **other: Any) -> None:
        save = next(saves, None)
        if save is None:
            raise KilledError
        save(store, moved, **other)

    return save_import


@pytest.mark.parametrize(("kind", "file_format"), [("pinpoint", "csv"), ("onesignal", "jsonl")])
def test_an_export_comes_as_its_vendor_writes_it(
    deployed: Deployment, app_id: str, kind: str, file_format: str
) -> None:
    body = {"kind": kind, "size": 1, "format": file_format}
    answer = call(deployed, app_id, "POST /imports", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid_fields")
