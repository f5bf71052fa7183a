"""Connects others' events to the contact policy: its people, and the rules that weigh touches."""

from dataclasses import dataclass
from functools import cache
from time import monotonic

from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService
from shared.contact_policy.service.effects import EffectService
from shared.contact_policy.service.noting import NotingService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.service.protection import ProtectionService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.store import DynamoAppStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@cache
def effects() -> EffectService:
    """Return the effects of this process."""
    ledger, table = Ledger(table=settings().contact_events_table), settings().contact_policy_table
    people = DynamoPersonStore(table=table, ledger=ledger)
    apps = DynamoAppStore(table=settings().registrations_table, ledger=ledger)
    rules = PolicyCache(
        store=DynamoPolicyStore(table=table, ledger=ledger),
        apps=RegisteredApps(apps=apps),
        elapsed=monotonic,
    )
    ids = Ids(clock=system_clock)
    cases = CaseService(people=people, clock=system_clock, ids=ids, pause=pause_after)
    consents = ConsentService(people=people, clock=system_clock, ids=ids, pause=pause_after)
    return EffectService(
        protection=ProtectionService(cases=cases, consents=consents),
        cases=cases,
        noting=NotingService(people=people, rules=rules, clock=system_clock, pause=pause_after),
    )
