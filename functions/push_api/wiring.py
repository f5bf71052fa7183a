"""Connects push's services to this deployment."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from random import sample
from time import monotonic
from typing import TYPE_CHECKING

from shared.kernel.clock import Clock, system_clock
from shared.kernel.decisions import Decision
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.dynamodb import pause_after
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.model.planning import AUDIENCE_SHARDS, Member
from shared.push.ports import (
    AppFacts,
    Asked,
    AudienceAnswer,
    AudienceEstimate,
    AudienceStep,
    CampaignApp,
    CampaignRules,
    DeviceFacts,
    PersonFacts,
)
from shared.push.service.campaigns import CampaignService
from shared.push.service.inbox import InboxService
from shared.push.service.messages import MessageService
from shared.push.service.placing import InboxCopies, PlacingService
from shared.push.service.rehearsals import RehearsalService
from shared.push.service.results import ResultService
from shared.push.store import (
    DynamoCampaignStore,
    DynamoChunkStore,
    DynamoInAppStore,
    DynamoInboxStore,
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
from shared.registrations.model.rules import explain, matches
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
    from shared.contact_policy.service.decisions import DecisionService
    from shared.push.service.explaining import ExplainService
    from shared.push.service.in_app import DisplayService, InAppService
    from shared.push.service.templates import TemplateService
    from shared.push.service.trials import TrialService


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


class PolicyLeave:
    """The contact policy, as far as what is told in the app needs it."""

    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Decide for each, in order; who is allowed is counted from now on."""
        from shared.contact_policy.service.decisions import Request  # noqa: PLC0415

        requests = [Request(candidate=one.candidate, key=one.key) for one in asked]
        return [decision for decision, _ in _policy().reserve_many(requests)]

    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        """Say for each what would be decided at an instant; nobody is counted."""
        return _policy().decide_many([one.candidate for one in asked], at=at)


class PolicyTouches:
    """The contact policy's count of what reached a person; its code is loaded with the first."""

    def note(
        self, contact_id: str, *, app_id: str, purpose: Purpose, key: str, at: datetime
    ) -> None:
        """Count what was shown in the app; the same ``key`` again changes nothing."""
        from shared.contact_policy.service.noting import Noted, NotingService  # noqa: PLC0415

        policy = _policy()
        noting = NotingService(
            people=policy.people, rules=policy.rules, clock=system_clock, pause=pause_after
        )
        noting.note(
            Noted(
                app_id=app_id,
                contact_id=contact_id,
                channel=Channel.INAPP,
                purpose=purpose,
                key=key,
                times=1,
                at=at,
            )
        )


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
        copies=InboxCopies(inboxes=_inbox_store(), clock=system_clock),
    )


@cache
def inbox() -> InboxService:
    """Return the inboxes of this process."""
    return InboxService(
        inboxes=_inbox_store(), people=_inbox_people(), clock=system_clock, ids=_ids()
    )


