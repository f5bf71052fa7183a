"""What marketers may write of what they book, and what they are told of the rest."""

from dataclasses import fields, replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.placements.model.demand import (
    AdSettings,
    CapMode,
    Choosing,
    Daypart,
    Flight,
    FrequencyCap,
    Goal,
    Kind,
    Pacing,
    Pricing,
    Rate,
    Size,
    State,
    Target,
)
from shared.placements.model.documents import (
    changed_by,
    document_of,
    document_of_settings,
    kept_thing_of,
    settings_of,
    thing_of,
)
from shared.placements.model.things import TYPES, id_field_of, id_of
from tests.unit.placements.bookings import (
    APP,
    AT,
    PLAIN,
    WHOLE,
    a,
    a_flight,
    a_placement,
    any_targeting,
)


def refused(kind: Kind, **fields: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidFieldsError) as error:
        a(kind, **fields)
    return {(problem.pointer, problem.code) for problem in error.value.fields}


@pytest.mark.parametrize("kind", Kind)
def test_the_least_of_a_thing_is_enough(kind: Kind) -> None:
    thing = a(kind)
    assert (id_of(thing), thing.app_id, thing.created_at, thing.version) == (
        getattr(thing, id_field_of(kind)),
        APP,
        AT,
        1,
    )
    assert thing.state is (State.DRAFT if kind is Kind.FLIGHT else State.ACTIVE)


@pytest.mark.parametrize("kind", Kind)
def test_the_document_of_a_thing_says_all_that_was_written(kind: Kind) -> None:
    assert document_of(a(kind, WHOLE[kind])) == WHOLE[kind]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("documents", [PLAIN, WHOLE])
def test_a_kept_thing_is_the_one_that_was_written(kind: Kind, documents: Any) -> None:
    thing = a(kind, documents[kind])
    kept = kept_thing_of(kind, document_of(thing), app_id=APP, thing_id=id_of(thing), created_at=AT)
    assert kept == thing


@pytest.mark.parametrize("kind", Kind)
def test_a_document_has_the_words_of_its_dataclass(kind: Kind) -> None:
    ours = {id_field_of(kind), "app_id", "created_at", "state", "version"}
    assert set(document_of(a(kind))) == {one.name for one in fields(TYPES[kind])} - ours


instants = (
    st.integers(0, 10**9)
    .map(lambda second: datetime.fromtimestamp(second, UTC))
    .map(lambda at: at.replace(year=2027))
)
caps = st.builds(
    FrequencyCap,
    times=st.integers(1, 10_000),
    window_seconds=st.integers(60, 15_552_000),
    mode=st.sampled_from(CapMode),
)
dayparts = st.builds(
    Daypart,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.builds(time, st.integers(0, 11), st.integers(0, 59)),
    until=st.builds(time, st.integers(12, 23), st.integers(0, 59)) | st.just(time()),
)
targets = st.builds(
    Target,
    goal=st.sampled_from([Goal.IMPRESSIONS, Goal.CLICKS, Goal.CONVERSIONS]),
    lifetime=st.none() | st.integers(1, 10**9),
    daily=st.none() | st.integers(1, 10**9),
    pacing=st.sampled_from(Pacing),
)
rates = st.builds(
    Rate,
    pricing=st.sampled_from(Pricing),
    amount=st.integers(0, 10**12),
    currency=st.sampled_from(["CHF", "JPY"]),
)


@given(
    instants,
    st.lists(caps, max_size=3).map(tuple),
    st.lists(dayparts, max_size=3).map(tuple),
    targets,
    st.none() | rates,
    st.integers(0, 10_000).map(lambda part: part / 100),
)
def test_a_flight_comes_back_from_its_document(
    ends_at: datetime, caps: Any, dayparts: Any, target: Target, rate: Rate | None, ghosts: float
) -> None:
    flight = replace(
        a_flight(),
        ends_at=ends_at,
        caps=caps,
        dayparts=dayparts,
        target=target,
        rate=rate,
        ghost_percent=ghosts,
    )
    again = thing_of(
        Kind.FLIGHT,
        document_of(flight),
        app_id=APP,
        thing_id="flt_1",
        created_at=AT,
        targeting_of=any_targeting,
    )
    assert again == flight


