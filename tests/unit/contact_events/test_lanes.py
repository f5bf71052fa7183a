"""Events of one person go one after the other, as long as one may make or join somebody."""

from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.lanes import lanes
from tests.fakes.clock import NOON

NAMES = st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)


def events(*named: set[str]) -> list[tuple[int, ForeignEvent]]:
    return [
        (
            number,
            ForeignEvent(
                app_id="app_1",
                source="shop",
                id=str(number),
                type="page.viewed.v1",
                time=NOON,
                identifiers=[("customer", name) for name in sorted(names)],
            ),
        )
        for number, names in enumerate(named)
    ]


@given(st.lists(NAMES))
def test_each_event_is_in_one_lane_or_among_the_others(named: list[set[str]]) -> None:
    in_lanes, others = lanes(events(*named))
    numbers = [number for lane in (*in_lanes, others) for number, _ in lane]
    assert sorted(numbers) == list(range(len(named)))


@given(st.lists(NAMES))
def test_no_two_lanes_share_a_name_and_each_keeps_its_order(named: list[set[str]]) -> None:
    in_lanes, _ = lanes(events(*named))
    names = [{name for _, event in lane for name in event.identifiers} for lane in in_lanes]
    assert sum(map(len, names)) == len(set().union(*names))
    assert all(lane == sorted(lane, key=lambda one: one[0]) for lane in in_lanes)


@given(st.lists(NAMES))
def test_the_others_name_people_as_a_lane_did(named: list[set[str]]) -> None:
    in_lanes, others = lanes(events(*named))
    known = {frozenset(event.identifiers) for lane in in_lanes for _, event in lane}
    assert all(frozenset(event.identifiers) in known for _, event in others)


def test_events_that_name_a_contact_wait_for_nobody() -> None:
    named = ForeignEvent(
        app_id="app_1", source="shop", id="1", type="a.b.v1", time=NOON, contact_id="con_1"
    )
    assert lanes([(0, named), (1, named)]) == ([[(0, named)], [(1, named)]], [])
