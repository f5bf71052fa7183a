"""Imports on every store, real or fake: what is written, what is refused, what a crash leaves."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.envelope import Envelope
from shared.kernel.files import FileFormat
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    DeviceTokenRequiredError,
    ImportNotFoundError,
    LeaseHeldError,
    UploadMissingError,
)
from shared.registrations.model.apps import Platform
from shared.registrations.model.devices import NEVER_SPOKE, Device, DeviceState
from shared.registrations.model.erasures import SETTLING
from shared.registrations.model.imports import (
    Import,
    ImportKind,
    ImportState,
    Tally,
)
from shared.registrations.ports import Importer, ImportStore
from shared.registrations.service import import_runs
from shared.registrations.service.identifiers import NamedIdentifier
from shared.registrations.service.import_rows import RowService
from shared.registrations.service.import_runs import LEASE, ImportRunService
from shared.registrations.service.imports import ImportService
from tests.contract.test_registration_stores import Registrations, in_memory, on_dynamodb
from tests.fakes.registrations import (
    InMemoryImportFiles,
    InMemoryImportStore,
    Memory,
    RecordedQueue,
)

DONE = Tally(accepted=1)


@dataclass(frozen=True, kw_only=True)
class Imports:
    """The services of imports on one kind of store."""

    there: Registrations
    store: ImportStore
    app_id: str
    files: InMemoryImportFiles = field(default_factory=InMemoryImportFiles)
    queue: RecordedQueue = field(default_factory=RecordedQueue)

    @property
    def ids(self) -> Ids:
        return self.there.apps.ids

    @property
    def service(self) -> ImportService:
        return ImportService(
            apps=self.there.app_store,
            imports=self.store,
            files=self.files,
            clock=self.there.clock,
            ids=self.ids,
        )

    def worker(self, *, importer: Importer | None = None, **replaced: Any) -> ImportRunService:
        parts: dict[str, Any] = {
            "imports": self.store,
            "files": self.files,
            "importers": dict.fromkeys(ImportKind, importer or self.rows()),
            "queue": self.queue,
            "clock": self.there.clock,
            "ids": self.ids,
        }
        return ImportRunService(**(parts | replaced))

    def rows(self, of: type[RowService] = RowService) -> RowService:
        return of(
            devices=self.there.devices,
            contacts=self.there.contacts,
            resolution=self.there.resolution,
        )

    def started(self, kind: str, *rows: dict[str, Any], **settings: Any) -> Import:
        """Announce, upload and start a file of JSON lines."""
        job = self.announced(kind, *rows, **settings)
        return self.service.start_import(job.import_id, app_id=self.app_id, by="ada")

    def announced(self, kind: str, *rows: dict[str, Any], **settings: Any) -> Import:
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        made = self.service.create_import(
            {
                "kind": ImportKind(kind),
                "file_format": FileFormat.JSONL,
                "size": len(text),
                **settings,
            },
            app_id=self.app_id,
            by="ada",
            attempt=None,
        )
        self.files.uploads[made.job.import_id] = text
        return made.job

    def done(self, kind: str, *rows: dict[str, Any], **settings: Any) -> Import:
        """Import a file to its end."""
        job = self.started(kind, *rows, **settings)
        return self.work(job)

    def work(self, job: Import, holder: str = "one", **replaced: Any) -> Import:
        return self.worker(**replaced).work(
            job.import_id, app_id=self.app_id, holder=holder, has_time=lambda: True
        )

    def rejects(self, job: Import) -> list[tuple[int, str]]:
        closed = self.files.closed.get(job.import_id, ())
        return [(one.line, problem.code) for one in closed for problem in one.problems]

    def device(self, device_id: str) -> Device:
        return self.there.devices.get_device(app_id=self.app_id, device_id=device_id)

    def contact_of(self, **identifiers: str) -> str | None:
        named = [NamedIdentifier(namespace=name, value=one) for name, one in identifiers.items()]
        return self.there.resolution.recognise(named, app_id=self.app_id, at=self.there.clock())

    def profile(self, **identifiers: str) -> tuple[frozenset[str], dict[str, Any]]:
        contact_id = self.contact_of(**identifiers)
        assert contact_id is not None
        found = self.there.contacts.get_profile(app_id=self.app_id, contact_id=contact_id)
        return found.tags, dict(found.attributes)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Imports:
    if request.param == "memory":
        return remembered()
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.registrations.store import DynamoImportStore  # noqa: PLC0415

    there = on_dynamodb(request)
    tables = request.getfixturevalue("tables")
    ledger = Ledger(table=tables["contact_events"])
    store = DynamoImportStore(table=tables["registrations"], ledger=ledger)
    return Imports(there=there, store=store, app_id=there.an_app())


def remembered() -> Imports:
    memory = Memory()
    there = in_memory(memory)
    return Imports(there=there, store=InMemoryImportStore(memory), app_id=there.an_app())


def phone(number: int, **said: Any) -> dict[str, Any]:
    return {"device_id": f"phone-{number:03}", "platform": "ios", **said}


def test_an_import_comes_back_as_it_was_announced(it: Imports) -> None:
    job = it.announced("members", {"identifiers": {"customer": "4711"}}, list_name="vip")
    assert it.service.get_import(job.import_id, app_id=it.app_id) == job
    with pytest.raises(ImportNotFoundError):
        it.service.get_import("imp_none", app_id=it.app_id)
    assert it.there.told()[-1] == "import.created.v1"


def test_imports_are_listed_newest_first(it: Imports) -> None:
    made = [it.announced("devices", phone(n)).import_id for n in range(3)]
    first = it.service.list_imports(it.app_id, limit=2, cursor=None)
    rest = it.service.list_imports(it.app_id, limit=2, cursor=first.next_cursor)
    assert [job.import_id for job in (*first.items, *rest.items)] == made[::-1]
    assert rest.next_cursor is None


def test_the_same_attempt_announces_once(it: Imports) -> None:
    def announce(fingerprint: str) -> Any:
        return it.service.create_import(
            {"kind": ImportKind.DEVICES, "file_format": FileFormat.CSV, "size": 1},
            app_id=it.app_id,
            by="ada",
            attempt=Attempt(caller="ada", key="k", fingerprint=fingerprint),
        )

    first, again = announce("f"), announce("f")
    assert (again.job, again.replayed) == (first.job, True)
    with pytest.raises(IdempotencyKeyReusedError):
        announce("another")


def test_an_import_starts_once_its_file_is_there_and_once_only(it: Imports) -> None:
    job = it.announced("devices", phone(1))
    content = it.files.uploads.pop(job.import_id)
    for upload in (None, content[:-1]):
        if upload:
            it.files.uploads[job.import_id] = upload
        with pytest.raises(UploadMissingError):
            it.service.start_import(job.import_id, app_id=it.app_id, by="ada")
    it.files.uploads[job.import_id] = content
    first = it.service.start_import(job.import_id, app_id=it.app_id, by="ada")
    assert it.service.start_import(job.import_id, app_id=it.app_id, by="bob") == first
    assert it.there.told()[1:] == ["import.created.v1", "import.started.v1"]


def test_devices_are_written_as_if_they_had_never_spoken(it: Imports) -> None:
    job = it.done("devices", phone(1, fcm_token="token-001", attributes={"plan": "gold"}))
    assert (job.state, job.tally) == (ImportState.DONE, DONE)
    device = it.device("phone-001")
    assert (device.client_seq, device.has_spoken, device.is_anonymous) == (NEVER_SPOKE, False, True)
    assert device.state.attributes == {"plan": "gold"}
    assert it.there.told()[-2:] == ["device.registered.v1", "import.finished.v1"]


def test_a_device_with_identifiers_is_its_contacts(it: Imports) -> None:
    row = phone(1, identifiers={"customer": "4711"}, tags=["vip"])
    job = it.done("devices", row, phone(2, identifiers={"customer": "4711"}))
    assert job.tally == Tally(accepted=2)
    contact_id = it.contact_of(customer="4711")
    for device in (it.device("phone-001"), it.device("phone-002")):
        assert (device.contact_id, device.is_anonymous) == (contact_id, False)
        assert device.tags == {"vip"}
    assert it.done("devices", row).tally == Tally(unchanged=1)


def test_a_device_that_never_spoke_is_updated_and_one_that_did_is_not(it: Imports) -> None:
    it.done("devices", phone(1, locale="de"), phone(2))
    it.there.register(it.app_id, "phone-002", seq=0)
    job = it.done("devices", phone(1, locale="fr"), phone(2, locale="fr"), phone(1, locale="fr"))
    assert job.tally == Tally(accepted=1, unchanged=1, rejected=1)
    assert it.rejects(job) == [(2, "already_registered")]
    assert it.device("phone-001").state.locale == "fr"
    assert it.device("phone-002").state.locale is None


def test_an_address_is_not_taken_from_a_device_that_told_it(it: Imports) -> None:
    mine = Address(kind=AddressKind.FCM_TOKEN, value="token-001")
    it.there.register(it.app_id, "phone-001", DeviceState(platform=Platform.IOS, address=mine))
    stranger = phone(2, fcm_token="token-001")
    for dry_run in (True, False):
        job = it.done("devices", stranger, dry_run=dry_run)
        assert it.rejects(job) == [(1, "address_taken")]
    assert it.device("phone-001").state.address == mine


def test_what_comes_later_in_the_file_has_the_address(it: Imports) -> None:
    rows = [phone(n, fcm_token="token-001") for n in range(5)]
    assert it.done("devices", *rows).tally == Tally(accepted=5)
    reachable = [n for n in range(5) if it.device(f"phone-{n:03}").state.address]
    assert reachable == [4]


def claim(it: Imports, address: str | None) -> Device:
    state = DeviceState(
        platform=Platform.IOS,
        address=Address(kind=AddressKind.FCM_TOKEN, value=address) if address else None,
    )
    return it.there.devices.register_device(
        app_id=it.app_id,
        device_id="phone-001",
        state=state,
        client_seq=0,
        owns=lambda _: False,
        app_check_token=None,
    )[0]


def test_whoever_has_the_address_registers_as_an_imported_device(it: Imports) -> None:
    it.done("devices", phone(1, fcm_token="token-001", identifiers={"customer": "4711"}))
    for stranger in ("token-002", None):
        with pytest.raises(DeviceTokenRequiredError):
            claim(it, stranger)
    claimed = claim(it, "token-001")
    assert claimed.has_spoken
    assert claimed.contact_id == it.contact_of(customer="4711")
    with pytest.raises(DeviceTokenRequiredError):
        claim(it, "token-001")


def test_an_imported_device_that_is_nobodys_may_be_anybodys(it: Imports) -> None:
    it.done("devices", phone(1))
    assert claim(it, "token-002").has_spoken


def test_contacts_are_made_and_described(it: Imports) -> None:
    row = {"identifiers": {"customer": "4711", "email": "A@example.com"}, "tags": ["vip", "old"]}
    later = {
        "identifiers": {"email": "a@EXAMPLE.com"},
        "remove_tags": ["old"],
        "attributes": {"n": 1},
    }
    assert it.done("contacts", row, later, later).tally == Tally(accepted=2, unchanged=1)
    assert it.profile(customer="4711") == (frozenset({"vip"}), {"n": 1})


def test_a_contact_past_its_limits_is_rejected(it: Imports) -> None:
    rows = [
        {"identifiers": {"customer": "4711"}, "tags": [f"t{batch}-{n}" for n in range(50)]}
        for batch in range(3)
    ]
    job = it.done("contacts", *rows)
    assert it.rejects(job) == [(3, "profile_too_large")]


def test_members_of_a_list_are_known_contacts_with_its_tag(it: Imports) -> None:
    it.done("contacts", {"identifiers": {"customer": "4711"}}, {"identifiers": {"customer": "12"}})
    job = it.done(
        "members",
        {"identifiers": {"customer": "4711"}},
        {"contact_id": it.contact_of(customer="12")},
        {"identifiers": {"customer": "99"}},
        {"contact_id": f"con_{'0' * 26}"},
        list_name="vip",
    )
    assert job.tally == Tally(accepted=2, rejected=2)
    assert it.rejects(job) == [(3, "contact_not_found"), (4, "contact_not_found")]
    assert it.contact_of(customer="99") is None
    assert it.profile(customer="4711")[0] == it.profile(customer="12")[0] == {"list:vip"}

    off = {"identifiers": {"customer": "4711"}, "remove": True}
    assert it.done("members", off, list_name="vip").tally == DONE
    assert it.profile(customer="4711")[0] == frozenset()


def test_a_member_whom_identifiers_name_twice_is_rejected(it: Imports) -> None:
    it.done(
        "contacts",
        {"identifiers": {"customer": "4711"}},
        {"identifiers": {"email": "a@example.com"}},
    )
    both = {"identifiers": {"customer": "4711", "email": "a@example.com"}}
    job = it.done("members", both, list_name="vip")
    assert it.rejects(job) == [(1, "several_contacts")]


def test_who_was_erased_stays_erased(it: Imports) -> None:
    it.done("contacts", {"identifiers": {"customer": "4711"}})
    erased = it.contact_of(customer="4711")
    assert erased is not None
    it.there.clock.advance(timedelta(days=1))
    it.there.erasures.erase_contact(erased, app_id=it.app_id, by="ada")
    forget = it.there.forgetting.work
    forget(erased, app_id=it.app_id)
    it.there.clock.advance(SETTLING + timedelta(days=1))
    forget(erased, app_id=it.app_id)

    rows: dict[str, dict[str, Any]] = {
        "contacts": {"identifiers": {"customer": "4711"}, "tags": ["vip"]},
        "devices": phone(1, identifiers={"customer": "4711"}),
        "members": {"identifiers": {"customer": "4711"}},
    }
    for kind, row in rows.items():
        for dry_run in (True, False):
            listed = {"list_name": "vip"} if kind == "members" else {}
            job = it.done(kind, row, dry_run=dry_run, **listed)
            assert it.rejects(job) == [(1, "contact_erased")], kind
    assert it.there.devices.devices.devices(["phone-001"], app_id=it.app_id) == []

    back = it.done("contacts", rows["contacts"], as_of=it.there.clock())
    assert back.tally == DONE
    assert it.contact_of(customer="4711") not in {None, erased}


def test_a_dry_run_judges_all_and_writes_nothing(it: Imports) -> None:
    it.done("contacts", {"identifiers": {"customer": "4711"}, "tags": ["vip"]})
    before = it.there.told()
    runs = [
        it.done(
            "contacts",
            {"identifiers": {"customer": "4711"}, "tags": ["vip"]},
            {"identifiers": {"customer": "4711"}, "tags": ["new"]},
            {"identifiers": {"customer": "12"}, "tags": ["new"]},
            {"identifiers": {"customer": "null"}},
            dry_run=True,
        ),
        it.done(
            "devices",
            phone(1, tags=["new"], identifiers={"customer": "12"}),
            phone(2, tags=["new"]),
            dry_run=True,
        ),
    ]
    assert [job.tally for job in runs] == [
        Tally(accepted=2, unchanged=1, rejected=1),
        Tally(accepted=2),
    ]
    about_files = {"import.created.v1", "import.started.v1", "import.finished.v1"}
    assert set(it.there.told()[len(before) :]) == about_files
    assert it.profile(customer="4711")[0] == {"vip"}
    assert it.contact_of(customer="12") is None


def test_a_worker_without_time_leaves_the_rest_to_the_next(
    it: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_runs, "BATCH", 2)
    job = it.started("devices", *(phone(n) for n in range(5)))
    for expected in (2, 4):
        job = it.worker().work(
            job.import_id, app_id=it.app_id, holder="one", has_time=iter([True, False]).__next__
        )
        assert job.tally.read == expected
    job = it.work(job)
    assert (job.state, job.tally) == (ImportState.DONE, Tally(accepted=5))
    assert it.queue.called == [job.import_id] * 2


def test_two_workers_never_have_an_import_at_once(it: Imports) -> None:
    job = it.started("devices", phone(1))
    at = it.there.clock()
    it.store.save_import(job.taken("other", at=at, until=at + LEASE))
    with pytest.raises(LeaseHeldError):
        it.work(job)
    it.there.clock.advance(LEASE)
    assert it.work(job).tally == DONE
    assert it.work(job).tally == DONE  # a job that is delivered again finds it done
    assert it.there.told().count("import.finished.v1") == 1


def test_of_two_workers_at_the_same_instant_one_works(it: Imports) -> None:
    job = it.started("devices", *(phone(n) for n in range(20)))

    def work(holder: str) -> bool:
        try:
            it.work(job, holder)
        except LeaseHeldError:
            return False
        return True

    with ThreadPoolExecutor(max_workers=2) as pool:
        worked = list(pool.map(work, ["one", "two"]))
    assert any(worked)
    found = it.service.get_import(job.import_id, app_id=it.app_id)
    assert (found.state, found.tally) == (ImportState.DONE, Tally(accepted=20))
    assert it.there.told().count("device.registered.v1") == 20


class KilledError(Exception):
    pass


class Mortal:
    """Another store, with a worker that dies before or after one of its saves."""

    def __init__(self, store: ImportStore, *, at_save: int, is_saved: bool) -> None:
        self.store, self.left, self.is_saved = store, at_save, is_saved
        self.get_import = store.get_import

    def save_import(self, job: Import, *, event: Envelope | None = None) -> None:
        self.left -= 1
        if self.left or self.is_saved:
            self.store.save_import(job, event=event)
        if not self.left:
            raise KilledError


ROWS: Sequence[dict[str, Any]] = (
    phone(1, identifiers={"customer": "1"}, tags=["vip"]),
    {"device_id": "x"},
    phone(2, identifiers={"customer": "1"}),
    phone(3),
    {"device_id": "y"},
)


@pytest.mark.parametrize("is_saved", [False, True])
@pytest.mark.parametrize("at_save", range(1, 6))
def test_whenever_a_worker_dies_the_next_one_completes_the_same(
    it: Imports, monkeypatch: pytest.MonkeyPatch, at_save: int, is_saved: bool
) -> None:
    monkeypatch.setattr(import_runs, "BATCH", 2)
    job = it.started("devices", *ROWS)
    with pytest.raises(KilledError):
        it.work(job, imports=Mortal(it.store, at_save=at_save, is_saved=is_saved))
    it.there.clock.advance(LEASE)
    done = it.work(job, holder="next")
    assert done.state is ImportState.DONE
    assert (done.tally.read, done.tally.rejected) == (5, 2)
    assert [line for line, _ in it.rejects(done)] == [2, 2, 5, 5]
    assert it.device("phone-002").tags == {"vip"}
    told = it.there.told()
    assert [told.count(kind) for kind in ("device.registered.v1", "import.finished.v1")] == [3, 1]


@pytest.mark.parametrize("row", range(1, 6))
def test_a_worker_that_dies_between_rows_has_written_nothing_twice(it: Imports, row: int) -> None:
    left = iter(range(1, row))

    class Dying(RowService):
        @override
        def write(self, row: Any, job: Import) -> bool:
            if next(left, None) is None:
                raise KilledError
            return RowService.write(self, row, job)

    job = it.started("devices", *(phone(n, identifiers={"customer": "1"}) for n in range(5)))
    with pytest.raises(KilledError):
        it.work(job, importer=it.rows(Dying))
    it.there.clock.advance(LEASE)
    done = it.work(job, holder="next")
    assert done.tally == Tally(accepted=6 - row, unchanged=row - 1)
    assert it.there.told().count("device.registered.v1") == 5


def test_an_upload_that_is_replaced_ends_the_import() -> None:
    it = remembered()
    job = it.started("devices", phone(1))
    it.files.uploads[job.import_id] = it.files.uploads[job.import_id].replace(b"1", b"2")
    done = it.work(job)
    assert (done.state, done.failure and done.failure.code) == (
        ImportState.FAILED,
        "upload_changed",
    )
    assert it.there.told()[-1] == "import.finished.v1"


@pytest.mark.parametrize(
    ("limit", "code"), [("MOST_REJECTS", "too_many_rejects"), ("MOST_ROWS", "too_many_rows")]
)
def test_a_file_past_its_limits_ends_the_import(
    monkeypatch: pytest.MonkeyPatch, limit: str, code: str
) -> None:
    monkeypatch.setattr(import_runs, limit, 1)
    monkeypatch.setattr(import_runs, "BATCH", 2)
    it = remembered()
    done = it.done("devices", *[{"device_id": "x"}, {"device_id": "y"}] * 3)
    assert done.failure is not None
    assert done.failure.code in {code, "too_many_rejects"}
    assert done.tally.read == 2
    assert len(it.files.closed[done.import_id]) == 2


def test_a_header_that_is_none_ends_the_import() -> None:
    it = remembered()
    job = it.announced("contacts", file_format=FileFormat.CSV, size=8)
    it.files.uploads[job.import_id] = b"colour\nx"
    it.service.start_import(job.import_id, app_id=it.app_id, by="ada")
    done = it.work(job)
    assert (done.state, done.failure and done.failure.code) == (ImportState.FAILED, "header")


def test_rejects_can_be_fetched_once_the_import_is_over() -> None:
    it = remembered()
    job = it.started("devices", {"device_id": "x"})
    assert it.service.rejects_url(job) is None
    assert it.service.rejects_url(it.work(job)) is not None
    assert it.service.rejects_url(it.done("devices", phone(1))) is None
