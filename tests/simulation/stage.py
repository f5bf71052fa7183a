"""What every simulation stands on: jobs, processes that fail, a clock, FCM, and how messages end.

A process dies before or after any call, a reply is lost, a call is throttled, a batch of writes is
done in part or sent again, a job comes twice or late, a lease runs out. Which, and when, a seed
decides.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from shared.push.model import Chunk, Delivery, DeliveryResult, Outcome, State
from shared.push.ports import Channel, Channels
from shared.push.service.verdicts import ending_of
from tests.fakes.clock import ManualClock
from tests.simulation.processes import KilledError, Process

APP = "app_1"
TIMEOUT = timedelta(seconds=120)
LEASE = TIMEOUT + timedelta(seconds=5)
VISIBILITY = 6 * TIMEOUT
WITHIN = timedelta(seconds=5)
"""What was begun before a pause is acknowledged is ended by then."""

STALL = timedelta(seconds=10)
"""So long a process may take from what the throttle let go to its jobs."""

MINUTE = timedelta(minutes=1)
MOST_TICKS = 900
CALM = 250
"""From this tick on nothing fails any more, and nobody pauses: all must come to its end."""

_UNSENT = {State.SKIPPED, State.EXPIRED, State.INVALID, State.FAILED, State.HELD_OUT}
_OF_THE_TEST = (AssertionError, TypeError, AttributeError, KeyError, NotImplementedError)


class ThrottledError(Exception):
    """The call was not made: too many at once."""


class ReplyLostError(Exception):
    """The call was made; its answer never came."""


BATCHES = frozenset({"ask", "record_once", "take_back"})
"""Calls that write many things, first argument, each of which is done or not on its own."""


@dataclass(frozen=True)
class Call:
    """A call that is about to be made; of a batch, ``each`` are its writes."""

    method: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    each: Sequence[Any] = ()

    def make(self) -> Any:
        return self.method(*self.args, **self.kwargs)

    def make_in_part(self, some: Sequence[Any]) -> None:
        self.method(some, *self.args[1:], **self.kwargs)


class Port:
    """A port as one process sees it: every call may fail, and others come in between."""

    def __init__(self, real: object, through: Callable[[Call], Any]) -> None:
        self._real = real
        self._through = through

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            each = args[0] if name in BATCHES else ()
            return self._through(Call(method, args, kwargs, each))

        return call


@dataclass(frozen=True)
class Worker:
    """One process as its work sees it: who it is, until when it lives, and its ports."""

    holder: str
    ends_at: datetime
    port: Callable[[object], Any]


@dataclass(kw_only=True)
class Job:
    """A job in a queue: its work, from when on it is seen, and the process that does it."""

    work: Callable[[Worker], object]
    visible_at: datetime
    is_released: bool = False
    process: Process | None = None


class Stage(ABC):
    """Jobs, processes, faults and time. ``violations`` are what must never be, and was."""

    def __init__(self, seed: int, *, at: datetime) -> None:
        self.chance = Random(seed)  # noqa: S311 - a seed must repeat the run
        self.clock = ManualClock(at)
        self.ids = Ids(clock=self.clock, chance=self.chance.getrandbits)
        self.fcm = SimulatedFcm(self, self.deliver)
        self.violations: list[str] = []
        self.jobs: list[Job] = []
        self.running: list[tuple[Process, Job]] = []
        self.processes = 0
        self.at_work: Job | None = None
        self.is_calm = False

    def run(self) -> list[str]:
        """Let everything happen; return what must never be, and was."""
        try:
            for tick in range(MOST_TICKS):
                if tick == CALM:
                    self.calm_down()
                if self.violations or not self._act():
                    break
                self.look_at_books()
            else:
                self.violations.append("it never ends")
        finally:
            for process, _ in self.running:
                process.kill()
        if not self.violations:
            self.look_at_ends()
        return self.violations

    def put(self, job: Job) -> None:
        """Put a job into its queue."""
        self.jobs.append(job)

    def calm_down(self) -> None:
        """Have nothing fail from now on."""
        self.is_calm = True

    def let_leases_run_out(self) -> None:
        """Stop every process where it is: what it does next, it does not do any more."""
        self.clock.advance(LEASE * self.chance.choice([1, 2, 6]))

    @abstractmethod
    def deliver(self, delivery: Delivery) -> None:
        """Reach a device; note where that must not be."""

    @abstractmethod
    def actions(self) -> Sequence[Callable[[], object]]:
        """Return what people and the machinery may do at any time."""

    @abstractmethod
    def wake(self) -> None:
        """Put the jobs that are due by now without anybody's doing."""

    @abstractmethod
    def dues(self) -> Sequence[datetime]:
        """Return when something is due besides jobs."""

    @abstractmethod
    def look_at_books(self) -> None:
        """Note what must not be at any time."""

    @abstractmethod
    def look_at_ends(self) -> None:
        """Note what must not be when all is over."""

    def _act(self) -> bool:
        """Have one thing happen; say whether there was anything left to happen."""
        if not self.is_calm and self.chance.random() < 0.06:
            self.chance.choice(self.actions())()
        self.wake()
        seen = [one for one in self.jobs if not one.process and one.visible_at <= self.clock()]
        if self.running and (len(self.running) > 1 or not seen or self.chance.random() < 0.7):
            self._go_on()
        elif seen:
            self._start(self.chance.choice(seen))
        else:
            return self._wait()
        return True

    def _start(self, job: Job) -> None:
        self.processes += 1
        if not self.is_calm and self.chance.random() < 0.05:
            self.put(replace(job, visible_at=self.clock()))  # the queue delivers it twice
        ends_at = self.clock() + TIMEOUT

        def through(call: Call) -> Any:
            process.step()
            return self._attempt(call, ends_at)

        worker = Worker(f"process {self.processes}", ends_at, lambda real: Port(real, through))
        process = Process(lambda: job.work(worker))
        job.process = process
        job.visible_at = self.clock() + VISIBILITY
        self.running.append((process, job))

    def _attempt(self, call: Call, ends_at: datetime) -> Any:
        """Make a call of a process, if it comes to that."""
        self.clock.advance(timedelta(milliseconds=self.chance.randrange(20)))
        if self.clock() >= ends_at:
            raise KilledError
        before, after = self.chance.random(), self.chance.random()
        if self.is_calm:
            return call.make()
        if before < 0.03:
            raise KilledError if before < 0.02 else ThrottledError
        if len(call.each) > 1:
            self._stumble(call)
        answer = call.make()
        if after < 0.03:
            raise KilledError if after < 0.02 else ReplyLostError
        return answer

    def _stumble(self, call: Call) -> None:
        """Do a batch in part, and fail; or lose the answer, and have all of it sent again."""
        drawn = self.chance.random()
        if drawn < 0.08:
            call.make_in_part([one for one in call.each if self.chance.random() < 0.5])
        if drawn < 0.04:
            raise KilledError if drawn < 0.02 else ThrottledError

    def _go_on(self) -> None:
        process, job = self.chance.choice(self.running)
        self.at_work = job
        process.resume(self.chance.randrange(1, 8))
        if not process.is_over:
            return
        self.running.remove((process, job))
        job.process = None
        if isinstance(process.error, _OF_THE_TEST):
            raise process.error
        if process.error is None and (self.is_calm or self.chance.random() < 0.9):
            self.jobs.remove(job)
        elif process.error is None:
            job.visible_at = self.clock()  # the queue delivers it twice

    def _wait(self) -> bool:
        """Let time pass until something is due; say whether anything ever is."""
        dues = [*(one.visible_at for one in self.jobs), *self.dues()]
        if dues:
            self.clock.at = max(self.clock(), min(dues))
            return True
        if self.is_calm:
            return False
        self.calm_down()
        return True


