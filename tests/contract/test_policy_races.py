"""Caps hold under any race, where checking first and writing then does not."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from shared.contact_policy.service.decisions import Request
from shared.kernel.decisions import Allow
from shared.kernel.events import Channel
from tests.contract.policy import PolicyServices, a_candidate, merge, on_dynamodb
from tests.races import CAP, SENDERS, capped, naive, ours, raced, six_people

MOST_ROUNDS = 20
"""Tries until the naive sender is caught; one is almost always enough."""


@pytest.fixture
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return capped(on_dynamodb(request))


def exactly_the_cap(it: PolicyServices, round_number: int) -> None:
    people = six_people(round_number)
    assert raced(people, ours(it)) == dict.fromkeys(people, CAP)
    assert [len(it.person(contact_id).pressure) for contact_id in people] == [CAP] * 6


def test_of_24_senders_at_once_exactly_five_reach_each_of_six_people(it: PolicyServices) -> None:
    exactly_the_cap(it, 0)


def test_the_same_holds_of_senders_who_ask_for_all_six_at_once(it: PolicyServices) -> None:
    people = six_people(0)
    ready = Barrier(SENDERS)

    def ask(number: int) -> list[str]:
        channel = list(Channel)[number % len(Channel)]
        candidates = [a_candidate(one, channel=channel, weight=1.0) for one in people]
        ready.wait()
        answers = it.decisions.reserve_many([Request(candidate=one) for one in candidates])
        return [
            one
            for one, (decision, _) in zip(people, answers, strict=True)
            if isinstance(decision, Allow)
        ]

    with ThreadPoolExecutor(SENDERS) as threads:
        passed = Counter(one for some in threads.map(ask, range(SENDERS)) for one in some)
    assert passed == dict.fromkeys(people, CAP)
    assert [len(it.person(contact_id).pressure) for contact_id in people] == [CAP] * 6


@pytest.mark.long
def test_the_same_holds_again_and_again(it: PolicyServices) -> None:
    for round_number in range(3):
        exactly_the_cap(it, round_number)


def test_who_checks_first_and_writes_then_lets_more_through(it: PolicyServices) -> None:
    for round_number in range(MOST_ROUNDS):
        passed = raced(six_people(round_number), naive(it))
        if max(passed.values()) > CAP:
            return
    pytest.fail(f"in {MOST_ROUNDS} rounds nobody was told too often")


def test_one_key_reserves_once_however_many_senders_bring_it(it: PolicyServices) -> None:
    people = six_people(0)

    def ask(contact_id: str, _channel: Channel) -> bool:
        return isinstance(it.reserve(contact_id, key=contact_id)[0], Allow)

    assert raced(people, ask) == dict.fromkeys(people, SENDERS)
    assert [len(it.person(contact_id).pressure) for contact_id in people] == [1] * 6


def test_merges_under_way_lose_no_touch(it: PolicyServices) -> None:
    it.under()
    it.clock.advance(timedelta(seconds=10))
    people = six_people(0)
    joined = merge("edg_1", people[0], people[1])

    def ask(contact_id: str, channel: Channel) -> bool:
        if contact_id == people[5]:
            it.people.unite(joined)
        if contact_id == people[4] and channel is Channel.PUSH:
            it.people.split(joined)
        return it.reserve(contact_id, channel=channel)[1] is not None

    raced(people, ask)
    it.people.split(joined)
    kept = [Counter(t.origin for t in it.person(one).pressure.touches) for one in people]
    assert kept == [{one: SENDERS} for one in people]
