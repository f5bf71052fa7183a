"""One person across contacts: joined, parted, swept; on every store, real or fake."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.registrations.errors import (
    EdgeNotFoundError,
    IdentifierTakenError,
    KeptApartError,
    SamePersonError,
    TooManyIdentifiersError,
)
from shared.registrations.model.edges import MOST_MEMBERS, EdgeCause, component
from shared.registrations.ports import ContactStore, Intent, IntentKind
from shared.registrations.service.identifiers import NamedIdentifier
from shared.registrations.service.people import RESTING, PeopleService
from tests.contract.test_registration_stores import Registrations, in_memory, on_dynamodb
from tests.fakes.clock import NOON

EMAIL, PHONE = ("email", "ada@example.com"), ("phone", "+41446681800")
CUSTOMER, VISITOR = ("customer", "C-17"), ("anonymous", "browser-7")


def named(*pairs: tuple[str, str]) -> list[NamedIdentifier]:
    return [NamedIdentifier(namespace=name, value=value) for name, value in pairs]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Registrations:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


@dataclass
class Pressure:
    """A domain with state per contact: it counts the times each edge was united and split."""

    united: set[str] = field(default_factory=set)
    split_up: set[str] = field(default_factory=set)

    def unite(self, intent: Intent) -> None:
        assert intent.kind is IntentKind.UNITE
        self.united.add(intent.edge_id)

    def split(self, intent: Intent) -> None:
        assert intent.kind is IntentKind.SPLIT
        self.united.discard(intent.edge_id)
        self.split_up.add(intent.edge_id)


def merge(it: Registrations, app_id: str, one: str, other: str) -> str:
    edge = it.people.merge(one, other, app_id=app_id, cause=EdgeCause.HAND, by="ada")
    return edge.edge_id


def two_people(it: Registrations) -> tuple[str, str, str]:
    app_id = it.an_app()
    ada = it.logged_in(app_id, "ada", "phone-001")
    grace = it.logged_in(app_id, "grace", "phone-002")
    return app_id, ada, grace


def tag(it: Registrations, app_id: str, contact: str, *add: str, remove: str = "") -> None:
    it.contacts.update_contact(
        app_id=app_id,
        contact_id=contact,
        add_tags=frozenset(add),
        remove_tags=frozenset({remove} if remove else ()),
        attributes={},
    )


def test_the_roots_of_many_are_found_at_once_and_none_of_who_was_erased(
    it: Registrations,
) -> None:
    app_id, ada, grace = two_people(it)
    bob, eve = it.logged_in(app_id, "bob", "phone-003"), it.logged_in(app_id, "eve", "phone-004")
    merge(it, app_id, ada, grace)
    it.erasures.erase_contact(eve, app_id=app_id, by="ada")
    everybody = [ada, grace, bob, eve, "con_" + "0" * 26]
    roots = it.contact_store.roots_of(everybody, app_id=app_id)
    assert roots == {
        one: it.contact_store.root_of(one, app_id=app_id) for one in everybody if one != eve
    }
    assert roots[ada].members >= {ada, grace}
    assert it.contact_store.roots_of([], app_id=app_id) == {}


def test_a_merge_makes_one_person_with_one_profile(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    tag(it, app_id, ada, "vip")
    tag(it, app_id, grace, "beta")
    merge(it, app_id, ada, grace)
    profile = it.contacts.get_profile(app_id=app_id, contact_id=grace)
    assert profile.contact_id == ada
    assert profile.tags == {"vip", "beta"}
    assert [device.tags for device in profile.devices] == [{"vip", "beta"}] * 2
    assert set(it.origins.origins_of(grace, app_id=app_id)) >= {ada, grace}
    assert it.told()[-1] == "contact.merged.v1"


def test_unmerging_gives_both_back_what_was_theirs(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    tag(it, app_id, ada, "vip")
    tag(it, app_id, grace, "beta")
    edge_id = merge(it, app_id, ada, grace)
    tag(it, app_id, grace, "together", remove="beta")  # said of the person, whose root is Ada
    it.people.unmerge(grace, edge_id, app_id=app_id, by="ada")
    hers = it.contacts.get_profile(app_id=app_id, contact_id=ada)
    theirs = it.contacts.get_profile(app_id=app_id, contact_id=grace)
    assert (hers.contact_id, theirs.contact_id) == (ada, grace)
    assert hers.tags == {"vip", "together"}
    assert theirs.tags == {"beta"}
    assert [device.tags for device in theirs.devices] == [{"beta"}]
    with pytest.raises(EdgeNotFoundError):
        it.people.unmerge(grace, edge_id, app_id=app_id, by="ada")


def test_two_who_are_one_are_not_merged_again(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    merge(it, app_id, ada, grace)
    with pytest.raises(SamePersonError):
        merge(it, app_id, grace, ada)


def test_people_who_are_kept_apart_are_not_merged(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    it.people.keep_apart(ada, grace, app_id=app_id, by="ada")
    with pytest.raises(KeptApartError):
        merge(it, app_id, ada, grace)


def test_an_event_with_two_identifiers_joins_whom_they_name(it: Registrations) -> None:
    app_id = it.an_app()
    by_mail = it.resolution.resolve(named(EMAIL), app_id=app_id, at=NOON, by="evt_1")
    by_phone = it.resolution.resolve(named(PHONE), app_id=app_id, at=NOON, by="evt_2")
    assert by_mail != by_phone
    both = it.resolution.resolve(named(PHONE, EMAIL), app_id=app_id, at=NOON, by="evt_3")
    assert both == by_mail  # e-mail goes before phone
    assert set(it.origins.origins_of(by_phone, app_id=app_id)) == {by_mail, by_phone}


def test_an_identifier_that_named_nobody_names_the_contact_from_then_on(
    it: Registrations,
) -> None:
    app_id = it.an_app()
    contact = it.resolution.resolve(named(EMAIL), app_id=app_id, at=NOON, by="evt_1")
    it.resolution.resolve(named(EMAIL, PHONE), app_id=app_id, at=NOON, by="evt_2")
    assert it.resolution.resolve(named(PHONE), app_id=app_id, at=NOON, by="evt_3") == contact


def test_two_customers_are_never_joined_through_what_they_share(it: Registrations) -> None:
    app_id = it.an_app()
    one = it.resolution.resolve(
        named(("customer", "C-17"), EMAIL), app_id=app_id, at=NOON, by="evt_1"
    )
    two = it.resolution.resolve(named(("customer", "C-18")), app_id=app_id, at=NOON, by="evt_2")
    again = it.resolution.resolve(
        named(("customer", "C-18"), EMAIL), app_id=app_id, at=NOON, by="evt_3"
    )
    assert again == two
    assert it.origins.canonical(one, app_id=app_id) != it.origins.canonical(two, app_id=app_id)


def test_two_customers_who_share_an_address_stay_two(it: Registrations) -> None:
    app_id = it.an_app()
    one = it.resolution.resolve(named(CUSTOMER, EMAIL), app_id=app_id, at=NOON, by="evt_1")
    two = it.resolution.resolve(
        named(("customer", "C-18"), EMAIL), app_id=app_id, at=NOON, by="evt_2"
    )
    assert it.origins.canonical(two, app_id=app_id) != it.origins.canonical(one, app_id=app_id)
    again = it.resolution.resolve(named(("customer", "C-18")), app_id=app_id, at=NOON, by="evt_3")
    assert again == two


def test_a_person_made_of_two_contacts_gets_no_second_customer_number(it: Registrations) -> None:
    app_id = it.an_app()
    by_mail = it.resolution.resolve(named(EMAIL), app_id=app_id, at=NOON, by="evt_1")
    customer = it.resolution.resolve(named(CUSTOMER), app_id=app_id, at=NOON, by="evt_2")
    merge(it, app_id, by_mail, customer)
    two = it.resolution.resolve(
        named(("customer", "C-18"), EMAIL), app_id=app_id, at=NOON, by="evt_3"
    )
    assert it.origins.canonical(two, app_id=app_id) == two


def test_an_event_that_names_two_customers_means_the_first(it: Registrations) -> None:
    app_id = it.an_app()
    both = named(CUSTOMER, ("customer", "C-18"))
    one = it.resolution.resolve(both, app_id=app_id, at=NOON, by="evt_1")
    found = it.contacts.get_profile(app_id=app_id, contact_id=one).identifiers
    assert [held.namespace for held in found] == ["customer"]
    assert (
        it.resolution.resolve(named(("customer", "C-18")), app_id=app_id, at=NOON, by="evt_2")
        != one
    )


def test_a_login_event_joins_the_visitor_by_an_edge(it: Registrations) -> None:
    app_id = it.an_app()
    visitor = it.resolution.resolve(named(VISITOR), app_id=app_id, at=NOON, by="evt_1")
    person = it.resolution.resolve(
        named(VISITOR, CUSTOMER, EMAIL), app_id=app_id, at=NOON, by="evt_2"
    )
    (edge,) = it.contact_store.edges_at(visitor, app_id=app_id)
    assert (edge.contact_id, edge.origin) == (person, visitor)
    assert (edge.cause, edge.by) == (EdgeCause.LOGIN, "evt_2")
    it.people.unmerge(person, edge.edge_id, app_id=app_id, by="ada")
    held = it.contacts.get_profile(app_id=app_id, contact_id=visitor).identifiers
    assert [one.namespace for one in held] == ["anonymous"]


def test_an_event_does_not_fail_for_whom_it_cannot_join(it: Registrations) -> None:
    app_id = it.an_app()
    browsers = [("anonymous", f"browser-{number}") for number in range(MOST_MEMBERS)]
    for browser in browsers:
        it.resolution.resolve(named(browser), app_id=app_id, at=NOON, by="evt_1")
    person = it.resolution.resolve(named(CUSTOMER, *browsers), app_id=app_id, at=NOON, by="evt_2")
    assert len(it.origins.origins_of(person, app_id=app_id)) == MOST_MEMBERS


def test_only_who_needs_no_change_is_recognised(it: Registrations) -> None:
    app_id = it.an_app()
    assert it.resolution.recognise(named(CUSTOMER), app_id=app_id, at=NOON) is None
    person = it.resolution.resolve(named(CUSTOMER, EMAIL), app_id=app_id, at=NOON, by="evt_1")
    assert it.resolution.recognise(named(EMAIL, CUSTOMER), app_id=app_id, at=NOON) == person
    assert it.resolution.recognise(named(CUSTOMER, PHONE), app_id=app_id, at=NOON) is None
    it.resolution.resolve(named(VISITOR), app_id=app_id, at=NOON, by="evt_2")
    assert it.resolution.recognise(named(VISITOR, CUSTOMER), app_id=app_id, at=NOON) is None
    it.resolution.resolve(named(VISITOR, CUSTOMER), app_id=app_id, at=NOON, by="evt_3")
    assert it.resolution.recognise(named(VISITOR, CUSTOMER), app_id=app_id, at=NOON) == person


IDENTIFIERS = st.sampled_from(
    [
        ("customer", "C-1"),
        ("customer", "C-2"),
        ("email", "a@example.com"),
        ("email", "b@example.com"),
        ("anonymous", "browser-1"),
        ("anonymous", "browser-2"),
    ]
)


@given(st.lists(st.lists(IDENTIFIERS, min_size=1, max_size=4, unique=True), max_size=10))
@settings(deadline=None)
def test_whatever_events_name_people_stay_within_their_limits(
    events: list[list[tuple[str, str]]],
) -> None:
    it = in_memory()
    app_id = it.an_app()
    for event in events:
        recognised = it.resolution.recognise(named(*event), app_id=app_id, at=NOON)
        told = len(it.told())
        contact = it.resolution.resolve(named(*event), app_id=app_id, at=NOON, by="evt_1")
        if recognised:
            assert (contact, len(it.told())) == (recognised, told)
        profile = it.contacts.get_profile(app_id=app_id, contact_id=contact)
        held = [one.namespace for one in profile.identifiers]
        assert held.count("customer") <= 1
        again = it.resolution.resolve(named(*event), app_id=app_id, at=NOON, by="evt_2")
        assert again == contact


def test_people_who_are_kept_apart_are_not_joined_by_an_event(it: Registrations) -> None:
    app_id = it.an_app()
    by_mail = it.resolution.resolve(named(EMAIL), app_id=app_id, at=NOON, by="evt_1")
    by_phone = it.resolution.resolve(named(PHONE), app_id=app_id, at=NOON, by="evt_2")
    it.people.keep_apart(by_mail, by_phone, app_id=app_id, by="ada")
    it.resolution.resolve(named(EMAIL, PHONE), app_id=app_id, at=NOON, by="evt_3")
    assert it.origins.canonical(by_phone, app_id=app_id) == by_phone


def test_a_marketer_may_not_take_an_identifier_from_somebody(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    give: dict[str, Any] = {"app_id": app_id, "attributes": {}, "add_identifiers": named(EMAIL)}
    it.contacts.update_contact(contact_id=ada, **give)
    with pytest.raises(IdentifierTakenError):
        it.contacts.update_contact(contact_id=grace, **give)
    customers: dict[str, Any] = {
        **give,
        "add_identifiers": named(("customer", "C-1"), ("customer", "C-2")),
    }
    with pytest.raises(TooManyIdentifiersError):
        it.contacts.update_contact(contact_id=ada, **customers)


def test_what_was_known_at_an_instant_is_answered_as_of_it(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    before = it.clock()
    it.clock.advance(timedelta(hours=1))
    edge_id = merge(it, app_id, ada, grace)
    together = it.clock()
    it.clock.advance(timedelta(hours=1))
    it.people.unmerge(ada, edge_id, app_id=app_id, by="ada")

    def as_of(at: Any) -> bool:
        return grace in it.origins.origins_of(ada, app_id=app_id, as_of=at)

    assert (as_of(before), as_of(together), as_of(it.clock())) == (False, True, False)


def test_a_late_login_joins_where_it_belongs(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    edge_id = merge(it, app_id, ada, grace)
    anonymous = it.register(app_id, "phone-003").contact_id
    it.identify(app_id, "phone-003", "grace")
    assert it.origins.canonical(anonymous, app_id=app_id) == ada
    it.people.unmerge(ada, edge_id, app_id=app_id, by="ada")
    assert it.origins.canonical(anonymous, app_id=app_id) == grace


def test_a_login_never_fails_for_what_came_before_it(it: Registrations) -> None:
    app_id = it.an_app()
    it.register(app_id, "phone-001")
    known = {logged_in_once(it, app_id) for _ in range(MOST_MEMBERS + 1)}
    (contact,) = known
    assert len(it.origins.origins_of(contact, app_id=app_id)) == MOST_MEMBERS


def logged_in_once(it: Registrations, app_id: str) -> str:
    """Log in and out of a phone, and return who that was."""
    known = it.identify(app_id, "phone-001", "ada").contact_id
    it.contacts.log_out(app_id=app_id, device_id="phone-001")
    return known


def test_resolving_takes_two_reads_at_most_however_deep_the_merges(it: Registrations) -> None:
    app_id = it.an_app()
    people = [it.logged_in(app_id, f"p{n}", f"phone-{n:03d}") for n in range(4)]
    for winner, loser in zip(people[1:], people, strict=False):
        merge(it, app_id, winner, loser)
    assert {it.origins.canonical(one, app_id=app_id) for one in people} == {people[-1]}
    root = it.contact_store.root_of(people[0], app_id=app_id)
    assert set(people) <= root.members


STEPS = st.lists(
    st.tuples(st.sampled_from(["login", "merge", "unmerge", "tag", "untag"]), st.integers(0, 5)),
    min_size=1,
    max_size=14,
)


@given(STEPS)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_people_are_what_a_rebuild_from_the_raw_facts_says(steps: list[tuple[str, int]]) -> None:
    it = in_memory()
    app_id = it.an_app()
    known = [it.logged_in(app_id, f"p{n}", f"phone-{n:03d}") for n in range(3)]
    said: list[tuple[str, str, bool]] = []
    for step, (what, which) in enumerate(steps):
        it.clock.advance(timedelta(minutes=1))
        contact, other = known[which % 3], known[(which + 1) % 3]
        if what == "login":
            it.register(app_id, f"phone-1{step:02d}")
            it.identify(app_id, f"phone-1{step:02d}", f"p{which % 3}")
        elif what == "merge":
            with suppress(SamePersonError):
                merge(it, app_id, contact, other)
        elif what == "unmerge":
            merges = it.contacts.get_profile(app_id=app_id, contact_id=contact).merges
            if merges:
                edge_id = merges[which % len(merges)]
                it.people.unmerge(contact, edge_id, app_id=app_id, by="ada")
        else:
            said.append((it.origins.canonical(contact, app_id=app_id), f"t{which}", what == "tag"))
            adds = [f"t{which}"] if what == "tag" else []
            tag(it, app_id, contact, *adds, remove="" if adds else f"t{which}")
        holds_what_was_said(it, app_id, known, said)


def holds_what_was_said(
    it: Registrations, app_id: str, known: list[str], said: list[tuple[str, str, bool]]
) -> None:
    edges = {
        edge.edge_id: edge
        for one in known
        for edge in it.contact_store.edges_at(one, app_id=app_id)
    }
    for one in known:
        whole = component(edges.values(), one)
        assert set(it.origins.origins_of(one, app_id=app_id)) == whole
        latest = {name: is_on for about, name, is_on in said if about in whole}
        profile = it.contacts.get_profile(app_id=app_id, contact_id=one)
        assert profile.tags == {name for name, is_on in latest.items() if is_on}
        assert all(device.tags == profile.tags for device in profile.devices)


class Killed(BaseException):
    """The process dies: nothing catches it."""


class Dying:
    """Calls through to a port, and dies before or after the n-th call that changes something."""

    CHANGING = (
        *("commit_", "note_", "drop_", "unite", "split"),
        *("begin", "save", "forget_", "remove_", "erase"),
    )

    def __init__(self, port: Any, life: list[int]) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._port, name)
        if not name.startswith(self.CHANGING):
            return called

        def call(*args: Any, **kwargs: Any) -> Any:
            self._tick()
            answer = called(*args, **kwargs)
            self._tick()
            return answer

        return call

    def _tick(self) -> None:
        self._life[0] -= 1
        if self._life[0] == 0:
            raise Killed


def mortal(it: Registrations, pressure: Pressure, *, dies_at: int) -> PeopleService:
    """Return the service in a process that dies at its n-th step (0: never)."""
    life = [dies_at]
    store: ContactStore = Dying(it.contact_store, life)
    domain: Any = Dying(pressure, life)
    return replace(it.people, contacts=store, domains=[domain])


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_merge_that_dies_anywhere_is_whole_or_undone_after_the_sweep(
    it: Registrations, dies_at: int
) -> None:
    app_id, ada, grace = two_people(it)
    pressure = Pressure()
    dying = mortal(it, pressure, dies_at=dies_at)
    with suppress(Killed):
        dying.merge(ada, grace, app_id=app_id, cause=EdgeCause.HAND, by="ada")
    it.clock.advance(RESTING)
    swept = mortal(it, pressure, dies_at=0)
    swept.sweep(app_id)
    merges = it.contacts.get_profile(app_id=app_id, contact_id=grace).merges
    is_one = it.origins.canonical(grace, app_id=app_id) == ada
    live = {edge.edge_id for edge in it.contact_store.edges_at(grace, app_id=app_id)} & set(merges)
    by_hand = {one for one in live if one in pressure.united or one in pressure.split_up}
    assert pressure.united == (by_hand if is_one else set())
    assert it.contact_store.intents(app_id) == []


@pytest.mark.parametrize("dies_at", range(1, 7))
def test_an_unmerge_that_dies_anywhere_is_whole_or_not_begun_after_the_sweep(
    it: Registrations, dies_at: int
) -> None:
    app_id, ada, grace = two_people(it)
    pressure = Pressure()
    alive = mortal(it, pressure, dies_at=0)
    edge_id = alive.merge(ada, grace, app_id=app_id, cause=EdgeCause.HAND, by="ada").edge_id
    dying = mortal(it, pressure, dies_at=dies_at)
    with suppress(Killed):
        dying.unmerge(ada, edge_id, app_id=app_id, by="ada")
    it.clock.advance(RESTING)
    alive.sweep(app_id)
    is_one = it.origins.canonical(grace, app_id=app_id) == ada
    assert (edge_id in pressure.united) == is_one
    assert it.contact_store.intents(app_id) == []
    if is_one:
        alive.unmerge(ada, edge_id, app_id=app_id, by="ada")
        assert edge_id in pressure.split_up


def test_a_sweep_leaves_those_alone_who_are_still_at_it(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    pressure = Pressure()
    dying = mortal(it, pressure, dies_at=3)
    with suppress(Killed):
        dying.merge(ada, grace, app_id=app_id, cause=EdgeCause.HAND, by="ada")
    assert mortal(it, pressure, dies_at=0).sweep(app_id) == 0
    assert len(it.contact_store.intents(app_id)) == 1


def test_a_half_done_merge_of_who_was_erased_is_dropped(it: Registrations) -> None:
    app_id, ada, grace = two_people(it)
    pressure = Pressure()
    dying = mortal(it, pressure, dies_at=5)
    with suppress(Killed):
        dying.merge(ada, grace, app_id=app_id, cause=EdgeCause.HAND, by="ada")
    assert len(it.contact_store.intents(app_id)) == 1
    it.erasures.erase_contact(grace, app_id=app_id, by="ada")
    it.clock.advance(RESTING)
    assert mortal(it, pressure, dies_at=0).sweep(app_id) == 1
    assert it.contact_store.intents(app_id) == []