class SimulatedFcm(Channels, Channel):
    """Answers for FCM: what it takes is delivered, whether or not its answer comes."""

    def __init__(self, stage: Stage, deliver: Callable[[Delivery], None]) -> None:
        self._stage = stage
        self._deliver = deliver
        self.dead: set[str] = set()
        self.delivered: Counter[str] = Counter()

    @override
    def channel_of(self, app_id: str) -> Channel:
        return self

    @override
    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        return [self._answer(one, validate_only=validate_only) for one in deliveries]

    def _answer(self, delivery: Delivery, *, validate_only: bool) -> DeliveryResult:
        address = delivery.address.value
        drawn, is_calm = self._stage.chance.random(), self._stage.is_calm
        if address in self.dead or drawn < 0.06:
            self.dead.add(address)
            return DeliveryResult(outcome=Outcome.ADDRESS_GONE, code="UNREGISTERED")
        if drawn < 0.1:
            return DeliveryResult(outcome=Outcome.REJECTED, code="INVALID_ARGUMENT")
        if drawn < 0.25 and not is_calm:
            pause = timedelta(seconds=self._stage.chance.randrange(60))
            return DeliveryResult(outcome=Outcome.RETRY, code="UNAVAILABLE", retry_after=pause)
        if drawn < 0.3 and not is_calm:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        if not validate_only:
            self.delivered[delivery.message_id] += 1
            self._deliver(delivery)
        if drawn < 0.4 and not is_calm:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        return DeliveryResult(outcome=Outcome.SENT, provider_id="1")


@dataclass(frozen=True)
class OneChannel(Channels):
    """The channel of all apps; to ask for it is no call to anybody."""

    channel: Any

    @override
    def channel_of(self, app_id: str) -> Channel:
        channel: Channel = self.channel
        return channel


def violations_of(chunk: Chunk, index: int, event: Envelope | None, *, sent: int) -> Iterator[str]:
    """Yield what must not be of a message that is over; ``sent`` is how often it was delivered."""
    state = chunk.states[index]
    if event is None or not state.is_final:
        yield "a message never ended"
        return
    if ending_of(event).state is not state:
        yield "the ledger and the chunk differ"
    if state is State.SENT and not sent:
        yield "what was not sent is told as sent"
    if state in _UNSENT and sent:
        yield "what was sent is told as not sent"
    is_flagged = state is State.UNKNOWN or event.data.get("ambiguous") is True
    if sent > 1 and not is_flagged:
        yield "it was sent twice and nobody says so"


def is_paced(begun: Sequence[tuple[datetime, int]], *, throttle: int) -> bool:
    """Say whether messages began as a throttle allows: instants, and how many at each.

    It is a bucket of one minute's messages, full at first, that fills at the throttle's rate.
    """
    for place, (first, _) in enumerate(begun):
        total = 0
        for at, size in begun[place:]:
            total += size
            if total > throttle * (1 + (at - first + STALL) / MINUTE):
                return False
    return True
