from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import InvalidFieldsError
from shared.registrations.errors import ProfileTooLargeError
from shared.registrations.model.apps import App, AppCheck, AppCheckMode, Platform
from shared.registrations.model.contacts import Contact, attributes_of, tags_of
from shared.registrations.model.devices import DeviceState, first_epoch, next_epoch
from tests.fakes.clock import NOON

A_CONTACT = Contact(app_id="app_1", contact_id="con_1", created_at=NOON)
TAGS = st.frozensets(st.sampled_from(["vip", "beta", "new", "old"]))


def an_app(**changed: Any) -> App:
    settings: dict[str, Any] = {
        "app_id": "app_1",
        "name": "Shop",
        "org": "com.example",
        "platforms": (Platform.IOS,),
        "default_locale": "en",
        "default_timezone": "UTC",
        "created_at": NOON,
    }
    return App(**{**settings, **changed})


@pytest.mark.parametrize("org", ["example", "Com.Example", "com.", "com..example", "1.example"])
def test_an_organisation_is_a_reverse_dns_name(org: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        an_app(org=org)
    assert [problem.pointer for problem in refused.value.fields] == ["/org"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_a_time_zone_is_one_of_iana(zone: str) -> None:
    with pytest.raises(InvalidFieldsError):
        an_app(default_timezone=zone)


def test_app_check_needs_to_know_the_firebase_apps() -> None:
    with pytest.raises(InvalidFieldsError):
        an_app(app_check=AppCheck(mode=AppCheckMode.ENFORCE))


def test_a_change_to_the_same_changes_nothing() -> None:
    app = an_app()
    assert app.changed_by({"name": "Shop"}) == (app, ())


def test_a_change_makes_the_next_version_and_is_named() -> None:
    after, changed = an_app().changed_by({"name": "Store", "default_locale": "en"})
    assert (after.name, after.version, changed) == ("Store", 2, ("name",))


def test_a_device_in_no_time_zone_is_refused() -> None:
    with pytest.raises(InvalidFieldsError):
        DeviceState(platform=Platform.IOS, timezone="Nowhere/Land")


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_every_epoch_voids_the_ones_before(start: int, later: int) -> None:
    first = first_epoch(NOON + timedelta(seconds=start))
    second = next_epoch(first, at=NOON + timedelta(seconds=later))
    assert second > first
    # A device that is unregistered and comes back later does not revive its old tokens.
    assert first_epoch(NOON + timedelta(seconds=start + later + 1)) > first


@given(TAGS, TAGS, TAGS)
def test_removing_a_tag_wins_over_adding_it(
    held: frozenset[str], add: frozenset[str], remove: frozenset[str]
) -> None:
    before = A_CONTACT.marked(add=held, remove=frozenset(), attributes={}, sequence="1")
    after = before.marked(add=add, remove=remove, attributes={}, sequence="2")
    assert tags_of([after]) == (held | add) - remove


def test_an_attribute_set_to_nothing_is_gone() -> None:
    nothing: frozenset[str] = frozenset()
    before = A_CONTACT.marked(add=nothing, remove=nothing, attributes={"plan": "g"}, sequence="1")
    after = before.marked(
        add=nothing, remove=nothing, attributes={"plan": None, "level": 3}, sequence="2"
    )
    assert attributes_of([after]) == {"level": 3}


@given(TAGS, TAGS)
def test_of_two_contacts_the_last_word_holds(on: frozenset[str], off: frozenset[str]) -> None:
    nothing: frozenset[str] = frozenset()
    one = A_CONTACT.marked(add=on, remove=nothing, attributes={}, sequence="1")
    other = A_CONTACT.marked(add=nothing, remove=off, attributes={}, sequence="2")
    assert tags_of([one, other]) == tags_of([other, one]) == on - off


def test_a_profile_does_not_grow_without_end() -> None:
    tags = frozenset(f"tag-{number}" for number in range(101))
    with pytest.raises(ProfileTooLargeError):
        A_CONTACT.marked(add=tags, remove=frozenset(), attributes={}, sequence="1")
    with pytest.raises(ProfileTooLargeError):
        A_CONTACT.marked(
            add=frozenset(), remove=frozenset(), attributes={"a": "x" * 8_200}, sequence="1"
        )
