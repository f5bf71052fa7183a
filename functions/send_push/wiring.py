"""Connects the sender to its channels; a new channel is one more answer of ``channel_of``."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.contact_policy.model.deferrals import Deferral
from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.decisions import DecisionService, Request
from shared.contact_policy.service.deferrals import DeferralService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.store import (
    DynamoDeferralStore,
    DynamoPersonStore,
    DynamoPolicyStore,
)
from shared.kernel.addresses import Target
from shared.kernel.clock import rfc3339, system_clock
from shared.kernel.decisions import Decision
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.observability import count_each
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret, SecretUnusableError
from shared.platform.settings import settings
from shared.push.channels.fcm import FcmChannel, FcmCredentials
from shared.push.errors import CredentialsError
from shared.push.model import Chunk, Content, Delivery, DeliveryResult, Outcome, Unrendered
from shared.push.ports import Asked, Channel, PersonFacts
from shared.push.service.permission import ChunkPermission
from shared.push.service.placing import InboxCopies
from shared.push.service.quota import Governor
from shared.push.service.sending import SendService
from shared.push.store import DynamoChunkStore
from shared.push.store.campaigns import DynamoCampaignStore
from shared.push.store.inbox import DynamoInboxStore
from shared.push.store.quota import DynamoQuotaStore
from shared.registrations.model.apps import Fcm
from shared.registrations.model.contacts import attributes_of, tags_of
from shared.registrations.service.reach import ReachService
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore

if TYPE_CHECKING:
    from shared.push.service.texts import CampaignTexts

FUNCTION_TIMEOUT = timedelta(seconds=120)
"""The function's timeout; a test of infra holds it against the deployed one."""

TURNED_AWAY = frozenset({"QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"})
"""FCM's words for a 429."""

LEASE = FUNCTION_TIMEOUT + timedelta(seconds=5)


class CountedChannel:
    """A channel whose answers are counted, for the alarms on what FCM turns away or leaves open."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        """Send the batch, as the channel does."""
        results = self._channel.send(deliveries, validate_only=validate_only)
        counts = {
            "PushesAsked": len(results),
            "PushesTurnedAway": sum(one.code in TURNED_AWAY for one in results),
            "PushesUnknown": sum(one.outcome is Outcome.UNKNOWN for one in results),
        }
        count_each(counts, service="send_push")
        return results


class FcmChannels:
    """The Firebase project and the FCM channel of each app, kept between invocations."""

    def __init__(self, apps: DynamoAppStore) -> None:
        self._apps = apps
        self._projects: dict[str, str] = {}
        self._channels: dict[str, tuple[object, FcmChannel]] = {}
        self._secrets: dict[str, Secret] = {}

    def project_of(self, app_id: str) -> str:
        """Return the app's Firebase project, as it was when its channel was last asked for.

        Raises:
            CredentialsError: the app names none.
        """
        return self._projects.get(app_id) or self._fcm_of(app_id).project_id

    def channel_of(self, app_id: str) -> Channel:
        """Return the app's channel; a rotated secret makes a new one.

        Raises:
            CredentialsError: the app names no credentials, or they cannot be read.
        """
        fcm = self._fcm_of(app_id)
        secret = self._secrets.setdefault(fcm.secret, Secret(id=fcm.secret))
        try:
            value = secret.value()
        except SecretUnusableError as error:
            raise CredentialsError(str(error)) from error
        kept = self._channels.get(fcm.secret)
        if kept is None or kept[0] != value:
            kept = (
                value,
                FcmChannel(credentials=FcmCredentials.from_secret(json.dumps(dict(value)))),
            )
            self._channels[fcm.secret] = kept
        return CountedChannel(kept[1])

    def _fcm_of(self, app_id: str) -> Fcm:
        fcm = self._apps.get_app(app_id).fcm
        if fcm is None:
            raise CredentialsError(f"{app_id} names no Firebase project")
        self._projects[app_id] = fcm.project_id
        return fcm


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the contact policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPermission:
    """The contact policy, as far as push needs it."""

    decisions: DecisionService
    deferrals: DeferralService

    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Decide for each, in order; who is allowed is counted from now on."""
        answers = self.decisions.reserve_many([_request(one) for one in asked])
        return [decision for decision, _ in answers]

    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        """Say for each what would be decided at an instant; nobody is counted."""
        return self.decisions.decide_many([one.candidate for one in asked], at=at)

    def take_back(self, asked: Sequence[Asked]) -> None:
        """Count no longer what was allowed."""
        self.decisions.withdraw([_request(one) for one in asked])

    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        """Have a chunk worked on again soon after ``until``."""
        self.deferrals.defer(
            Deferral(
                app_id=asked.candidate.app_id,
                # One for each instant: what is being released now must not stand for the next.
                deferral_id=f"{chunk_id}/{rfc3339(until)}",
                kind="push",
                payload={"chunk_id": chunk_id},
                candidate=asked.candidate,
                until=until,
            )
        )


