"""A network that drops, delays, doubles and reorders, and people who use their phones; by seed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from engage_mobile import Engage, Request, Response
from tests.sdk.phones import STATE, TurnedClock, basket, counted, phone
from tests.sdk.servers import NOBODY, Effect, Server, user_token


@dataclass(kw_only=True)
class Chaos:
    """Between phones and a server.

    A request is lost, or its answer is, or it comes twice, or a copy of it comes any time later,
    behind others that were sent after it.
    """

    server: Server
    chance: Random
    lost: int = 0
    delayed: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response | None:
        """Carry a request, or lose it."""
        self.deliver_some()
        fate = self.chance.random()
        self.lost += fate < 0.34
        if fate < 0.12:
            return None
        if fate < 0.22:
            self.delayed.append(request)
            return None
        answer = self.server.send(request)
        if fate < 0.34:
            return None
        if fate < 0.44:
            answer = self.server.send(request)
        elif fate < 0.54:
            self.delayed.append(request)
        return answer

    def deliver_some(self) -> None:
        """Let some of what was held back come, in any order."""
        self.chance.shuffle(self.delayed)
        while self.delayed and self.chance.random() < 0.4:
            self.server.send(self.delayed.pop())


@dataclass(kw_only=True)
class Owner:
    """Who uses a phone, and what the server is to have done in the end."""

    name: str
    chance: Random
    expected: Counter[Effect] = field(default_factory=Counter)
    whose: str = NOBODY

    def act(self, engage: Engage, number: int) -> None:
        """Do one thing, as people do."""
        mark = f"{self.name}-{number}"
        act = self.chance.choices(
            (self._track, self._redeem, self._open, self._log_in_or_out, self._move),
            weights=(50, 20, 15, 10, 5),
        )[0]
        act(engage, mark)

    def _track(self, engage: Engage, mark: str) -> None:
        engage.track("com.example.seen", {"mark": mark})
        self._expect("event", mark)

    def _redeem(self, engage: Engage, mark: str) -> None:
        engage.coupons.redeem([{"code": "WELCOME10"}], basket=basket(mark))
        self._expect("redemption", mark)

    def _open(self, engage: Engage, mark: str) -> None:
        engage.receipt(mark, "opened")
        self._expect("receipt", mark)

    def _log_in_or_out(self, engage: Engage, mark: str) -> None:
        if self.whose == NOBODY:
            self.whose = self.chance.choice((f"{self.name}-a", f"{self.name}-b"))
            engage.identify(user_token(self.whose))
        else:
            self.whose = NOBODY
            engage.log_out()

    def _move(self, engage: Engage, mark: str) -> None:
        engage.register({**STATE, "locale": self.chance.choice(("de-CH", "fr-CH", "it-CH"))})

    def _expect(self, kind: str, mark: str) -> None:
        self.expected[Effect(kind, self.whose, mark)] += 1


def day(
    server: Server,
    clock: TurnedClock,
    *,
    seed: int,
    phones: int,
    operations: int,
    trouble: Callable[[], None],
    names: str = "device",
) -> tuple[Counter[Effect], Chaos]:
    """Let phones live through a day; return what the server is to have done, and the network.

    Each phone does so much, in turns by chance; ``trouble`` is made from time to time. In the end
    every phone tells the rest, and all that was held back comes. What phones call themselves and
    their operations begins with ``names``.
    """
    chance = Random(seed)  # noqa: S311 - a seed must repeat the day
    network = Chaos(server=server, chance=chance)
    owners = [Owner(name=f"owner-{number}", chance=chance) for number in range(phones)]
    clients = [
        phone(network, clock, random=chance.random, new_key=counted(f"{names}-{number}"))
        for number in range(phones)
    ]
    for engage in clients:
        engage.register(STATE)
    turns = [number for number in range(phones) for _ in range(operations)]
    chance.shuffle(turns)
    for step, turn in enumerate(turns):
        owners[turn].act(clients[turn], step)
        clock.go_on(chance.randrange(2_000))
        if chance.random() < 0.5:
            clients[turn].pump(clock.now)
        if step % 500 == 499:
            trouble()
    _tell_the_rest(clock, clients)
    while network.delayed:
        network.deliver_some()
    return sum((owner.expected for owner in owners), start=Counter[Effect]()), network


def _tell_the_rest(clock: TurnedClock, phones: list[Engage]) -> None:
    for engage in phones:
        engage.enter_background()
    for _ in range(10_000):
        waiting = [engage for engage in phones if engage.waiting]
        if not waiting:
            return
        due = [engage.pump(clock.now) for engage in waiting]
        clock.now = max(clock.now + 1, min((at for at in due if at is not None), default=0))
    raise AssertionError("some still wait")
