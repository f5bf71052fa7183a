"""What is kept in secret can be read, moved to new keys, given out, and taken away for good."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.events import Channel
from shared.kernel.paging import Page
from shared.registrations.errors import (
    ContactErasedError,
    ContactNotFoundError,
    ErasureNotFoundError,
    ErasureRunningError,
)
from shared.registrations.model.edges import EdgeCause
from shared.registrations.model.erasures import SETTLING, ErasureState
from shared.registrations.service.identifiers import NamedIdentifier
from tests.contract.test_people import Dying, Killed
from tests.contract.test_registration_stores import ANDROID, Registrations, it, reachable_at
from tests.fakes.clock import NOON

__all__ = ["it"]

EMAIL = NamedIdentifier(namespace="email", value="ada@example.com")
CUSTOMER = NamedIdentifier(namespace="customer", value="C-1815")


def a_known_person(it: Registrations, *, keeps: tuple[str, ...] = ("email",)) -> tuple[str, str]:
    """Create an app that keeps identifiers, and a person with two of them on a phone."""
    app_id = it.an_app()
    it.apps.update_app(app_id, {"kept_identifiers": keeps})
    ada = it.logged_in(app_id, "ada", "phone-001")
    it.contacts.update_contact(
        app_id=app_id,
        contact_id=ada,
        add_tags=frozenset({"vip"}),
        attributes={"city": "London"},
        add_identifiers=[EMAIL, CUSTOMER],
    )
    return app_id, ada


def values(it: Registrations, app_id: str, contact_id: str) -> dict[str, str | None]:
    """Return a person's identifiers as an export tells them, by namespace."""
    page = it.exports.export(contact_id, app_id=app_id, cursor=None, limit=50)
    return {
        one["namespace"]: one["value"]
        for item in page.items
        if item["kind"] == "contact"
        for one in item["data"]["identifiers"]
    }


def erased(it: Registrations, app_id: str, contact_id: str) -> None:
    """Erase a person wholly: both rounds."""
    it.erasures.erase_contact(contact_id, app_id=app_id, by="ada")
    it.forgetting.work(contact_id, app_id=app_id)
    it.clock.advance(SETTLING)
    assert it.forgetting.sweep(app_id) == 0