def _request(asked: Asked) -> Request:
    return Request(candidate=asked.candidate, key=asked.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredContacts:
    """The registrations' contacts, as far as the texts of campaigns need them."""

    contacts: DynamoContactStore

    def of_contacts(
        self, contact_ids: Collection[str], *, app_id: str
    ) -> Mapping[str, PersonFacts]:
        """Return the tags and attributes of people, over all contacts that were joined."""
        roots = self.contacts.roots_of(contact_ids, app_id=app_id)
        members = {one: root.members | {one} for one, root in roots.items()}
        asked = frozenset[str]().union(*members.values())
        known = {one.contact_id: one for one in self.contacts.get_contacts(asked, app_id=app_id)}
        people = {
            one: [known[each] for each in sorted(joined) if each in known]
            for one, joined in members.items()
        }
        return {
            one: PersonFacts(tags=tags_of(found), attributes=attributes_of(found))
            for one, found in people.items()
        }


class RenderedTexts:
    """What campaigns tell; Liquid is loaded with the first of them."""

    def contents_of(
        self, chunk: Chunk, targets: Mapping[int, Target]
    ) -> Mapping[int, Content | Unrendered]:
        """Return what each recipient is told, or why there is nothing to tell."""
        return _texts().contents_of(chunk, targets)


class PushQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        """Have a chunk worked on again."""
        job = {"app_id": app_id, "chunk_id": chunk_id, "released": is_released}
        self._jobs.put(job, after=after)


def end_of(context: Any) -> datetime | None:
    """Return when Lambda stops this invocation, as far as its context says."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return system_clock() + timedelta(milliseconds=remaining()) if remaining else None


@cache
def sender() -> SendService:
    """Return the sender of this process."""
    channels = FcmChannels(_app_store())
    return SendService(
        chunks=DynamoChunkStore(
            table=settings().push_table, ledger_table=settings().contact_events_table
        ),
        devices=ReachService(
            device_store=DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger()),
            contact_store=_contact_store(),
            clock=system_clock,
            ids=_ids(),
        ),
        campaigns=_campaigns(),
        permission=ChunkPermission(permission=_permission()),
        texts=RenderedTexts(),
        copies=InboxCopies(
            inboxes=DynamoInboxStore(table=settings().push_table, ledger=_ledger()),
            clock=system_clock,
        ),
        quota=Governor(
            store=DynamoQuotaStore(table=settings().push_table),
            projects=channels,
            clock=system_clock,
        ),
        channels=channels,
        queue=PushQueue(JobQueue(url=settings().push_queue_url)),
        clock=system_clock,
        ids=_ids(),
        lease=LEASE,
    )


def _permission() -> PolicyPermission:
    table = settings().contact_policy_table
    policies = DynamoPolicyStore(table=table, ledger=_ledger())
    return PolicyPermission(
        decisions=DecisionService(
            people=DynamoPersonStore(table=table, ledger=_ledger()),
            rules=PolicyCache(
                store=policies, apps=RegisteredApps(apps=_app_store()), elapsed=time.monotonic
            ),
            clock=system_clock,
            ids=_ids(),
            pause=pause_after,
        ),
        deferrals=DeferralService(
            store=DynamoDeferralStore(table=table, ledger=_ledger()), clock=system_clock
        ),
    )


@cache
def _texts() -> "CampaignTexts":
    from shared.push.service.texts import CampaignTexts  # noqa: PLC0415 - brings Liquid

    return CampaignTexts(
        campaigns=_campaigns(), contacts=RegisteredContacts(contacts=_contact_store())
    )


@cache
def _campaigns() -> DynamoCampaignStore:
    return DynamoCampaignStore(table=settings().push_table, ledger=_ledger())


@cache
def _app_store() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
