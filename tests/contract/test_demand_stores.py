"""Every store of what is booked, real or fake, keeps these promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.kernel.envelope import Envelope, seal
from shared.kernel.errors import DomainError
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.placements.errors import DemandChangedError, NameTakenError
from shared.placements.events import AdSettingsUpdated, DemandCreated
from shared.placements.model.demand import AdSettings, Choosing, Demand, Kind, State, Thing
from shared.placements.model.things import NOT_FOUND, PREFIXES, id_of, moved_to
from shared.placements.ports.demand import DemandStore
from tests.fakes.clock import ManualClock
from tests.fakes.placements_demand import InMemoryDemandStore
from tests.unit.placements.bookings import APP, AT, PLAIN, WHOLE, a

ATTEMPT = Attempt(caller="ada", key="k", fingerprint="f")


def numbered(kind: Kind, number: int, **fields: Any) -> Thing:
    """Return a thing with an id of its own; a placement has a name of its own too."""
    if kind is Kind.PLACEMENT:
        fields = {"name": f"slot-{number}", **fields}
    return a(kind, number=number, **fields)


@dataclass(frozen=True, kw_only=True)
class Kept:
    demand: DemandStore
    told: Callable[[], list[str]]
    ids: Ids

    def event(self, thing: Thing) -> Envelope:
        event = DemandCreated(
            app_id=thing.app_id,
            occurred_at=AT,
            kind="thing",
            thing_id=id_of(thing),
            name=thing.name,
            version=thing.version,
            by="ada",
        )
        return seal(event, sequence=self.ids.sequence())

    def add(self, thing: Thing, **how: Any) -> bool:
        return self.demand.add(thing, self.event(thing), **how)

    def move(self, before: Thing, state: State) -> Thing:
        after = moved_to(state, before)
        self.demand.replace(after, self.event(after), before=before)
        return after

    def set(self, before: AdSettings, **fields: Any) -> AdSettings:
        after = replace(before, version=before.version + 1, **fields)
        event = AdSettingsUpdated(app_id=APP, occurred_at=AT, version=after.version, by="ada")
        sealed = seal(event, sequence=self.ids.sequence())
        self.demand.replace_settings(after, sealed, before=before)
        return after


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Kept:
    ids = Ids(clock=ManualClock())
    if request.param == "memory":
        demand = InMemoryDemandStore()
        return Kept(demand=demand, told=lambda: [one.type for one in demand.events], ids=ids)
    from shared.placements.store.demand import (  # noqa: PLC0415 - needs the environment's tables
        DynamoDemandStore,
    )
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - the same

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in rows]

    ledger = Ledger(table=tables["contact_events"])
    return Kept(
        demand=DynamoDemandStore(table=tables["placements"], ledger=ledger), told=told, ids=ids
    )


@pytest.mark.parametrize("kind", Kind)
def test_a_thing_comes_back_as_it_was_stored(it: Kept, kind: Kind) -> None:
    plain, whole = numbered(kind, 1, **PLAIN[kind]), numbered(kind, 2, **WHOLE[kind])
    for thing in (plain, whole):
        assert it.add(thing)
        assert it.demand.get(kind, id_of(thing), app_id=APP) == thing
    ended = it.move(whole, State.ENDED)
    assert it.demand.get(kind, id_of(whole), app_id=APP) == ended
    with pytest.raises(NOT_FOUND[kind]):
        it.demand.get(kind, id_of(whole), app_id="app_other")
    assert it.told() == ["ad_demand.created.v1"] * 3


def test_a_thing_is_added_once_for_an_attempt(it: Kept) -> None:
    assert it.demand.recall(ATTEMPT, app_id=APP) is None
    assert it.add(numbered(Kind.PLACEMENT, 1), attempt=ATTEMPT)
    again = numbered(Kind.PLACEMENT, 2, name="slot-1")
    assert not it.add(again, attempt=ATTEMPT)
    remembered = it.demand.recall(ATTEMPT, app_id=APP)
    assert remembered is not None
    assert (remembered.fingerprint, remembered.result) == ("f", "placement#plc_1")
    assert it.demand.recall(ATTEMPT, app_id="app_other") is None
    assert len(it.told()) == 1


def test_two_placements_of_an_app_never_have_one_name(it: Kept) -> None:
    first = numbered(Kind.PLACEMENT, 1, name="home")
    it.add(first)
    with pytest.raises(NameTakenError):
        it.add(numbered(Kind.PLACEMENT, 2, name="home"))
    it.move(first, State.ENDED)
    with pytest.raises(NameTakenError):
        it.add(numbered(Kind.PLACEMENT, 3, name="home"))
    it.add(replace(first, app_id="app_other"))
    it.add(numbered(Kind.ADVERTISER, 1, name="home"))
    assert [id_of(one) for one in it.demand.all_of(Kind.PLACEMENT, APP)] == ["plc_1"]


def test_a_key_of_imports_is_of_one_thing_of_a_kind(it: Kept) -> None:
    it.add(numbered(Kind.ADVERTISER, 1), key="acme")
    it.add(numbered(Kind.FLIGHT, 1), key="acme")
    with pytest.raises(DemandChangedError):
        it.add(numbered(Kind.ADVERTISER, 2), key="acme")
    it.add(numbered(Kind.ADVERTISER, 3))
    assert it.demand.keys(APP) == {
        (Kind.ADVERTISER, "acme"): "adv_1",
        (Kind.FLIGHT, "acme"): "flt_1",
    }
    assert it.demand.keys("app_other") == {}


def test_of_two_changes_of_one_version_one_is_refused(it: Kept) -> None:
    first = numbered(Kind.CREATIVE, 1)
    it.add(first)
    it.move(first, State.PAUSED)
    with pytest.raises(DemandChangedError):
        it.move(first, State.ENDED)
    assert it.demand.get(Kind.CREATIVE, "crv_1", app_id=APP).state is State.PAUSED
    with pytest.raises(DemandChangedError):
        it.move(numbered(Kind.CREATIVE, 2), State.ENDED)
    assert len(it.told()) == 2


def test_some_things_are_found_together(it: Kept) -> None:
    ad, advertiser = numbered(Kind.AD, 1), numbered(Kind.ADVERTISER, 1)
    it.add(ad)
    it.add(advertiser)
    names = [(Kind.AD, "ad_1"), (Kind.ADVERTISER, "adv_1"), (Kind.AD, "adv_1"), (Kind.AD, "ad_1")]
    found = it.demand.find(names, app_id=APP)
    assert found == {(Kind.AD, "ad_1"): ad, (Kind.ADVERTISER, "adv_1"): advertiser}
    assert it.demand.find([], app_id=APP) == {}


@pytest.mark.parametrize("kind", [Kind.AD, Kind.PLACEMENT])
def test_things_of_a_kind_are_listed_page_by_page(it: Kept, kind: Kind) -> None:
    for number in (4, 1, 3, 2, 5):
        for of_kind in (kind, Kind.ADVERTISER, Kind.AD_CAMPAIGN, Kind.CREATIVE):
            it.add(numbered(of_kind, number))
    seen, cursor = list[list[str]](), None
    while not seen or cursor:
        page = it.demand.list_things(kind, APP, limit=2, cursor=cursor)
        seen.append([id_of(one) for one in page.items])
        cursor = page.next_cursor
    prefix = PREFIXES[kind]
    assert seen == [[f"{prefix}_1", f"{prefix}_2"], [f"{prefix}_3", f"{prefix}_4"], [f"{prefix}_5"]]


def test_all_that_is_booked_is_read_together(it: Kept) -> None:
    things = {kind: tuple(numbered(kind, number) for number in (1, 2)) for kind in Kind}
    for of_kind in things.values():
        for thing in of_kind:
            it.add(thing, key=id_of(thing))
    settings = it.set(it.demand.get_settings(APP), apart_minutes=5)
    booked: dict[str, Any] = {f"{kind.value}s": found for kind, found in things.items()}
    assert it.demand.all_demand(APP) == Demand(app_id=APP, settings=settings, **booked)
    nothing = Demand(app_id="app_other", settings=AdSettings(app_id="app_other"))
    assert it.demand.all_demand("app_other") == nothing


def test_of_two_settings_of_one_version_one_is_refused(it: Kept) -> None:
    nothing = it.demand.get_settings(APP)
    assert nothing == AdSettings(app_id=APP)
    first = it.set(nothing, choosing={4: Choosing.AUCTION})
    with pytest.raises(DemandChangedError):
        it.set(nothing, apart_minutes=1)
    assert it.demand.get_settings(APP) == first
    second = it.set(first, apart_minutes=0)
    assert it.demand.get_settings(APP) == second
    assert it.told() == ["ad_settings.updated.v1"] * 2


def test_of_many_who_take_a_name_at_once_one_has_it(it: Kept) -> None:
    def take(number: int) -> bool:
        try:
            return it.add(numbered(Kind.PLACEMENT, number, name="home"))
        except DomainError:
            return False

    if isinstance(it.demand, InMemoryDemandStore):
        took = [take(number) for number in range(8)]
    else:
        with ThreadPoolExecutor(8) as threads:
            took = list(threads.map(take, range(8)))
    assert took.count(True) == 1
    assert len(list(it.demand.all_of(Kind.PLACEMENT, APP))) == 1
