"""Connects the worker to all who keep something about contacts."""

from collections.abc import Iterable
from functools import cache

from shared.contact_events.service.personal import PersonalEvents
from shared.contact_events.service.personal_triggers import PersonalTriggers
from shared.contact_events.store import DynamoEventStore, DynamoInstanceStore
from shared.contact_policy.service.people import PersonService
from shared.contact_policy.service.personal import PersonalPolicy
from shared.contact_policy.store import (
    DynamoDeferralStore,
    DynamoPersonStore,
    DynamoPolicyStore,
)
from shared.coupons.service import people as coupon_people
from shared.coupons.service.claim_people import ClaimPeople
from shared.coupons.service.personal import PersonalCoupons
from shared.coupons.store import (
    CodeRows,
    DynamoClaimStore,
    DynamoCodeStore,
    DynamoRedemptionArchive,
    DynamoRedemptionStore,
    DynamoUseStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.service import people as ad_people
from shared.placements.store import DynamoAdStates
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.service.inbox import PersonalInbox
from shared.push.service.personal import PersonalMessages
from shared.push.store import DynamoChunkStore, DynamoInboxStore
from shared.registrations.service.erasures import ForgettingService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.rotation import RotationService
from shared.registrations.service.vault import VaultService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoErasureStore,
    DynamoKeyStore,
    DynamoSystemStore,
)


def app_ids() -> Iterable[str]:
    """Yield the ids of all apps."""
    return _apps().app_ids()


@cache
def people() -> PeopleService:
    """Return the people of this process."""
    return PeopleService(
        contacts=_contacts(),
        devices=_devices(),
        domains=[
            PersonService(people=_policy_people(), policies=_policies(), pause=pause_after),
            coupon_people.PersonService(
                uses=DynamoUseStore(table=settings().coupons_table), pause=pause_after
            ),
            ClaimPeople(claims=_claims()),
            ad_people.PersonService(states=_ad_states(), pause=pause_after),
        ],
        clock=system_clock,
        ids=_ids(),
    )


@cache
def forgetting() -> ForgettingService:
    """Return the erasures of this process."""
    ledger_table = settings().contact_events_table
    chunks = DynamoChunkStore(table=settings().push_table, ledger_table=ledger_table)
    return ForgettingService(
        devices=_devices(),
        erasures=DynamoErasureStore(table=settings().registrations_table, ledger=_ledger()),
        domains=(
            # It finds messages by the ledger, whose events go last.
            PersonalMessages(archive=chunks),
            PersonalInbox(inboxes=DynamoInboxStore(table=settings().push_table, ledger=_ledger())),
            _personal_coupons(),
            ad_people.PersonalAdStates(states=_ad_states(), pause=pause_after),
            PersonalPolicy(
                people=_policy_people(),
                deferrals=DynamoDeferralStore(
                    table=settings().contact_policy_table, ledger=_ledger()
                ),
                pause=pause_after,
            ),
            PersonalTriggers(instances=DynamoInstanceStore(table=ledger_table)),
            PersonalEvents(ledger=DynamoEventStore(table=ledger_table), vault=_vault()),
        ),
        clock=system_clock,
        ids=_ids(),
    )


def _personal_coupons() -> PersonalCoupons:
    table = settings().coupons_table
    return PersonalCoupons(
        claims=_claims(),
        codes=DynamoCodeStore(table=table),
        redemptions=DynamoRedemptionStore(table=table, ledger=_ledger()),
        uses=DynamoUseStore(table=table),
        archive=DynamoRedemptionArchive(ledger_table=settings().contact_events_table),
        vault=_vault(),
    )


@cache
def rotation() -> RotationService:
    """Return the rotation of this process."""
    return RotationService(
        contacts=_contacts(),
        keys=_keys(),
        systems=DynamoSystemStore(table=settings().registrations_table, ledger=_ledger()),
        cipher=_cipher(),
        identifiers=IdentifierService(
            contacts=_contacts(),
            hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
        ),
        vault=_vault(),
    )


@cache
def _policy_people() -> DynamoPersonStore:
    return DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())


@cache
def _claims() -> DynamoClaimStore:
    table = settings().coupons_table
    return DynamoClaimStore(table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new)


@cache
def _ad_states() -> DynamoAdStates:
    return DynamoAdStates(table=settings().placements_table)


@cache
def _policies() -> DynamoPolicyStore:
    return DynamoPolicyStore(table=settings().contact_policy_table, ledger=_ledger())


@cache
def _vault() -> VaultService:
    return VaultService(keys=_keys(), apps=_apps(), cipher=_cipher())


@cache
def _cipher() -> DataKeyCipher:
    return DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys)


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contacts() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _devices() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _keys() -> DynamoKeyStore:
    return DynamoKeyStore(table=settings().registrations_table)


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
