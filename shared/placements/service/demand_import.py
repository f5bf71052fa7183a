"""Importing many booked things at once: planned whole, refused whole, repeated without effect."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, FieldProblem
from shared.kernel.ids import Ids
from shared.placements.errors import DemandStateError, NameTakenError
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
from shared.placements.model.documents import thing_of
from shared.placements.model.fitting import why_idle
from shared.placements.model.imports import (
    ORDER,
    Action,
    Entry,
    ImportReport,
    Line,
    lines_of,
    resolved,
    section_of,
)
from shared.placements.model.relations import references_of
from shared.placements.model.terms import next_version
from shared.placements.model.things import PREFIXES, id_of, moved_to
from shared.placements.ports.demand import Apps, DemandStore, Name
from shared.placements.service.relations import Relations
from shared.placements.service.telling import created, updated


@dataclass(slots=True, kw_only=True)
class _Step:
    """What a line comes to: the thing that stands, with the line's terms, and in its state too.

    ``left`` is how many writes that still takes; ``is_there``: the thing is stored.
    """

    line: Line
    thing_id: str
    before: Thing | None
    is_there: bool
    termed: Thing | None = None
    after: Thing | None = None
    left: int = 0
    problems: list[FieldProblem] = field(default_factory=list)

    def refuse(self, error: DomainError) -> None:
        """Note why the line is refused."""
        whole = FieldProblem(pointer="", code=error.code, detail=error.detail)
        self.refuse_with(error.fields or [whole])

    def refuse_with(self, problems: Sequence[FieldProblem]) -> None:
        """Note problems whose pointers begin at the line."""
        self.problems += [replace(one, pointer=self.line.pointer + one.pointer) for one in problems]

    def entry(self) -> Entry:
        """Return what is reported of it."""
        return Entry(
            kind=self.line.kind,
            key=self.line.key,
            pointer=self.line.pointer,
            action=self._action(),
            done=not self.problems and not self.left,
            thing_id=self.thing_id if self.is_there else None,
            problems=tuple(self.problems),
        )

    def _action(self) -> Action:
        if self.problems:
            return Action.REFUSED
        if self.before is None:
            return Action.CREATED
        return Action.UNCHANGED if self.after == self.before else Action.UPDATED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """A version to be stored after another; ``None``: after nothing."""

    step: _Step
    before: Thing | None
    after: Thing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """All things as they will be, by kind and id."""

    things: Mapping[Name, Thing]

    def find(self, kind: Kind, thing_id: str) -> Thing | None:
        """Return the thing of an id, if there will be one."""
        return self.things.get((kind, thing_id))

    def placements(self) -> Sequence[Placement]:
        """Return all placements."""
        return [one for one in self.things.values() if isinstance(one, Placement)]

    def why_idle(self, flight: Flight, ads: Sequence[Ad], *, at: datetime) -> str | None:
        """Return why nothing of a flight with these ads could be shown."""
        ad_campaign = self.find(Kind.AD_CAMPAIGN, flight.ad_campaign_id)
        if not isinstance(ad_campaign, AdCampaign):
            # That the flight names none is a problem of its own.
            return None
        found = [self.find(Kind.CREATIVE, ad.creative_id) for ad in ads]
        named = [self.find(Kind.PLACEMENT, one) for one in flight.placements]
        return why_idle(
            flight,
            ad_campaign,
            [one for one in found if isinstance(one, Creative)],
            [one for one in named if isinstance(one, Placement)] or self.placements(),
            at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandImport:
    """Brings what is booked to what a document says."""

    apps: Apps
    demand: DemandStore
    relations: Relations
    clock: Clock
    ids: Ids

    def run(
        self, document: Any, *, app_id: str, by: str, dry_run: bool, until: datetime | None = None
    ) -> ImportReport:
        """Make and change what the document names; nothing where one of its lines is refused.

        Things are written one by one. What was not written before ``until``, or after somebody
        else changed one of them meanwhile, is not ``done``: the same import again goes on there.
        With ``dry_run`` the report says what would be.

        Raises what ``apps`` raises where there is no such app.

        Raises:
            InvalidFieldsError: it is no document of an import.
        """
        self.apps.check(app_id)
        steps = self._planned(lines_of(document), app_id=app_id)
        if not dry_run and not any(step.problems for step in steps):
            self._write(steps, by=by, until=until)
        return ImportReport(dry_run=dry_run, entries=tuple(step.entry() for step in steps))

    def _planned(self, lines: Sequence[Line], *, app_id: str) -> Sequence[_Step]:
        booked = self.demand.all_demand(app_id)
        things: dict[Name, Thing] = {
            (kind, id_of(thing)): thing
            for kind in ORDER
            for thing in getattr(booked, section_of(kind))
        }
        ids = dict(self.demand.keys(app_id))
        for line in lines:
            if line.name not in ids:
                ids[line.name] = self.ids.new(PREFIXES[line.kind])
        steps = []
        for line in lines:
            name = (line.kind, ids[line.name])
            before = things.get(name)
            step = _Step(line=line, thing_id=name[1], before=before, is_there=before is not None)
            self._work_out(step, ids, app_id=app_id)
            if step.after is not None:
                things[name] = step.after
            steps.append(step)
        self._check_together(steps, _Plan(things=things), app_id=app_id)
        return steps

    def _work_out(self, step: _Step, ids: Mapping[Name, str], *, app_id: str) -> None:
        """Find what a line describes, and how many writes lead there."""
        before, state = step.before, step.line.state
        try:
            new = thing_of(
                step.line.kind,
                resolved(step.line, ids),
                app_id=app_id,
                thing_id=step.thing_id,
                created_at=before.created_at if before else self.clock(),
                targeting_of=self.relations.targeting.text_of,
            )
            termed = new if before is None else _termed(new, before=before)
            moves = state is not None and state is not termed.state
            after = moved_to(state, termed) if state is not None and moves else termed
        except DomainError as error:
            step.refuse(error)
        else:
            step.termed, step.after = termed, after
            step.left = (termed != before) + moves

    def _check_together(self, steps: Sequence[_Step], plan: _Plan, *, app_id: str) -> None:
        """Hold what is new to all the rest, as it will be.

        What names a line that is refused is judged when that is mended.
        """
        refused = {(step.line.kind, step.thing_id) for step in steps if step.problems}
        fresh = [
            (step, step.after)
            for step in steps
            if step.after is not None and step.left and refused.isdisjoint(_names_in(step.after))
        ]
        found = self.relations.problems_of([after for _, after in fresh], plan.find, app_id=app_id)
        names = Counter(placement.name for placement in plan.placements())
        ads = defaultdict[str, list[Ad]](list)
        for thing in plan.things.values():
            if isinstance(thing, Ad) and thing.state is State.ACTIVE:
                ads[thing.flight_id].append(thing)
        for step, after in fresh:
            step.refuse_with(found[step.line.kind, step.thing_id])
            if isinstance(after, Placement) and names[after.name] > 1:
                step.refuse(NameTakenError(after.name))
            if isinstance(after, Flight) and not refused and _starts(after, before=step.before):
                reason = plan.why_idle(after, ads[after.flight_id], at=self.clock())
                if reason is not None:
                    step.refuse(DemandStateError(reason))

    def _write(self, steps: Sequence[_Step], *, by: str, until: datetime | None) -> None:
        for write in _writes_of(steps):
            if until is not None and self.clock() >= until:
                return
            try:
                self._write_one(write, by=by)
            except DomainError as error:
                write.step.refuse(error)
                return
            write.step.is_there = True
            write.step.left -= 1

    def _write_one(self, write: _Write, *, by: str) -> None:
        if write.before is None:
            event = created(write.after, by=by, clock=self.clock, ids=self.ids)
            self.demand.add(write.after, event, key=write.step.line.key)
        else:
            event = updated(write.after, by=by, clock=self.clock, ids=self.ids)
            self.demand.replace(write.after, event, before=write.before)


def _termed(new: Thing, *, before: Thing) -> Thing:
    """Return what stands with new terms: itself where they are the same."""
    same = replace(new, state=before.state, version=before.version) == before
    return before if same else next_version(new, before=before)


def _names_in(thing: Thing) -> Iterator[Name]:
    return ((one.kind, one.thing_id) for one in references_of(thing))


def _starts(flight: Flight, *, before: Thing | None) -> bool:
    return flight.state is State.ACTIVE and (before is None or before.state is not State.ACTIVE)


def _writes_of(steps: Sequence[_Step]) -> Iterator[_Write]:
    """Yield all writes: first of terms, then of states, so that a flight starts with its ads."""
    for step in steps:
        if step.termed is not None and step.termed != step.before:
            yield _Write(step=step, before=step.before, after=step.termed)
    for step in steps:
        if step.after is not None and step.after != step.termed:
            yield _Write(step=step, before=step.termed, after=step.after)
