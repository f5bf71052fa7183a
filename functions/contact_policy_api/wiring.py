"""Connects the contact policy's services to this deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING

from typing_extensions import override

from shared.contact_policy.ports import AppPlace, RecordedPast
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService
from shared.contact_policy.service.control_groups import ControlGroupService
from shared.contact_policy.service.decisions import DecisionService
from shared.contact_policy.service.policies import PolicyCache, PolicyService
from shared.contact_policy.service.preferences import PreferenceService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.kernel.clock import system_clock
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.auth.links import SignedLinks
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.http.request import host
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.errors import ContactNotFoundError
from shared.registrations.model.apps import App
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.origins import OriginService
from shared.registrations.service.systems import SystemService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoKeyStore,
    DynamoSystemStore,
)

if TYPE_CHECKING:
    from shared.contact_events.ports import EventStore
    from shared.contact_policy.service.simulating import SimulationService
    from shared.registrations.ports import StatefulDomain
    from shared.registrations.service.resolution import ResolutionService


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvents(RecordedPast):
    """The ledger, as far as simulations need it."""

    events: "EventStore"

    @override
    def recorded_in(
        self, hour: datetime, *, app_id: str, limit: int
    ) -> tuple[Sequence[Envelope], bool]:
        from shared.contact_events.model.hours import HOUR  # noqa: PLC0415
        from shared.contact_events.model.replays import last_before  # noqa: PLC0415

        first, last = last_before(hour), last_before(hour + HOUR)
        page = self.events.page_of(hour, app_id=app_id, after=first, last=last, limit=limit)
        return page.events, page.after is None

    @override
    def timeline_of(
        self, contact_id: str, *, app_id: str, since: datetime, limit: int
    ) -> Sequence[Envelope]:
        from shared.contact_events.model.timelines import TimelineQuery  # noqa: PLC0415

        newest = TimelineQuery(since=since, newest_first=True)
        placed = self.events.timeline(contact_id, app_id=app_id, query=newest)
        return [one.event for one in islice(placed, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPolicy:
    """The services of this domain, as one process has them."""

    policies: PolicyService
    decisions: DecisionService
    preferences: PreferenceService
    consents: ConsentService
    cases: CaseService
    control_groups: ControlGroupService


@cache
def contact_policy() -> ContactPolicy:
    """Return the contact policy of this process."""
    policies = _policies()
    rules = PolicyCache(store=policies, apps=RegisteredApps(apps=_apps()), elapsed=monotonic)
    people, clock, ids = _policy_people(), system_clock, _ids()
    return ContactPolicy(
        policies=PolicyService(store=policies, clock=clock, ids=ids),
        decisions=DecisionService(
            people=people, rules=rules, clock=clock, ids=ids, pause=pause_after
        ),
        preferences=PreferenceService(people=people, clock=clock, ids=ids, pause=pause_after),
        consents=ConsentService(people=people, clock=clock, ids=ids, pause=pause_after),
        cases=CaseService(people=people, clock=clock, ids=ids, pause=pause_after),
        control_groups=ControlGroupService(store=policies, clock=clock, ids=ids, pause=pause_after),
    )


@cache
def simulations() -> "SimulationService":
    """Return who plays the last days to drafts; few requests ask for it."""
    from shared.contact_events.store import DynamoEventStore  # noqa: PLC0415
    from shared.contact_policy.service.simulating import SimulationService  # noqa: PLC0415

    return SimulationService(
        ledger=RecordedEvents(events=DynamoEventStore(table=settings().contact_events_table)),
        people=_policy_people(),
        policies=_policies(),
        apps=RegisteredApps(apps=_apps()),
        clock=system_clock,
        elapsed=monotonic,
    )


def get_app(app_id: str) -> App:
    """Return an app, for its name and locale.

    Raises:
        AppNotFoundError: there is none.
    """
    return _apps().get_app(app_id)


def expect_contact(contact_id: str, *, app_id: str) -> str:
    """Return a contact's id if anything is known under it.

    Raises:
        ContactNotFoundError: nothing is.
        ContactErasedError: the person was erased.
    """
    origins = OriginService(contacts=_contacts(), devices=_devices())
    if not origins.is_known(contact_id, app_id=app_id):
        raise ContactNotFoundError(contact_id)
    return contact_id


def contact_named(identifiers: Sequence[tuple[str, str]], *, app_id: str) -> str:
    """Return the contact whom identifiers name, made, joined and named on the way.

    Raises:
        InvalidIdentifierError: one of them is none.
        BlockedIdentifierError: one of them names nobody.
        AppNotFoundError: there is no such app.
    """
    named = [NamedIdentifier(namespace=name, value=value) for name, value in identifiers]
    at = system_clock()
    found = _resolution().recognise(named, app_id=app_id, at=at)
    return found or _resolution().resolve(named, app_id=app_id, at=at, by="contact-decisions")


def public_url() -> str:
    """Return where people reach the API: as was said, or by the host that was asked just now."""
    return settings().public_url or f"https://{host()}"


@cache
def links() -> SignedLinks:
    """Return the signer of links."""
    return SignedLinks(keys=Secret(id=settings().device_token_secret).keys)


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    callers = CallerService(
        apps=_apps(), devices=_devices(), contacts=_contacts(), identifiers=_identifiers()
    )
    return deployment.doors(callers, systems=_systems().systems_of)


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=_ids())


@cache
def _systems() -> SystemService:
    return SystemService(
        apps=_apps(),
        systems=DynamoSystemStore(table=settings().registrations_table, ledger=_ledger()),
        cipher=_cipher(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _resolution() -> "ResolutionService":
    """Return who finds people by identifiers; few requests name them so."""
    from shared.contact_policy.service.people import PersonService  # noqa: PLC0415
    from shared.registrations.service.people import PeopleService  # noqa: PLC0415
    from shared.registrations.service.resolution import ResolutionService  # noqa: PLC0415
    from shared.registrations.service.vault import VaultService  # noqa: PLC0415

    people = PeopleService(
        contacts=_contacts(),
        devices=_devices(),
        domains=[
            PersonService(people=_policy_people(), policies=_policies(), pause=pause_after),
            *_coupon_people(),
            _ad_people(),
        ],
        clock=system_clock,
        ids=_ids(),
    )
    vault = VaultService(
        keys=DynamoKeyStore(table=settings().registrations_table), apps=_apps(), cipher=_cipher()
    )
    return ResolutionService(
        contacts=_contacts(),
        people=people,
        identifiers=_identifiers(),
        vault=vault,
        clock=system_clock,
        ids=_ids(),
    )


def _coupon_people() -> "Sequence[StatefulDomain]":
    """Return who moves what people used of coupons, and what they claimed."""
    from shared.coupons.service.claim_people import ClaimPeople  # noqa: PLC0415
    from shared.coupons.service.people import PersonService  # noqa: PLC0415
    from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore  # noqa: PLC0415

    table = settings().coupons_table
    claims = DynamoClaimStore(table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new)
    uses = DynamoUseStore(table=table)
    return PersonService(uses=uses, pause=pause_after), ClaimPeople(claims=claims)


def _ad_people() -> "StatefulDomain":
    """Return who moves what people saw of ads."""
    from shared.placements.service.people import PersonService  # noqa: PLC0415
    from shared.placements.store.ad_states import DynamoAdStates  # noqa: PLC0415

    states = DynamoAdStates(table=settings().placements_table)
    return PersonService(states=states, pause=pause_after)


@cache
def _policies() -> DynamoPolicyStore:
    return DynamoPolicyStore(table=settings().contact_policy_table, ledger=_ledger())


@cache
def _policy_people() -> DynamoPersonStore:
    return DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())


@cache
def _identifiers() -> IdentifierService:
    hasher = IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys)
    return IdentifierService(contacts=_contacts(), hasher=hasher)


@cache
def _cipher() -> DataKeyCipher:
    return DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys)


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
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
