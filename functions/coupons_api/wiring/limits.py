"""Connects what counts the uses that limits allow."""

from collections.abc import Collection, Sequence
from functools import cache
from random import sample

from functions.coupons_api.wiring.stores import ids, redemption_store, ticket_store, use_store
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.service.audit import Audit
from shared.coupons.service.availability import Availability
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.limits import LimitService
from shared.coupons.service.running import LimitAdjuster
from shared.kernel.clock import system_clock
from shared.platform.dynamodb import pause_after


@cache
def adjuster() -> LimitAdjuster:
    """Return who has running limits follow their definitions."""
    return LimitAdjuster(
        limits=LimitService(
            tickets=ticket_store(), known=_known_empty(), clock=system_clock, pause=pause_after
        )
    )


@cache
def audits() -> Audit:
    """Return who recounts limits."""
    return Audit(
        tickets=ticket_store(),
        uses=use_store(),
        redemptions=redemption_store(),
        clock=system_clock,
    )


@cache
def availability() -> Availability:
    """Return who says what is left of limits."""
    return Availability(
        tickets=ticket_store(), uses=use_store(), known=_known_empty(), clock=system_clock
    )


@cache
def drawer() -> Drawer:
    """Return who draws tickets of limits."""
    return Drawer(store=ticket_store(), known=_known_empty(), clock=system_clock, ids=ids())


@cache
def _known_empty() -> KnownEmpty:
    return KnownEmpty(shuffled=_shuffled)


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))
