"""Many senders who ask for the same few people at the same time, under one cap."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeAlias

from shared.kernel.decisions import Allow
from shared.kernel.events import Channel
from tests.benchmarks.peers.naive_policy import check_then_write
from tests.contract.policy import APP, PolicyServices, a_candidate

SENDERS, CAP = 24, 5

_CHANNELS = list(Channel)

Ask: TypeAlias = Callable[[str, Channel], bool]
"""Asks for a person on a channel; says whether that was let through."""


def capped(it: PolicyServices) -> PolicyServices:
    """Put the cap in force, and read it, so that no sender has to."""
    it.capped(CAP)
    it.rules.rules_of(APP)
    return it


def six_people(round_number: int) -> list[str]:
    """Return people who are nobody's before this round."""
    return [f"con_{round_number:020d}{number:06d}" for number in range(6)]


def ours(it: PolicyServices) -> Ask:
    """Return how we ask: decide, and write what is unchanged since it was read."""

    def ask(contact_id: str, channel: Channel) -> bool:
        return isinstance(it.reserve(contact_id, channel=channel, weight=1.0)[0], Allow)

    return ask


def naive(it: PolicyServices) -> Ask:
    """Return how most senders ask: check, then write."""

    def ask(contact_id: str, channel: Channel) -> bool:
        return check_then_write(
            a_candidate(contact_id, channel=channel, weight=1.0),
            people=it.person_store,
            rules=it.rules,
            clock=it.clock,
            ids=it.ids,
        )

    return ask


def raced(people: list[str], ask: Ask) -> Counter[str]:
    """Have every sender ask for every person, all at once; count what was let through."""
    ready = Barrier(SENDERS)

    def sender(number: int) -> list[str]:
        ready.wait()
        channel = _CHANNELS[number % len(_CHANNELS)]
        # Everyone begins with another person, and meets the others at each.
        order = people[number % 6 :] + people[: number % 6]
        return [contact_id for contact_id in order if ask(contact_id, channel)]

    with ThreadPoolExecutor(SENDERS) as threads:
        passed = threads.map(sender, range(SENDERS))
        return Counter(contact_id for some in passed for contact_id in some)
