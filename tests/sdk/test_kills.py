"""A process may end at any point: nothing that was put into the queue is lost or done twice.

Every point is tried: before each statement of SQLite, before a request leaves, before its answer is
heard, before the app is told. The file is a real one; what a transaction did not commit is gone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from engage_mobile import Answered, Engage
from tests.sdk.dying import Fate, Phone, Step, lived_through
from tests.sdk.phones import STATE, TurnedClock, basket
from tests.sdk.servers import NOBODY, Effect, FakeServer, Server, user_token


def redeems(mark: str) -> Step:
    return lambda engage: engage.coupons.redeem([{"code": "WELCOME10"}], basket=basket(mark))


def tracks(mark: str) -> Step:
    return lambda engage: engage.track("com.example.seen", {"mark": mark})


def logs_in(name: str) -> Step:
    return lambda engage: engage.identify(user_token(name))


def registers(engage: Engage) -> object:
    return engage.register(STATE)


def refreshes(engage: Engage) -> object:
    return engage.refresh(locale="fr-CH")


def logs_out(engage: Engage) -> object:
    return engage.log_out()


STORY: Sequence[tuple[Step, Effect | None]] = (
    (tracks("before"), Effect("event", NOBODY, "before")),
    (redeems("nobodys"), Effect("redemption", NOBODY, "nobodys")),
    (logs_in("ada"), None),
    (tracks("after"), Effect("event", "ada", "after")),
    (tracks("again"), Effect("event", "ada", "again")),
    (redeems("hers"), Effect("redemption", "ada", "hers")),
    (refreshes, None),
    (
        lambda engage: engage.receipt("msg_1", "opened"),
        Effect("receipt", "ada", "msg_1"),
    ),
    (logs_out, None),
    (tracks("later"), Effect("event", NOBODY, "later")),
)
"""What an app does, and what the server is to have done of it, once."""

LOGIN, LOG_OUT = 2, 8


class Life:
    """One life of a phone, under one fate or several."""

    def __init__(
        self,
        folder: Path,
        *fates: Fate,
        is_online: bool = True,
        server_of: Callable[[TurnedClock], Server] = FakeServer,
    ) -> None:
        folder.mkdir()
        clock = TurnedClock()
        self.server = server_of(clock)
        self.phone = Phone(folder / "queue.sqlite", self.server, clock, {})
        steps = [step for step, _ in STORY]
        self.died_in = lived_through(self.phone, steps, fates, first=registers, is_online=is_online)

    def expect_all_once(self) -> None:
        """Hold what the server did against the story.

        Of a step in which the process ended, nobody promised anything: it was done once or never.
        Where that is the login or the log-out, what follows is of whoever is logged in then.
        """
        done = self.server.effects()
        assert set(done.values()) <= {1}
        marks = {(effect.kind, effect.mark) for effect in done}
        for number, (_, effect) in enumerate(STORY):
            if effect is None or number in self.died_in:
                continue
            assert (effect.kind, effect.mark) in marks
            if not self.died_in & {LOGIN, LOG_OUT}:
                assert done[effect] == 1
        assert len(marks) == sum(done.values())


def test_an_app_that_lives_does_all_of_it(tmp_path: Path) -> None:
    life = Life(tmp_path / "life")
    assert not life.died_in
    assert life.server.effects() == {effect: 1 for _, effect in STORY if effect is not None}


@pytest.mark.parametrize("is_online", [True, False])
def test_a_process_may_end_before_any_effect(is_online: bool, tmp_path: Path) -> None:
    number, calls_died_in = 0, set[int]()
    while True:
        fate = Fate(number)
        life = Life(tmp_path / str(number), fate, is_online=is_online)
        life.expect_all_once()
        calls_died_in |= life.died_in
        if fate.left != 0:
            break
        number += 1
    assert number > 150
    assert calls_died_in == set(range(len(STORY)))


@pytest.mark.parametrize("seed", range(60))
def test_processes_may_end_again_and_again(seed: int, tmp_path: Path) -> None:
    chance = Random(seed)  # noqa: S311 - a seed must repeat the life
    fates = [Fate(chance.randrange(120)) for _ in range(chance.randrange(2, 8))]
    Life(tmp_path / "life", *fates).expect_all_once()


def test_the_app_hears_of_every_redemption(tmp_path: Path) -> None:
    """Also of one whose answer came just before the end: it is told again rather than never."""
    for number in range(0, 260, 3):
        life = Life(tmp_path / str(number), Fate(number))
        told = {
            str(operation.body)
            for operation, outcome in life.phone.outcomes
            if isinstance(outcome, Answered)
        }
        used = [effect.mark for effect in life.server.effects() if effect.kind == "redemption"]
        assert used
        for mark in used:
            assert any(f'"line_id":"{mark}"' in body for body in told)
