"""Connects those who follow triggers to the ledger, to people, and to the coupons' reservations."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from random import sample
from time import monotonic
from typing import TYPE_CHECKING

from typing_extensions import override

from shared.contact_events.ports import Persons, Reservations
from shared.contact_events.service.following import FollowService, PerformingService
from shared.contact_events.service.triggers import RunningTriggers
from shared.contact_events.store import (
    DynamoEventStore,
    DynamoInstanceStore,
    DynamoTriggerStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.errors import ContactErasedError
from shared.registrations.service.origins import OriginService
from shared.registrations.store import DynamoContactStore, DynamoDeviceStore

if TYPE_CHECKING:
    from shared.coupons.service.redemptions import RedemptionService


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons(Persons):
    """The registrations' people, as far as triggers need them."""

    origins: OriginService

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


class CouponReservations(Reservations):
    """The coupons' reservations. Coupons are loaded for the first that is given back."""

    @override
    def release(self, redemption_id: str, *, app_id: str) -> None:
        from shared.coupons.errors import (  # noqa: PLC0415 - see the class
            RedemptionNotFoundError,
            RedemptionStateError,
        )

        # Redeemed meanwhile, or gone: nothing is held.
        with suppress(RedemptionNotFoundError, RedemptionStateError):
            _redemptions().release(redemption_id, app_id=app_id)


@cache
def following() -> FollowService:
    """Return who starts and cancels triggers in this process."""
    table = settings().contact_events_table
    contacts = DynamoContactStore(table=settings().registrations_table, ledger=_ledger())
    devices = DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())
    return FollowService(
        running=RunningTriggers(triggers=DynamoTriggerStore(table=table), elapsed=monotonic),
        instances=DynamoInstanceStore(table=table),
        ledger=DynamoEventStore(table=table),
        persons=RegisteredPersons(origins=OriginService(contacts=contacts, devices=devices)),
        clock=system_clock,
    )


@cache
def performing() -> PerformingService:
    """Return who does what triggers have our own domains do."""
    return PerformingService(reservations=CouponReservations())


@cache
def _redemptions() -> "RedemptionService":
    from shared.coupons.model.tickets import KnownEmpty  # noqa: PLC0415
    from shared.coupons.service.drawing import Drawer  # noqa: PLC0415
    from shared.coupons.service.ending import Ending  # noqa: PLC0415
    from shared.coupons.service.redemptions import RedemptionService  # noqa: PLC0415
    from shared.coupons.store import (  # noqa: PLC0415
        DynamoRedemptionStore,
        DynamoTicketStore,
        DynamoUseStore,
    )

    table, ids = settings().coupons_table, Ids(clock=system_clock)
    redemptions = DynamoRedemptionStore(table=table, ledger=_ledger())
    drawer = Drawer(
        store=DynamoTicketStore(table=table, ledger=_ledger()),
        known=KnownEmpty(shuffled=_shuffled),
        clock=system_clock,
        ids=ids,
    )
    ending = Ending(
        redemptions=redemptions,
        uses=DynamoUseStore(table=table),
        drawer=drawer,
        clock=system_clock,
        ids=ids,
        pause=pause_after,
    )
    return RedemptionService(
        redemptions=redemptions,
        drawer=drawer,
        notes=ending.notes,
        ending=ending,
        clock=system_clock,
        ids=ids,
        pause=pause_after,
    )


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)
