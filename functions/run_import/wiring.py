"""Connects the worker of imports to the registrations, to the ledger, and to whom rows concern."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from shared.contact_events.service.ingest import IngestService
from shared.contact_events.service.records import RecordService
from shared.contact_events.service.touch_imports import TouchFile, TouchImportService
from shared.contact_events.store import DynamoForeignEventStore, DynamoRejectStore
from shared.contact_policy.model.standing import ConsentKey, ConsentStatus
from shared.contact_policy.ports import PersonStore
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService, Heard, Statement
from shared.contact_policy.service.people import PersonService as PolicyPeople
from shared.contact_policy.service.protection import ProtectionService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.coupons.service.claim_people import ClaimPeople
from shared.coupons.service.people import PersonService as CouponPeople
from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore
from shared.kernel.clock import system_clock
from shared.kernel.files import Record
from shared.kernel.ids import Ids
from shared.placements.service.people import PersonService as AdPeople
from shared.placements.store import DynamoAdStates
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.model.imports import Import, ImportKind
from shared.registrations.ports import Refused, StatefulDomain
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.devices import DeviceService
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.import_rows import RowService
from shared.registrations.service.import_runs import ImportRunService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.resolution import ResolutionService
from shared.registrations.service.vault import VaultService
from shared.registrations.service.vendor_rows import VENDORS, VendorRowService
from shared.registrations.store import (
    BucketImportFiles,
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoImportStore,
    DynamoKeyStore,
)

LAST_CALL = timedelta(seconds=30)
"""With less time left no batch is begun: the slowest takes some seconds."""


class NoAppCheck:
    """Vouches for nobody: a file brings no tokens, and a worker asks for none."""

    def is_valid(self, *_: object, **__: object) -> bool:
        """Say that nobody vouches for a token."""
        return False


class OwnQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def go_on(self, job: Import) -> None:
        """Have a worker go on with an import."""
        self._jobs.put({"app_id": job.app_id, "import_id": job.import_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class Touches:
    """The ledger, as what knows the rows of touches."""

    service: TouchImportService

    def open(self, job: Import, *, header: Record | None) -> TouchFile:
        """Return what records the rows of a file."""
        return self.service.open(header, app_id=job.app_id, dry_run=job.dry_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople:
    """The registrations' contacts, as those whom touches name."""

    resolution: ResolutionService

    def recognise(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime
    ) -> str | None:
        """Return what ``resolve`` would, where it would write nothing."""
        return self.resolution.recognise(_named(identifiers), app_id=app_id, at=at)

    def resolve(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime, by: str
    ) -> str:
        """Return the contact whom identifiers name, made, joined and named on the way."""
        return self.resolution.resolve(_named(identifiers), app_id=app_id, at=at, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRefusals:
    """The contact policy, as what knows what people refused."""

    consents: ConsentService
    people: PersonStore

    def note(
        self, refused: Refused, *, contact_id: str, app_id: str, source: str, by: str, dry_run: bool
    ) -> bool:
        """Withdraw the consent, once; the word is known by its name."""
        proof_id = f"prf_{refused.name}"
        if self.people.get_proof(proof_id, contact_id=contact_id, app_id=app_id):
            return False
        if not dry_run:
            statement = Statement(
                app_id=app_id,
                contact_id=contact_id,
                key=ConsentKey(refused.purpose, refused.channel),
                obtained_by=source,
                by=by,
            )
            heard = Heard(status=ConsentStatus.WITHDRAWN, at=refused.at, name=refused.name)
            self.consents.hear(statement, heard)
        return True


@cache
def runs() -> ImportRunService:
    """Return the worker of this process."""
    rows = RowService(
        devices=DeviceService(
            devices=_devices(),
            apps=_apps(),
            app_check=NoAppCheck(),
            clock=system_clock,
            ids=_ids(),
        ),
        contacts=ContactService(
            contacts=_contacts(),
            devices=_devices(),
            people=_people(),
            identifiers=_identifiers(),
            vault=_vault(),
            clock=system_clock,
            ids=_ids(),
        ),
        resolution=_resolution(),
    )
    return ImportRunService(
        imports=DynamoImportStore(table=settings().registrations_table, ledger=_ledger()),
        files=BucketImportFiles(bucket=Bucket(name=settings().files_bucket)),
        importers={
            **dict.fromkeys(VENDORS, VendorRowService(rows=rows, refusals=_refusals())),
            ImportKind.DEVICES: rows,
            ImportKind.CONTACTS: rows,
            ImportKind.MEMBERS: rows,
            ImportKind.TOUCHES: Touches(service=TouchImportService(ingest=_ingest())),
        },
        queue=OwnQueue(JobQueue(url=settings().import_queue_url)),
        clock=system_clock,
        ids=_ids(),
    )


def _named(identifiers: Sequence[tuple[str, str]]) -> list[NamedIdentifier]:
    return [NamedIdentifier(namespace=name, value=value) for name, value in identifiers]


@cache
def _ingest() -> IngestService:
    """Return what takes touches into the ledger, as if another system had told them."""
    table = settings().contact_events_table
    records = RecordService(
        events=DynamoForeignEventStore(table=table),
        people=RegisteredPeople(resolution=_resolution()),
        contacts=OriginService(contacts=_contacts(), devices=_devices()),
        vault=_vault(),
        hasher=_hasher(),
        ids=_ids(),
    )
    return IngestService(
        records=records,
        effects=_effects(),
        kept=DynamoRejectStore(table=table),
        clock=system_clock,
        ids=_ids(),
    )


def _refusals() -> PolicyRefusals:
    """Return what keeps what people had refused at another vendor."""
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())
    return PolicyRefusals(
        consents=ConsentService(people=people, clock=system_clock, ids=_ids(), pause=pause_after),
        people=people,
    )


