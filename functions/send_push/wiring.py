"""Connects the sender to its channels; a new channel is one more answer of ``channel_of``."""

import json
from datetime import timedelta
from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret, SecretUnusableError
from shared.platform.settings import settings
from shared.push.channels.fcm import FcmChannel, FcmCredentials
from shared.push.errors import CredentialsError
from shared.push.ports import Channel
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


class PushQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta) -> None:
        """Have a chunk worked on again."""
        self._jobs.put({"app_id": app_id, "chunk_id": chunk_id}, after=after)


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
        channels=FcmChannels(apps),
        queue=PushQueue(JobQueue(url=settings().push_queue_url)),
        clock=system_clock,
        ids=ids,
        lease=LEASE,
    )
