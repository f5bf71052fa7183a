"""Events of ads in memory, and what their services ask of others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.placements.errors import AdTokenInvalidError
from shared.placements.model.ad_state import AdState
from shared.placements.model.attribution import Told
from shared.placements.model.demand import Rate
from shared.placements.model.engagements import Engagement, Grant
from shared.placements.ports.decisions import AdStates
from shared.placements.ports.engagements import (
    BookedRates,
    Bounds,
    EngagementStore,
    GrantTokens,
    Landings,
    Persons,
    Promises,
    Written,
)


def slot_of(grant: Grant) -> tuple[str, int, int | None]:
    """Return what names the slot of a lease."""
    return grant.flight_id, grant.shard, grant.lease


@dataclass
class InMemoryEngagementStore(EngagementStore):
    """``taken`` are slots that are taken."""

    events: dict[tuple[str, str, datetime, str], Envelope] = field(default_factory=dict)
    taken: set[tuple[str, int, int | None]] = field(default_factory=set)

    @override
    def put_each(self, events: Sequence[Envelope]) -> Sequence[bool]:
        return [self._put(event) for event in events]

    @override
    def put_leased(self, event: Envelope, *, grant: Grant) -> Written:
        if _key(event) in self.events:
            return Written.THERE
        if slot_of(grant) in self.taken:
            return Written.GIVEN_BACK
        self.taken.add(slot_of(grant))
        self.events[_key(event)] = event
        return Written.DONE

    @override
    def history(self, grant: Grant) -> Sequence[Envelope]:
        of_contact = (grant.app_id, grant.contact_id, grant.issued_at)
        return [
            event
            for (*place, row_id), event in sorted(self.events.items())
            if tuple(place) == of_contact and row_id.startswith(f"{grant.token_id}#")
        ]

    @override
    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Told]:
        return [
            Told(issued_at=at, event=event)
            for contact_id in contact_ids
            for (app, contact, at, _), event in sorted(self.events.items())
            if (app, contact) == (app_id, contact_id) and since <= at <= until
        ]

    def _put(self, event: Envelope) -> bool:
        return self.events.setdefault(_key(event), event) is event


@dataclass
class PlainTokens(GrantTokens):
    """Tokens that everybody could write: the n-th that was given."""

    given: list[Grant] = field(default_factory=list)

    @override
    def token_of(self, grant: Grant) -> str:
        self.given.append(grant)
        return str(len(self.given) - 1)

    @override
    def grant_of(self, token: str) -> Grant:
        try:
            return self.given[int(token)]
        except (ValueError, IndexError) as error:
            raise AdTokenInvalidError(token) from error


@dataclass
class SomeStates(AdStates):
    """Everybody's state is of one epoch; it counts how often it was read."""

    epoch: int = 0
    reads: int = 0

    @override
    def read(self, contact_id: str, *, app_id: str) -> AdState:
        self.reads += 1
        return AdState(app_id=app_id, contact_id=contact_id, epoch=self.epoch)

    @override
    def read_latest(self, contact_id: str, *, app_id: str) -> AdState:
        return self.read(contact_id, app_id=app_id)

    @override
    def replace(self, state: AdState, *, before: AdState) -> bool:
        raise NotImplementedError


@dataclass
class SomePromises(Promises):
    """Places that wait, by token; a confirmed one stays confirmed."""

    waiting: set[str] = field(default_factory=set)
    confirmed: list[str] = field(default_factory=list)

    @override
    def confirm(self, grant: Grant, *, at: datetime) -> bool:
        self.confirmed.append(grant.token_id)
        return grant.token_id in self.waiting


@dataclass
class SomeBounds(Bounds):
    """Flights that have delivered what they were to."""

    over: set[str] = field(default_factory=set)

    @override
    def is_over(self, grant: Grant, engagement: Engagement, *, at: datetime) -> bool:
        return grant.flight_id in self.over


@dataclass
class OneLanding(Landings):
    """All creatives lead to one place, or nowhere."""

    url: str | None = "https://shop.example/sale?ad={ad_id}"

    @override
    def url_of(self, grant: Grant) -> str | None:
        return self.url.format(ad_id=grant.ad_id) if self.url else None


@dataclass
class OneRate(BookedRates):
    """What is paid for every flight."""

    rate: Rate | None = None

    @override
    def rate_of(self, flight_id: str, *, app_id: str) -> Rate | None:
        return self.rate


@dataclass
class JoinedPersons(Persons):
    """Everybody is alone, but for those who were joined."""

    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        return self.joined.get(contact_id, (contact_id,))


def without_key(event: Envelope) -> Envelope:
    """Return an event as it is read: its key is the row's."""
    return replace(event, key=None)


def _key(event: Envelope) -> tuple[str, str, datetime, str]:
    assert event.key is not None
    return event.app_id, event.subject.id, event.key.at, event.key.id
