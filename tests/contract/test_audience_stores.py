"""Every store of audiences, real or fake, keeps these promises; so do the projection's services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.kernel.events import Purpose
from shared.registrations.errors import StaleError
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import (
    AUDIENCE_SHARDS,
    MOST_REMEMBERED,
    Audience,
    AudienceMember,
    Happening,
    PushConsent,
    shard_of,
)
from shared.registrations.model.devices import Device, DeviceState, PushPermission
from shared.registrations.model.edges import EdgeCause
from shared.registrations.model.rule_documents import rule_of
from shared.registrations.ports import AudienceStore
from shared.registrations.service import audience as audience_module
from shared.registrations.service.audience import AudienceService, ProjectionService
from shared.registrations.service.devices import address_removed
from tests.contract.test_registration_stores import (
    ANDROID,
    Registrations,
    fid,
    in_memory,
    on_dynamodb,
)
from tests.fakes.clock import NOON
from tests.fakes.registrations import (
    InMemoryAudienceStore,
    Memory,
    SpokenConsents,
)

ORDER = "order.placed.v1"
AGREED = {Purpose.MARKETING: PushConsent(is_given=True, unlike=frozenset({"news"}))}
FULL = DeviceState(
    platform=Platform.IOS,
    address=fid("there"),
    locale="de-CH",
    timezone="Europe/Zurich",
    app_version="1.10",
    os_version="26",
    model="Phone 9",
    attributes={"theme": "dark", "plan": "said by the device"},
    push_permission=PushPermission.GRANTED,
)


class Interrupted(AudienceStore):
    """A store in which something else happens just before the first copy is written."""

    def __init__(self, store: AudienceStore, meanwhile: Any) -> None:
        self._store = store
        self._meanwhile = [meanwhile]

    @override
    def page(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.page(*args, **kwargs)

    @override
    def members(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.members(*args, **kwargs)

    @override
    def happenings(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.happenings(*args, **kwargs)

    @override
    def replace_happenings(self, *args: Any, **kwargs: Any) -> None:
        self._store.replace_happenings(*args, **kwargs)

    @override
    def forget_happenings(self, *args: Any, **kwargs: Any) -> None:
        self._store.forget_happenings(*args, **kwargs)

    @override
    def put_audience(self, device: Device, audience: Audience) -> bool:
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._store.put_audience(device, audience)


@dataclass(frozen=True, kw_only=True)
class Audiences:
    """The services on one kind of store, and an app."""

    registrations: Registrations
    store: AudienceStore
    audience: AudienceService
    projection: ProjectionService
    consents: SpokenConsents
    asked: list[str]
    app_id: str

    def members(self, *, limit: int = 100) -> Mapping[str, AudienceMember]:
        """Return every device of the app, page by page."""
        found: dict[str, AudienceMember] = {}
        for shard in range(AUDIENCE_SHARDS):
            for member in self.shard(shard, limit=limit):
                assert member.device_id not in found
                found[member.device_id] = member
        return found

    def shard(self, shard: int, *, limit: int) -> Iterator[AudienceMember]:
        after: str | None = None
        while True:
            page = self.audience.page(self.app_id, shard, after=after, limit=limit)
            assert len(page.items) <= limit
            yield from page.items
            after = page.next_cursor
            if after is None:
                return

    def project(self, contact_id: str, *types: str) -> None:
        self.asked[:] = types
        self.projection.project(contact_id, app_id=self.app_id)

    def note(self, contact_id: str, day: int, *, sequence: str | None = None) -> None:
        happening = Happening(NOON + timedelta(days=day), sequence or f"{day:026d}")
        self.projection.note(contact_id, ORDER, happening, app_id=self.app_id)

    def say(self, contact_id: str, **attributes: Any) -> None:
        self.registrations.contacts.update_contact(
            app_id=self.app_id, contact_id=contact_id, attributes=attributes
        )

    def days(self, device_id: str) -> list[int]:
        happened = self.members()[device_id].facts.happened.get(ORDER, ())
        return [(at - NOON).days for at in happened]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Audiences:
    if request.param == "memory":
        memory = Memory()
        return assemble(in_memory(memory), InMemoryAudienceStore(memory))
    registrations = on_dynamodb(request)
    from shared.registrations.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoAudienceStore,
    )

    table = request.getfixturevalue("tables")["registrations"]
    return assemble(registrations, DynamoAudienceStore(table=table))


def assemble(registrations: Registrations, store: AudienceStore) -> Audiences:
    consents, asked = SpokenConsents(), list[str]()
    return Audiences(
        registrations=registrations,
        store=store,
        audience=AudienceService(
            audience=store, shuffled=lambda: range(AUDIENCE_SHARDS), clock=registrations.clock
        ),
        projection=ProjectionService(
            audience=store,
            contacts=registrations.contact_store,
            devices=registrations.device_store,
            consents=consents,
            asked=lambda _: frozenset(asked),
        ),
        consents=consents,
        asked=asked,
        app_id=registrations.an_app(),
    )


def test_every_device_of_an_app_is_in_its_audience_once(it: Audiences) -> None:
    names = [f"phone-{number:03d}" for number in range(150)]
    for name in names:
        it.registrations.register(it.app_id, name)
    it.registrations.register(it.registrations.an_app(), "phone-of-another-app")
    assert sorted(it.members(limit=1)) == sorted(it.members()) == names
    assert all(
        shard_of(member.device_id) == shard
        for shard in range(AUDIENCE_SHARDS)
        for member in it.shard(shard, limit=100)
    )


def test_a_member_is_what_the_device_says_of_itself(it: Audiences) -> None:
    device = it.registrations.register(it.app_id, "phone-001", FULL)
    member = it.members()["phone-001"]
    facts = member.facts
    assert (member.contact_id, member.locale, member.timezone, member.has_address) == (
        device.contact_id,
        "de-CH",
        "Europe/Zurich",
        True,
    )
    assert (facts.platform, facts.push_permission, facts.is_anonymous, facts.is_reachable) == (
        Platform.IOS,
        PushPermission.GRANTED,
        True,
        True,
    )
    assert (facts.app_version, facts.os_version, facts.model) == ("1.10", "26", "Phone 9")
    assert (facts.registered_at, facts.last_seen_at) == (NOON, NOON)
    assert facts.attributes == FULL.attributes
    assert (facts.tags, facts.consents, facts.happened) == (frozenset(), {}, {})


def test_members_are_found_by_their_devices_as_pages_have_them(it: Audiences) -> None:
    full = it.registrations.register(it.app_id, "phone-001", FULL)
    it.registrations.register(it.app_id, "phone-002")
    it.say(full.contact_id, plan="gold")
    it.registrations.contacts.update_contact(
        app_id=it.app_id,
        contact_id=full.contact_id,
        add_tags=frozenset({"vip", "beta"}),
        attributes={},
    )
    it.note(full.contact_id, 1)
    it.consents.said[full.contact_id] = AGREED
    it.project(full.contact_id, ORDER)
    paged = it.members()
    found = it.audience.members(["phone-002", "phone-001", "phone-999"], app_id=it.app_id)
    assert list(found) == [paged["phone-001"], paged["phone-002"]]
    assert found[0].facts.tags == {"vip", "beta"}
    assert it.audience.members([], app_id=it.app_id) == []


def test_a_device_that_says_nothing_is_a_member_too(it: Audiences) -> None:
    it.registrations.register(it.app_id, "phone-001")
    facts = it.members()["phone-001"].facts
    assert (facts.locale, facts.timezone, facts.model, facts.has_address) == (None,) * 3 + (False,)
    assert not facts.is_reachable


def test_what_is_known_of_a_person_is_copied_to_all_of_their_devices(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001", "phone-002")
    it.registrations.register(it.app_id, "phone-003")
    it.say(ada, plan="gold")
    it.consents.said[ada] = AGREED
    it.note(ada, 3)
    it.project(ada, ORDER)
    members = it.members()
    for name in ("phone-001", "phone-002"):
        facts = members[name].facts
        assert (facts.attributes, facts.consents) == ({"plan": "gold"}, AGREED)
        assert facts.happened == {ORDER: (NOON + timedelta(days=3),)}
        assert not facts.is_anonymous
    assert members["phone-003"].facts.attributes == {}


def test_what_is_forgotten_of_a_contact_is_nobody_elses(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001", "phone-002")
    bob = it.registrations.logged_in(it.app_id, "bob", "phone-003")
    for contact_id in (ada, bob):
        it.say(contact_id, plan="gold")
        it.note(contact_id, 3)
        it.project(contact_id, ORDER)
    before = it.members()
    for _ in range(2):
        it.projection.forget(ada, app_id=it.app_id)
    members = it.members()
    for name in ("phone-001", "phone-002"):
        assert (members[name].facts.attributes, members[name].facts.happened) == ({}, {})
    assert members["phone-003"] == before["phone-003"]
    it.note(ada, 3)
    it.project(ada, ORDER)
    assert it.members() == before


def test_what_the_company_says_comes_before_what_a_device_says(it: Audiences) -> None:
    device = it.registrations.register(it.app_id, "phone-001", FULL)
    it.say(device.contact_id, plan="gold")
    it.project(device.contact_id)
    assert it.members()["phone-001"].facts.attributes == {"theme": "dark", "plan": "gold"}


def test_a_copy_outlives_every_write_of_the_device_and_is_no_version_of_it(it: Audiences) -> None:
    device = it.registrations.register(it.app_id, "phone-001", FULL)
    it.say(device.contact_id, plan="gold")
    before = it.registrations.devices.get_device(app_id=it.app_id, device_id="phone-001")
    it.project(device.contact_id)
    assert it.registrations.devices.get_device(app_id=it.app_id, device_id="phone-001") == before

    changed = replace(ANDROID, model="Phone 10")
    it.registrations.register(it.app_id, "phone-001", changed, seq=2)
    it.registrations.register(it.app_id, "phone-001", changed, seq=3)
    it.registrations.register(it.app_id, "phone-002", FULL)  # and takes the address
    facts = it.members()["phone-001"].facts
    assert (facts.model, facts.locale, facts.has_address) == ("Phone 10", None, False)
    assert facts.attributes == {"plan": "gold"}
    again = it.registrations.devices.get_device(app_id=it.app_id, device_id="phone-001")
    assert (again.state, again.client_seq) == (changed, 3)


def test_a_write_that_read_the_device_before_the_copy_does_not_undo_it(it: Audiences) -> None:
    device = it.registrations.register(it.app_id, "phone-001")
    assert it.store.put_audience(device, Audience(attributes={"plan": "gold"}))
    late = device.refreshed(replace(ANDROID, model="X"), client_seq=2, at=NOON)
    event = it.registrations.devices._seal(address_removed(device, at=NOON, reason="test"))
    it.registrations.device_store.commit_device(late, before=device, event=event)
    facts = it.members()["phone-001"].facts
    assert (facts.model, facts.attributes) == ("X", {"plan": "gold"})


def test_who_leaves_a_device_leaves_nothing_on_it(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    it.say(ada, plan="gold")
    it.project(ada)
    it.registrations.contacts.log_out(app_id=it.app_id, device_id="phone-001")
    assert it.members()["phone-001"].facts.attributes == {}
    grace = it.registrations.identify(it.app_id, "phone-001", "grace")
    it.say(grace.contact_id, plan="silver")
    it.project(grace.contact_id)
    it.project(ada)
    assert it.members()["phone-001"].facts.attributes == {"plan": "silver"}


def test_nothing_is_copied_to_a_device_that_is_another_contacts_by_now(it: Audiences) -> None:
    before = it.registrations.register(it.app_id, "phone-001")
    it.registrations.identify(it.app_id, "phone-001", "ada")
    assert not it.store.put_audience(before, Audience(attributes={"plan": "gold"}))
    assert it.members()["phone-001"].facts.attributes == {}


def test_the_same_copy_changes_nothing_and_nothing_known_is_no_copy(it: Audiences) -> None:
    device = it.registrations.register(it.app_id, "phone-001")
    gold = Audience(attributes={"plan": "gold"})
    put = it.store.put_audience
    assert [put(device, one) for one in (Audience(), gold, gold, Audience(), Audience())] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_of_two_who_copy_at_once_the_newer_knowledge_stays(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    it.say(ada, plan="silver")

    def meanwhile() -> None:
        it.say(ada, plan="gold")
        it.project(ada)

    late = replace(it.projection, audience=Interrupted(it.store, meanwhile))
    late.project(ada, app_id=it.app_id)
    assert it.members()["phone-001"].facts.attributes == {"plan": "gold"}


def test_what_happened_is_a_set_whatever_comes_twice_or_late(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    days = range(MOST_REMEMBERED + 3)
    for day in [*reversed(days), *days, 4, 4]:
        it.note(ada, day)
    it.project(ada, ORDER)
    assert it.days("phone-001") == list(reversed(days))[:MOST_REMEMBERED]


def test_events_that_no_segment_asks_for_any_more_are_not_copied(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    it.note(ada, 1)
    it.project(ada, ORDER)
    it.project(ada)
    assert it.days("phone-001") == []


def test_people_who_are_joined_share_what_happened_and_parted_have_their_own(
    it: Audiences,
) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    twin = it.registrations.logged_in(it.app_id, "twin", "phone-002")
    it.note(ada, 1)
    it.note(twin, 2)
    edge = it.registrations.people.merge(
        ada, twin, app_id=it.app_id, cause=EdgeCause.HAND, by="eve"
    )
    it.project(ada, ORDER)
    assert it.days("phone-001") == it.days("phone-002") == [2, 1]
    it.registrations.people.unmerge(ada, edge.edge_id, app_id=it.app_id, by="eve")
    it.project(ada, ORDER)
    it.project(twin, ORDER)
    assert (it.days("phone-001"), it.days("phone-002")) == ([1], [2])


def test_two_who_note_at_once_are_told_apart(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    read = it.store.happenings([ada], app_id=it.app_id)[ada]
    mine = read.with_one(ORDER, Happening(NOON, "a"))
    it.store.replace_happenings(ada, mine, app_id=it.app_id)
    theirs = read.with_one(ORDER, Happening(NOON, "b"))
    with pytest.raises(StaleError):
        it.store.replace_happenings(ada, theirs, app_id=it.app_id)
    assert it.store.happenings([ada], app_id=it.app_id)[ada] == mine


def test_of_who_was_erased_nothing_is_kept_and_nothing_noted(it: Audiences) -> None:
    ada = it.registrations.logged_in(it.app_id, "ada", "phone-001")
    it.note(ada, 1)
    known = it.store.happenings([ada], app_id=it.app_id)[ada]
    it.registrations.erasures.erase_contact(ada, app_id=it.app_id, by="ada")
    later = known.with_one(ORDER, Happening(NOON, "late"))
    with pytest.raises(StaleError):
        it.store.replace_happenings(ada, later, app_id=it.app_id)
    it.registrations.forgetting.work(ada, app_id=it.app_id)
    it.note(ada, 2)
    it.project(ada, ORDER)
    assert it.store.happenings([ada], app_id=it.app_id)[ada].by_type == {}
    assert it.members() == {}


def test_a_small_audience_is_counted(it: Audiences) -> None:
    ios = replace(FULL, address=None)
    for number in range(20):
        reachable = replace(FULL, address=fid(f"at {number}"))
        state = [ANDROID, ios, reachable, replace(reachable, platform=Platform.ANDROID)][number % 4]
        it.registrations.register(it.app_id, f"phone-{number:03d}", state)
    found = it.audience.estimate(rule_of({"device": "model", "exists": True}), app_id=it.app_id)
    assert (found.size, found.low, found.high, found.is_exact) == (15, 15, 15, True)
    assert found.by_platform == {Platform.ANDROID: 5, Platform.IOS: 10}
    assert (found.reachable, found.devices_read, found.shards_read) == (10, 20, AUDIENCE_SHARDS)
    assert len(found.sample) == 10
    assert all(member.facts.model for member in found.sample)


def test_of_a_large_audience_whole_shards_are_read_until_they_are_enough(
    it: Audiences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_module, "ENOUGH", 30)
    for number in range(200):
        it.registrations.register(it.app_id, f"phone-{number:03d}")
    found = it.audience.estimate(rule_of({"all": []}), app_id=it.app_id)
    shards = range(found.shards_read)
    assert found.devices_read == sum(len(list(it.shard(one, limit=9))) for one in shards) >= 30
    assert not found.is_exact
    assert found.size == round(found.devices_read * AUDIENCE_SHARDS / found.shards_read)
    assert found.low <= 200 <= found.high