def test_a_size_is_a_text_or_its_two_sides() -> None:
    placement = a_placement(sizes=["320x50", {"width": 300, "height": 250}, "320x50"])
    assert placement.sizes == (Size(width=320, height=50), Size(width=300, height=250))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sizes": ["320 x 50"]}, ("/sizes/0", "pattern")),
        ({"sizes": ["0x50"]}, ("/sizes/0", "pattern")),
        ({"sizes": [{"width": 20_000, "height": 1}]}, ("/sizes/0/width", "number")),
        ({"sizes": [{"width": 1}]}, ("/sizes/0/height", "missing")),
        ({"sizes": [], "templates": []}, ("/sizes", "missing")),
        ({"name": "Home"}, ("/name", "pattern")),
        ({"name": "home--top"}, ("/name", "pattern")),
        ({"name": "h" * 65}, ("/name", "pattern")),
        ({"name": None}, ("/name", "missing")),
        ({"state": "ended"}, ("/state", "unknown")),
        ({"fallback": {"text": "x" * 2_000}}, ("/fallback", "length")),
        ({"fallback": {"deep": [float("nan")]}}, ("/fallback", "number")),
        ({"fallback": "text"}, ("/fallback", "type")),
        ({"caps": [{"times": 1, "window_seconds": 59}]}, ("/caps/0/window_seconds", "number")),
    ],
)
def test_a_placement_that_is_not_well_described_is_refused(
    fields: Any, problem: tuple[str, str]
) -> None:
    assert refused(Kind.PLACEMENT, **fields) == {problem}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"starts_at": "2026-11-23T09:00:00"}, ("/starts_at", "instant")),
        ({"starts_at": "1999-11-23T09:00:00Z"}, ("/starts_at", "range")),
        ({"ends_at": "2026-11-23T09:00:00Z"}, ("/ends_at", "order")),
        ({"tier": 17}, ("/tier", "number")),
        ({"ghost_percent": 100.5}, ("/ghost_percent", "number")),
        ({"ghost_percent": False}, ("/ghost_percent", "number")),
        ({"target": {"exact": True}}, ("/target/exact", "missing")),
        ({"target": {"exact": True, "daily": 5, "goal": "clicks"}}, ("/target/exact", "kind")),
        ({"target": {"lifetime": 5}}, ("/ends_at", "missing")),
        ({"target": {"goal": "revenue"}}, ("/rate", "missing")),
        ({"target": {"goal": "coupon_claims"}}, ("/coupon_id", "missing")),
        ({"rate": {"pricing": "cpm", "amount": 1}}, ("/rate/currency", "missing")),
        ({"targeting": "x" * 5_000}, ("/targeting", "length")),
        (
            {"dayparts": [{"weekdays": [1], "start": "18:00", "until": "09:00"}]},
            ("/dayparts/0", "order"),
        ),
        ({"dayparts": [{"weekdays": [], "start": "1:00"}]}, ("/dayparts/0/until", "missing")),
    ],
)
def test_a_flight_that_is_not_well_described_is_refused(
    fields: Any, problem: tuple[str, str]
) -> None:
    assert problem in refused(Kind.FLIGHT, **fields)


def test_a_flight_that_delivers_at_once_needs_no_end() -> None:
    a(Kind.FLIGHT, target={"lifetime": 50, "pacing": "asap"})


def test_all_problems_are_told_at_once() -> None:
    assert refused(Kind.FLIGHT, name="", tier=0, weight=0, caps=3) == {
        ("/name", "text"),
        ("/tier", "number"),
        ("/weight", "number"),
        ("/caps", "type"),
    }


def test_a_thing_that_is_too_large_is_refused() -> None:
    labels = [f"{number:>127}" for number in range(20)]
    keywords = [f"{number:>64}" for number in range(100)]
    assert refused(Kind.FLIGHT, labels=labels, keywords=keywords) == {("", "too_large")}


def test_targeting_is_read_by_who_knows_its_language() -> None:
    flight = thing_of(
        Kind.FLIGHT,
        {**PLAIN[Kind.FLIGHT], "targeting": {"and": ["a", "b"]}},
        app_id=APP,
        thing_id="flt_1",
        created_at=AT,
        targeting_of=lambda given: " and ".join(given["and"]),
    )
    assert isinstance(flight, Flight)
    assert flight.targeting == "a and b"


def test_problems_of_targeting_are_told_in_their_place() -> None:
    def refuse(_: Any) -> str:
        problem = FieldProblem(pointer="/and/1", code="word", detail="no such field")
        raise InvalidFieldsError("no", fields=[problem])

    with pytest.raises(InvalidFieldsError) as error:
        changed_by({"targeting": "x", "tier": 0}, a(Kind.FLIGHT), targeting_of=refuse)
    found = {(problem.pointer, problem.code) for problem in error.value.fields}
    assert found == {("/tier", "number"), ("/targeting/and/1", "word")}


def test_a_change_names_the_fields_that_are_new() -> None:
    before = a_flight(**WHOLE[Kind.FLIGHT])
    after = changed_by({"weight": 2, "labels": None}, before, targeting_of=any_targeting)
    assert after == replace(before, weight=2, labels=frozenset())


def test_a_change_is_an_object() -> None:
    with pytest.raises(InvalidFieldsError):
        changed_by([], a(Kind.FLIGHT), targeting_of=any_targeting)


def test_settings_come_back_from_their_document() -> None:
    settings = AdSettings(
        app_id=APP,
        version=3,
        choosing={12: Choosing.AUCTION, 4: Choosing.LOTTERY},
        caps=(FrequencyCap(times=1, window_seconds=60),),
        apart_minutes=0,
    )
    assert settings_of(document_of_settings(settings), app_id=APP, version=3) == settings
    assert settings_of({}, app_id=APP) == AdSettings(app_id=APP)


def test_settings_name_tiers_that_there_are() -> None:
    with pytest.raises(InvalidFieldsError) as error:
        settings_of({"choosing": {"17": "lottery", "4": "dice"}}, app_id=APP)
    assert {problem.pointer for problem in error.value.fields} == {"/choosing/17", "/choosing/4"}
