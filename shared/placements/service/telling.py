"""The events of booked things, sealed for the ledger."""

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.placements.events import DemandCreated, DemandUpdated
from shared.placements.model.demand import Thing
from shared.placements.model.things import id_of, kind_of


def created(thing: Thing, *, by: str, clock: Clock, ids: Ids) -> Envelope:
    """Say that a thing was made."""
    event = DemandCreated(
        app_id=thing.app_id,
        occurred_at=clock(),
        kind=kind_of(thing).value,
        thing_id=id_of(thing),
        name=thing.name,
        version=thing.version,
        by=by,
    )
    return seal(event, sequence=ids.sequence())


def updated(thing: Thing, *, by: str, clock: Clock, ids: Ids) -> Envelope:
    """Say that a thing was changed, or moved to another state."""
    event = DemandUpdated(
        app_id=thing.app_id,
        occurred_at=clock(),
        kind=kind_of(thing).value,
        thing_id=id_of(thing),
        name=thing.name,
        version=thing.version,
        by=by,
        state=thing.state.value,
    )
    return seal(event, sequence=ids.sequence())
