"""Connects push's services to this deployment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import sample
from typing import TYPE_CHECKING

from functions.push_api.wiring.permission import policy
from functions.push_api.wiring.showing import displays, in_app, inbox, placing
from functions.push_api.wiring.stores import (
    app_store,
    campaign_store,
    chunk_store,
    contact_store,
    device_store,
    ids,
    inbox_store,
    ledger,
)
from shared.kernel.clock import Clock, system_clock
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.hashing import IdentifierHasher
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.model.planning import AUDIENCE_SHARDS, Member
from shared.push.ports import (
    AppFacts,
    AudienceAnswer,
    AudienceEstimate,
    AudienceStep,
    CampaignApp,
    CampaignRules,
    DeviceFacts,
    PersonFacts,
)
from shared.push.service.campaigns import CampaignService
from shared.push.service.messages import MessageService
from shared.push.service.placing import InboxCopies
from shared.push.service.rehearsals import RehearsalService
from shared.push.service.results import ResultService
from shared.push.store import (
    DynamoMarkStore,
    DynamoPlanStore,
    DynamoTemplateStore,
    DynamoToldEvents,
    QueuedJobs,
)
from shared.registrations.errors import (
    ContactErasedError,
    ContactNotFoundError,
    DeviceNotFoundError,
)
from shared.registrations.model.contacts import attributes_of, tags_of
from shared.registrations.model.devices import Device, PushPermission
from shared.registrations.model.rule_documents import document_of
from shared.registrations.model.rules import explain
from shared.registrations.service.audience import AudienceService
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.reach import ReachService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)

if TYPE_CHECKING:
    from shared.push.service.explaining import ExplainService
    from shared.push.service.templates import TemplateService
    from shared.push.service.trials import TrialService


__all__ = [
    "audit_log",
    "campaigns",
    "displays",
    "doors",
    "explanations",
    "in_app",
    "inbox",
    "messages",
    "placing",
    "rehearsals",
    "results",
    "templates",
    "trials",
]


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
        if not (known or devices or person.others):
            raise ContactNotFoundError(contact_id)
        return PersonFacts(
            tags=tags_of(known), attributes=attributes_of(known), locale=_locale_of(devices)
        )

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        """Return what is known of the person on a device, and the device's own locale."""
        device = self.devices.get_device(app_id=app_id, device_id=device_id)
        person = self.of_contact(device.contact_id, app_id=app_id)
        return replace(person, locale=device.state.locale)


