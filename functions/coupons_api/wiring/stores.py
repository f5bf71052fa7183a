"""Where this process reads and writes: one store of each kind, and what stores need."""

from functools import cache
from typing import TYPE_CHECKING

from shared.coupons.store import (
    CodeRows,
    DynamoClaimStore,
    DynamoCouponStore,
    DynamoRedemptionStore,
    DynamoTicketStore,
    DynamoUseStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.store import DynamoAdStates, SignedGrants
from shared.platform.auth.ad_tokens import AdTokens
from shared.platform.hashing import CodeHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.store import (
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)

if TYPE_CHECKING:
    from shared.contact_policy.store import DynamoPersonStore


@cache
def app_store() -> DynamoAppStore:
    """Return the apps and grants."""
    return DynamoAppStore(table=settings().registrations_table, ledger=ledger())


@cache
def contact_store() -> DynamoContactStore:
    """Return the contacts."""
    return DynamoContactStore(table=settings().registrations_table, ledger=ledger())


@cache
def device_store() -> DynamoDeviceStore:
    """Return the devices."""
    return DynamoDeviceStore(table=settings().registrations_table, ledger=ledger())


@cache
def segment_store() -> DynamoSegmentStore:
    """Return the segments."""
    return DynamoSegmentStore(table=settings().registrations_table, ledger=ledger())


@cache
def person_store() -> "DynamoPersonStore":
    """Return what the contact policy knows of people; only orders ask."""
    from shared.contact_policy.store import DynamoPersonStore  # noqa: PLC0415

    return DynamoPersonStore(table=settings().contact_policy_table, ledger=ledger())


@cache
def coupon_store() -> DynamoCouponStore:
    """Return the definitions of coupons."""
    return DynamoCouponStore(table=settings().coupons_table, ledger=ledger())


@cache
def claim_store() -> DynamoClaimStore:
    """Return the claims, each with the code that is made for it."""
    table = settings().coupons_table
    return DynamoClaimStore(table=table, ledger=ledger(), put_code=CodeRows(table=table).put_new)


@cache
def ticket_store() -> DynamoTicketStore:
    """Return the tickets of limits."""
    return DynamoTicketStore(table=settings().coupons_table, ledger=ledger())


@cache
def use_store() -> DynamoUseStore:
    """Return the uses by which people's limits are counted."""
    return DynamoUseStore(table=settings().coupons_table)


@cache
def redemption_store() -> DynamoRedemptionStore:
    """Return the redemptions."""
    return DynamoRedemptionStore(table=settings().coupons_table, ledger=ledger())


@cache
def ad_states() -> DynamoAdStates:
    """Return what people saw of ads."""
    return DynamoAdStates(table=settings().placements_table)


@cache
def ad_grants() -> SignedGrants:
    """Return who knows what ads were given for."""
    return SignedGrants(tokens=AdTokens(keys=Secret(id=settings().device_token_secret).keys))


@cache
def code_hasher() -> CodeHasher:
    """Return who hides codes under a key of each app."""
    return CodeHasher(keys=Secret(id=settings().code_secret).keys)


@cache
def ledger() -> Ledger:
    """Return the ledger of events."""
    return Ledger(table=settings().contact_events_table)


@cache
def ids() -> Ids:
    """Return who makes ids."""
    return Ids(clock=system_clock)
