"""A file of touches is recorded once, wherever its import is cut, on fake and real stores."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from threading import Lock
from typing import Any

import pytest

from functions.run_import.wiring import Touches
from shared.contact_events.service.touch_imports import TouchImportService
from shared.contact_events.store import (
    DynamoEventStore,
    DynamoForeignEventStore,
    DynamoRejectStore,
)
from shared.kernel.files import FileFormat
from shared.platform.ledger import Ledger
from shared.registrations.model.imports import Import, ImportState, Tally
from shared.registrations.service import import_runs
from shared.registrations.service.import_runs import LEASE
from shared.registrations.store import DynamoImportStore
from tests.capacity import metered
from tests.contract.test_imports import Imports, KilledError, Mortal
from tests.contract.test_ingest import Ingest
from tests.contract.test_ingest import assemble as assemble_ingest
from tests.contract.test_records import Records
from tests.contract.test_records import assemble as assemble_records
from tests.contract.test_registration_stores import assemble as assemble_registrations
from tests.contract.test_registration_stores import on_dynamodb
from tests.fakes.contact_events import (
    InMemoryEventStore,
    InMemoryForeignEventStore,
    InMemoryRejectStore,
)
from tests.fakes.registrations import (
    InMemoryAppStore,
    InMemoryContactStore,
    InMemoryDeviceStore,
    InMemoryErasureStore,
    InMemoryImportStore,
    InMemoryKeyStore,
    InMemorySystemStore,
    Memory,
)

WHO = "channel,time,identifier.customer"
HEADER = f"{WHO},purpose,cost,currency"


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files of touches on one kind of store."""

    imports: Imports
    ingest: Ingest

    def started(self, *rows: str, dry_run: bool = False, header: str = HEADER) -> Import:
        """Announce, upload and start a file."""
        content = "".join(f"{row}\n" for row in (header, *rows)).encode()
        job = self.imports.announced(
            "touches", file_format=FileFormat.CSV, size=len(content), dry_run=dry_run
        )
        self.imports.files.uploads[job.import_id] = content
        return self.imports.service.start_import(job.import_id, app_id=job.app_id, by="ada")

    def work(self, job: Import, holder: str = "one", **replaced: Any) -> Import:
        importer = Touches(service=TouchImportService(ingest=self.ingest.service))
        return self.imports.work(job, holder, importer=importer, **replaced)

    def done(self, *rows: str, **settings: Any) -> Import:
        """Import a file to its end."""
        return self.work(self.started(*rows, **settings))

    def go_on(self, job: Import, **replaced: Any) -> Import:
        """Have the next worker go on, once the lease of the one that died is over."""
        self.imports.there.clock.advance(LEASE)
        return self.work(job, "next", **replaced)

    def told(self) -> Counter[str]:
        """Return how often each type of event is in the ledger."""
        return Counter(self.imports.there.told())


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Files:
    return remembered(Memory()) if request.param == "memory" else stored(request)


def stored(request: pytest.FixtureRequest) -> Files:
    tables = request.getfixturevalue("tables")
    table, ledger = tables["contact_events"], Ledger(table=tables["contact_events"])
    records = assemble_records(
        on_dynamodb(request), DynamoEventStore(table=table), DynamoForeignEventStore(table=table)
    )
    return assemble(
        records,
        ingest=assemble_ingest(records, DynamoRejectStore(table=table)),
        store=DynamoImportStore(table=tables["registrations"], ledger=ledger),
    )


def assemble(records: Records, *, ingest: Ingest, store: Any) -> Files:
    imports = Imports(there=records.registrations, store=store, app_id=records.app_id)
    return Files(imports=imports, ingest=ingest)


@dataclass
class Life:
    """Ends a worker at one of its calls of a port: before what is called is done, or after.

    Once it is over, no thread of the worker does anything more.
    """

    calls: int
    is_done: bool
    lock: Lock = field(default_factory=Lock)

    @property
    def is_over(self) -> bool:
        return self.calls <= 0

    def spend(self) -> bool:
        """Spend one call, and say whether it is the last."""
        with self.lock:
            if self.is_over:
                raise KilledError
            self.calls -= 1
            return self.is_over