@cache
def _effects() -> ProtectionService:
    """Return what heeds complaints at once; all else is done from the bus."""
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())
    return ProtectionService(
        cases=CaseService(people=people, clock=system_clock, ids=_ids(), pause=pause_after),
        consents=ConsentService(people=people, clock=system_clock, ids=_ids(), pause=pause_after),
    )


@cache
def _resolution() -> ResolutionService:
    return ResolutionService(
        contacts=_contacts(),
        people=_people(),
        identifiers=_identifiers(),
        vault=_vault(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _people() -> PeopleService:
    return PeopleService(
        contacts=_contacts(),
        devices=_devices(),
        domains=[_policy_people(), *_coupon_people(), _ad_people()],
        clock=system_clock,
        ids=_ids(),
    )


def _policy_people() -> StatefulDomain:
    table = settings().contact_policy_table
    return PolicyPeople(
        people=DynamoPersonStore(table=table, ledger=_ledger()),
        policies=DynamoPolicyStore(table=table, ledger=_ledger()),
        pause=pause_after,
    )


def _coupon_people() -> Sequence[StatefulDomain]:
    """Return who moves what people used of coupons, and what they claimed."""
    table = settings().coupons_table
    claims = DynamoClaimStore(table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new)
    uses = DynamoUseStore(table=table)
    return CouponPeople(uses=uses, pause=pause_after), ClaimPeople(claims=claims)


def _ad_people() -> StatefulDomain:
    """Return who moves what people saw of ads."""
    states = DynamoAdStates(table=settings().placements_table)
    return AdPeople(states=states, pause=pause_after)


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _devices() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contacts() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _hasher() -> IdentifierHasher:
    return IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys)


@cache
def _identifiers() -> IdentifierService:
    return IdentifierService(contacts=_contacts(), hasher=_hasher())


@cache
def _vault() -> VaultService:
    return VaultService(
        keys=DynamoKeyStore(table=settings().registrations_table),
        apps=_apps(),
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
