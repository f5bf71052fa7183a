"""Whether what a booked thing names is there: things of ours, coupons and segments of others."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.kernel.errors import FieldProblem
from shared.placements.model.demand import Creative, Flight, Kind, Thing
from shared.placements.model.relations import (
    Find,
    Named,
    problems_of_relations,
    references_of,
)
from shared.placements.model.things import id_of, kind_of
from shared.placements.ports.demand import (
    Coupons,
    DemandStore,
    Name,
    Segments,
    Targeting,
)


@dataclass(slots=True, kw_only=True)
class Lookup:
    """Finds things of an app, and reads each once."""

    demand: DemandStore
    app_id: str
    _found: dict[Name, Thing | None] = field(default_factory=dict)

    def gather(self, thing: Thing) -> None:
        """Read what a thing names, in one request."""
        names = [(one.kind, one.thing_id) for one in references_of(thing)]
        found = self.demand.find(names, app_id=self.app_id)
        self._found.update({name: found.get(name) for name in names})

    def __call__(self, kind: Kind, thing_id: str) -> Thing | None:
        """Return the thing of an id, if there is one."""
        name = (kind, thing_id)
        if name not in self._found:
            self._found[name] = self.demand.find([name], app_id=self.app_id).get(name)
        return self._found[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """Asks for what booked things name."""

    targeting: Targeting
    coupons: Coupons
    segments: Segments

    def problems_of(
        self, things: Collection[Thing], find: Find, *, app_id: str
    ) -> Mapping[Name, list[FieldProblem]]:
        """Return what is wrong between some things and what they name, by kind and id.

        Coupons and segments of all of them are asked for together.
        """
        named = {(kind_of(thing), id_of(thing)): self._named_by(thing) for thing in things}
        coupons = self._missing(self.coupons, (one.coupons for one in named.values()), app_id)
        segments = self._missing(self.segments, (one.segments for one in named.values()), app_id)
        gone = Named(coupons=coupons, segments=segments)
        return {
            (kind_of(thing), id_of(thing)): [
                *problems_of_relations(thing, find),
                *self._problems_of_names(thing, gone),
            ]
            for thing in things
        }

    def _named_by(self, thing: Thing) -> Named:
        own = getattr(thing, "coupon_id", None)
        coupons = frozenset[str]() if own is None else frozenset({own})
        if not isinstance(thing, Flight) or not thing.targeting:
            return Named(coupons=coupons)
        named = self.targeting.names_in(thing.targeting)
        return Named(coupons=coupons | named.coupons, segments=named.segments)

    def _problems_of_names(self, thing: Thing, gone: Named) -> Iterator[FieldProblem]:
        if isinstance(thing, Flight | Creative) and thing.coupon_id in gone.coupons:
            yield _problem("/coupon_id", "the app has no such coupon")
        if isinstance(thing, Flight) and thing.targeting:
            named = self.targeting.names_in(thing.targeting)
            for coupon_id in sorted(named.coupons & gone.coupons):
                yield _problem("/targeting", f"the app has no coupon {coupon_id}")
            for segment_id in sorted(named.segments & gone.segments):
                yield _problem("/targeting", f"the app has no segment {segment_id}")

    def _missing(
        self, known: Coupons | Segments, named: Iterable[frozenset[str]], app_id: str
    ) -> frozenset[str]:
        ids = frozenset[str]().union(*named)
        return known.missing(ids, app_id=app_id) if ids else frozenset()


def _problem(pointer: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code="unknown", detail=detail)
