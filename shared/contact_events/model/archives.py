"""The archive: what the ledger recorded, as files by app, day and type.

The day is that of recording, in UTC: which day an event belongs to follows from its id alone, and a
day of the archive holds what a day of the ledger's index holds. An event that is told late lies in
the day in which it was told; its own instant is in its row.

Files are named after the events in them, so whoever writes the same events again writes the same
file. An event may lie in two files of a day for a while: readers know it by its id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from urllib.parse import quote, unquote

from shared.contact_events.model.replays import Span
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at

COMPACTED_AGAIN = 3
"""Days before today that each compaction looks at, so that one that failed is made up for."""

FORGOTTEN_KEPT = timedelta(days=30)
"""How long it is remembered whom to forget: queues and their dead letters tell up to 18 days late.

A day that got late events is compacted, and whoever is remembered so is left out."""

ERASED = "contact.erased.v1"
"""The event after which a person is to be forgotten."""

_WHOLE = "whole"
_PART = "part"
_NAME_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Drawer:
    """Where events of one kind lie: an app, a day of recording, a type without organisation."""

    app_id: str
    day: date
    type: str

    @classmethod
    def of(cls, event: Envelope) -> "Drawer":
        """Return where an event lies."""
        return cls(app_id=event.app_id, day=day_of(event.sequence), type=event.type)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ArchiveFile:
    """A file of the archive; ``is_whole``: a compaction made it."""

    drawer: Drawer
    digest: str
    is_whole: bool = False

    @classmethod
    def holding(
        cls, drawer: Drawer, sequences: Iterable[str], *, is_whole: bool = False
    ) -> "ArchiveFile":
        """Return the file that holds the events of some sequences."""
        digest = sha256("".join(sorted(sequences)).encode()).hexdigest()[:_NAME_LENGTH]
        return cls(drawer=drawer, digest=digest, is_whole=is_whole)

    @classmethod
    def of_key(cls, key: str) -> "ArchiveFile":
        """Return the file of a key that ``key`` wrote."""
        _, app_id, _, day, type_, name = key.split("/")
        drawer = Drawer(
            app_id=app_id,
            day=date.fromisoformat(day.removeprefix("day=")),
            type=unquote(type_.removeprefix("type=")),
        )
        kind, _, digest = name.removesuffix(".parquet").partition("-")
        return cls(drawer=drawer, digest=digest, is_whole=kind == _WHOLE)

    @property
    def key(self) -> str:
        """Return its key: folders in the manner of Hive, the type percent-encoded."""
        kind = _WHOLE if self.is_whole else _PART
        type_ = quote(self.drawer.type, safe="")
        folder = folder_of(self.drawer.app_id, self.drawer.day)
        return f"{folder}type={type_}/{kind}-{self.digest}.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What is in a file: the sequences of its events, the contacts they are about."""

    sequences: frozenset[str]
    contacts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A person who was erased, with all their contacts, and how far the archive forgot them.

    ``after`` is the key of the last file that was looked at; ``is_done``: all were.
    """

    app_id: str
    erasure_id: str
    contact_ids: frozenset[str]
    noted_at: datetime
    after: str = ""
    is_done: bool = False

    @classmethod
    def of(cls, event: Envelope, *, at: datetime) -> "Forgotten":
        """Return whom an event ``contact.erased.v1`` tells of."""
        return cls(
            app_id=event.app_id,
            erasure_id=event.subject.id,
            contact_ids=frozenset(event.data["contact_ids"]),
            noted_at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What lies in a drawer: files, their ``size`` in bytes, and events, where they were read."""

    files: int
    size: int
    events: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A drawer beside the ledger, in events; ``files`` counts its files.

    ``only_ledger`` waits for the next compaction. ``only_archive`` left the ledger: by an erasure,
    or after the time for which it keeps events.
    """

    drawer: Drawer
    files: int
    archive: int
    ledger: int
    only_archive: int
    only_ledger: int


def folder_of(app_id: str, day: date | None = None) -> str:
    """Return the beginning of the keys of an app's archive, or of a day of it."""
    folder = f"APP/{app_id}/archive/"
    return folder if day is None else f"{folder}day={day.isoformat()}/"


def day_of(sequence: str) -> date:
    """Return the day (UTC) in which the event of a sequence was recorded."""
    return made_at(sequence).date()


def span_of(day: date) -> Span:
    """Return a day of recording as a range of the ledger."""
    begin = datetime.combine(day, time(), tzinfo=UTC)
    return Span(since=begin, until=begin + timedelta(days=1))


def drawers(events: Iterable[Envelope]) -> Mapping[Drawer, Sequence[Envelope]]:
    """Return events by where they lie, of each drawer each once, by sequence."""
    found: dict[Drawer, dict[str, Envelope]] = {}
    for event in events:
        found.setdefault(Drawer.of(event), {})[event.sequence] = event
    return {
        drawer: [of_one[sequence] for sequence in sorted(of_one)]
        for drawer, of_one in sorted(found.items())
    }


def compared(
    drawer: Drawer, *, files: int, archive: frozenset[str], ledger: frozenset[str]
) -> Comparison:
    """Return how the sequences in a drawer and in the ledger differ."""
    return Comparison(
        drawer=drawer,
        files=files,
        archive=len(archive),
        ledger=len(ledger),
        only_archive=len(archive - ledger),
        only_ledger=len(ledger - archive),
    )
