"""Processes that run one at a time, a few steps each, in an order that a seed decides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

_THREADS = ThreadPoolExecutor(8)
"""Kept, since a schedule has dozens of processes; more than ever are alive at once."""


class KilledError(BaseException):
    """The process is gone, whatever it was about to do."""


class Process:
    """Work in a thread of its own, which runs only while it has the turn.

    ``step`` is called by the work wherever another process may come in between. ``error`` is what
    the work ended with.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._turn, self._back = Lock(), Lock()
        self._turn.acquire()
        self._back.acquire()
        self._left = 0
        self._is_doomed = False
        self.is_over = False
        self.error: BaseException | None = None
        _THREADS.submit(self._run, work)

    def resume(self, steps: int) -> None:
        """Let the work go on for so many steps, or to its end."""
        self._left = steps
        self._turn.release()
        self._back.acquire()

    def kill(self) -> None:
        """End the work at its next step, which is now."""
        self._is_doomed = True
        while not self.is_over:
            self.resume(1)

    def step(self) -> None:
        """Let others come in between, where this turn is used up."""
        while self._left == 0:
            self._back.release()
            self._turn.acquire()
        self._left -= 1
        if self._is_doomed:
            raise KilledError

    def _run(self, work: Callable[[], object]) -> None:
        self._turn.acquire()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whoever resumed it looks at it
            self.error = error
        self.is_over = True
        self._back.release()
