"""Writes the lines of other vendors' exports: what was refused first, then the person and devices.

Whoever dies on the way leaves somebody who is contacted too little, never too much.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from shared.kernel.clock import EPOCH
from shared.kernel.errors import DomainError, FieldProblem
from shared.kernel.events import Purpose
from shared.kernel.files import Record, Rejected
from shared.kernel.ids import CHANCE_BITS, ulid_of
from shared.registrations.errors import DeviceNotFoundError
from shared.registrations.model.braze import BRAZE
from shared.registrations.model.import_rows import Row
from shared.registrations.model.imports import Import, ImportKind, Outcome, Without
from shared.registrations.model.onesignal import ONESIGNAL
from shared.registrations.model.pinpoint import PINPOINT
from shared.registrations.model.vendor_lines import Refusal, Vendor, VendorReader, VendorRow
from shared.registrations.ports import Refusals, Refused
from shared.registrations.service.import_rows import OpenFile, RowService

VENDORS: Mapping[ImportKind, Vendor] = {
    ImportKind.PINPOINT: PINPOINT,
    ImportKind.ONESIGNAL: ONESIGNAL,
    ImportKind.BRAZE: BRAZE,
}

_PURPOSES = (Purpose.SERVICE, Purpose.MARKETING)
"""What a refusal is about: all but what somebody's own transaction needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRowService:
    """Writes one line by the use cases of our own rows."""

    rows: RowService
    refusals: Refusals

    def open(self, job: Import, *, header: Record | None) -> OpenFile:
        """Return the writer of a file's lines; ``header`` is the first record of CSV.

        Raises:
            ImportFailedError: the header is not the vendor's.
        """
        reader = VendorReader.of(VENDORS[job.kind], job.file_format, header)
        return OpenFile(rows=self, job=job, reader=reader)

    def write(self, row: Row, job: Import) -> Outcome:
        """Write all of a line that is not refused; a part that is, is told as the line's."""
        if not isinstance(row, VendorRow):
            raise TypeError(f"{type(row).__name__} is no line of a vendor")
        is_changed, problems = False, dict[FieldProblem, None]()
        for part in self._parts(row, job):
            try:
                is_changed |= part()
            except DomainError as error:
                problems.update(dict.fromkeys(Rejected.by(error, line=row.line).problems))
        if problems:
            return Rejected(line=row.line, problems=tuple(problems))
        return Without(is_changed=is_changed, fields=row.without) if row.without else is_changed

    def _parts(self, row: VendorRow, job: Import) -> Iterator[Callable[[], bool]]:
        refuse = partial(self._refuse, row, job)
        if row.identifiers:
            yield refuse
        for one in (row.contact, *row.devices):
            if one is not None:
                yield partial(self.rows.write, one, job)
        if not row.identifiers:
            yield refuse  # under the contact that a device without a person has from its first row

    def _refuse(self, row: VendorRow, job: Import) -> bool:
        """Note what was refused, under the person, or where none is named under each device's."""
        if not row.refusals:
            return False
        contacts = set[str]()
        is_new = False
        if row.identifiers:
            contact_id, is_new = self.rows.person(row.identifiers, job)
            contacts |= {contact_id} if contact_id else set()
        else:
            for device in row.devices:
                contacts |= self._contact_of(device.device_id, job)
        noted = [
            self.refusals.note(
                _refused(one, purpose, row, job),
                contact_id=contact_id,
                app_id=job.app_id,
                source=job.kind,
                by=job.import_id,
                dry_run=job.dry_run,
            )
            for contact_id in sorted(contacts)
            for one in row.refusals
            for purpose in _PURPOSES
        ]
        return is_new or any(noted)

    def _contact_of(self, device_id: str, job: Import) -> set[str]:
        try:
            found = self.rows.devices.get_device(app_id=job.app_id, device_id=device_id)
        except DeviceNotFoundError:
            return set()  # a dry run: it is not there yet
        return {found.contact_id}


def _refused(refusal: Refusal, purpose: Purpose, row: VendorRow, job: Import) -> Refused:
    """Return a refusal with the name that it has in every file that tells it.

    One whose time nobody tells holds from the import on.
    """
    words = f"{job.kind}\n{row.subject}\n{refusal.channel}\n{purpose}"
    chance = int.from_bytes(sha256(words.encode("utf-8", "replace")).digest()[: CHANCE_BITS // 8])
    return Refused(
        purpose=purpose,
        channel=refusal.channel,
        at=min(refusal.at or job.as_of or job.created_at, job.created_at),
        name=ulid_of(refusal.at or EPOCH, chance=chance),
    )
