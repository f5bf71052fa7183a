"""Use cases of those who book ads: make, change, move and look at what is booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.placements.errors import DemandChangedError, DemandStateError
from shared.placements.model.demand import (
    Ad,
    AdCampaign,
    Creative,
    Flight,
    Kind,
    Placement,
    State,
    Thing,
)
from shared.placements.model.documents import changed_by, thing_of
from shared.placements.model.fitting import why_idle
from shared.placements.model.terms import next_version
from shared.placements.model.things import NOT_FOUND, PREFIXES, id_of, kind_of, moved_to
from shared.placements.ports.demand import Apps, DemandStore
from shared.placements.service.relations import Lookup, Relations
from shared.placements.service.telling import created, updated


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandService:
    """Keeps what is booked, and moves it on."""

    apps: Apps
    demand: DemandStore
    relations: Relations
    clock: Clock
    ids: Ids

    def create(
        self, kind: Kind, document: Any, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[Thing, bool]:
        """Store a new thing; say whether the attempt had made it before.

        Raises what ``apps`` raises where there is no such app.

        Raises:
            InvalidFieldsError: the document has problems, or names what is not there.
            NameTakenError: another placement has its name.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        self.apps.check(app_id)
        thing = thing_of(
            kind,
            document,
            app_id=app_id,
            thing_id=self.ids.new(PREFIXES[kind]),
            created_at=self.clock(),
            targeting_of=self.relations.targeting.text_of,
        )
        self._check_relations(thing)
        return self._add(thing, by=by, attempt=attempt)

    def change(
        self, kind: Kind, thing_id: str, changes: Any, *, app_id: str, version: int, by: str
    ) -> Thing:
        """Change the fields of a thing that are named; ``version`` is the one that was read.

        Raises the error of ``kind`` where the app has none of this id.

        Raises:
            DemandChangedError: another version stands by now.
            DemandStateError: it has ended.
            InvalidFieldsError: its document has problems, names what is not there, or changes what
                cannot be changed.
        """
        before = self.demand.get(kind, thing_id, app_id=app_id)
        _check_version(before, version)
        terms = changed_by(changes, before, targeting_of=self.relations.targeting.text_of)
        after = next_version(terms, before=before)
        self._check_relations(after)
        self.demand.replace(
            after, updated(after, by=by, clock=self.clock, ids=self.ids), before=before
        )
        return after

    def move(
        self,
        kind: Kind,
        thing_id: str,
        state: State,
        *,
        app_id: str,
        by: str,
        version: int | None = None,
    ) -> Thing:
        """Move a thing to another state: activate it, pause it, or end it for good.

        ``version`` is the one that was read; ``None``: whichever stands. Raises the error of
        ``kind`` where the app has none of this id.

        Raises:
            DemandStateError: that state does not follow its own, or it is a flight that is to run
                and has nothing to show; ``detail`` says why.
            DemandChangedError: another version stands by now.
        """
        before = self.demand.get(kind, thing_id, app_id=app_id)
        _check_version(before, version)
        after = moved_to(state, before)
        if state is State.ACTIVE and isinstance(after, Flight):
            self._check_start(after)
        self.demand.replace(
            after, updated(after, by=by, clock=self.clock, ids=self.ids), before=before
        )
        return after

    def get(self, kind: Kind, thing_id: str, *, app_id: str) -> Thing:
        """Return a thing, or raise the error of its kind where the app has none of this id."""
        return self.demand.get(kind, thing_id, app_id=app_id)

    def list_things(
        self, kind: Kind, app_id: str, *, limit: int, cursor: str | None
    ) -> Page[Thing]:
        """Return a page of an app's things of a kind, in the order of their creation."""
        return self.demand.list_things(kind, app_id, limit=limit, cursor=cursor)

    def _add(self, thing: Thing, *, by: str, attempt: Attempt | None) -> tuple[Thing, bool]:
        if (
            self.demand.add(
                thing, created(thing, by=by, clock=self.clock, ids=self.ids), attempt=attempt
            )
            or not attempt
        ):
            return thing, False
        return self._recall(attempt, app_id=thing.app_id) or thing, True

    def _recall(self, attempt: Attempt, *, app_id: str) -> Thing | None:
        before = self.demand.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        kind, _, thing_id = before.result.partition("#")
        return self.demand.get(Kind(kind), thing_id, app_id=app_id)

    def _check_relations(self, thing: Thing) -> None:
        find = Lookup(demand=self.demand, app_id=thing.app_id)
        find.gather(thing)
        found = self.relations.problems_of([thing], find, app_id=thing.app_id)
        problems = found[kind_of(thing), id_of(thing)]
        if problems:
            raise InvalidFieldsError("it does not go together with the rest", fields=problems)

    def _check_start(self, flight: Flight) -> None:
        """Hold a flight that is to run to having something to show.

        All ads of the app are read, half a unit for each 4 kB of them twice: nobody does this
        often, and an index would cost each write a unit.
        """
        ads = [
            one
            for one in self.demand.all_of(Kind.AD, flight.app_id)
            if isinstance(one, Ad) and one.flight_id == flight.flight_id
        ]
        shown = [(Kind.CREATIVE, one.creative_id) for one in ads if one.state is State.ACTIVE]
        creatives = self.demand.find(shown, app_id=flight.app_id).values()
        reason = why_idle(
            flight,
            self._ad_campaign_of(flight),
            [one for one in creatives if isinstance(one, Creative)],
            self._placements_of(flight),
            at=self.clock(),
        )
        if reason is not None:
            raise DemandStateError(reason)

    def _ad_campaign_of(self, flight: Flight) -> AdCampaign:
        found = self.demand.get(Kind.AD_CAMPAIGN, flight.ad_campaign_id, app_id=flight.app_id)
        if not isinstance(found, AdCampaign):
            raise NOT_FOUND[Kind.AD_CAMPAIGN](flight.ad_campaign_id)
        return found

    def _placements_of(self, flight: Flight) -> Sequence[Placement]:
        if flight.placements:
            names = [(Kind.PLACEMENT, one) for one in flight.placements]
            found = list(self.demand.find(names, app_id=flight.app_id).values())
        else:
            found = list(self.demand.all_of(Kind.PLACEMENT, flight.app_id))
        return [one for one in found if isinstance(one, Placement)]


def _check_version(before: Thing, version: int | None) -> None:
    if version is not None and before.version != version:
        raise DemandChangedError(f"version {before.version} stands")
