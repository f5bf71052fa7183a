"""Connects the sweep of coupons to their table, and its reminders to push."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from random import sample
from typing import TYPE_CHECKING

from typing_extensions import override

from shared.coupons.model.claims import Claim
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.ports.claims import Reminders
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.ending import Ending
from shared.coupons.service.reminders import ReminderService
from shared.coupons.service.rounds import RoundService
from shared.coupons.service.sweeping import Sweeping
from shared.coupons.store import (
    CodeRows,
    DynamoClaimStore,
    DynamoCouponStore,
    DynamoRedemptionStore,
    DynamoRoundStore,
    DynamoTicketStore,
    DynamoUseStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.errors import DomainError
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.observability import logger
from shared.platform.settings import settings
from shared.push.ports import AppFacts, PersonFacts
from shared.registrations.model.contacts import attributes_of, tags_of
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore

if TYPE_CHECKING:
    from shared.push.service.messages import MessageService
    from shared.push.service.templates import TemplateService


class PushedReminders(Reminders):
    """Reminds by push: a message of marketing's, so the contact policy allows or stops it.

    Push is loaded for the first reminder; most minutes have none.
    """

    @override
    def remind(self, claim: Claim, coupon: Coupon, *, template_id: str) -> None:
        """Queue the message; who cannot be told, for want of a device say, is not told later."""
        try:
            _push(claim, coupon, template_id=template_id)
        except DomainError as refusal:
            logger().warning("not reminded", claim=claim.claim_id, code=refusal.code)


def _push(claim: Claim, coupon: Coupon, *, template_id: str) -> None:
    from shared.push.service.messages import SEND_WITHIN, Addressee  # noqa: PLC0415 - see the class

    app_id, contact_id = claim.app_id, claim.contact_id
    template = _templates().get_template(template_id, app_id=app_id)
    offered = {"coupon": coupon.name, "last_four": claim.last_four or ""}
    rendered = _templates().preview(
        template_id,
        app_id=app_id,
        contact_id=contact_id,
        variables={
            name: value for name, value in offered.items() if name in template.draft.variables
        },
    )
    latest = system_clock() + SEND_WITHIN[Purpose.MARKETING]
    _messages().send_now(
        [Addressee(contact_id=contact_id)],
        app_id=app_id,
        content=rendered.content,
        purpose=Purpose.MARKETING,
        send_until=_earlier(latest, claim.expires_at),
        attempt=Attempt(caller="coupons", key=f"reminder {claim.claim_id}", fingerprint=""),
    )


def _earlier(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, other)


def app_ids() -> Sequence[str]:
    """Return the ids of all apps in any order, so that none is the last each time."""
    found = list(_app_store().app_ids())
    return sample(found, len(found))


@cache
def sweeping() -> Sweeping:
    """Return who ends reservations and puts tickets back."""
    redemptions, tickets, known = _redemption_store(), _ticket_store(), _known_empty()
    drawer = Drawer(store=tickets, known=known, clock=system_clock, ids=_ids())
    ending = Ending(
        redemptions=redemptions,
        uses=DynamoUseStore(table=settings().coupons_table),
        drawer=drawer,
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )
    return Sweeping(
        redemptions=redemptions, tickets=tickets, known=known, ending=ending, clock=system_clock
    )


@cache
def rounds() -> RoundService:
    """Return who goes through all limits."""
    return RoundService(
        coupons=_coupon_store(),
        rounds=DynamoRoundStore(table=settings().coupons_table),
        sweeping=sweeping(),
    )


@cache
def reminders() -> ReminderService:
    """Return who reminds of claims, and ends them."""
    table = settings().coupons_table
    return ReminderService(
        coupons=_coupon_store(),
        claims=DynamoClaimStore(
            table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new
        ),
        reminders=PushedReminders(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _messages() -> "MessageService":
    from shared.push.service.messages import MessageService  # noqa: PLC0415
    from shared.push.store import DynamoChunkStore  # noqa: PLC0415
    from shared.registrations.service.reach import ReachService  # noqa: PLC0415

    return MessageService(
        chunks=DynamoChunkStore(
            table=settings().push_table, ledger_table=settings().contact_events_table
        ),
        devices=ReachService(
            device_store=_device_store(),
            contact_store=_contact_store(),
            clock=system_clock,
            ids=_ids(),
        ),
        apps=RegisteredApps(apps=_app_store()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _templates() -> "TemplateService":
    from shared.push.service.templates import TemplateService  # noqa: PLC0415
    from shared.push.store import DynamoTemplateStore  # noqa: PLC0415

    return TemplateService(
        templates=DynamoTemplateStore(table=settings().push_table, ledger=_ledger()),
        apps=RegisteredApps(apps=_app_store()),
        people=RegisteredPeople(contacts=_contact_store(), devices=_device_store()),
        clock=system_clock,
        ids=_ids(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as push needs them."""

    apps: DynamoAppStore

    def can_push(self, app_id: str) -> bool:
        """Say whether the app names a Firebase project."""
        return self.apps.get_app(app_id).fcm is not None

    def facts_of(self, app_id: str) -> AppFacts:
        """Return what templates say of an app."""
        app = self.apps.get_app(app_id)
        return AppFacts(name=app.name, default_locale=app.default_locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople:
    """The registrations' contacts and devices, as far as templates need them."""

    contacts: DynamoContactStore
    devices: DynamoDeviceStore

    def of_contact(self, contact_id: str, *, app_id: str) -> PersonFacts:
        """Return a person's tags and attributes, and the locale of the device seen last."""
        person = self.contacts.person_of(contact_id, app_id=app_id)
        devices = [
            device
            for one in person.contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        ]
        known = self.contacts.get_contacts(person.contact_ids, app_id=app_id)
        latest = max(devices, key=lambda one: (one.last_seen_at, one.device_id), default=None)
        return PersonFacts(
            tags=tags_of(known),
            attributes=attributes_of(known),
            locale=latest.state.locale if latest else None,
        )

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        """Return what is known of the person on a device, and the device's own locale."""
        device = self.devices.get_device(app_id=app_id, device_id=device_id)
        person = self.of_contact(device.contact_id, app_id=app_id)
        return replace(person, locale=device.state.locale)


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))


@cache
def _known_empty() -> KnownEmpty:
    return KnownEmpty(shuffled=_shuffled)


@cache
def _coupon_store() -> DynamoCouponStore:
    return DynamoCouponStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _ticket_store() -> DynamoTicketStore:
    return DynamoTicketStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _redemption_store() -> DynamoRedemptionStore:
    return DynamoRedemptionStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _app_store() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _device_store() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
