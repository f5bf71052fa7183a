"""Runs a stand-in in a thread of this process, for tests."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from infra.local.fcm.faults import FaultPlan, Faults
from infra.local.fcm.journal import Received
from infra.local.fcm.server import Listening, serving
from infra.local.fcm.standin import Standin

T = TypeVar("T")

_STOP_SECONDS = 5


class RunningStandin:
    """A handle on a stand-in that runs in another thread."""

    def __init__(self, listening: Listening, loop: asyncio.AbstractEventLoop) -> None:
        self.url = listening.url
        self.ca_pem = listening.identity.ca.read_text()
        self.service_account: Mapping[str, Any] = listening.service_account
        self._standin = listening.standin
        self._loop = loop

    def received(self, **filters: Any) -> list[Received]:
        """Return the attempts received, by ``project``, ``address`` and ``after`` if given."""
        return self._ask(lambda standin: [*standin.journal.received(**filters)])

    def counts(self) -> dict[str, Mapping[str, int]]:
        """Return the exact counts: ``requests`` and ``connections`` by protocol, ``outcomes``."""
        return self._ask(
            lambda standin: {
                "requests": dict(standin.requests),
                "connections": dict(standin.connections),
                "outcomes": dict(standin.journal.outcomes),
            }
        )

    def bearers_issued(self) -> int:
        """Return how many bearers were granted."""
        return self._ask(lambda standin: standin.bearers.issued)

    def fail(self, plan: FaultPlan) -> None:
        """Fail as ``plan`` says from now on."""
        self._ask(lambda standin: setattr(standin, "faults", Faults(plan)))

    def forget(self) -> None:
        """Forget every attempt and start the counts anew."""
        self._ask(lambda standin: standin.forget())

    def revoke_bearers(self) -> None:
        """Make every bearer unknown."""
        self._ask(lambda standin: standin.bearers.revoke_all())

    def _ask(self, question: Callable[[Standin], T]) -> T:
        async def answer() -> T:
            return question(self._standin)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()


@contextmanager
def running_standin(
    *, state_dir: Path, port: int = 0, plan: FaultPlan | None = None
) -> Iterator[RunningStandin]:
    """Run a stand-in while the context lasts; its keys are kept in ``state_dir``.

    Raises:
        OSError: the port is taken.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fcm-standin", daemon=True)
    thread.start()
    context = serving(state_dir=state_dir, port=port, plan=plan or FaultPlan())
    try:
        listening = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield RunningStandin(listening, loop)
        finally:
            stop = context.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(stop, loop).result(_STOP_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_SECONDS)
        loop.close()
