"""Fifty phones, forty operations each, a network that does its worst: the server did each once."""

import pytest

from tests.sdk.chaos import day
from tests.sdk.phones import TurnedClock
from tests.sdk.servers import FakeServer

PHONES, OPERATIONS = 50, 40


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_server_did_everything_once_and_for_the_right_person(seed: int) -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    expected, network = day(
        server,
        clock,
        seed=seed,
        phones=PHONES,
        operations=OPERATIONS,
        trouble=server.expire_tokens,
    )
    assert server.effects() == expected
    assert sum(expected.values()) > PHONES * OPERATIONS // 2
    assert network.lost > PHONES * OPERATIONS // 10
