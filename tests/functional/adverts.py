"""The ads of a shop, as its marketers book them, and what its people see of them."""

from dataclasses import dataclass, replace
from typing import Any

from functions.placements_api import wiring as booking
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.placements.model.accounting import counted_event, event_key
from shared.placements.model.ad_state import AdState
from shared.placements.model.demand import Flight, Kind, State, Thing
from shared.placements.model.engagements import Engagement, Grant
from shared.placements.model.pointers import Pointer
from shared.placements.model.snapshot import Snapshot
from shared.placements.model.things import id_of
from shared.placements.ports.engagements import Written
from shared.placements.store import (
    DynamoAdStates,
    DynamoEngagementStore,
    LeaseSlots,
)
from tests.fakes.ads import a_grant
from tests.functional.bus import records, told
from tests.functional.shops import Shop
from tests.functional.standing_ads import StandingAds
from tests.unit.placements.bookings import PLAIN

BOOKED = (
    "ad_demand.created.v1",
    "ad_demand.updated.v1",
    "ad_settings.updated.v1",
    "policy.updated.v1",
)
DONE: dict[str, Any] = {"batchItemFailures": []}


@dataclass(frozen=True, kw_only=True)
class Adverts:
    """The ads of a shop."""

    shop: Shop
    dynamodb: Any

    def booked(self, kind: Kind, **fields: Any) -> Thing:
        """Book a thing."""
        document = {**PLAIN[kind], **fields}
        app_id = self.shop.app_id
        made, _ = booking.demand().create(kind, document, app_id=app_id, by="ada", attempt=None)
        return made

    def draft(self, **fields: Any) -> Flight:
        """Book a flight that waits to be activated, with an ad."""
        advertiser = id_of(self.booked(Kind.ADVERTISER))
        campaign = id_of(self.booked(Kind.AD_CAMPAIGN, advertiser_id=advertiser))
        starts = {"starts_at": "2026-03-01T00:00:00.000Z"}
        flight = self.booked(Kind.FLIGHT, ad_campaign_id=campaign, **starts, **fields)
        creative = id_of(self.booked(Kind.CREATIVE, advertiser_id=advertiser))
        self.booked(Kind.AD, flight_id=id_of(flight), creative_id=creative)
        assert isinstance(flight, Flight)
        return flight

    def booked_slot(self) -> None:
        """Book a placement, unless there is one."""
        slots = booking.demand().list_things(Kind.PLACEMENT, self.shop.app_id, limit=1, cursor=None)
        if not slots.items:
            self.booked(Kind.PLACEMENT)

    def changed(self, flight: Flight, **changes: Any) -> Flight:
        """Change a flight."""
        changed = booking.demand().change(
            Kind.FLIGHT,
            flight.flight_id,
            changes,
            app_id=flight.app_id,
            version=flight.version,
            by="ada",
        )
        assert isinstance(changed, Flight)
        return changed

    def running(self, **fields: Any) -> Flight:
        """Book a flight that runs, and a placement for it."""
        self.booked_slot()
        return self.moved(self.draft(**fields), State.ACTIVE)

    def moved(self, flight: Flight, state: State) -> Flight:
        """Move a flight to another state."""
        moved = booking.demand().move(
            Kind.FLIGHT, flight.flight_id, state, app_id=flight.app_id, by="ada"
        )
        assert isinstance(moved, Flight)
        return moved

    def published(self, *types: str) -> dict[str, Any]:
        """Return a batch of all events of some types that were recorded so far."""
        return records(told(self.shop.deployed, self.dynamodb, *types))

    def compiled(self) -> Pointer:
        """Have what is booked compiled, as events bring it; return the pointer."""
        answer = self.shop.deployed.invoke("compile_snapshot", self.published(*BOOKED))
        assert answer == DONE
        pointer = self.pointer()
        assert pointer is not None
        return pointer

    def pointer(self) -> Pointer | None:
        """Return the pointer to what decisions are made from; ``None``: there is nothing yet."""
        return self.standing.pointer()

    def snapshot(self) -> Snapshot:
        """Return what decisions are made from now."""
        return self.standing.snapshot()

    def state(self, contact_id: str | None = None) -> AdState:
        """Return what decisions know of somebody, Ada unless told otherwise."""
        who = contact_id or self.shop.contact_id
        return self.states.read_latest(who, app_id=self.shop.app_id)

    @property
    def standing(self) -> StandingAds:
        """Return what was compiled last."""
        return StandingAds(deployed=self.shop.deployed, app_id=self.shop.app_id)

    @property
    def states(self) -> DynamoAdStates:
        return DynamoAdStates(table=self.shop.deployed.tables["placements"])

    @property
    def engagements(self) -> DynamoEngagementStore:
        tables = self.shop.deployed.tables
        return DynamoEngagementStore(
            events_table=tables["contact_events"], slots=LeaseSlots(table=tables["placements"])
        )

    def grant(self, flight: Flight, number: int = 1, **fields: Any) -> Grant:
        """Return an ad of a flight as it is given to Ada, the n-th."""
        live = self.snapshot()
        ad = next(ad for ad in live.ads if ad.flight.flight_id == flight.flight_id)
        at = fields.pop("issued_at", self.shop.clock())
        return replace(
            a_grant(number, issued_at=at),
            app_id=self.shop.app_id,
            contact_id=self.shop.contact_id,
            flight_id=flight.flight_id,
            ad_id=ad.ad_id,
            creative_id=ad.creative.creative_id,
            placement_id=live.placements[0].placement_id,
            **fields,
        )

    def shown_leased(self, grant: Grant) -> None:
        """Record the impression of a leased ad."""
        event = counted_event(grant, Engagement.IMPRESSION, at=self.shop.clock())
        key = event_key(grant.issued_at, grant.token_id, Engagement.IMPRESSION)
        sealed = seal(event, sequence=Ids(clock=self.shop.clock).sequence(), key=key)
        assert self.engagements.put_leased(sealed, grant=grant) is Written.DONE

    def happened(self, engagement: Engagement, grant: Grant) -> Envelope:
        """Record what became of an ad."""
        event = counted_event(grant, engagement, at=self.shop.clock())
        key = event_key(grant.issued_at, grant.token_id, engagement)
        sealed = seal(event, sequence=Ids(clock=self.shop.clock).sequence(), key=key)
        assert self.engagements.put_each([sealed]) == [True]
        return sealed