def test_only_what_the_app_keeps_can_be_told_again(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    assert values(it, app_id, ada) == {
        "oidc": None,
        "email": "ada@example.com",
        "customer": None,
    }


def test_a_rotated_secret_leaves_everything_readable_and_findable(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    it.secrets[:] = [b"second", b"first"]
    it.hasher.keys = ("second", "first")
    rotated = it.rotation.rotate(app_id)
    assert (rotated.contacts, rotated.rewrapped, rotated.refiled) == (1, 1, 1)
    it.secrets[:] = [b"second"]
    it.hasher.keys = ("second",)
    assert values(it, app_id, ada)["email"] == "ada@example.com"
    assert it.resolution.resolve([EMAIL], app_id=app_id, at=NOON, by="evt_1") == ada
    assert it.rotation.rotate(app_id).rewrapped == 0


def test_a_rotated_secret_leaves_other_systems_known(it: Registrations) -> None:
    app_id = it.an_app()
    issued = it.systems.create_secret(
        "shop", app_id=app_id, channels=frozenset({Channel.EMAIL}), by="ada", attempt=None
    )
    it.secrets[:] = [b"second", b"first"]
    assert it.rotation.rotate(app_id).rewrapped == 1
    assert it.rotation.rotate(app_id).rewrapped == 0
    it.secrets[:] = [b"second"]
    (known,) = it.systems.systems_of(app_id)
    assert (known.name, known.key) == ("shop", issued.key)


def test_who_is_active_is_found_under_the_new_key_from_then_on(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    it.hasher.keys = ("second", "first")
    it.register(app_id, "tablet-01")
    assert it.identify(app_id, "tablet-01", "ada").contact_id == ada
    it.hasher.keys = ("second",)
    it.register(app_id, "watch-001")
    assert it.identify(app_id, "watch-001", "ada").contact_id == ada


def test_an_export_has_the_person_the_devices_and_the_merges(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    page = it.exports.export(ada, app_id=app_id, cursor=None, limit=50)
    assert [item["kind"] for item in page.items] == ["person", "contact", "device", "merge"]
    assert page.items[1]["data"]["tags"] == ["vip"]
    assert page.items[1]["data"]["attributes"] == {"city": "London"}
    assert page.next_cursor is None


def test_an_export_of_nobody_is_refused(it: Registrations) -> None:
    with pytest.raises(ContactNotFoundError):
        it.exports.export("con_none", app_id=it.an_app(), cursor=None, limit=50)


def test_from_the_request_on_the_person_is_nobody(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    erasure = it.erasures.erase_contact(ada, app_id=app_id, by="ada")
    assert erasure.state is ErasureState.REQUESTED
    with pytest.raises(ContactErasedError):
        it.contacts.get_profile(app_id=app_id, contact_id=ada)
    with pytest.raises(ContactErasedError):
        it.contacts.update_contact(app_id=app_id, contact_id=ada, attributes={"city": "Paris"})
    it.register(app_id, "tablet-01")
    with pytest.raises(ErasureRunningError):
        it.identify(app_id, "tablet-01", "ada")
    assert it.reach.targets_of_contact(ada, app_id=app_id) == []


def test_asking_twice_is_one_erasure(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    first = it.erasures.erase_contact(ada, app_id=app_id, by="ada")
    assert it.erasures.erase_contact(ada, app_id=app_id, by="bob") == first
    assert it.told().count("contact.erasure_requested.v1") == 1


def test_an_erasure_takes_all_contacts_of_the_person(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    anonymous = it.register(app_id, "tablet-01", reachable_at("there")).contact_id
    it.people.merge(ada, anonymous, app_id=app_id, cause=EdgeCause.HAND, by="bob")
    erased(it, app_id, anonymous)
    assert it.device_store.devices(["phone-001", "tablet-01"], app_id=app_id) == []
    for one in (ada, anonymous):
        assert it.contact_store.get_contacts([one], app_id=app_id) == []
        assert it.contact_store.edges_at(one, app_id=app_id) == []
        assert it.erasures.get_erasure(one, app_id=app_id).state is ErasureState.DONE
    assert it.told()[-1] == "contact.erased.v1"


def test_the_second_round_takes_what_was_under_way(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    it.erasures.erase_contact(ada, app_id=app_id, by="ada")
    assert it.forgetting.work(ada, app_id=app_id).state is ErasureState.SETTLING
    assert it.forgetting.work(ada, app_id=app_id).state is ErasureState.SETTLING
    it.clock.advance(SETTLING - timedelta(seconds=1))
    assert it.forgetting.sweep(app_id) == 1
    it.clock.advance(timedelta(seconds=1))
    assert it.forgetting.sweep(app_id) == 0
    assert it.erasures.get_erasure(ada, app_id=app_id).device_ids == ()


def test_a_device_that_comes_again_is_somebody_new_and_stays(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    it.erasures.erase_contact(ada, app_id=app_id, by="ada")
    it.forgetting.work(ada, app_id=app_id)
    it.clock.advance(timedelta(minutes=5))
    again = it.register(app_id, "phone-001", ANDROID)
    it.clock.advance(SETTLING)
    it.forgetting.sweep(app_id)
    assert again.contact_id != ada
    assert it.devices.get_device(app_id=app_id, device_id="phone-001") == again


def test_who_was_erased_can_come_back_as_somebody_new(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    erased(it, app_id, ada)
    back = it.logged_in(app_id, "ada", "phone-002")
    assert back != ada
    profile = it.contacts.get_profile(app_id=app_id, contact_id=back)
    assert profile.tags == frozenset()


def test_nobody_erases_whom_nobody_knows(it: Registrations) -> None:
    app_id = it.an_app()
    with pytest.raises(ContactNotFoundError):
        it.erasures.erase_contact("con_none", app_id=app_id, by="ada")
    with pytest.raises(ErasureNotFoundError):
        it.erasures.get_erasure("con_none", app_id=app_id)
    with pytest.raises(ErasureNotFoundError):
        it.forgetting.work("con_none", app_id=app_id)


def test_an_erasure_in_one_app_leaves_the_other_alone(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    other, same_ada = a_known_person(it)
    erased(it, app_id, ada)
    assert it.resolution.resolve([EMAIL], app_id=other, at=NOON, by="evt_1") == same_ada
    assert values(it, other, same_ada)["email"] == "ada@example.com"


@dataclass
class Diary:
    """A domain that keeps a note about each contact."""

    notes: dict[str, str] = field(default_factory=dict)

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        told = [{"note": self.notes[one]} for one in contact_ids if one in self.notes]
        start = int(cursor or 0)
        end = start + limit
        return Page(items=told[start:end], next_cursor=str(end) if len(told) > end else None)

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        for one in contact_ids:
            self.notes.pop(one, None)


@pytest.mark.parametrize("dies_at", range(1, 15))
def test_an_erasure_that_dies_anywhere_is_done_after_the_sweeps(
    it: Registrations, dies_at: int
) -> None:
    app_id, ada = a_known_person(it)
    diary, life = Diary({ada: "likes engines"}), [dies_at]
    asked = replace(it.erasures, erasures=Dying(it.erasures.erasures, life))
    works = replace(
        it.forgetting,
        devices=Dying(it.device_store, life),
        erasures=Dying(it.forgetting.erasures, life),
        domains=[Dying(diary, life)],
    )
    with suppress(Killed):
        asked.erase_contact(ada, app_id=app_id, by="ada")
        works.work(ada, app_id=app_id)
        it.clock.advance(SETTLING)
        works.work(ada, app_id=app_id)
    life[0] = 0
    it.erasures.erase_contact(ada, app_id=app_id, by="ada")
    works.sweep(app_id)
    it.clock.advance(SETTLING)
    assert works.sweep(app_id) == 0
    assert diary.notes == {}
    assert it.contact_store.get_contacts([ada], app_id=app_id) == []
    assert it.device_store.devices(["phone-001"], app_id=app_id) == []
    assert it.told().count("contact.erased.v1") == 1


def test_an_export_goes_through_every_domain_page_by_page(it: Registrations) -> None:
    app_id, ada = a_known_person(it)
    grace = it.logged_in(app_id, "grace", "phone-002")
    it.people.merge(ada, grace, app_id=app_id, cause=EdgeCause.HAND, by="bob")
    diary = Diary({ada: "likes engines", grace: "likes ships"})
    exports = replace(it.exports, domains={"note": diary, "other": Diary()})
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        page = exports.export(ada, app_id=app_id, cursor=cursor, limit=1)
        seen += [item["kind"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen.count("note") == 2
    assert cursor is None