def _locale_of(devices: Sequence[Device]) -> str | None:
    latest = max(devices, key=lambda device: (device.last_seen_at, device.device_id), default=None)
    return latest.state.locale if latest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons:
    """The registrations' people, as far as explaining needs them."""

    origins: OriginService

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact and all that were joined to it; nobody for who was erased."""
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDevices:
    """The registrations' devices, as far as explaining needs them."""

    devices: DynamoDeviceStore

    def devices_of(self, contact_ids: Sequence[str], *, app_id: str) -> Sequence[DeviceFacts]:
        """Return the devices on which some contacts are known."""
        return [
            DeviceFacts(
                device_id=device.device_id,
                contact_id=device.contact_id,
                zone=device.state.timezone,
                has_address=device.state.address is not None,
                is_muted=device.state.push_permission is PushPermission.DENIED,
            )
            for one in contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedAudience:
    """The registrations' segments, asked about one device."""

    segments: DynamoSegmentStore
    audience: DynamoAudienceStore
    clock: Clock

    def explain(
        self, segment_id: str, *, version: int, app_id: str, device_id: str
    ) -> AudienceAnswer:
        """Say whether a device matches a version of a segment, question by question."""
        segment = self.segments.get_segment(segment_id, app_id=app_id, version=version)
        members = self.audience.members([device_id], app_id=app_id)
        if not members:
            raise DeviceNotFoundError(device_id)
        found = explain(segment.rule, members[0].facts, self.clock())
        return AudienceAnswer(
            fits=found.matches,
            steps=tuple(
                AudienceStep(
                    rule=json.dumps(document_of(one.leaf)), known=one.found, fits=one.answer
                )
                for one in found.leaves
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaigningApps:
    """The registrations' apps, as far as campaigns need them."""

    apps: DynamoAppStore

    def campaign_app(self, app_id: str) -> CampaignApp:
        """Return an app's defaults, and what it asks of its campaigns."""
        app = self.apps.get_app(app_id)
        limits = app.campaign_limits
        return CampaignApp(
            name=app.name,
            default_locale=app.default_locale,
            default_zone=app.default_timezone,
            can_push=app.fcm is not None,
            rules=CampaignRules(
                approval_above=limits.approval_above, sends_per_day=limits.sends_per_day
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSegments:
    """The registrations' segments, as far as campaigns need them."""

    segments: DynamoSegmentStore
    audience: AudienceService

    def current_version(self, segment_id: str, *, app_id: str) -> int:
        """Return a segment's newest version."""
        return self.segments.get_segment(segment_id, app_id=app_id).version

    def estimate(self, segment_id: str, *, version: int, app_id: str) -> AudienceEstimate:
        """Return about how many devices match a version of a segment."""
        segment = self.segments.get_segment(segment_id, app_id=app_id, version=version)
        found = self.audience.estimate(segment.rule, app_id=app_id)
        return AudienceEstimate(
            devices=found.size,
            low=found.low,
            high=found.high,
            sample=tuple(
                Member(device_id=one.device_id, contact_id=one.contact_id, zone=one.timezone)
                for one in found.sample
            ),
        )


@cache
def messages() -> MessageService:
    """Return the messages of this process."""
    return MessageService(
        chunks=chunk_store(),
        devices=ReachService(
            device_store=device_store(),
            contact_store=contact_store(),
            clock=system_clock,
            ids=ids(),
        ),
        apps=RegisteredApps(apps=app_store()),
        clock=system_clock,
        ids=ids(),
        copies=InboxCopies(inboxes=inbox_store(), clock=system_clock),
    )


@cache
def templates() -> "TemplateService":
    """Return the templates of this process; Liquid is loaded for them alone."""
    from shared.push.service.templates import TemplateService  # noqa: PLC0415

    return TemplateService(
        templates=DynamoTemplateStore(table=settings().push_table, ledger=ledger()),
        apps=RegisteredApps(apps=app_store()),
        people=RegisteredPeople(contacts=contact_store(), devices=device_store()),
        clock=system_clock,
        ids=ids(),
    )


@cache
def campaigns() -> CampaignService:
    """Return the campaigns of this process."""
    return CampaignService(
        campaigns=campaign_store(),
        templates=DynamoTemplateStore(table=settings().push_table, ledger=ledger()),
        segments=RegisteredSegments(
            segments=DynamoSegmentStore(table=settings().registrations_table, ledger=ledger()),
            audience=AudienceService(
                audience=DynamoAudienceStore(table=settings().registrations_table),
                shuffled=_shuffled_shards,
                clock=system_clock,
            ),
        ),
        apps=CampaigningApps(apps=app_store()),
        jobs=QueuedJobs(advance=settings().advance_queue_url),
        clock=system_clock,
        ids=ids(),
    )


@cache
def rehearsals() -> RehearsalService:
    """Return what rehearsals came to."""
    plans = DynamoPlanStore(table=settings().push_table)
    return RehearsalService(campaigns=campaign_store(), plans=plans)


@cache
def results() -> ResultService:
    """Return what came of campaigns."""
    table = settings().push_table
    return ResultService(
        campaigns=campaign_store(),
        books=DynamoPlanStore(table=table),
        marks=DynamoMarkStore(table=table),
    )


@cache
def explanations() -> "ExplainService":
    """Return the explanations of this process; the contact policy is loaded for them alone."""
    from shared.push.service.explaining import ExplainService  # noqa: PLC0415

    return ExplainService(
        campaigns=campaign_store(),
        apps=CampaigningApps(apps=app_store()),
        persons=RegisteredPersons(
            origins=OriginService(contacts=contact_store(), devices=device_store())
        ),
        devices=RegisteredDevices(devices=device_store()),
        audience=ExplainedAudience(
            segments=DynamoSegmentStore(table=settings().registrations_table, ledger=ledger()),
            audience=DynamoAudienceStore(table=settings().registrations_table),
            clock=system_clock,
        ),
        templates=DynamoTemplateStore(table=settings().push_table, ledger=ledger()),
        people=RegisteredPeople(contacts=contact_store(), devices=device_store()),
        policy=policy(),
        told=DynamoToldEvents(table=settings().contact_events_table),
        clock=system_clock,
    )


@cache
def trials() -> "TrialService":
    """Return the trials of this process."""
    from shared.push.service.trials import TrialService  # noqa: PLC0415

    reach = ReachService(
        device_store=device_store(),
        contact_store=contact_store(),
        clock=system_clock,
        ids=ids(),
    )
    return TrialService(templates=templates(), messages=messages(), devices=reach)


def _shuffled_shards() -> Sequence[int]:
    return sample(range(AUDIENCE_SHARDS), AUDIENCE_SHARDS)


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
