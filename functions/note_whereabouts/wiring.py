"""Connects the projection of whereabouts to the contact policy's table."""

from functools import cache

from shared.contact_policy.service.whereabouts import WhereaboutsService
from shared.contact_policy.store import DynamoPersonStore
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.settings import settings


@cache
def whereabouts() -> WhereaboutsService:
    """Return the whereabouts of this process."""
    ledger = Ledger(table=settings().contact_events_table)
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=ledger)
    return WhereaboutsService(people=people, pause=pause_after)
