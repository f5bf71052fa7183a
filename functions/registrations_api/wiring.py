"""Connects the registrations' services to this deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import sample
from typing import TYPE_CHECKING

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.app_check import FirebaseAppCheck
from shared.platform.auth.device_tokens import DeviceTokens
from shared.platform.auth.doors import Doors
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.model.audience import AUDIENCE_SHARDS
from shared.registrations.ports import Intent, StatefulDomain
from shared.registrations.service.apps import AppService
from shared.registrations.service.audience import AudienceService
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.devices import DeviceService
from shared.registrations.service.erasures import ErasureService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.segments import SegmentService
from shared.registrations.service.systems import SystemService
from shared.registrations.service.vault import VaultService
from shared.registrations.service.write_keys import WriteKeyService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoErasureStore,
    DynamoKeyStore,
    DynamoSegmentStore,
    DynamoSystemStore,
    DynamoWriteKeyStore,
)

if TYPE_CHECKING:
    from shared.contact_policy.service.people import PersonService
    from shared.coupons.service.personal import PersonalCoupons
    from shared.coupons.store import DynamoClaimStore
    from shared.placements.store import DynamoAdStates
    from shared.registrations.service.exports import ExportService
    from shared.registrations.service.imports import ImportService


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    """The services of this domain, as one process has them."""

    apps: AppService
    devices: DeviceService
    contacts: ContactService
    people: PeopleService
    callers: CallerService
    erasures: ErasureService
    systems: SystemService
    write_keys: WriteKeyService
    segments: SegmentService
    audience: AudienceService


@cache
def registrations() -> Registrations:
    """Return the registrations of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    app_store = DynamoAppStore(table=table, ledger=ledger)
    device_store = DynamoDeviceStore(table=table, ledger=ledger)
    ids = Ids(clock=system_clock)
    contact_store = DynamoContactStore(table=table, ledger=ledger)
    identifiers = IdentifierService(
        contacts=contact_store,
        hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
    )
    vault = VaultService(
        keys=DynamoKeyStore(table=table),
        apps=app_store,
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )
    people = PeopleService(
        contacts=contact_store,
        devices=device_store,
        domains=[PolicyPeople(), CouponPeople(), AdPeople()],
        clock=system_clock,
        ids=ids,
    )
    contacts = ContactService(
        contacts=contact_store,
        devices=device_store,
        people=people,
        identifiers=identifiers,
        vault=vault,
        clock=system_clock,
        ids=ids,
    )
    return Registrations(
        apps=AppService(store=app_store, clock=system_clock, ids=ids),
        devices=DeviceService(
            devices=device_store,
            apps=app_store,
            app_check=FirebaseAppCheck(tokens=deployment.token_verifier()),
            clock=system_clock,
            ids=ids,
        ),
        contacts=contacts,
        people=people,
        callers=CallerService(
            apps=app_store, devices=device_store, contacts=contact_store, identifiers=identifiers
        ),
        erasures=ErasureService(
            contacts=contact_store,
            devices=device_store,
            erasures=DynamoErasureStore(table=table, ledger=ledger),
            clock=system_clock,
            ids=ids,
        ),
        systems=SystemService(
            apps=app_store,
            systems=DynamoSystemStore(table=table, ledger=ledger),
            cipher=vault.cipher,
            clock=system_clock,
            ids=ids,
        ),
        write_keys=WriteKeyService(
            apps=app_store,
            write_keys=DynamoWriteKeyStore(table=table, ledger=ledger),
            clock=system_clock,
            ids=ids,
        ),
        segments=SegmentService(
            segments=DynamoSegmentStore(table=table, ledger=ledger),
            apps=app_store,
            clock=system_clock,
            ids=ids,
        ),
        audience=AudienceService(
            audience=DynamoAudienceStore(table=table),
            shuffled=lambda: sample(range(AUDIENCE_SHARDS), AUDIENCE_SHARDS),
            clock=system_clock,
        ),
    )


class PolicyPeople:
    """The people of the contact policy, whose code is loaded when contacts turn out to be one."""

    def unite(self, intent: Intent) -> None:
        """Make the state of the two people one."""
        _policy_people().unite(intent)

    def split(self, intent: Intent) -> None:
        """Give each of the two people their own state."""
        _policy_people().split(intent)


class CouponPeople:
    """What people used and claimed of coupons; its code is loaded when contacts become one."""

    def unite(self, intent: Intent) -> None:
        """Make what the two people used and claimed one person's."""
        for domain in _coupon_people():
            domain.unite(intent)

    def split(self, intent: Intent) -> None:
        """Give each of the two people what they used and claimed themselves."""
        for domain in _coupon_people():
            domain.split(intent)


class AdPeople:
    """What people saw of ads; its code is loaded when contacts become one."""

    def unite(self, intent: Intent) -> None:
        """Count what the two people saw together."""
        _ad_people().unite(intent)

    def split(self, intent: Intent) -> None:
        """Give each of the two people what they saw themselves."""
        _ad_people().split(intent)


@cache
def _ad_people() -> StatefulDomain:
    from shared.placements.service.people import PersonService  # noqa: PLC0415

    return PersonService(states=_ad_states(), pause=pause_after)


