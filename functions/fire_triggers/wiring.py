"""Connects the firing of triggers to the ledger, to people, and to the contact policy."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from random import sample
from time import monotonic

from typing_extensions import override

from shared.contact_events.ports import Permits, Persons
from shared.contact_events.service.firing import FireService
from shared.contact_events.service.triggers import RunningTriggers
from shared.contact_events.store import (
    DynamoEventStore,
    DynamoInstanceStore,
    DynamoTriggerStore,
)
from shared.contact_policy.errors import ReservationNotFoundError
from shared.contact_policy.model.pressure import LONGEST_HOLD
from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.decisions import DecisionService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.kernel.clock import system_clock
from shared.kernel.decisions import Candidate, Decision, Reservation
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.errors import ContactErasedError
from shared.registrations.service.origins import OriginService
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPlaces(Permits):
    """The contact policy's places, held for two hours: whoever is asked to speak makes it firm."""

    decisions: DecisionService

    @override
    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Reservation | None]:
        return self.decisions.reserve(candidate, key=key, hold=LONGEST_HOLD)

    @override
    def give_back(self, reservation: Reservation) -> None:
        with suppress(ReservationNotFoundError):
            self.decisions.release(reservation.reservation_id, app_id=reservation.app_id)


def app_ids() -> Sequence[str]:
    """Return the ids of all apps in any order, so that none is the last each time."""
    found = list(_apps().app_ids())
    return sample(found, len(found))


@cache
def firing() -> FireService:
    """Return who fires triggers in this process."""
    table = settings().contact_events_table
    contacts = DynamoContactStore(table=settings().registrations_table, ledger=_ledger())
    devices = DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())
    return FireService(
        running=RunningTriggers(triggers=DynamoTriggerStore(table=table), elapsed=monotonic),
        instances=DynamoInstanceStore(table=table),
        ledger=DynamoEventStore(table=table),
        persons=RegisteredPersons(origins=OriginService(contacts=contacts, devices=devices)),
        permits=HeldPlaces(decisions=_decisions()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _decisions() -> DecisionService:
    table = settings().contact_policy_table
    return DecisionService(
        people=DynamoPersonStore(table=table, ledger=_ledger()),
        rules=PolicyCache(
            store=DynamoPolicyStore(table=table, ledger=_ledger()),
            apps=RegisteredApps(apps=_apps()),
            elapsed=monotonic,
        ),
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
