"""Connects the services of booked ads to this deployment."""

from functools import cache
from typing import TYPE_CHECKING

from functions.placements_api.wiring.elsewhere import (
    KnownApps,
    KnownCoupons,
    KnownSegments,
    TargetingLanguage,
)
from functions.placements_api.wiring.stores import (
    app_store,
    contact_store,
    demand_store,
    device_store,
    ids,
)
from shared.kernel.clock import system_clock
from shared.placements.service.demand import DemandService
from shared.placements.service.relations import Relations
from shared.placements.service.settings import AdSettingsService
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.hashing import IdentifierHasher
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.store import DynamoAuditStore

if TYPE_CHECKING:
    from shared.placements.service.demand_import import DemandImport


@cache
def demand() -> DemandService:
    """Return what is booked, as this process keeps it."""
    return DemandService(
        apps=KnownApps(),
        demand=demand_store(),
        relations=relations(),
        clock=system_clock,
        ids=ids(),
    )


@cache
def ad_settings() -> AdSettingsService:
    """Return what apps decide for all their ads."""
    return AdSettingsService(apps=KnownApps(), demand=demand_store(), clock=system_clock, ids=ids())


@cache
def demand_import() -> "DemandImport":
    """Return who imports; few requests ask for it."""
    from shared.placements.service.demand_import import DemandImport  # noqa: PLC0415

    return DemandImport(
        apps=KnownApps(),
        demand=demand_store(),
        relations=relations(),
        clock=system_clock,
        ids=ids(),
    )


@cache
def relations() -> Relations:
    """Return who asks for what booked things name."""
    return Relations(
        targeting=TargetingLanguage(), coupons=KnownCoupons(), segments=KnownSegments()
    )


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=app_store(),
            devices=device_store(),
            contacts=contact_store(),
            identifiers=IdentifierService(
                contacts=contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
        )
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=ids())