@cache
def _ad_states() -> "DynamoAdStates":
    from shared.placements.store.ad_states import DynamoAdStates  # noqa: PLC0415

    return DynamoAdStates(table=settings().placements_table)


@cache
def _coupon_people() -> Sequence[StatefulDomain]:
    from shared.coupons.service.claim_people import ClaimPeople  # noqa: PLC0415
    from shared.coupons.service.people import PersonService  # noqa: PLC0415
    from shared.coupons.store import DynamoUseStore  # noqa: PLC0415

    uses = DynamoUseStore(table=settings().coupons_table)
    return PersonService(uses=uses, pause=pause_after), ClaimPeople(claims=_claims())


@cache
def _claims() -> "DynamoClaimStore":
    from shared.coupons.store import CodeRows, DynamoClaimStore  # noqa: PLC0415

    table, ledger = settings().coupons_table, Ledger(table=settings().contact_events_table)
    return DynamoClaimStore(table=table, ledger=ledger, put_code=CodeRows(table=table).put_new)


@cache
def _personal_coupons() -> "PersonalCoupons":
    from shared.coupons.service.personal import PersonalCoupons  # noqa: PLC0415
    from shared.coupons.store import (  # noqa: PLC0415
        DynamoCodeStore,
        DynamoRedemptionArchive,
        DynamoRedemptionStore,
        DynamoUseStore,
    )

    table, ledger_table = settings().coupons_table, settings().contact_events_table
    return PersonalCoupons(
        claims=_claims(),
        codes=DynamoCodeStore(table=table),
        redemptions=DynamoRedemptionStore(table=table, ledger=Ledger(table=ledger_table)),
        uses=DynamoUseStore(table=table),
        archive=DynamoRedemptionArchive(ledger_table=ledger_table),
        vault=registrations().contacts.vault,
    )


@cache
def _policy_people() -> "PersonService":
    from shared.contact_policy.service.people import PersonService  # noqa: PLC0415
    from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore  # noqa: PLC0415

    table, ledger = settings().contact_policy_table, Ledger(table=settings().contact_events_table)
    return PersonService(
        people=DynamoPersonStore(table=table, ledger=ledger),
        policies=DynamoPolicyStore(table=table, ledger=ledger),
        pause=pause_after,
    )


@cache
def exports() -> "ExportService":
    """Return the exports of this process; the other domains' code is loaded for them alone."""
    from shared.contact_events.service.personal import PersonalEvents  # noqa: PLC0415
    from shared.contact_events.service.personal_triggers import PersonalTriggers  # noqa: PLC0415
    from shared.contact_events.store import DynamoEventStore, DynamoInstanceStore  # noqa: PLC0415
    from shared.contact_policy.service.personal import PersonalPolicy  # noqa: PLC0415
    from shared.contact_policy.store import DynamoDeferralStore, DynamoPersonStore  # noqa: PLC0415
    from shared.placements.service.people import PersonalAdStates  # noqa: PLC0415
    from shared.push.service.inbox import PersonalInbox  # noqa: PLC0415
    from shared.push.service.personal import PersonalMessages  # noqa: PLC0415
    from shared.push.store import DynamoChunkStore, DynamoInboxStore  # noqa: PLC0415
    from shared.registrations.service.exports import ExportService  # noqa: PLC0415

    ledger_table, contacts = settings().contact_events_table, registrations().contacts
    chunks = DynamoChunkStore(table=settings().push_table, ledger_table=ledger_table)
    policy_table, ledger = settings().contact_policy_table, Ledger(table=ledger_table)
    return ExportService(
        contacts=contacts.contacts,
        devices=contacts.devices,
        vault=contacts.vault,
        domains={
            "event": PersonalEvents(
                ledger=DynamoEventStore(table=ledger_table), vault=contacts.vault
            ),
            "trigger": PersonalTriggers(instances=DynamoInstanceStore(table=ledger_table)),
            "message": PersonalMessages(archive=chunks),
            "inbox": PersonalInbox(
                inboxes=DynamoInboxStore(table=settings().push_table, ledger=ledger)
            ),
            "contact_policy": PersonalPolicy(
                people=DynamoPersonStore(table=policy_table, ledger=ledger),
                deferrals=DynamoDeferralStore(table=policy_table, ledger=ledger),
                pause=pause_after,
            ),
            "coupon": _personal_coupons(),
            "ad": PersonalAdStates(states=_ad_states(), pause=pause_after),
        },
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=Ids(clock=system_clock))


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(registrations().callers)


def device_tokens() -> DeviceTokens:
    """Return the signer of device tokens."""
    return deployment.device_tokens()


@cache
def imports() -> "ImportService":
    """Return the imports of this process; what only they need is loaded for them alone."""
    from shared.platform.objects import Bucket  # noqa: PLC0415
    from shared.registrations.service.imports import ImportService  # noqa: PLC0415
    from shared.registrations.store import BucketImportFiles, DynamoImportStore  # noqa: PLC0415

    known = registrations().apps
    return ImportService(
        apps=known.store,
        imports=DynamoImportStore(
            table=settings().registrations_table,
            ledger=Ledger(table=settings().contact_events_table),
        ),
        files=BucketImportFiles(bucket=Bucket(name=settings().files_bucket)),
        clock=known.clock,
        ids=known.ids,
    )
