"""What other domains know of people: registrations, the contact policy, and coupons."""

from dataclasses import dataclass
from functools import cache
from time import monotonic

from functions.ad_decisions_api.wiring.stores import (
    app_store,
    contact_store,
    device_store,
    ids,
    ledger,
    snapshots,
)
from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.decisions import DecisionService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.coupons.service import standing as coupons
from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore
from shared.kernel.clock import system_clock
from shared.placements.service.facts import AskedFacts
from shared.platform.dynamodb import pause_after
from shared.platform.settings import settings
from shared.registrations.ports import AppStore
from shared.registrations.service.standing import KnownSegments, StandingService
from shared.registrations.store import DynamoAudienceStore, DynamoSegmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: AppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@cache
def facts() -> AskedFacts:
    """Return whom decisions ask about people of whom nothing, or nothing recent, is kept."""
    table = settings().coupons_table
    claims = DynamoClaimStore(table=table, ledger=ledger(), put_code=CodeRows(table=table).put_new)
    uses = DynamoUseStore(table=table)
    return AskedFacts(
        names=lambda app_id: snapshots().get(app_id).snapshot,
        policy=_policy(),
        people=_registrations(),
        coupons=coupons.StandingService(claims=claims, uses=uses),
    )


@cache
def _registrations() -> StandingService:
    table = settings().registrations_table
    segments = DynamoSegmentStore(table=table, ledger=ledger())
    return StandingService(
        audience=DynamoAudienceStore(table=table),
        contacts=contact_store(),
        devices=device_store(),
        segments=KnownSegments(segments=segments, elapsed=monotonic),
    )


@cache
def _policy() -> DecisionService:
    table = settings().contact_policy_table
    return DecisionService(
        people=DynamoPersonStore(table=table, ledger=ledger()),
        rules=PolicyCache(
            store=DynamoPolicyStore(table=table, ledger=ledger()),
            apps=RegisteredApps(apps=app_store()),
            elapsed=monotonic,
        ),
        clock=system_clock,
        ids=ids(),
        pause=pause_after,
    )
