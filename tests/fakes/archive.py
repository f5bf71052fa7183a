"""The archive in memory; held to the contract of the real one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from typing_extensions import override

from shared.contact_events.model.archives import ArchiveFile, Drawer, Forgotten, Index
from shared.contact_events.ports import Archive
from shared.kernel.envelope import Envelope


@dataclass
class InMemoryArchive(Archive):
    kept: dict[ArchiveFile, list[Envelope]] = field(default_factory=dict)
    late_files: set[ArchiveFile] = field(default_factory=set)
    people: dict[str, Forgotten] = field(default_factory=dict)

    @override
    def add(self, drawer: Drawer, events: Sequence[Envelope]) -> ArchiveFile:
        file = ArchiveFile.holding(drawer, (event.sequence for event in events))
        self.kept[file] = list(events)
        return file

    @override
    def files(self, app_id: str, *, day: date | None = None) -> Iterator[ArchiveFile]:
        for file in sorted(self.kept, key=lambda one: one.key):
            if file.drawer.app_id == app_id and day in {None, file.drawer.day}:
                yield file

    @override
    def sizes(self, app_id: str, *, day: date | None = None) -> Iterator[tuple[ArchiveFile, int]]:
        for file in self.files(app_id, day=day):
            yield file, len(self.kept[file])

    @override
    def index(self, file: ArchiveFile) -> Index:
        return Index(
            sequences=frozenset(event.sequence for event in self.kept[file]),
            contacts=frozenset(filter(None, map(_contact_of, self.kept[file]))),
        )

    @override
    def merge(
        self,
        files: Sequence[ArchiveFile],
        events: Sequence[Envelope],
        *,
        without: frozenset[str],
    ) -> ArchiveFile | None:
        merged = {
            event.sequence: event
            for event in (*(one for file in files for one in self.kept[file]), *events)
            if _contact_of(event) not in without
        }
        if not merged:
            return None
        drawer = Drawer.of(next(iter(merged.values())))
        whole = ArchiveFile.holding(drawer, merged, is_whole=True)
        self.kept[whole] = [merged[sequence] for sequence in sorted(merged)]
        return whole

    @override
    def delete(self, files: Sequence[ArchiveFile]) -> None:
        for file in files:
            self.kept.pop(file, None)

    @override
    def note_late(self, file: ArchiveFile) -> None:
        self.late_files.add(file)

    @override
    def late(self, app_id: str) -> Sequence[ArchiveFile]:
        return sorted(file for file in self.late_files if file.drawer.app_id == app_id)

    @override
    def forget_late(self, files: Sequence[ArchiveFile]) -> None:
        self.late_files -= set(files)

    @override
    def note_forgotten(self, person: Forgotten) -> None:
        self.people[person.erasure_id] = person

    @override
    def forgotten(self, app_id: str) -> Sequence[Forgotten]:
        return [person for person in self.people.values() if person.app_id == app_id]

    @override
    def end_forgetting(self, person: Forgotten) -> None:
        del self.people[person.erasure_id]


def _contact_of(event: Envelope) -> str | None:
    return event.subject.id if event.subject.kind == "contact" else None
