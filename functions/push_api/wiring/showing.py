"""Connects inboxes and in-app messages to people, segments and the contact policy."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from functions.push_api.wiring.permission import PolicyLeave, PolicyTouches
from functions.push_api.wiring.stores import (
    chunk_store,
    contact_store,
    device_store,
    ids,
    in_app_store,
    inbox_store,
    ledger,
)
from shared.kernel.clock import system_clock
from shared.platform.settings import settings
from shared.push.service.inbox import InboxService
from shared.push.service.placing import PlacingService
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.rules import matches
from shared.registrations.service.origins import OriginService
from shared.registrations.store import DynamoAudienceStore, DynamoSegmentStore

if TYPE_CHECKING:
    from shared.push.service.in_app import DisplayService, InAppService


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredInboxPeople:
    """The registrations' people, as far as inboxes need them."""

    origins: OriginService

    def contacts_on(self, device_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact on a device and all that were joined to it."""
        device = self.origins.devices.get_device(app_id=app_id, device_id=device_id)
        return self.origins.origins_of(device.contact_id, app_id=app_id)

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under a contact's id."""
        try:
            return self.origins.is_known(contact_id, app_id=app_id)
        except ContactErasedError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppSegments:
    """The registrations' segments and devices, as far as in-app messages need them."""

    segments: DynamoSegmentStore
    audience: DynamoAudienceStore

    def check(self, segment_id: str, *, app_id: str) -> None:
        """Raise ``SegmentNotFoundError`` where the app has no such segment."""
        self.segments.get_segment(segment_id, app_id=app_id)

    def fitting(
        self, segment_ids: Collection[str], *, app_id: str, device_id: str
    ) -> Collection[str]:
        """Return those of the segments to which a device belongs."""
        members = self.audience.members([device_id], app_id=app_id)
        found = {one: self.segments.get_segment(one, app_id=app_id).rule for one in segment_ids}
        now = system_clock()
        return {
            one for one, rule in found.items() if members and matches(rule, members[0].facts, now)
        }


@cache
def inbox() -> InboxService:
    """Return the inboxes of this process."""
    return InboxService(
        inboxes=inbox_store(), people=_inbox_people(), clock=system_clock, ids=ids()
    )


@cache
def placing() -> PlacingService:
    """Return who puts messages into inboxes; the contact policy is loaded with the first."""
    return PlacingService(
        inboxes=inbox_store(),
        people=_inbox_people(),
        leave=PolicyLeave(),
        clock=system_clock,
        ids=ids(),
    )


@cache
def in_app() -> "InAppService":
    """Return the in-app messages of this process, as marketers have them."""
    from shared.push.service.in_app import InAppService  # noqa: PLC0415 - few requests need it

    return InAppService(
        messages=in_app_store(), audience=_in_app_audience(), clock=system_clock, ids=ids()
    )


@cache
def displays() -> "DisplayService":
    """Return the in-app messages of this process, as devices have them."""
    from shared.push.service.in_app import DisplayService  # noqa: PLC0415

    return DisplayService(
        messages=in_app_store(),
        audience=_in_app_audience(),
        people=_inbox_people(),
        leave=PolicyLeave(),
        touches=PolicyTouches(),
        ledger=chunk_store(),
        clock=system_clock,
        ids=ids(),
    )


def _in_app_audience() -> InAppSegments:
    return InAppSegments(
        segments=DynamoSegmentStore(table=settings().registrations_table, ledger=ledger()),
        audience=DynamoAudienceStore(table=settings().registrations_table),
    )


def _inbox_people() -> RegisteredInboxPeople:
    origins = OriginService(contacts=contact_store(), devices=device_store())
    return RegisteredInboxPeople(origins=origins)
