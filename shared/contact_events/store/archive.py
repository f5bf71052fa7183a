"""The archive in S3, as Parquet; of all stores this alone needs pyarrow, a layer of its own.

| what        | key                                                                          |
| ----------- | ---------------------------------------------------------------------------- |
| events      | APP/<app>/archive/day=<yyyy-mm-dd>/type=<type>/<part or whole>-<hex>.parquet |
| late file   | APP/<app>/archive-late/day=<yyyy-mm-dd>/type=<type>/<part>-<hex>.parquet     |

| forgotten   | APP/<app>/archive-forgotten/<erasure>                                        |

The second, empty, says that the first came when its day was over. A row has every attribute of an
event's envelope; ``data`` is JSON, with what the ledger keeps sealed as it is there. Whom a row is
about it says by the contact's id alone, as the bus does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from shared.contact_events.model.archives import ArchiveFile, Drawer, Forgotten, Index, folder_of
from shared.contact_events.ports import Archive
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at
from shared.platform.ledger import plain
from shared.platform.objects import Bucket

_INSTANT = pa.timestamp("us", tz="UTC")

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("sequence", pa.string(), nullable=False),
        pa.field("app", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("time", _INSTANT, nullable=False),
        pa.field("recorded_at", _INSTANT, nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("contact", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("direction", pa.string()),
        pa.field("purpose", pa.string()),
        pa.field("cause", pa.string()),
        pa.field("data", pa.string(), nullable=False),
    ]
)
"""The columns of every file; day and type are in its key, as query engines expect it."""

_COMPRESSION = "zstd"


class BucketArchive(Archive):
    """Files of events in a bucket."""

    def __init__(self, *, bucket: Bucket) -> None:
        self._bucket = bucket

    @override
    def add(self, drawer: Drawer, events: Sequence[Envelope]) -> ArchiveFile:
        file = ArchiveFile.holding(drawer, (event.sequence for event in events))
        self._write(file, _table(events))
        return file

    @override
    def files(self, app_id: str, *, day: date | None = None) -> Iterator[ArchiveFile]:
        yield from map(ArchiveFile.of_key, self._bucket.keys(folder_of(app_id, day)))

    @override
    def sizes(self, app_id: str, *, day: date | None = None) -> Iterator[tuple[ArchiveFile, int]]:
        for key, size in self._bucket.sizes(folder_of(app_id, day)):
            yield ArchiveFile.of_key(key), size

    @override
    def index(self, file: ArchiveFile) -> Index:
        found = self._read(file, columns=["sequence", "contact"])
        contacts = frozenset(found.column("contact").unique().to_pylist())
        return Index(
            sequences=frozenset(found.column("sequence").to_pylist()), contacts=contacts - {None}
        )

    @override
    def merge(
        self,
        files: Sequence[ArchiveFile],
        events: Sequence[Envelope],
        *,
        without: frozenset[str],
    ) -> ArchiveFile | None:
        table = pa.concat_tables([*(self._read(file) for file in files), _table(events)])
        sequences, contacts = (table.column(name).to_pylist() for name in ("sequence", "contact"))
        places = {
            sequence: place
            for place, (sequence, contact) in enumerate(zip(sequences, contacts, strict=True))
            if contact not in without
        }
        if not places:
            return None
        drawer = files[0].drawer if files else Drawer.of(events[0])
        whole = ArchiveFile.holding(drawer, places, is_whole=True)
        self._write(whole, table.take([places[sequence] for sequence in sorted(places)]))
        return whole

    @override
    def delete(self, files: Sequence[ArchiveFile]) -> None:
        for file in files:
            self._bucket.delete(file.key)

    @override
    def note_late(self, file: ArchiveFile) -> None:
        self._bucket.put(_late_key(file), b"")

    @override
    def late(self, app_id: str) -> Sequence[ArchiveFile]:
        keys = self._bucket.keys(_late_folder(app_id))
        return [
            ArchiveFile.of_key(key.replace(_late_folder(app_id), folder_of(app_id), 1))
            for key in keys
        ]

    @override
    def forget_late(self, files: Sequence[ArchiveFile]) -> None:
        for file in files:
            self._bucket.delete(_late_key(file))

    @override
    def note_forgotten(self, person: Forgotten) -> None:
        content = {
            "contact_ids": sorted(person.contact_ids),
            "noted_at": rfc3339(person.noted_at),
            "after": person.after,
            "is_done": person.is_done,
        }
        self._bucket.put(_forgotten_key(person), json.dumps(content).encode())

    @override
    def forgotten(self, app_id: str) -> Sequence[Forgotten]:
        keys = self._bucket.keys(_forgotten_folder(app_id))
        return [_forgotten_of(key, json.loads(self._bucket.get(key))) for key in keys]

    @override
    def end_forgetting(self, person: Forgotten) -> None:
        self._bucket.delete(_forgotten_key(person))

    def _write(self, file: ArchiveFile, table: pa.Table) -> None:
        written = pa.BufferOutputStream()
        pq.write_table(table, written, compression=_COMPRESSION)
        self._bucket.put(file.key, written.getvalue().to_pybytes())

    def _read(self, file: ArchiveFile, *, columns: list[str] | None = None) -> pa.Table:
        content = pa.BufferReader(self._bucket.get(file.key))
        return pq.ParquetFile(content).read(columns=columns)


def _table(events: Sequence[Envelope]) -> pa.Table:
    return pa.Table.from_pylist([_row(event) for event in events], schema=SCHEMA)


def _row(event: Envelope) -> dict[str, object]:
    is_contact = event.subject.kind == "contact"
    return {
        "id": event.id,
        "sequence": event.sequence,
        "app": event.app_id,
        "source": event.source,
        "time": event.time,
        "recorded_at": made_at(event.sequence),
        "subject": f"{event.subject.kind}/{event.subject.id}",
        "contact": event.subject.id if is_contact else None,
        "channel": event.channel,
        "direction": event.direction,
        "purpose": event.purpose,
        "cause": event.cause,
        "data": json.dumps(event.data, default=plain, separators=(",", ":"), ensure_ascii=False),
    }


def _forgotten_of(key: str, content: Mapping[str, Any]) -> Forgotten:
    _, app_id, _, erasure_id = key.split("/")
    return Forgotten(
        app_id=app_id,
        erasure_id=erasure_id,
        contact_ids=frozenset(content["contact_ids"]),
        noted_at=from_rfc3339(content["noted_at"]),
        after=content["after"],
        is_done=content["is_done"],
    )


def _forgotten_folder(app_id: str) -> str:
    return f"APP/{app_id}/archive-forgotten/"


def _forgotten_key(person: Forgotten) -> str:
    return f"{_forgotten_folder(person.app_id)}{person.erasure_id}"


def _late_folder(app_id: str) -> str:
    return f"APP/{app_id}/archive-late/"


def _late_key(file: ArchiveFile) -> str:
    return file.key.replace(folder_of(file.drawer.app_id), _late_folder(file.drawer.app_id), 1)
