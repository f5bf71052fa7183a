"""People joined and parted: nothing is lost, nothing leaks, whatever comes in between."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contact_policy.model.standing import ConsentStatus
from shared.kernel.decisions import Allow, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from tests.contract.policy import (
    APP,
    HOUR,
    Merge,
    PolicyServices,
    in_memory,
    merge,
    on_dynamodb,
    statement,
)
from tests.fakes.contact_policy import ADA, BOB

CAT = "con_00000000000000000000000003"
DAN = "con_00000000000000000000000004"
PEOPLE = (ADA, BOB, CAT, DAN)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def origins(it: PolicyServices, contact_id: str) -> list[str]:
    return sorted(touch.origin for touch in it.person(contact_id).pressure.touches)


def test_the_touches_of_two_who_are_one_count_together(it: PolicyServices) -> None:
    it.capped(2)
    it.reserve(ADA)
    it.reserve(BOB)
    assert it.decide(ADA) == it.decide(BOB) == Allow()
    it.people.unite(merge("edg_1", ADA, BOB))
    assert isinstance(it.decide(ADA), Defer)
    assert isinstance(it.decide(BOB), Defer)
    assert it.person(BOB).contact_id == ADA


def test_what_came_after_the_merge_goes_with_the_contact_it_came_to(it: PolicyServices) -> None:
    it.capped(9)
    it.reserve(BOB)
    it.people.unite(merge("edg_1", ADA, BOB))
    it.reserve(BOB)
    it.reserve(ADA)
    it.people.split(merge("edg_1", ADA, BOB))
    assert (origins(it, ADA), origins(it, BOB)) == ([ADA], [BOB, BOB])


def test_uniting_and_parting_twice_changes_nothing_more(it: PolicyServices) -> None:
    it.capped(9)
    it.reserve(BOB)
    joined = merge("edg_1", ADA, BOB)
    it.people.unite(joined)
    once = it.person()
    it.people.unite(joined)
    assert it.person() == once
    it.people.split(joined)
    it.reserve(BOB)
    parted = it.person(BOB)
    it.people.split(joined)
    assert it.person(BOB) == parted
    assert len(parted.pressure) == 2


def test_a_reservation_is_found_again_after_merges_and_partings(it: PolicyServices) -> None:
    it.capped(9)
    held = it.reserved(BOB, hold=HOUR)
    released = it.reserved(BOB)
    it.people.unite(merge("edg_1", ADA, BOB))
    it.people.unite(merge("edg_2", CAT, ADA, BOB))
    it.decisions.commit(held, app_id=APP)
    it.people.split(merge("edg_2", CAT, ADA, BOB))
    it.people.split(merge("edg_1", ADA, BOB))
    it.decisions.release(released, app_id=APP)
    (touch,) = it.person(BOB).pressure.touches
    assert touch.held_until is None


def test_no_chain_is_left_by_merges_of_merges(it: PolicyServices) -> None:
    it.people.unite(merge("edg_1", BOB, CAT))
    it.people.unite(merge("edg_2", ADA, BOB, CAT))
    places = it.person_store.places(set(PEOPLE), app_id=APP)
    assert {one: place.moved_to for one, place in places.items()} == {
        ADA: None,
        BOB: ADA,
        CAT: ADA,
        DAN: None,
    }


def test_parting_at_an_inner_edge_takes_only_what_hung_on_it(it: PolicyServices) -> None:
    it.under()
    for contact_id in PEOPLE:
        it.reserve(contact_id)
    it.people.unite(merge("edg_1", BOB, CAT))
    it.people.unite(merge("edg_2", ADA, BOB, CAT))
    it.people.unite(merge("edg_3", ADA, DAN))
    it.people.split(merge("edg_2", ADA, BOB, CAT))
    assert origins(it, ADA) == origins(it, DAN) == [ADA, DAN]
    assert origins(it, BOB) == origins(it, CAT) == [BOB, CAT]


def test_a_merge_that_was_given_up_parts_nobody_whom_another_edge_joins(
    it: PolicyServices,
) -> None:
    it.capped(1)
    it.reserve(ADA)
    it.people.unite(merge("edg_1", ADA, BOB))
    it.people.unite(merge("edg_2", BOB, ADA))  # the same two, the other way round
    it.people.split(merge("edg_2", BOB, ADA))
    assert isinstance(it.decide(BOB), Defer)
    it.people.split(merge("edg_1", ADA, BOB))
    assert it.decide(BOB) == Allow()


def test_who_joined_at_a_contact_that_leaves_goes_with_it(it: PolicyServices) -> None:
    it.under()
    for contact_id in (ADA, BOB, CAT):
        it.reserve(contact_id)
    it.people.unite(merge("edg_1", ADA, BOB))
    it.people.unite(merge("edg_2", ADA, CAT))  # the evidence led to Bob, whom Ada stands for
    it.people.split(merge("edg_1", ADA, BOB, CAT))
    assert origins(it, ADA) == [ADA]
    assert origins(it, BOB) == origins(it, CAT) == [BOB, CAT]
    it.people.split(merge("edg_2", BOB, CAT))
    assert origins(it, CAT) == [CAT]


def test_a_merge_that_was_given_up_takes_nobody_along_who_joined_meanwhile(
    it: PolicyServices,
) -> None:
    it.under()
    for contact_id in (BOB, CAT):
        it.reserve(contact_id)
    it.people.unite(merge("edg_1", ADA, BOB))
    it.people.unite(merge("edg_2", CAT, BOB))
    it.people.split(merge("edg_1", ADA, BOB))
    assert origins(it, BOB) == origins(it, CAT) == [BOB, CAT]
    assert origins(it, ADA) == []


def test_a_merge_nobody_told_of_is_taken_up_with_the_next(it: PolicyServices) -> None:
    it.under()
    for contact_id in (ADA, BOB, CAT):
        it.reserve(contact_id)
    it.people.unite(merge("edg_2", ADA, BOB, CAT))
    assert origins(it, ADA) == [ADA, BOB, CAT]
    it.people.split(merge("edg_1", ADA, CAT))
    assert origins(it, CAT) == [CAT]
    assert origins(it, BOB) == [ADA, BOB]


def test_nobody_leaks_out_of_a_control_group_by_a_second_id(it: PolicyServices) -> None:
    it.under()
    group = it.control_groups.create_control_group(APP, percent=50)
    many = [f"con_{number:026d}" for number in range(64)]  # half of them, by a salt of chance
    told = {contact_id: it.decide(contact_id) for contact_id in many}
    inside = next(one for one, decision in told.items() if isinstance(decision, Drop))
    outside = next(one for one, decision in told.items() if isinstance(decision, Allow))
    it.people.unite(merge("edg_1", outside, inside))
    for contact_id in (inside, outside):
        decision = it.decide(contact_id)
        assert [(one.gate, one.rule) for one in decision.because] == [
            (Gate.CONTROL_GROUP, group.id)
        ]
    it.people.split(merge("edg_1", outside, inside))
    assert it.decide(outside) == Allow()


def test_forty_contacts_are_moved_in_one_transaction(it: PolicyServices) -> None:
    it.under()
    others = [f"con_{number:026d}" for number in range(2, 41)]
    for other in others[:-1]:
        it.people.unite(merge(f"edg_{other}", others[-1], other))
    it.reserve(others[0])
    it.people.unite(merge("edg_all", ADA, others[-1], *others))
    assert origins(it, ADA) == [others[0]]
    assert it.person(others[7]).contact_id == ADA
    it.people.split(merge("edg_all", ADA, others[-1], *others))
    assert origins(it, ADA) == []
    assert it.person(others[7]).contact_id == others[-1]


@dataclass
class Facts:
    """What happened, raw: who was touched and what they said, and which edges there are."""

    touches: list[str] = field(default_factory=list)
    refusals: set[str] = field(default_factory=set)
    edges: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The contact to which the evidence led, and the root that was hung below it."""
    made: int = 0

    def person(self, contact_id: str) -> frozenset[str]:
        """Return the contacts that edges join with one."""
        found, more = {contact_id}, {contact_id}
        while more:
            more = {end for edge in self.edges.values() if found & {*edge} for end in edge} - found
            found |= more
        return frozenset(found)

    def root(self, contact_id: str) -> str:
        below = {moves for _, moves in self.edges.values()}
        (root,) = self.person(contact_id) - below
        return root

    def joining(self, contact_id: str, other: str) -> Merge | None:
        """Return the intent to join two people at a contact; ``None``: they are one."""
        if other in self.person(contact_id):
            return None
        self.made += 1
        moves = self.root(other)
        return merge(f"edg_{self.made:02d}", self.root(contact_id), moves, *self.person(moves))

    def parting(self, place: int) -> Merge | None:
        """Take an edge back, and return the intent."""
        if not self.edges:
            return None
        edge_id = sorted(self.edges)[place % len(self.edges)]
        at_contact, moves = self.edges.pop(edge_id)
        return merge(edge_id, self.root(at_contact), moves, *self.person(moves))


