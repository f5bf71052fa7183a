"""Connects the sender to its channels; a new channel is one more answer of ``channel_of``."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

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
from shared.kernel.clock import rfc3339, system_clock
from shared.kernel.decisions import Decision
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret, SecretUnusableError
from shared.platform.settings import settings
from shared.push.channels.fcm import FcmChannel, FcmCredentials
from shared.push.errors import CredentialsError
from shared.push.ports import Asked, Channel
from shared.push.service.permission import ChunkPermission
from shared.push.service.sending import SendService
from shared.push.store import DynamoChunkStore
from shared.registrations.service.reach import ReachService
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore

FUNCTION_TIMEOUT = timedelta(seconds=120)
"""The function's timeout; a test of infra holds it against the deployed one."""

LEASE = FUNCTION_TIMEOUT + timedelta(seconds=5)


class FcmChannels:
    """The FCM channel of each app, kept between invocations with its connections."""

    def __init__(self, apps: DynamoAppStore) -> None:
        self._apps = apps
        self._channels: dict[str, tuple[object, FcmChannel]] = {}
        self._secrets: dict[str, Secret] = {}

    def channel_of(self, app_id: str) -> Channel:
        """Return the app's channel; a rotated secret makes a new one.

        Raises:
            CredentialsError: the app names no credentials, or they cannot be read.
        """
        fcm = self._apps.get_app(app_id).fcm
        if fcm is None:
            raise CredentialsError(f"{app_id} names no Firebase project")
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
        return kept[1]


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


class PushQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta) -> None:
        """Have a chunk worked on again."""
        self._jobs.put({"app_id": app_id, "chunk_id": chunk_id}, after=after)


def _permission(apps: DynamoAppStore, ledger: Ledger, ids: Ids) -> PolicyPermission:
    table = settings().contact_policy_table
    policies = DynamoPolicyStore(table=table, ledger=ledger)
    return PolicyPermission(
        decisions=DecisionService(
            people=DynamoPersonStore(table=table, ledger=ledger),
            rules=PolicyCache(
                store=policies, apps=RegisteredApps(apps=apps), elapsed=time.monotonic
            ),
            clock=system_clock,
            ids=ids,
            pause=pause_after,
        ),
        deferrals=DeferralService(
            store=DynamoDeferralStore(table=table, ledger=ledger), clock=system_clock
        ),
    )


@cache
def sender() -> SendService:
    """Return the sender of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    apps = DynamoAppStore(table=table, ledger=ledger)
    device_store = DynamoDeviceStore(table=table, ledger=ledger)
    ids = Ids(clock=system_clock)
    return SendService(
        chunks=DynamoChunkStore(
            table=settings().push_table, ledger_table=settings().contact_events_table
        ),
        devices=ReachService(
            device_store=device_store,
            contact_store=DynamoContactStore(table=table, ledger=ledger),
            clock=system_clock,
            ids=ids,
        ),
        permission=ChunkPermission(permission=_permission(apps, ledger, ids)),
        channels=FcmChannels(apps),
        queue=PushQueue(JobQueue(url=settings().push_queue_url)),
        clock=system_clock,
        ids=ids,
        lease=LEASE,
    )
