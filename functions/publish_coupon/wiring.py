"""Connects who gives coupons away to the people of the registrations."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from secrets import token_bytes

from typing_extensions import override

from shared.coupons.model.publications import Publication
from shared.coupons.model.rules import Circumstances
from shared.coupons.ports.claims import Member, Members, People, Segments
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.codes import CodeService
from shared.coupons.service.minting import ClaimCodes
from shared.coupons.service.publishing import PublishingService
from shared.coupons.store import (
    CodeRows,
    DynamoClaimStore,
    DynamoCodeStore,
    DynamoCouponStore,
    DynamoPublicationStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import CodeHasher
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.audience import AUDIENCE_SHARDS
from shared.registrations.model.rules import matches
from shared.registrations.service.origins import OriginService
from shared.registrations.service.vault import VaultService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoKeyStore,
    DynamoSegmentStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople(People):
    """The registrations' people, by any of their contacts or devices."""

    origins: OriginService
    devices: DynamoDeviceStore

    @override
    def know(self, circumstances: Circumstances) -> Circumstances:
        """Return the circumstances as they are: what is given away is given whatever rules ask."""
        return circumstances

    @override
    def person_of(self, contact_id: str, *, app_id: str) -> str | None:
        try:
            if not self.origins.is_known(contact_id, app_id=app_id):
                return None
            return self.origins.canonical(contact_id, app_id=app_id)
        except ContactErasedError:
            return None

    @override
    def contact_of(self, device_id: str, *, app_id: str) -> str | None:
        found = self.devices.devices([device_id], app_id=app_id)
        return self.person_of(found[0].contact_id, app_id=app_id) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSegments(Segments):
    """The registrations' segments, device by device: ``after`` is ``<shard>/<device>``."""

    segments: DynamoSegmentStore
    audience: DynamoAudienceStore
    people: RegisteredPeople

    @override
    def check(self, segment_id: str, *, app_id: str) -> None:
        self.segments.get_segment(segment_id, app_id=app_id)

    @override
    def members(
        self, segment_id: str, *, app_id: str, after: str | None, limit: int, at: datetime
    ) -> Members:
        rule = self.segments.get_segment(segment_id, app_id=app_id).rule
        shard, _, device_id = (after or "0/").partition("/")
        page = self.audience.page(app_id, int(shard), after=device_id or None, limit=limit)
        found = [
            Member(contact_id=contact_id, device_id=one.device_id)
            for one in page.items
            if matches(rule, one.facts, at)
            and (contact_id := self.people.person_of(one.contact_id, app_id=app_id))
        ]
        return Members(found=found, after=_following(int(shard), page.next_cursor))


def _following(shard: int, device_id: str | None) -> str | None:
    """Return where the next devices are, after one of a shard; ``None``: these were the last."""
    if device_id is not None:
        return f"{shard}/{device_id}"
    return f"{shard + 1}/" if shard + 1 < AUDIENCE_SHARDS else None


class OwnQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def go_on(self, publication: Publication) -> None:
        """Have a worker take the publication's next step."""
        self._jobs.put({"app_id": publication.app_id, "publication_id": publication.publication_id})


@cache
def publishing() -> PublishingService:
    """Return who gives coupons away, in this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    devices = DynamoDeviceStore(table=table, ledger=ledger)
    contacts = DynamoContactStore(table=table, ledger=ledger)
    people = RegisteredPeople(
        origins=OriginService(contacts=contacts, devices=devices), devices=devices
    )
    return PublishingService(
        coupons=_coupons(),
        publications=DynamoPublicationStore(table=settings().coupons_table),
        claims=_claims(people),
        people=people,
        segments=RegisteredSegments(
            segments=DynamoSegmentStore(table=table, ledger=ledger),
            audience=DynamoAudienceStore(table=table),
            people=people,
        ),
        queue=OwnQueue(JobQueue(url=settings().publication_queue_url)),
        clock=system_clock,
    )


def _claims(people: RegisteredPeople) -> ClaimService:
    table, ledger = settings().coupons_table, Ledger(table=settings().contact_events_table)
    return ClaimService(
        coupons=_coupons(),
        claims=DynamoClaimStore(table=table, ledger=ledger, put_code=CodeRows(table=table).put_new),
        codes=ClaimCodes(codes=_codes(ledger)),
        people=people,
        clock=system_clock,
        ids=Ids(clock=system_clock),
    )


def _codes(ledger: Ledger) -> CodeService:
    table = settings().registrations_table
    vault = VaultService(
        keys=DynamoKeyStore(table=table),
        apps=DynamoAppStore(table=table, ledger=ledger),
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )
    return CodeService(
        coupons=_coupons(),
        codes=DynamoCodeStore(table=settings().coupons_table),
        hasher=CodeHasher(keys=Secret(id=settings().code_secret).keys),
        vault=vault,
        clock=system_clock,
        chance=token_bytes,
    )


@cache
def _coupons() -> DynamoCouponStore:
    ledger = Ledger(table=settings().contact_events_table)
    return DynamoCouponStore(table=settings().coupons_table, ledger=ledger)