CONTACTS = st.sampled_from(PEOPLE)
STEPS = st.lists(
    st.tuples(st.just("touch"), CONTACTS, CONTACTS)
    | st.tuples(st.just("refuse"), CONTACTS, CONTACTS)
    | st.tuples(st.just("join"), CONTACTS, CONTACTS)
    | st.tuples(st.just("give up"), CONTACTS, CONTACTS)
    | st.tuples(st.just("part"), CONTACTS, CONTACTS),
    max_size=30,
)


def live(it: PolicyServices, steps: Iterable[tuple[str, str, str]]) -> None:
    """Let things happen, merges twice, and hold what is kept against the raw facts."""
    it.under()
    facts = Facts()
    for kind, contact_id, other in steps:
        it.clock.advance(timedelta(seconds=1))
        if kind == "touch":
            it.reserve(contact_id, channel=Channel.AD, purpose=Purpose.TRANSACTIONAL)
            facts.touches.append(contact_id)
        elif kind == "refuse":
            it.consents.withdraw(statement(contact_id))
            facts.refusals.add(contact_id)
        else:
            regroup(it, facts, kind, contact_id, other)
    for contact_id in PEOPLE:
        person = facts.person(contact_id)
        assert it.person(contact_id).contact_ids == person
        assert origins(it, contact_id) == sorted(one for one in facts.touches if one in person)
        refused = it.effective(contact_id).consent(Purpose.MARKETING, Channel.EMAIL, None)
        assert refused is (ConsentStatus.WITHDRAWN if person & facts.refusals else None)


