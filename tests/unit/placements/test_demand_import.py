"""Imports of what is booked: planned whole, refused whole, repeated without effect."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.placements.model.demand import Flight, Kind, State, Thing
from shared.placements.model.imports import MOST_LINES, Action, Entry, ImportReport
from shared.placements.service.demand_import import DemandImport
from shared.placements.service.relations import Relations
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import EveryApp
from tests.fakes.placements_demand import InMemoryDemandStore, ThoseOf, WordsOfTargeting
from tests.unit.placements.bookings import APP, AT, PLAIN, SCHEMA

START = "2026-11-23T09:00:00Z"
BOOKED: dict[str, Any] = {
    "ads": [
        {"key": "shoe", "name": "Shoe", "flight": "shoes", "creative": "shoe"},
        {"key": "card", "name": "Card", "flight": "shoes", "creative": "card"},
    ],
    "creatives": [
        {**PLAIN[Kind.CREATIVE], "advertiser_id": None, "key": "shoe", "advertiser": "acme"},
        {
            "key": "card",
            "name": "Card",
            "advertiser": "acme",
            "format": "native",
            "ad_template": "card",
            "values": {"title": "Shoes"},
        },
    ],
    "flights": [
        {
            "key": "shoes",
            "name": "Shoes",
            "ad_campaign": "spring",
            "starts_at": START,
            "placements": ["home"],
            "targeting": "seg_1",
            "state": "active",
        }
    ],
    "ad_campaigns": [{"key": "spring", "name": "Spring", "advertiser": "acme"}],
    "advertisers": [{"key": "acme", "name": "Acme"}],
    "placements": [{"key": "home", "name": "home-top", "sizes": ["320x50"], "templates": ["card"]}],
    "ad_templates": [{"key": "card", "name": "Card", "schema": SCHEMA}],
}
LINES = sum(map(len, BOOKED.values()))


class Contested(InMemoryDemandStore):
    """Lets somebody else do something before each thing is added."""

    def __init__(self) -> None:
        super().__init__()
        self.before_adding: Callable[[Thing], object] = id

    @override
    def add(
        self,
        thing: Thing,
        event: Envelope,
        *,
        attempt: Attempt | None = None,
        key: str | None = None,
    ) -> bool:
        self.before_adding(thing)
        return super().add(thing, event, attempt=attempt, key=key)


@dataclass(kw_only=True)
class Office:
    demand: Contested = field(default_factory=Contested)
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    segments: ThoseOf = field(default_factory=lambda: ThoseOf("seg_1"))

    def run(self, document: Any, **how: Any) -> ImportReport:
        service = DemandImport(
            apps=EveryApp(),
            demand=self.demand,
            relations=Relations(
                targeting=WordsOfTargeting(), coupons=ThoseOf(), segments=self.segments
            ),
            clock=self.clock,
            ids=Ids(clock=self.clock),
        )
        return service.run(document, app_id=APP, by="ada", **{"dry_run": False, **how})

    def flight(self) -> Flight:
        (flight,) = self.demand.all_of(Kind.FLIGHT, APP)
        assert isinstance(flight, Flight)
        return flight


@pytest.fixture
def it() -> Office:
    return Office()


def with_field(section: str, place: int, **fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(BOOKED)
    document[section][place].update(fields)
    return document


def of(report: ImportReport, action: Action) -> list[Entry]:
    return [entry for entry in report.entries if entry.action is action]


def problems(report: ImportReport) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for entry in report.entries for one in entry.problems]


def test_things_are_made_in_the_order_in_which_they_name_each_other(it: Office) -> None:
    report = it.run(BOOKED)
    assert report.done
    assert report.count(Action.CREATED) == LINES
    assert {entry.thing_id for entry in report.entries} == {key[2] for key in it.demand.kept}
    flight = it.flight()
    assert (flight.state, flight.version) == (State.ACTIVE, 2)
    assert it.demand.get(Kind.PLACEMENT, flight.placements[0], app_id=APP).name == "home-top"


def test_a_second_run_changes_nothing(it: Office) -> None:
    first = it.run(BOOKED)
    kept, events = dict(it.demand.kept), len(it.demand.events)
    it.clock.advance(timedelta(days=1))
    again = it.run(BOOKED)
    assert again.done
    assert again.count(Action.UNCHANGED) == LINES
    assert [one.thing_id for one in again.entries] == [one.thing_id for one in first.entries]
    assert (it.demand.kept, len(it.demand.events)) == (kept, events)


def test_a_changed_line_changes_its_thing_alone(it: Office) -> None:
    it.run(BOOKED)
    kept = dict(it.demand.kept)
    report = it.run(with_field("flights", 0, weight=9))
    assert [entry.key for entry in of(report, Action.UPDATED)] == ["shoes"]
    assert report.count(Action.UNCHANGED) == LINES - 1
    changed = [key for key, thing in it.demand.kept.items() if kept[key] != thing]
    assert changed == [(APP, Kind.FLIGHT, it.flight().flight_id)]
    assert (it.flight().weight, it.flight().version, it.flight().state) == (9, 3, State.ACTIVE)


def test_a_line_moves_its_thing_and_one_without_a_state_leaves_it(it: Office) -> None:
    it.run(BOOKED)
    it.run(with_field("flights", 0, state="paused"))
    assert it.flight().state is State.PAUSED
    it.run(with_field("flights", 0, state=None, name="Boots"))
    assert (it.flight().state, it.flight().name) == (State.PAUSED, "Boots")


def test_a_dry_run_tells_what_would_be_and_writes_nothing(it: Office) -> None:
    report = it.run(BOOKED, dry_run=True)
    assert (report.count(Action.CREATED), report.done, report.dry_run) == (LINES, False, True)
    assert {entry.thing_id for entry in report.entries} == {None}
    assert (it.demand.kept, it.demand.events) == ({}, [])
    it.run(BOOKED)
    changed = it.run(with_field("ads", 0, weight=2), dry_run=True)
    assert [entry.pointer for entry in of(changed, Action.UPDATED)] == ["/ads/0"]
    assert changed.count(Action.UNCHANGED) == LINES - 1


@pytest.mark.parametrize(
    ("section", "place", "fields", "problem"),
    [
        ("flights", 0, {"tier": 99}, ("/flights/0/tier", "number")),
        ("flights", 0, {"ad_campaign": "autumn"}, ("/flights/0/ad_campaign", "unknown")),
        ("flights", 0, {"placements": ["other"]}, ("/flights/0/placements/0", "unknown")),
        ("flights", 0, {"targeting": "seg_9"}, ("/flights/0/targeting", "unknown")),
        ("flights", 0, {"targeting": "!"}, ("/flights/0/targeting", "targeting")),
        ("flights", 0, {"state": "paused"}, ("/flights/0", "demand_state")),
        ("flights", 0, {"ends_at": "2026-11-23T10:00:00Z"}, ("/flights/0", "demand_state")),
        ("creatives", 1, {"values": {}}, ("/creatives/1/values/title", "missing")),
        ("ads", 1, {"creative": 5}, ("/ads/1/creative", "unknown")),
    ],
)
def test_where_a_line_is_refused_nothing_is_written(
    it: Office, section: str, place: int, fields: Any, problem: tuple[str, str]
) -> None:
    report = it.run(with_field(section, place, **fields))
    assert problems(report) == [problem]
    assert not report.done
    assert it.demand.kept == {}


def test_what_names_a_refused_line_is_not_blamed_for_it(it: Office) -> None:
    report = it.run(with_field("advertisers", 0, name=""))
    assert problems(report) == [("/advertisers/0/name", "text")]


def test_two_placements_of_one_name_are_refused(it: Office) -> None:
    document = {
        "placements": [
            {"key": key, "name": "home-top", "sizes": ["320x50"]} for key in ("one", "two")
        ]
    }
    assert problems(it.run(document)) == [
        ("/placements/0", "name_taken"),
        ("/placements/1", "name_taken"),
    ]


def test_what_cannot_be_changed_is_refused(it: Office) -> None:
    it.run(BOOKED)
    report = it.run(with_field("placements", 0, name="other"))
    assert problems(report) == [("/placements/0/name", "fixed")]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], ("", "type")),
        ({"coupons": []}, ("/coupons", "unknown")),
        ({"ads": [5]}, ("/ads/0", "type")),
        ({"advertisers": [{"name": "Acme"}]}, ("/advertisers/0/key", "pattern")),
        ({"advertisers": [{"key": "ADV", "name": "Acme"}]}, ("/advertisers/0/key", "pattern")),
        (
            {"advertisers": [{"key": "a", "name": "A"}, {"key": "a", "name": "B"}]},
            ("/advertisers/1/key", "twice"),
        ),
        ({"ads": [{"key": "a", "state": "gone"}]}, ("/ads/0/state", "word")),
        ({"ads": [{}] * (MOST_LINES + 1)}, ("/ads", "length")),
    ],
)
def test_what_is_no_import_is_refused(it: Office, document: Any, problem: tuple[str, str]) -> None:
    with pytest.raises(InvalidFieldsError) as error:
        it.run(document)
    assert [(one.pointer, one.code) for one in error.value.fields] == [problem]


def test_an_import_has_a_bounded_number_of_things(it: Office) -> None:
    half = MOST_LINES // 2 + 1
    lines = [{"key": f"a{number}", "name": "A"} for number in range(half)]
    with pytest.raises(InvalidFieldsError) as error:
        it.run({"advertisers": lines, "ad_templates": lines})
    assert [(one.pointer, one.code) for one in error.value.fields] == [("", "length")]


def test_segments_of_all_lines_are_asked_for_together(it: Office) -> None:
    document = copy.deepcopy(BOOKED)
    document["flights"] += [
        {**BOOKED["flights"][0], "key": f"more-{number}", "state": None} for number in range(20)
    ]
    assert it.run(document).done
    assert it.segments.asked == 1


def test_an_import_that_runs_out_of_time_goes_on_where_it_stopped(it: Office) -> None:
    until = AT + timedelta(seconds=4)
    it.demand.before_adding = lambda _: it.clock.advance(timedelta(seconds=1))
    first = it.run(BOOKED, until=until)
    assert [entry.done for entry in first.entries] == [True] * 4 + [False] * (LINES - 4)
    it.demand.before_adding = id
    second = it.run(BOOKED)
    assert second.done
    assert (second.count(Action.UNCHANGED), second.count(Action.CREATED)) == (4, LINES - 4)
    assert it.flight().state is State.ACTIVE


def test_who_loses_a_race_stops_and_can_repeat(it: Office) -> None:
    rival = Office(demand=Contested())
    rival.demand.kept, rival.demand.known = it.demand.kept, it.demand.known

    def race(thing: Thing) -> None:
        if thing.name == "Acme":
            it.demand.before_adding = id
            rival.run({"advertisers": BOOKED["advertisers"]})

    it.demand.before_adding = race
    report = it.run(BOOKED)
    assert problems(report) == [("/advertisers/0", "demand_changed")]
    assert not report.done
    again = it.run(BOOKED)
    assert again.done
    assert len(list(it.demand.all_of(Kind.ADVERTISER, APP))) == 1
