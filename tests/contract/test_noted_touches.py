"""What reached a person without our asking is counted after it, once, on every kind of store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.contact_policy.model.pressure import HEAVIEST
from shared.contact_policy.service.noting import Noted
from shared.kernel.decisions import Allow, Defer
from shared.kernel.events import Channel, Purpose
from tests.contract.policy import APP, HOUR, PolicyServices, in_memory, merge, on_dynamodb
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB

AN_HOUR = Noted(
    app_id=APP,
    contact_id=ADA,
    channel=Channel.AD,
    purpose=Purpose.MARKETING,
    key="ads of noon",
    times=1,
    at=NOON,
)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def noted(it: PolicyServices, times: int, at: datetime = NOON, contact_id: str = ADA) -> None:
    it.noting.note(replace(AN_HOUR, times=times, at=at, contact_id=contact_id))


def weights(it: PolicyServices, contact_id: str = ADA) -> list[int]:
    return [touch.weight for touch in it.person(contact_id).pressure.touches]


def test_what_is_noted_weighs_what_the_policy_says_as_often_as_it_happened(
    it: PolicyServices,
) -> None:
    it.under(weights={"ad": 0.2})
    noted(it, 3)
    (touch,) = it.person().pressure.touches
    assert (touch.weight, touch.channel, touch.purpose) == (60, Channel.AD, Purpose.MARKETING)
    assert (touch.origin, touch.held_until) == (ADA, None)


def test_a_heavier_one_takes_its_place_at_its_instant_and_a_lighter_one_does_not(
    it: PolicyServices,
) -> None:
    it.under(weights={"ad": 0.2})
    later = NOON + timedelta(minutes=40)
    noted(it, 2)
    version = it.person().pressure.version
    noted(it, 2)
    noted(it, 1, later)
    assert it.person().pressure.version == version
    noted(it, 5, later)
    assert weights(it) == [100]
    # What comes late is heavier, and was before.
    noted(it, 6, NOON)
    (touch,) = it.person().pressure.touches
    assert (touch.weight, touch.touch_id[:10]) == (120, _begins(it, later))


def _begins(it: PolicyServices, at: datetime) -> str:
    it.clock.at = at
    return it.ids.sequence()[:10]


def test_other_keys_and_other_people_are_counted_apart(it: PolicyServices) -> None:
    noted(it, 1)
    it.noting.note(replace(AN_HOUR, key="ads of one"))
    noted(it, 1, contact_id=BOB)
    assert (len(weights(it)), len(weights(it, BOB))) == (2, 1)


def test_what_is_noted_counts_under_caps(it: PolicyServices) -> None:
    it.under(caps=[{"id": "cap", "limit": 1, "window": {"rolling": 24}}], weights={"ad": 0.5})
    noted(it, 1)
    assert isinstance(it.decide(weight=0.5), Allow)
    noted(it, 2)
    refused = it.decide(weight=0.5)
    assert isinstance(refused, Defer)
    assert refused.until == NOON + 24 * HOUR


def test_what_is_noted_follows_the_person(it: PolicyServices) -> None:
    it.people.unite(merge("edge", ADA, BOB))
    noted(it, 1, contact_id=BOB)
    assert [touch.origin for touch in it.person(ADA).pressure.touches] == [BOB]


def test_a_touch_is_never_heavier_than_a_touch_can_be(it: PolicyServices) -> None:
    noted(it, 10**6)
    assert weights(it) == [HEAVIEST]


def test_what_is_too_old_to_matter_and_whoever_was_erased_are_not_noted(
    it: PolicyServices,
) -> None:
    noted(it, 1, NOON - timedelta(days=4_000))
    assert it.person().pressure.version == 0
    it.personal.erase([ADA], app_id=APP)
    noted(it, 1)
    assert weights(it) == []


def test_many_who_note_the_same_hour_count_it_once(it: PolicyServices) -> None:
    it.under(weights={"ad": 0.1})
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda times: noted(it, times), range(1, 17)))
    assert weights(it) == [160]