class Watched:
    """A port whose calls a life is spent on; before one begins, they are free."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.life: Life | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._spending(found) if callable(found) else found

    def _spending(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def spend(*positional: Any, **named: Any) -> Any:
            life = self.life
            if life is None:
                return call(*positional, **named)
            if not life.spend():
                return call(*positional, **named)
            if life.is_done:
                call(*positional, **named)
            raise KilledError

        return spend


def remembered(memory: Memory, watched: Callable[[Any], Any] = lambda port: port) -> Files:
    there = assemble_registrations(
        watched(InMemoryAppStore(memory)),
        watched(InMemoryDeviceStore(memory)),
        watched(InMemoryContactStore(memory)),
        watched(InMemoryErasureStore(memory)),
        watched(InMemoryKeyStore(memory)),
        watched(InMemorySystemStore(memory)),
        told=lambda: [event.type for event in memory.events],
    )
    records = assemble_records(
        there,
        InMemoryEventStore(memory.events),
        watched(InMemoryForeignEventStore(memory.events)),
    )
    return assemble(
        records,
        ingest=assemble_ingest(records, watched(InMemoryRejectStore())),
        store=watched(InMemoryImportStore(memory)),
    )


def _watched(port: Any, known: list[Watched]) -> Watched:
    known.append(Watched(port))
    return known[-1]


def letters(number: int) -> list[str]:
    return [f"post,2026-03-01,C-{place},marketing,0.85,CHF" for place in range(number)]


def test_a_file_that_comes_again_adds_nothing(it: Files) -> None:
    rows = letters(30)
    assert it.done(*rows).tally == Tally(accepted=30)
    told = it.told()
    assert told["message.sent.v1"] == told["contact.updated.v1"] == 30
    assert it.done(*rows).tally == Tally(unchanged=30)
    about_files = {"import.created.v1", "import.started.v1", "import.finished.v1"}
    assert set(it.told() - told) == about_files


def test_a_file_in_another_order_or_with_other_columns_adds_nothing(it: Files) -> None:
    it.done(
        "post,2026-03-01,C-1", "phone,2026-03-01,C-1", header="channel,time,identifier.customer"
    )
    moved = it.done(
        "C-1,2026-03-01,,phone",
        "C-1,2026-03-01,,post",
        header="identifier.customer,time,id,channel",
    )
    assert moved.tally == Tally(unchanged=2)


def test_a_dry_run_says_what_would_come_of_it_and_writes_nothing(it: Files) -> None:
    rows = [*letters(5), "post,today,C-1,,,"]
    it.done(*rows[:2])
    told = it.told()
    rehearsed = it.done(*rows, dry_run=True)
    assert rehearsed.tally == Tally(accepted=3, unchanged=2, rejected=1)
    assert it.told()["message.sent.v1"] == told["message.sent.v1"]
    assert it.told()["contact.updated.v1"] == told["contact.updated.v1"]
    assert it.done(*rows).tally == rehearsed.tally


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_reject_names_its_line_column_and_code(it: Files, *, dry_run: bool) -> None:
    job = it.done(
        "post,2026-03-01,null,,,",
        "post,2026-03-01",
        "",
        "fax,2026-03-01,C-1,,,",
        'post,2026-03-01,"C-1,,,',
        "post,2026-03-01,C-1,,,",
        dry_run=dry_run,
    )
    rejects = [
        (one.line, problem.pointer, problem.code)
        for one in it.imports.files.closed[job.import_id]
        for problem in one.problems
    ]
    assert rejects == [
        (2, "", "blocked_identifier"),
        (3, "", "unreadable"),
        (5, "channel", "channel"),
        (6, "", "unreadable"),
    ]
    assert job.tally == Tally(accepted=1, rejected=4)
    assert it.ingest.listed() == []


def test_an_id_that_another_touch_of_its_channel_has_is_rejected(it: Files) -> None:
    header = f"{WHO},id"
    job = it.done(
        "post,2026-03-01,C-1,17",
        "phone,2026-03-01,C-1,17",
        "post,2026-03-01,C-1,17",
        header=header,
    )
    assert job.tally == Tally(accepted=2, unchanged=1)
    again = it.done("post,2026-03-02,C-1,17", header=header)
    assert it.imports.rejects(again) == [(2, "event_conflict")]


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("channel,time,colour", "the header: colour: one of campaign, channel, "),
        ("channel,identifier.email", "the header: time: every file has this column"),
        ('channel,"time', "the header: a quote is not closed"),
    ],
)
def test_a_header_that_is_none_ends_the_import(header: str, detail: str) -> None:
    done = remembered(Memory()).done(header=header)
    assert (done.state, done.failure and done.failure.code) == (ImportState.FAILED, "header")
    assert done.failure is not None
    assert done.failure.detail.startswith(detail)


def test_a_file_without_rows_ends_its_import() -> None:
    done = remembered(Memory()).done(header="")
    assert done.failure is not None
    assert (done.failure.code, done.failure.detail) == (
        "header",
        "the header: the file has no header",
    )


def test_a_touch_of_somebody_known_takes_one_read_and_four_units(
    tables: dict[str, str], request: pytest.FixtureRequest
) -> None:
    it = stored(request)
    it.done(*letters(20))
    job = it.started(*(row.replace("03-01", "03-02") for row in letters(20)))
    kept = InMemoryImportStore(Memory(imports={(job.app_id, job.import_id): job}))
    with metered() as meter:
        assert it.work(job, imports=kept).tally == Tally(accepted=20)
    assert (meter.writes, meter.requests_to_read) == (4 * 20, 20)


SMALL = (*letters(3), "post,today,C-9,,,", "phone,2026-03-02,C-1,service,,", letters(1)[0])
"""Six rows: four touches of three people, one of them twice, and one that is none."""


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("is_known", [False, True])
def test_wherever_a_worker_dies_the_next_one_completes_the_same(
    monkeypatch: pytest.MonkeyPatch, is_known: bool, is_done: bool
) -> None:
    monkeypatch.setattr(import_runs, "BATCH", 2)
    for call in count(1):
        ports: list[Watched] = []
        it = remembered(Memory(), partial(_watched, known=ports))
        if is_known:
            it.done(*SMALL)
        job = it.started(*SMALL)
        life = Life(calls=call, is_done=is_done)
        files = _watched(it.imports.files, ports)
        for port in ports:
            port.life = life
        with suppress(KilledError):
            it.work(job, files=files)
        for port in ports:
            port.life = None
        done = it.go_on(job)

        assert (done.state, done.tally.read) == (ImportState.DONE, 6), call
        assert it.imports.rejects(done) == [(5, "time")], call
        told = it.told()
        assert told["message.sent.v1"] == 4, call
        assert told["contact.updated.v1"] == 3, call
        assert told["import.finished.v1"] == 1 + is_known, call
        if not life.is_over:
            break
    assert call > 20


@pytest.mark.parametrize("number", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_file_imported_twice_and_killed_half_way_is_recorded_once(
    number: int, tables: dict[str, str], request: pytest.FixtureRequest
) -> None:
    it, rows = stored(request), letters(number)
    assert it.done(*rows).tally == Tally(accepted=number)
    job = it.started(*rows)
    half = 1 + number // import_runs.BATCH // 2
    with pytest.raises(KilledError):
        it.work(job, imports=Mortal(it.imports.store, at_save=half, is_saved=False))
    done = it.go_on(job)
    assert (done.state, done.tally) == (ImportState.DONE, Tally(unchanged=number))
    told = it.told()
    assert told["message.sent.v1"] == told["contact.updated.v1"] == number