@cache
def placing() -> PlacingService:
    """Return who puts messages into inboxes; the contact policy is loaded with the first."""
    return PlacingService(
        inboxes=_inbox_store(),
        people=_inbox_people(),
        leave=PolicyLeave(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def in_app() -> "InAppService":
    """Return the in-app messages of this process, as marketers have them."""
    from shared.push.service.in_app import InAppService  # noqa: PLC0415 - few requests need it

    return InAppService(
        messages=_in_app_store(), audience=_in_app_audience(), clock=system_clock, ids=_ids()
    )


@cache
def displays() -> "DisplayService":
    """Return the in-app messages of this process, as devices have them."""
    from shared.push.service.in_app import DisplayService  # noqa: PLC0415

    return DisplayService(
        messages=_in_app_store(),
        audience=_in_app_audience(),
        people=_inbox_people(),
        leave=PolicyLeave(),
        touches=PolicyTouches(),
        ledger=messages().chunks,
        clock=system_clock,
        ids=_ids(),
    )


@cache
def templates() -> "TemplateService":
    """Return the templates of this process; Liquid is loaded for them alone."""
    from shared.push.service.templates import TemplateService  # noqa: PLC0415

    return TemplateService(
        templates=DynamoTemplateStore(table=settings().push_table, ledger=_ledger()),
        apps=RegisteredApps(apps=_app_store()),
        people=RegisteredPeople(contacts=_contact_store(), devices=_device_store()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def campaigns() -> CampaignService:
    """Return the campaigns of this process."""
    return CampaignService(
        campaigns=_campaign_store(),
        templates=DynamoTemplateStore(table=settings().push_table, ledger=_ledger()),
        segments=RegisteredSegments(
            segments=DynamoSegmentStore(table=settings().registrations_table, ledger=_ledger()),
            audience=AudienceService(
                audience=DynamoAudienceStore(table=settings().registrations_table),
                shuffled=_shuffled_shards,
                clock=system_clock,
            ),
        ),
        apps=CampaigningApps(apps=_app_store()),
        jobs=QueuedJobs(advance=settings().advance_queue_url),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def rehearsals() -> RehearsalService:
    """Return what rehearsals came to."""
    plans = DynamoPlanStore(table=settings().push_table)
    return RehearsalService(campaigns=_campaign_store(), plans=plans)


@cache
def results() -> ResultService:
    """Return what came of campaigns."""
    table = settings().push_table
    return ResultService(
        campaigns=_campaign_store(),
        books=DynamoPlanStore(table=table),
        marks=DynamoMarkStore(table=table),
    )


@cache
def explanations() -> "ExplainService":
    """Return the explanations of this process; the contact policy is loaded for them alone."""
    from shared.push.service.explaining import ExplainService  # noqa: PLC0415

    return ExplainService(
        campaigns=_campaign_store(),
        apps=CampaigningApps(apps=_app_store()),
        persons=RegisteredPersons(
            origins=OriginService(contacts=_contact_store(), devices=_device_store())
        ),
        devices=RegisteredDevices(devices=_device_store()),
        audience=ExplainedAudience(
            segments=DynamoSegmentStore(table=settings().registrations_table, ledger=_ledger()),
            audience=DynamoAudienceStore(table=settings().registrations_table),
            clock=system_clock,
        ),
        templates=DynamoTemplateStore(table=settings().push_table, ledger=_ledger()),
        people=RegisteredPeople(contacts=_contact_store(), devices=_device_store()),
        policy=_policy(),
        told=DynamoToldEvents(table=settings().contact_events_table),
        clock=system_clock,
    )


@cache
def _policy() -> "DecisionService":
    from shared.contact_policy.ports import AppPlace  # noqa: PLC0415 - few requests need it
    from shared.contact_policy.service.decisions import DecisionService  # noqa: PLC0415
    from shared.contact_policy.service.policies import PolicyCache  # noqa: PLC0415
    from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore  # noqa: PLC0415

    class Places:
        """The registrations' apps, as far as the contact policy needs them."""

        def place_of(self, app_id: str) -> AppPlace:
            """Return the app's default zone, and the country of its default locale."""
            app = _app_store().get_app(app_id)
            return AppPlace(zone=app.default_timezone, country=app.default_country)

    table = settings().contact_policy_table
    return DecisionService(
        people=DynamoPersonStore(table=table, ledger=_ledger()),
        rules=PolicyCache(
            store=DynamoPolicyStore(table=table, ledger=_ledger()),
            apps=Places(),
            elapsed=monotonic,
        ),
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )


@cache
def trials() -> "TrialService":
    """Return the trials of this process."""
    from shared.push.service.trials import TrialService  # noqa: PLC0415

    reach = ReachService(
        device_store=_device_store(),
        contact_store=_contact_store(),
        clock=system_clock,
        ids=_ids(),
    )
    return TrialService(templates=templates(), messages=messages(), devices=reach)


def _shuffled_shards() -> Sequence[int]:
    return sample(range(AUDIENCE_SHARDS), AUDIENCE_SHARDS)


@cache
def _in_app_store() -> DynamoInAppStore:
    return DynamoInAppStore(table=settings().push_table, ledger=_ledger())


def _in_app_audience() -> InAppSegments:
    return InAppSegments(
        segments=DynamoSegmentStore(table=settings().registrations_table, ledger=_ledger()),
        audience=DynamoAudienceStore(table=settings().registrations_table),
    )


@cache
def _inbox_store() -> DynamoInboxStore:
    return DynamoInboxStore(table=settings().push_table, ledger=_ledger())


def _inbox_people() -> RegisteredInboxPeople:
    origins = OriginService(contacts=_contact_store(), devices=_device_store())
    return RegisteredInboxPeople(origins=origins)


@cache
def _campaign_store() -> DynamoCampaignStore:
    return DynamoCampaignStore(table=settings().push_table, ledger=_ledger())


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=_app_store(),
            devices=_device_store(),
            contacts=_contact_store(),
            identifiers=IdentifierService(
                contacts=_contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
        )
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=_ids())


@cache
def _app_store() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _device_store() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
