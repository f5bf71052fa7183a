"""Connects what says why ads are shown."""

from functools import cache

from functions.placements_api.wiring.elsewhere import RegisteredZones
from functions.placements_api.wiring.stores import (
    contact_store,
    counter_store,
    device_store,
    flow_store,
    ids,
    lease_store,
    snapshot_cache,
    snapshots,
)
from shared.placements.service.explaining import RecordService
from shared.placements.service.pacing import PacingService, SeenFlows
from shared.placements.service.replaying import ReplayService, TrialService
from shared.placements.service.steering import CountedDeliveries, LiveBookings, SeenTraffic
from shared.placements.store import BucketDecisionRecords, DynamoAdStates
from shared.platform.objects import Bucket
from shared.platform.settings import settings
from shared.registrations.errors import ContactNotFoundError
from shared.registrations.model.devices import Device
from shared.registrations.service.origins import OriginService


@cache
def replays() -> ReplayService:
    """Return who makes past decisions again."""
    records = BucketDecisionRecords(bucket=Bucket(name=settings().decisions_bucket))
    return ReplayService(records=RecordService(records=records, ids=ids()), snapshots=snapshots())


@cache
def trials() -> TrialService:
    """Return who says what would be decided now."""
    from functions.placements_api.wiring.facts import facts  # noqa: PLC0415 - few requests ask

    return TrialService(
        snapshots=snapshot_cache(),
        states=DynamoAdStates(table=settings().placements_table),
        facts=facts(),
        rates=_pacing(),
    )


@cache
def _pacing() -> PacingService:
    zones = RegisteredZones()
    return PacingService(
        bookings=LiveBookings(snapshots=snapshot_cache(), zones=zones),
        deliveries=CountedDeliveries(counters=counter_store(), zones=zones),
        forecasts=SeenTraffic(snapshots=snapshot_cache(), counters=counter_store()),
        flows=SeenFlows(flows=flow_store()),
        leases=lease_store(),
    )


def device_of(device_id: str, *, app_id: str) -> Device:
    """Return a device.

    Raises:
        DeviceNotFoundError: the app has none of this id.
    """
    return device_store().get_device(app_id=app_id, device_id=device_id)


def check_contact(contact_id: str, *, app_id: str) -> None:
    """Hold that the app knows a contact.

    Raises:
        ContactNotFoundError: it does not, or the person was erased.
    """
    origins = OriginService(contacts=contact_store(), devices=device_store())
    if not origins.is_known(contact_id, app_id=app_id):
        raise ContactNotFoundError(contact_id)
