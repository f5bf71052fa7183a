"""Lives the lives of many phones: some at once, each in its own time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, TypeAlias

from engage_mobile import Request, Response, Transport, system_clock
from engage_mobile.operations import Instant
from engage_mobile_fleet.phones import Phone
from engage_mobile_fleet.plans import Plan
from engage_mobile_fleet.summaries import Summary

MOST_TRIES: Final = 200
"""Rounds after which a fleet gives up to tell the rest."""

Progress: TypeAlias = Callable[[int, int], None]
"""Hears how many phones are through with a round, and of how many."""


class StillWaitingError(Exception):
    """The server did not take everything, however often it was asked."""


def _unheard(_done: int, _of: int) -> None:
    return None


class Fleet:
    """Phones that live in rounds.

    A round is a few acts of each owner, then the phone tells the server, unless it is offline. Each
    phone is the real client with its blocking transport, in one of ``plan.at_once`` threads: a
    thread has one request in flight. Nobody sleeps: a client that wants to wait does so until the
    next round, whose time is then when it wanted to try again.
    """

    def __init__(
        self,
        transport: Transport,
        plan: Plan,
        *,
        progress: Progress = _unheard,
        clock: Callable[[], Instant] = system_clock,
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._counted = _Counted(transport)
        self.phones: Sequence[Phone] = [
            Phone(plan, number, self._counted, clock) for number in range(plan.phones)
        ]

    async def start(self) -> None:
        """Let every phone register, and some owners log in."""
        await self._each(Phone.start)

    async def live(self, rounds: int) -> None:
        """Let every phone live so many rounds."""
        for _ in range(rounds):
            await self._each(Phone.live)

    async def finish(self) -> None:
        """Bring every phone online, and let it tell the rest.

        Raises:
            StillWaitingError: the server did not take everything.
        """
        for _ in range(MOST_TRIES):
            await self._each(Phone.tell)
            if not self._waiting():
                return
        raise StillWaitingError(f"{self._waiting()} operations")

    def deliver(self, address: str, message_id: str) -> None:
        """Let a push come to the phone of an address; of others it says nothing."""
        for phone in self.phones:
            if phone.address == address:
                phone.deliver(message_id)

    def summary(self) -> Summary:
        """Return what was done so far, and how it was answered."""
        deeds: Counter[str] = Counter()
        answers: dict[str, Counter[str]] = {}
        for phone in self.phones:
            deeds += phone.deeds.counts
            for kind, counts in phone.answers.items():
                answers[kind] = answers.get(kind, Counter()) + counts
        return Summary(
            phones=len(self.phones),
            logged_in=sum(phone.is_logged_in for phone in self.phones),
            deeds=deeds,
            answers=answers,
            requests=self._counted.requests,
            unanswered=self._counted.unanswered,
            most_in_flight=self._counted.most_in_flight,
            waiting=self._waiting(),
        )

    async def _each(self, step: Callable[[Phone], None]) -> None:
        """Let each phone take a step, so many at once; the first error ends the round."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(self._plan.at_once) as threads:
            steps = [loop.run_in_executor(threads, step, phone) for phone in self.phones]
            for done, taken in enumerate(asyncio.as_completed(steps), start=1):
                await taken
                self._progress(done, len(steps))

    def _waiting(self) -> int:
        return sum(phone.engage.waiting for phone in self.phones)


class _Counted:
    """A transport that knows how many requests are in flight."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = Lock()
        self._in_flight = 0
        self.requests = 0
        self.unanswered = 0
        self.most_in_flight = 0

    def send(self, request: Request) -> Response | None:
        """Carry a request, and count it."""
        with self._lock:
            self.requests += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        response = None
        try:
            response = self._transport.send(request)
        finally:
            with self._lock:
                self._in_flight -= 1
                self.unanswered += response is None
        return response
