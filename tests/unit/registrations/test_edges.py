from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registrations.errors import EdgeNotFoundError
from shared.registrations.model.edges import Edge, EdgeCause, Person, alone, component
from tests.fakes.clock import NOON

APP = "app_1"
NAMES = "ABCDEF"


def edge(contact_id: str, origin: str, *, number: int = 0) -> Edge:
    return Edge(
        edge_id=f"edg_{number}",
        app_id=APP,
        contact_id=contact_id,
        origin=origin,
        cause=EdgeCause.HAND,
        by="ada",
        created_at=NOON + timedelta(minutes=number),
    )


def person(name: str) -> Person:
    return Person(root=alone(name, app_id=APP))


def test_an_edge_makes_one_person_of_two() -> None:
    both = person("A").joined_by(edge("A", "B"), person("B"))
    assert both.contact_ids == ["A", "B"]
    assert both.others["B"].canonical == "A"


def test_taking_the_edge_back_leaves_two() -> None:
    both = person("A").joined_by(edge("A", "B"), person("B"))
    one, other = both.split_at("edg_0")
    assert (one.contact_ids, other.contact_ids) == (["A"], ["B"])
    assert other.root.is_root


def test_an_edge_below_can_be_taken_back_first() -> None:
    below = person("B").joined_by(edge("B", "C", number=1), person("C"))
    whole = person("A").joined_by(edge("A", "B", number=2), below)
    rest, leaf = whole.split_at("edg_1")
    assert (rest.contact_ids, leaf.contact_ids) == (["A", "B"], ["C"])
    top, middle = rest.split_at("edg_2")
    assert (top.contact_ids, middle.contact_ids) == (["A"], ["B"])


def test_an_edge_that_joins_nothing_is_not_found() -> None:
    with pytest.raises(EdgeNotFoundError):
        person("A").split_at("edg_9")


def test_people_who_were_marked_apart_stay_apart() -> None:
    ada = Person(root=alone("A", app_id=APP).next(apart=frozenset({"C"})))
    couple = person("B").joined_by(edge("B", "C"), person("C"))
    assert ada.is_apart_from(couple)
    assert couple.is_apart_from(ada)
    assert not person("D").is_apart_from(couple)


def test_an_edge_lives_from_its_making_to_its_removal() -> None:
    short = edge("A", "B")
    removed = replace(short, removed_at=NOON + timedelta(hours=1))
    assert removed.is_live(at=NOON)
    assert not removed.is_live(at=NOON - timedelta(seconds=1))
    assert not removed.is_live(at=NOON + timedelta(hours=1))
    assert not removed.is_live()


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans())))
def test_people_are_always_what_the_raw_edges_say(steps: list[tuple[str, str, bool]]) -> None:
    people = {name: person(name) for name in NAMES}
    edges: dict[str, Edge] = {}

    def settle(*changed: Person) -> None:
        for one in changed:
            people.update(dict.fromkeys(one.contact_ids, one))

    for number, (name, other, joins) in enumerate(steps):
        at = NOON + timedelta(minutes=number)
        if joins and other not in people[name].contact_ids:
            made = edge(name, people[other].canonical, number=number)
            edges[made.edge_id] = made
            settle(people[name].joined_by(made, people[other]))
        elif not joins and people[name].others:
            removed = next(place.edge for place in people[name].others.values() if place.edge)
            settle(*people[name].split_at(removed.edge_id))
            edges[removed.edge_id] = replace(removed, removed_at=at)
        for one in NAMES:
            assert set(people[one].contact_ids) == component(edges.values(), one)
            assert people[one].root.members == set(people[one].contact_ids)
            assert all(place.canonical == people[one].canonical for place in people[one].places)
