"""Connects the projection of audiences to registrations, and to what people said."""

from collections.abc import Mapping
from functools import cache
from time import monotonic

from typing_extensions import override

from shared.contact_policy.model.standing import Effective
from shared.contact_policy.store import DynamoPersonStore
from shared.kernel.clock import Clock, system_clock
from shared.kernel.events import Channel, Purpose
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.model.audience import PushConsent
from shared.registrations.ports import Consents
from shared.registrations.service.audience import AskedEvents, ProjectionService
from shared.registrations.store import (
    DynamoAudienceStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)


class PolicyConsents(Consents):
    """What the contact policy knows people to have said, as it stands."""

    def __init__(self, *, people: DynamoPersonStore, clock: Clock) -> None:
        self._people = people
        self._clock = clock

    @override
    def of_person(self, contact_id: str, *, app_id: str) -> Mapping[Purpose, PushConsent]:
        person = self._people.people({contact_id}, app_id=app_id)[contact_id]
        effective = Effective(person.standing, at=self._clock())
        consents = {purpose: _push_consent(effective, purpose) for purpose in Purpose}
        return {purpose: found for purpose, found in consents.items() if found != PushConsent()}


def _push_consent(effective: Effective, purpose: Purpose) -> PushConsent:
    is_given = effective.agrees(purpose, Channel.PUSH, None)
    unlike = (
        topic
        for topic in effective.topics()
        if effective.agrees(purpose, Channel.PUSH, topic) is not is_given
    )
    return PushConsent(is_given=is_given, unlike=frozenset(unlike))


@cache
def projection() -> ProjectionService:
    """Return the projection of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    segments = DynamoSegmentStore(table=table, ledger=ledger)
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=ledger)
    return ProjectionService(
        audience=DynamoAudienceStore(table=table),
        contacts=DynamoContactStore(table=table, ledger=ledger),
        devices=DynamoDeviceStore(table=table, ledger=ledger),
        consents=PolicyConsents(people=people, clock=system_clock),
        asked=AskedEvents(segments=segments, elapsed=monotonic).of_app,
    )
