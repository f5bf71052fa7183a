"""What is booked, in memory, held to the contract of the real store."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.placements.errors import DemandChangedError, NameTakenError
from shared.placements.model.demand import AdSettings, Demand, Kind, Placement, Thing
from shared.placements.model.relations import Named
from shared.placements.model.things import NOT_FOUND, id_of, kind_of
from shared.placements.ports.demand import DemandStore, Name


class InMemoryDemandStore(DemandStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, Kind, str], Thing] = {}
        self.known: dict[tuple[str, Kind, str], str] = {}
        self.settings: dict[str, AdSettings] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: list[Envelope] = []

    @override
    def add(
        self,
        thing: Thing,
        event: Envelope,
        *,
        attempt: Attempt | None = None,
        key: str | None = None,
    ) -> bool:
        app_id, kind = thing.app_id, kind_of(thing)
        if attempt and (app_id, attempt.id) in self.attempts:
            return False
        if key is not None and (app_id, kind, key) in self.known:
            raise DemandChangedError(key)
        if isinstance(thing, Placement):
            others = self.all_of(Kind.PLACEMENT, app_id)
            if thing.name in {one.name for one in others}:
                raise NameTakenError(thing.name)
        self.kept[app_id, kind, id_of(thing)] = thing
        self.events.append(event)
        if key is not None:
            self.known[app_id, kind, key] = id_of(thing)
        if attempt:
            result = f"{kind.value}#{id_of(thing)}"
            self.attempts[app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=result
            )
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get(self, kind: Kind, thing_id: str, *, app_id: str) -> Thing:
        try:
            return self.kept[app_id, kind, thing_id]
        except KeyError:
            raise NOT_FOUND[kind](thing_id) from None

    @override
    def find(self, names: Iterable[Name], *, app_id: str) -> Mapping[Name, Thing]:
        return {name: self.kept[app_id, *name] for name in names if (app_id, *name) in self.kept}

    @override
    def list_things(
        self, kind: Kind, app_id: str, *, limit: int, cursor: str | None
    ) -> Page[Thing]:
        rest = [one for one in self.all_of(kind, app_id) if id_of(one) > (cursor or "")]
        more = id_of(rest[limit - 1]) if len(rest) > limit else None
        return Page(items=rest[:limit], next_cursor=more)

    @override
    def all_of(self, kind: Kind, app_id: str) -> Iterator[Thing]:
        for app, of_kind, thing_id in sorted(self.kept):
            if (app, of_kind) == (app_id, kind):
                yield self.kept[app, of_kind, thing_id]

    @override
    def all_demand(self, app_id: str) -> Demand:
        things: dict[str, Any] = {
            f"{kind.value}s": tuple(self.all_of(kind, app_id)) for kind in Kind
        }
        return Demand(app_id=app_id, settings=self.get_settings(app_id), **things)

    @override
    def keys(self, app_id: str) -> Mapping[Name, str]:
        return {(kind, key): one for (app, kind, key), one in self.known.items() if app == app_id}

    @override
    def replace(self, thing: Thing, event: Envelope, *, before: Thing) -> None:
        place = (thing.app_id, kind_of(thing), id_of(thing))
        if place not in self.kept or self.kept[place].version != before.version:
            raise DemandChangedError(id_of(thing))
        self.kept[place] = thing
        self.events.append(event)

    @override
    def get_settings(self, app_id: str) -> AdSettings:
        return self.settings.get(app_id, AdSettings(app_id=app_id))

    @override
    def replace_settings(
        self, settings: AdSettings, event: Envelope, *, before: AdSettings
    ) -> None:
        if self.get_settings(settings.app_id).version != before.version:
            raise DemandChangedError(settings.app_id)
        self.settings[settings.app_id] = settings
        self.events.append(event)


class ThoseOf:
    """Knows some ids of coupons or segments, and counts how often it is asked."""

    def __init__(self, *known: str) -> None:
        self.known = frozenset(known)
        self.asked = 0

    def missing(self, ids: Collection[str], *, app_id: str) -> frozenset[str]:
        self.asked += 1
        return frozenset(ids) - self.known


class WordsOfTargeting:
    """A language of words: ``seg_...`` names a segment, ``cpn_...`` a coupon; ``!`` is none."""

    def text_of(self, given: Any) -> str:
        words = given if isinstance(given, list) else str(given).split()
        if "!" in words:
            problem = FieldProblem(pointer="", code="targeting", detail="! is no word")
            raise InvalidFieldsError("the targeting has problems", fields=[problem])
        return " ".join(words)

    def names_in(self, text: str) -> Named:
        words = text.split()
        return Named(
            segments=frozenset(one for one in words if one.startswith("seg_")),
            coupons=frozenset(one for one in words if one.startswith("cpn_")),
        )
