"""Connects the worker of imports to the registrations, and to the people of the contact policy."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from shared.contact_policy.service.people import PersonService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.coupons.service import people as coupon_people
from shared.coupons.service.claim_people import ClaimPeople
from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.model.imports import Import
from shared.registrations.ports import StatefulDomain
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.devices import DeviceService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.import_rows import RowService
from shared.registrations.service.import_runs import ImportRunService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.resolution import ResolutionService
from shared.registrations.service.vault import VaultService
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


@cache
def runs() -> ImportRunService:
    """Return the worker of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    ids = Ids(clock=system_clock)
    return ImportRunService(
        imports=DynamoImportStore(table=table, ledger=ledger),
        files=BucketImportFiles(bucket=Bucket(name=settings().files_bucket)),
        rows=_rows(table, ledger, ids),
        queue=OwnQueue(JobQueue(url=settings().import_queue_url)),
        clock=system_clock,
        ids=ids,
    )


def _rows(table: str, ledger: Ledger, ids: Ids) -> RowService:
    apps = DynamoAppStore(table=table, ledger=ledger)
    devices = DynamoDeviceStore(table=table, ledger=ledger)
    contacts = DynamoContactStore(table=table, ledger=ledger)
    identifiers = IdentifierService(
        contacts=contacts,
        hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
    )
    vault = VaultService(
        keys=DynamoKeyStore(table=table),
        apps=apps,
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )
    people = PeopleService(
        contacts=contacts,
        devices=devices,
        domains=[_policy_people(ledger), *_coupon_people(ledger)],
        clock=system_clock,
        ids=ids,
    )
    return RowService(
        devices=DeviceService(
            devices=devices,
            apps=apps,
            app_check=NoAppCheck(),
            clock=system_clock,
            ids=ids,
        ),
        contacts=ContactService(
            contacts=contacts,
            devices=devices,
            people=people,
            identifiers=identifiers,
            vault=vault,
            clock=system_clock,
            ids=ids,
        ),
        resolution=ResolutionService(
            contacts=contacts,
            people=people,
            identifiers=identifiers,
            vault=vault,
            clock=system_clock,
            ids=ids,
        ),
    )


def _policy_people(ledger: Ledger) -> PersonService:
    table = settings().contact_policy_table
    return PersonService(
        people=DynamoPersonStore(table=table, ledger=ledger),
        policies=DynamoPolicyStore(table=table, ledger=ledger),
        pause=pause_after,
    )


def _coupon_people(ledger: Ledger) -> Sequence[StatefulDomain]:
    """Return who moves what people used of coupons, and what they claimed."""
    table = settings().coupons_table
    claims = DynamoClaimStore(table=table, ledger=ledger, put_code=CodeRows(table=table).put_new)
    uses = DynamoUseStore(table=table)
    return (
        coupon_people.PersonService(uses=uses, pause=pause_after),
        ClaimPeople(claims=claims),
    )
