"""Every archive keeps these promises: what the ledger recorded is in it, once, whatever happens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from shared.contact_events.model.archives import ArchiveFile, Drawer
from shared.contact_events.ports import Archive
from shared.contact_events.service.archives import (
    ArchiveService,
    Compacted,
    CompactionService,
    ForgettingService,
)
from shared.contact_events.store.archive import SCHEMA, BucketArchive
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import Ids
from shared.platform import clients
from shared.platform.objects import Bucket
from tests import parquet
from tests.conftest import ROOT
from tests.fakes.archive import InMemoryArchive
from tests.fakes.aws import running_aws
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryEventStore, SomeApps

APP = "app_" + "1" * 26
ADA, BOB = "con_" + "A" * 26, "con_" + "B" * 26
DAY = timedelta(days=1)


@dataclass(kw_only=True)
class It:
    archive: Archive
    objects: dict[str, bytes] | None = None
    ledger: InMemoryEventStore = field(default_factory=InMemoryEventStore)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        app_ids = SomeApps([APP]).app_ids
        self.filing = ArchiveService(archive=self.archive, clock=self.clock)
        self.compaction = CompactionService(
            archive=self.archive, events=self.ledger, app_ids=app_ids, clock=self.clock
        )
        self.forgetting = ForgettingService(archive=self.archive, app_ids=app_ids, clock=self.clock)

    def record(
        self,
        count: int = 1,
        *,
        contact: str = ADA,
        kind: str = "message.sent.v1",
        time: datetime | None = None,
    ) -> list[Envelope]:
        """Record events now."""
        recorded = [
            Envelope(
                app_id=APP,
                sequence=self.ids.sequence(),
                type=kind,
                source="push",
                time=time or self.clock(),
                subject=Subject(kind="contact", id=contact),
                channel="push",
                data={"text": "Grüße", "number": number},
            )
            for number in range(count)
        ]
        self.ledger.events += recorded
        return recorded

    def erased(self, contact: str) -> None:
        """Have the ledger lose a person, and the archive hear of it."""
        self.ledger.erase(contact, app_id=APP)
        erasure = Envelope(
            app_id=APP,
            sequence=self.ids.sequence(),
            type="contact.erased.v1",
            source="registrations",
            time=self.clock(),
            subject=Subject(kind="erasure", id="era_1"),
            data={"contact_ids": [contact]},
        )
        self.ledger.events.append(erasure)
        self.filing.file([erasure])

    def files(self) -> list[ArchiveFile]:
        return list(self.archive.files(APP))

    def archived(self) -> list[str]:
        """Return the sequences of all rows of all files: an event in two files is there twice."""
        return sorted(one for file in self.files() for one in self.archive.index(file).sequences)

    def recorded(self) -> list[str]:
        return sorted(event.sequence for event in self.ledger.events)


@pytest.fixture(params=["memory", "s3"])
def it(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[It]:
    if request.param == "memory":
        yield It(archive=InMemoryArchive())
        return
    request.getfixturevalue("aws")
    with running_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        clients.client.cache_clear()
        yield It(archive=BucketArchive(bucket=Bucket(name="archive")), objects=aws.objects)
    clients.client.cache_clear()


def always() -> bool:
    return True


def few(times: int) -> Callable[[], bool]:
    """Return a clock that lets so many steps pass."""
    left = iter(range(times))
    return lambda: next(left, None) is not None


def test_a_batch_lies_by_day_and_type(it: It) -> None:
    sent = it.record(2)
    opened = it.record(kind="message.opened.v1")
    assert it.filing.file([*sent, *opened]) == 2
    assert [file.drawer for file in it.files()] == [Drawer.of(opened[0]), Drawer.of(sent[0])]
    assert it.archived() == it.recorded()


def test_the_same_batch_again_is_the_same_file(it: It) -> None:
    batch = it.record(3)
    it.filing.file(batch)
    it.filing.file(batch[::-1])
    assert len(it.files()) == 1


def test_what_there_is_is_said_by_day_and_type(it: It) -> None:
    first = it.record(2)
    it.filing.file(first)
    it.filing.file([*first[1:], *it.record(1)])
    it.clock.advance(DAY)
    it.filing.file(it.record(3))
    yesterday, today = it.compaction.held(APP).values()
    assert (yesterday.files, yesterday.events, today.files) == (2, None, 1)
    assert min(yesterday.size, today.size) > 0
    assert sum(size for _, size in it.archive.sizes(APP)) == yesterday.size + today.size
    (of_day,) = it.compaction.held(APP, day=NOON.date()).values()
    assert of_day == replace(yesterday, events=3)


def test_a_day_becomes_one_file_with_each_event_once(it: It) -> None:
    batches = [it.record(3) for _ in range(4)]
    for batch in batches:
        it.filing.file(batch)
    it.filing.file([batches[0][0], batches[3][2]])  # delivered again, in another batch
    it.clock.advance(DAY)
    done = it.compaction.compact_due()
    assert (done.written, done.deleted, done.fetched) == (1, 5, 0)
    assert it.archived() == it.recorded()
    (whole,) = it.files()
    assert whole.is_whole


def test_what_the_bus_lost_is_fetched_from_the_ledger(it: It) -> None:
    told, lost = it.record(3), it.record(2)
    lost += it.record(1, kind="message.opened.v1")
    it.filing.file(told)
    it.clock.advance(DAY)
    assert it.compaction.compact_due().fetched == len(lost)
    assert it.archived() == it.recorded()


def test_a_compaction_again_writes_nothing(it: It) -> None:
    it.filing.file(it.record(3))
    it.clock.advance(DAY)
    it.compaction.compact_due()
    assert it.compaction.compact_due() == Compacted()


def test_what_comes_when_its_day_is_over_joins_the_day(it: It) -> None:
    late = it.record(2)
    it.filing.file(it.record(3))
    it.clock.advance(timedelta(days=10))
    it.compaction.compact(APP, NOON.date())
    it.ledger.events.reverse()
    it.filing.file(late)
    it.compaction.compact_due()
    assert it.archived() == it.recorded()
    assert [file.is_whole for file in it.files()] == [True]
    assert it.archive.late(APP) == []


@pytest.mark.parametrize("of_others", [0, 1, 2])
def test_two_compactions_at_once_lose_nothing(it: It, of_others: int) -> None:
    for _ in range(3):
        it.filing.file(it.record(2))
    files = it.files()[: of_others + 1]
    # One has read these files when another does all of its work; then the first goes on.
    mine = it.archive.merge(files, (), without=frozenset())
    it.clock.advance(DAY)
    it.compaction.compact_due()
    it.archive.delete([file for file in files if file != mine])
    assert set(it.archived()) == set(it.recorded())
    it.compaction.compact_due()
    assert it.archived() == it.recorded()


def test_the_comparison_names_what_differs(it: It) -> None:
    it.filing.file(it.record(3))
    it.filing.file(it.record(2, contact=BOB))
    it.record(4)
    it.ledger.erase(BOB, app_id=APP)
    (told,) = it.compaction.compare(APP, NOON.date())
    assert (told.files, told.archive, told.ledger) == (2, 5, 7)
    assert (told.only_archive, told.only_ledger) == (2, 4)


def test_who_was_erased_is_taken_out_of_every_file(it: It) -> None:
    for _ in range(3):
        it.filing.file([*it.record(2), *it.record(1, contact=BOB)])
        it.filing.file(it.record(1, contact=BOB, kind="message.opened.v1"))
        it.clock.advance(DAY)
    it.compaction.compact(APP, NOON.date())
    it.erased(BOB)
    it.forgetting.forget_due(has_time=always)
    assert not any(BOB in it.archive.index(file).contacts for file in it.files())
    assert it.archived() == it.recorded()


def test_forgetting_goes_on_where_it_had_no_more_time(it: It) -> None:
    for _ in range(5):
        it.filing.file(it.record(1, contact=BOB))
        it.filing.file(it.record(1, kind="message.opened.v1"))
        it.clock.advance(DAY)
    it.erased(BOB)
    rounds = 0
    while not it.archive.forgotten(APP)[0].is_done:
        it.forgetting.forget_due(has_time=few(2))
        rounds += 1
    assert rounds > 3
    assert it.archived() == it.recorded()


def test_who_was_erased_does_not_come_back_by_a_late_delivery(it: It) -> None:
    late = it.record(2, contact=BOB)
    it.clock.advance(DAY)
    it.erased(BOB)
    it.forgetting.forget_due(has_time=always)
    it.filing.file(late)
    it.compaction.compact_due()
    assert it.archived() == [] or BOB not in {
        contact for file in it.files() for contact in it.archive.index(file).contacts
    }


def test_whom_to_forget_is_forgotten_in_the_end(it: It) -> None:
    it.erased(BOB)
    it.forgetting.forget_due(has_time=always)
    it.clock.advance(timedelta(days=31))
    it.forgetting.forget_due(has_time=always)
    assert it.archive.forgotten(APP) == []


def test_the_documented_table_of_athena_has_the_columns_of_the_files() -> None:
    page = (ROOT / "docs" / "archive.md").read_text()
    statement = page.partition("```sql\n")[2].partition("```")[0]
    (table,) = sqlglot.parse(statement, dialect="athena")
    assert isinstance(table, exp.Create)
    columns = {
        column.name: str(column.args["kind"]).lower()
        for column in table.this.expressions
        if isinstance(column, exp.ColumnDef)
    }
    kinds = {"string": "text", "timestamp[us, tz=UTC]": "timestamp"}
    assert columns == {field.name: kinds[str(field.type)] for field in SCHEMA}


@pytest.mark.parametrize("it", ["s3"], indirect=True)
@pytest.mark.parametrize("kind", ["message.sent.v1", "com.vendor/odd type=1 50%é.v1"])
def test_duckdb_reads_the_rows_of_the_ledger(it: It, tmp_path: Path, kind: str) -> None:
    assert it.objects is not None
    it.filing.file(it.record(3, kind=kind, time=NOON - timedelta(days=3)))
    it.filing.file([*it.ledger.events[:1], *it.record(2, kind=kind)])
    before = parquet.rows(it.objects, APP, tmp_path / "before")
    it.clock.advance(DAY)
    it.compaction.compact_due()
    after = parquet.rows(it.objects, APP, tmp_path / "after")
    assert before == after
    assert [row["id"] for row in after] == [event.id for event in it.ledger.events]
    for row, event in zip(after, it.ledger.events, strict=True):
        assert (row["day"], row["type"]) == (NOON.date(), kind)
        assert row["time"].astimezone(UTC) == event.time
        assert (row["contact"], row["channel"], row["purpose"]) == (ADA, "push", None)
