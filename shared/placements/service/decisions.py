"""Decides which ads a device shows, and holds to what it gives.

What is given is counted before it is answered: numbers of exact flights and blocks of paced ones
are drawn, strict caps are promised in the person's state. A flight that has nothing left at this
moment is refused, and it is decided again without it. Whatever is drawn and not given, since
another ad was chosen or the process died, comes back when the life of an ad is over.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.placements.model.ad_state import AdState, Seen
from shared.placements.model.engagements import Grant
from shared.placements.model.granting import Seat, seats_of
from shared.placements.model.leases import Bounds, Lease
from shared.placements.model.live import LiveAd, LiveFlight
from shared.placements.model.records import DecisionRecord, decide_and_record
from shared.placements.model.requests import DecisionRequest, NoAd, Outcome
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.decisions import Budgets, Rates, Records
from shared.placements.ports.engagements import GrantTokens
from shared.placements.service.ad_states import AdStateService
from shared.placements.service.promises import Decided, PromiseService
from shared.placements.service.snapshots import SnapshotCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An ad that a device may show until ``grant.expires_at``, and the token to tell of it."""

    ad: LiveAd
    grant: Grant
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a device is answered.

    ``given`` and ``no_ad`` by placement name: one that got fewer than it wanted is in both.
    ``fallbacks`` are what placements show by themselves. Ads that were given under a smaller
    ``epoch`` must not be shown any more.
    """

    decision_id: str
    given: Mapping[str, Sequence[Given]]
    no_ad: Mapping[str, NoAd]
    fallbacks: Mapping[str, Mapping[str, object]]
    epoch: int
    snapshot_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionService:
    """Decides for devices.

    ``day_of`` returns the date in an app's zone. ``failed`` is told what kept a decision from being
    filed: it stands, and cannot be explained.
    """

    snapshots: SnapshotCache[Snapshot]
    states: AdStateService
    promises: PromiseService
    rates: Rates
    budgets: Budgets
    tokens: GrantTokens
    records: Records
    day_of: Callable[[str, datetime], str]
    failed: Callable[[Exception], None]

    def decide(self, request: DecisionRequest) -> Decision:
        """Decide, and count what is given.

        The slots of a request have different names. Mostly one read of half a unit; a write for
        all strict caps of the request, one for each ad of an exact flight, and one for a block of
        a paced flight now and then.

        Raises:
            SnapshotMissingError: nothing was ever compiled for the app.
            AdStateContendedError: others kept changing the person's state.
            BudgetContendedError: others kept changing a flight's budget.
        """
        loaded = self.snapshots.get(request.app_id)
        state = self.states.current(
            request.contact_id,
            device_id=request.device_id,
            app_id=request.app_id,
            policy_version=loaded.pointer.policy_version,
            names=loaded.snapshot.digest_of_names,
            at=request.at,
        )
        turn = _Turn(service=self, request=request, snapshot=loaded.snapshot)
        made = self.promises.reserve(state, turn.decided, at=request.at)
        self._file(made.record)
        epoch = made.state.epoch + loaded.pointer.epoch
        return Decision(
            decision_id=request.decision_id,
            given={
                name: [self._given(request, seat, turn, epoch=epoch) for seat in seats]
                for name, seats in made.seats.items()
            },
            no_ad=made.outcome.no_ad,
            fallbacks=_fallbacks(loaded.snapshot, made.outcome.no_ad),
            epoch=epoch,
            snapshot_version=loaded.snapshot.version,
        )

    def _given(self, request: DecisionRequest, seat: Seat, turn: "_Turn", *, epoch: int) -> Given:
        grant = seat.grant(request, epoch=epoch, lease=turn.lease_of(seat))
        return Given(ad=seat.ad, grant=grant, token=self.tokens.token_of(grant))

    def _file(self, record: DecisionRecord) -> None:
        try:
            self.records.put(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, the ads are counted and given
            self.failed(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A decision on one state, all of whose ads can be given."""

    state: AdState
    outcome: Outcome
    record: DecisionRecord
    seats: Mapping[str, Sequence[Seat]]


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One request while it is decided, perhaps on several states, one after the other.

    What was drawn for a flight is given in whichever decision stands in the end.
    """

    service: DecisionService
    request: DecisionRequest
    snapshot: Snapshot
    refused: set[str] = field(default_factory=set)
    leases: dict[str, list[Lease]] = field(default_factory=lambda: defaultdict(list))
    taken: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    given: dict[str, Lease] = field(default_factory=dict)

    def decided(self, state: AdState) -> Decided[_Made]:
        """Decide on a state, until everything that is chosen can be given."""
        while True:
            made = self._made(state)
            lacking = self._lacking(made)
            if not lacking:
                return Decided(outcome=made, promises=self._promises(made))
            self.refused |= lacking

    def lease_of(self, seat: Seat) -> Lease | None:
        """Return the number that was drawn for an ad of an exact flight."""
        return self.given.get(seat.token_id)

    def _made(self, state: AdState) -> _Made:
        rates = self.service.rates.of(
            self.request.app_id, self.snapshot.bounded, at=self.request.at
        )
        outcome, record = decide_and_record(
            self.request, self.snapshot, state, rates=rates, refused=self.refused
        )
        seats = seats_of(self.request, outcome.choices, self.snapshot.by_id)
        return _Made(state=state, outcome=outcome, record=record, seats=seats)

    def _lacking(self, made: _Made) -> set[str]:
        """Return the flights of which not as much can be had as was chosen."""
        wanted: dict[str, list[Seat]] = defaultdict(list)
        for seat in _counting(made):
            wanted[seat.choice.flight_id].append(seat)
        return {
            flight_id
            for flight_id, seats in wanted.items()
            if not self._is_had(seats[0].ad.flight, seats)
        }

    def _is_had(self, flight: LiveFlight, seats: Sequence[Seat]) -> bool:
        if flight.target.exact:
            return self._is_leased(flight, seats)
        while self.taken[flight.flight_id] < len(seats):
            if not self.service.rates.take(
                self.request.app_id, flight.flight_id, at=self.request.at
            ):
                return False
            self.taken[flight.flight_id] += 1
        return True

    def _is_leased(self, flight: LiveFlight, seats: Sequence[Seat]) -> bool:
        leases, at = self.leases[flight.flight_id], self.request.at
        bounds = Bounds(
            app_id=self.request.app_id,
            flight_id=flight.flight_id,
            version=0,
            lifetime=flight.target.lifetime,
            daily=flight.target.daily,
        )
        day = self.service.day_of(self.request.app_id, at) if flight.target.daily else ""
        while len(leases) < len(seats):
            lease = self.service.budgets.draw(bounds, day=day, at=at)
            if lease is None:
                return False
            leases.append(lease)
        self.given |= {seat.token_id: lease for seat, lease in zip(seats, leases, strict=False)}
        return True

    def _promises(self, made: _Made) -> list[Seen]:
        return [seat.promise(self.request) for seat in _counting(made) if seat.choice.strict]


def _counting(made: _Made) -> Iterator[Seat]:
    """Yield the ads that count: previews do not."""
    for seats in made.seats.values():
        yield from (seat for seat in seats if not seat.choice.test)


def _fallbacks(snapshot: Snapshot, no_ad: Mapping[str, NoAd]) -> Mapping[str, Mapping[str, object]]:
    """Return what placements show by themselves that have an ad too few."""
    return {
        placement.name: placement.fallback
        for placement in snapshot.placements
        if placement.name in no_ad and placement.fallback is not None
    }
