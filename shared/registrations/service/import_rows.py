"""Writes the rows of imports, through the same use cases as devices and marketers.

A row that says what is so already writes nothing: so a batch that is worked on twice is harmless.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from shared.kernel.errors import DomainError
from shared.kernel.files import Record, Rejected
from shared.registrations.errors import (
    AlreadyRegisteredError,
    ContactErasedError,
    ContactNotFoundError,
    DeviceNotFoundError,
    SeveralContactsError,
)
from shared.registrations.model.devices import Device
from shared.registrations.model.import_rows import (
    ContactRow,
    DeviceRow,
    MemberRow,
    Row,
    RowReader,
    lanes,
)
from shared.registrations.model.imports import Import, Outcome
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.devices import DeviceService
from shared.registrations.service.identifiers import NamedIdentifier
from shared.registrations.service.resolution import ResolutionService

THREADS = 16
"""A row waits for DynamoDB most of its time; the pool of connections has 32."""


class Reader(Protocol):
    """Reads the rows of one file."""

    def read(self, record: Record) -> Row | Rejected:
        """Return what a record says, or all that is wrong with it."""
        ...


class Rows(Protocol):
    """Writes rows of one kind of file, one by one."""

    def write(self, row: Row, job: Import) -> Outcome:
        """Do what a row says, or raise a ``DomainError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RowService:
    """Writes one row; in a dry run it holds the rules, and says what would be written."""

    devices: DeviceService
    contacts: ContactService
    resolution: ResolutionService

    def open(self, job: Import, *, header: Record | None) -> "OpenFile":
        """Return the writer of a file's rows; ``header`` is the first record of CSV.

        Raises:
            ImportFailedError: the header does not say what the columns are.
        """
        return OpenFile(rows=self, job=job, reader=RowReader.of(job.kind, job.file_format, header))

    def write(self, row: Row, job: Import) -> bool:
        """Do what a row says; the answer says whether that changes anything.

        Raises:
            AlreadyRegisteredError: the device registered itself.
            AddressTakenError: the address belongs to a device that did.
            ContactErasedError: the person was erased, after the file was true.
            ContactNotFoundError: nobody is known whom the list's member could be.
            SeveralContactsError: the identifiers of the list's member name different people.
            ProfileTooLargeError: the contact has as many tags or attributes as one may.
            TooManyDevicesError: the contact has 50 devices already.
        """
        match row:
            case DeviceRow():
                return self._device(row, job)
            case ContactRow():
                return self._contact(row, job)
            case MemberRow():
                return self._member(row, job)
        raise TypeError(f"{type(row).__name__} is no row of an import")

    def _device(self, row: DeviceRow, job: Import) -> bool:
        known = self._find(row.device_id, job)
        if known and known.has_spoken:
            raise AlreadyRegisteredError(row.device_id)
        contact_id, is_new = self.person(row.identifiers, job) if row.identifiers else (None, False)
        is_changed = self.devices.import_device(
            app_id=job.app_id, device_id=row.device_id, state=row.state, dry_run=job.dry_run
        )
        if contact_id is not None:
            is_bound = known and known.contact_id == contact_id
            if job.dry_run:
                is_changed |= not is_bound
            else:
                is_changed |= self.contacts.assign(
                    contact_id,
                    app_id=job.app_id,
                    device_id=row.device_id,
                    namespace=next(iter(row.identifiers)),
                )
        is_tagged = bool(row.tags) and self._tag_device(row, contact_id, job)
        return is_changed or is_new or is_tagged

    def _tag_device(self, row: DeviceRow, contact_id: str | None, job: Import) -> bool:
        if contact_id is None:
            device = self._find(row.device_id, job)
            if device is None:
                return True  # a dry run: neither the device nor its contact is there yet
            contact_id = device.contact_id
        return self._change(contact_id, job, add_tags=row.tags)

    def _contact(self, row: ContactRow, job: Import) -> bool:
        contact_id, is_new = self.person(row.identifiers, job)
        if contact_id is None or not (row.tags or row.remove_tags or row.attributes):
            return is_new
        is_changed = self._change(
            contact_id,
            job,
            add_tags=row.tags,
            remove_tags=row.remove_tags,
            attributes=row.attributes,
        )
        return is_changed or is_new

    def _member(self, row: MemberRow, job: Import) -> bool:
        contact_id = row.contact_id or self._known(row.identifiers, job)
        tag = frozenset({job.tag})
        if row.removes:
            return self._change(contact_id, job, remove_tags=tag)
        return self._change(contact_id, job, add_tags=tag)

    def _change(
        self,
        contact_id: str,
        job: Import,
        *,
        add_tags: frozenset[str] = frozenset(),
        remove_tags: frozenset[str] = frozenset(),
        attributes: Mapping[str, str | float | bool | None] | None = None,
    ) -> bool:
        _, is_changed = self.contacts.change_contact(
            app_id=job.app_id,
            contact_id=contact_id,
            add_tags=add_tags,
            remove_tags=remove_tags,
            attributes=attributes or {},
            dry_run=job.dry_run,
        )
        return is_changed

    def person(self, identifiers: Mapping[str, str], job: Import) -> tuple[str | None, bool]:
        """Return the contact whom a row's identifiers mean, and whether that is news.

        ``None`` in a dry run, where one would be made, named or joined.
        """
        named = _named(identifiers)
        known = self.resolution.recognise(named, app_id=job.app_id, at=job.told_at)
        if known or job.dry_run:
            return known, known is None
        meant = self.resolution.resolve(named, app_id=job.app_id, at=job.told_at, by=job.import_id)
        return meant, True

    def _known(self, identifiers: Mapping[str, str], job: Import) -> str:
        """Return the one known contact whom identifiers name: a list makes nobody."""
        hidden = [
            self.contacts.identifiers.hide(one, app_id=job.app_id) for one in _named(identifiers)
        ]
        found = self.contacts.contacts.named_by(hidden, app_id=job.app_id)
        if found.erased_at is not None and job.told_at <= found.erased_at:
            raise ContactErasedError("the person was erased")
        people = self.contacts.contacts.canonicals_of(
            set(found.contacts.values()), app_id=job.app_id
        )
        canonicals = set(people.values())
        if not canonicals:
            raise ContactNotFoundError("nobody is known by these identifiers")
        if len(canonicals) > 1:
            raise SeveralContactsError("the identifiers name different people")
        return canonicals.pop()

    def _find(self, device_id: str, job: Import) -> Device | None:
        try:
            return self.devices.get_device(app_id=job.app_id, device_id=device_id)
        except DeviceNotFoundError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """Writes the rows of one file, those at the same time that have nothing in common."""

    rows: Rows
    job: Import
    reader: Reader

    def write(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Write rows, and say of each whether that changed anything, or why it was not written."""
        read = [self.reader.read(record) for record in batch]
        rows = [one for one in read if not isinstance(one, Rejected)]
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            written = list(chain.from_iterable(pool.map(self._lane, lanes(rows))))
        return [*written, *(one for one in read if isinstance(one, Rejected))]

    def _lane(self, lane: Sequence[Row]) -> list[Outcome]:
        return [self._row(row) for row in lane]

    def _row(self, row: Row) -> Outcome:
        try:
            return self.rows.write(row, self.job)
        except DomainError as error:
            return Rejected.by(error, line=row.line)


def _named(identifiers: Mapping[str, str]) -> Sequence[NamedIdentifier]:
    return [NamedIdentifier(namespace=name, value=value) for name, value in identifiers.items()]