def regroup(it: PolicyServices, facts: Facts, kind: str, contact_id: str, other: str) -> None:
    """Join, join and give up, or part; each call comes twice, as after a crash."""
    parts = kind == "part"
    intent = facts.parting(PEOPLE.index(contact_id)) if parts else facts.joining(contact_id, other)
    if intent is None:
        return
    if not parts:
        it.people.unite(intent)
        it.people.unite(intent)
    if kind == "join":
        facts.edges[intent.edge_id] = contact_id, intent.moves
    else:
        it.people.split(intent)
        it.people.split(intent)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_whatever_happens_people_are_what_a_rebuild_from_the_facts_makes_them(
    steps: list[tuple[str, str, str]],
) -> None:
    live(in_memory(), steps)


def test_on_dynamodb_too_people_are_what_the_facts_make_them(
    request: pytest.FixtureRequest,
) -> None:
    steps = [
        ("touch", BOB, BOB),
        ("join", ADA, BOB),
        ("touch", BOB, BOB),
        ("refuse", CAT, CAT),
        ("give up", ADA, CAT),
        ("join", CAT, DAN),
        ("join", BOB, DAN),
        ("touch", DAN, DAN),
        ("part", BOB, BOB),
        ("touch", CAT, CAT),
        ("part", ADA, ADA),
        ("refuse", BOB, BOB),
        ("join", DAN, BOB),
    ]
    live(on_dynamodb(request), steps)
