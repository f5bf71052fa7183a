"""A thread that pumps a client: for apps and scripts that have no loop of their own."""

import logging
import time
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from engage_mobile.client import Engage
from engage_mobile.operations import SECOND, Instant

_LOGGER: Final = logging.getLogger(__name__)


def system_clock() -> Instant:
    """Return the device's time."""
    return time.time_ns() // 1_000_000


class Runner:
    """Pumps until it is stopped, and sleeps while nothing is due.

    ``wake`` it after a call that should not wait for its next look, which comes after ``nap``
    milliseconds at the latest. As a context manager it stops at the end, and pumps once more.
    """

    def __init__(self, engage: Engage, *, nap: int = SECOND) -> None:
        self._engage = engage
        self._nap = nap
        self._awake = Event()
        self._is_stopped = False
        self._thread = Thread(target=self._run, name="engage", daemon=True)

    def start(self) -> None:
        """Begin to pump."""
        self._thread.start()

    def wake(self) -> None:
        """Look for something to send now."""
        self._awake.set()

    def stop(self) -> None:
        """Send what is due, then end; what is left waits for the next start."""
        self._is_stopped = True
        self.wake()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while True:
            self._awake.clear()
            is_last = self._is_stopped
            now = system_clock()
            due_at = self._pumped(now)
            if is_last:
                return
            nap = self._nap if due_at is None else min(max(due_at - now, 1), self._nap)
            self._awake.wait(nap / SECOND)

    def _pumped(self, now: Instant) -> Instant | None:
        try:
            return self._engage.pump(now)
        except Exception:  # such as a full disk: what waits is still there, and tried again
            _LOGGER.exception("nothing could be sent")
            return None
