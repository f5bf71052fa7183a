"""Connects the rebuilding to the ledger, and to what is made of it."""

from collections.abc import Mapping

from functions.rebuild_projections.wiring.projections import AdCounters, Audience, Channels, Results
from functions.rebuild_projections.wiring.services import audience, counting, marks, mending
from shared.contact_events.ports import Projection
from shared.contact_events.service.rebuilds import RebuildService
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.store import DynamoEventStore, DynamoRebuildStore
from shared.kernel.clock import system_clock
from shared.platform.settings import settings


def rebuilding() -> RebuildService:
    """Return the rebuilding of this call: what a call did once, the next one may have to do."""
    table = settings().contact_events_table
    return RebuildService(
        projections=projections(),
        rebuilds=DynamoRebuildStore(table=table),
        reader=ReplayReader(events=DynamoEventStore(table=table), clock=system_clock),
        clock=system_clock,
    )


def projections() -> Mapping[str, Projection]:
    """Return what can be made again, by name, for one call."""
    return {
        "ad_counters": AdCounters(mending=mending()),
        "audience": Audience(projection=audience()),
        "channels": Channels(counting=counting()),
        "results": Results(marks=marks()),
    }
