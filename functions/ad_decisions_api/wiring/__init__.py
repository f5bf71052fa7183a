"""Connects decisions about ads, and what devices tell of them, to this deployment."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from random import sample
from zoneinfo import ZoneInfo

from typing_extensions import override

from functions.ad_decisions_api.wiring.facts import facts
from functions.ad_decisions_api.wiring.stores import (
    ad_states,
    counter_store,
    demand_store,
    grants,
    ids,
    lease_store,
    snapshots,
    zones,
)
from shared.kernel.clock import system_clock
from shared.placements.model.granting import GRACE
from shared.placements.model.records import DecisionRecord, packed
from shared.placements.ports.decisions import Records
from shared.placements.service.ad_states import AdStateService
from shared.placements.service.decisions import DecisionService
from shared.placements.service.engagements import EngagementService
from shared.placements.service.judging import Judge
from shared.placements.service.landing import StoredLandings
from shared.placements.service.leases import LeaseService
from shared.placements.service.pacing import PacingService
from shared.placements.service.promises import PromiseService
from shared.placements.service.steering import (
    CountedDeliveries,
    DeliveredBounds,
    LiveBookings,
    SeenTraffic,
)
from shared.placements.store import DynamoEngagementStore, DynamoFlowStore, LeaseSlots
from shared.platform.dynamodb import pause_after
from shared.platform.http.request import host
from shared.platform.observability import logger
from shared.platform.queue import JobQueue
from shared.platform.settings import settings


class QueuedRecords(Records):
    """The queue of the worker who files what was decided."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    @override
    def put(self, record: DecisionRecord) -> None:
        asked = record.request
        self._jobs.put(
            {
                "app_id": asked.app_id,
                "decision_id": asked.decision_id,
                "record": json.loads(packed(record)),
            }
        )


@cache
def decisions() -> DecisionService:
    """Return who decides about ads."""
    return DecisionService(
        snapshots=snapshots(),
        states=AdStateService(states=ad_states(), facts=facts(), pause=pause_after),
        promises=_promises(),
        rates=_pacing(),
        budgets=LeaseService(
            store=lease_store(), shuffled=_shuffled, pause=pause_after, grace=GRACE
        ),
        tokens=grants(),
        records=QueuedRecords(JobQueue(url=settings().decision_queue_url)),
        day_of=_day_of,
        failed=_not_filed,
    )


@cache
def engagements() -> EngagementService:
    """Return who hears of ads."""
    return EngagementService(
        tokens=grants(),
        store=DynamoEngagementStore(
            events_table=settings().contact_events_table,
            slots=LeaseSlots(table=settings().placements_table),
        ),
        judge=Judge(
            states=ad_states(),
            promises=_promises(),
            bounds=DeliveredBounds(
                snapshots=snapshots(), bookings=_bookings(), deliveries=_deliveries()
            ),
            revocations=_revocations,
        ),
        landings=StoredLandings(snapshots=snapshots(), demand=demand_store()),
        clock=system_clock,
        ids=ids(),
    )


def events_url() -> str:
    """Return where what became of ads is told by links: below it are their tokens."""
    return f"{settings().public_url or f'https://{host()}'}/v1/ad-events"


@cache
def _promises() -> PromiseService:
    return PromiseService(
        states=ad_states(),
        longest=lambda app_id: snapshots().get(app_id).snapshot.memory,
        pause=pause_after,
    )


@cache
def _pacing() -> PacingService:
    return PacingService(
        bookings=_bookings(),
        deliveries=_deliveries(),
        forecasts=SeenTraffic(snapshots=snapshots(), counters=counter_store()),
        flows=DynamoFlowStore(table=settings().placements_table),
        leases=lease_store(),
    )


@cache
def _bookings() -> LiveBookings:
    return LiveBookings(snapshots=snapshots(), zones=zones())


@cache
def _deliveries() -> CountedDeliveries:
    return CountedDeliveries(counters=counter_store(), zones=zones())


def _day_of(app_id: str, at: datetime) -> str:
    return at.astimezone(ZoneInfo(zones().zone_of(app_id))).date().isoformat()


def _revocations(app_id: str) -> int:
    loaded = snapshots().find(app_id)
    return loaded.pointer.epoch if loaded else 0


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))


def _not_filed(error: Exception) -> None:
    logger().error("a decision was not filed", error=repr(error))
