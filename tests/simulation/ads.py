"""An exact flight, servers that crash, devices that show late or never; and what must never be.

The service's own code runs over a store that fails: a process dies before or after any call, a
reply is lost, an impression comes twice or late, the sweeper and the marketer come at any time, a
day ends. Which, and when, a seed decides.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.placements.errors import BudgetContendedError
from shared.placements.model.leases import Bounds, Lease
from shared.placements.service.leases import LeaseService
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.leases import InMemoryLeaseStore
from tests.simulation.processes import KilledError, Process
from tests.simulation.stage import Call, Port, ReplyLostError, ThrottledError

APP, FLIGHT = "app_1", "flt_1"
REQUESTS = 14
MOST_AT_ONCE = 3
MOST_TICKS = 600
LIFE = timedelta(minutes=10)
GRACE = LIFE + timedelta(minutes=1)
SMALL_BLOCK = 4
"""Numbers that lie together here, so that a short schedule has several blocks."""

_FAULTS = (KilledError, ReplyLostError, ThrottledError, BudgetContendedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An ad that a device has."""

    token_id: str
    lease: Lease
    expires_at: datetime


@dataclass
class Impressions:
    """What the transaction of an impression does: one row a token, and the slot of its lease."""

    store: InMemoryLeaseStore
    clock: ManualClock
    counted: Counter[str] = field(default_factory=Counter)

    def show(self, token: Token) -> None:
        if self.clock() >= token.expires_at or token.token_id in self.counted:
            return
        if self.store.show(token.lease, token.token_id):
            self.counted[token.token_id] += 1


@dataclass(kw_only=True)
class Server:
    """A container: what it knows of budgets, and the ports that it reaches others by."""

    leases: LeaseService
    impressions: Any


class Airing:
    """One flight on the air. ``violations`` are what must never be, and was."""

    def __init__(
        self,
        seed: int,
        *,
        store: type[InMemoryLeaseStore] = InMemoryLeaseStore,
        impressions: type[Impressions] = Impressions,
    ) -> None:
        self.chance = Random(seed)  # noqa: S311 - a seed must repeat the run
        self.clock = ManualClock(NOON)
        self.store = store()
        self.impressions = impressions(self.store, self.clock)
        self.violations: list[str] = []
        self.is_calm = False
        self.current: Process | None = None
        self.bounds = self._bounds()
        self.most = self.bounds.lifetime or 0
        self.servers = [self._server() for _ in range(2)]
        self.tokens: list[Token] = []
        self.waiting: list[Callable[[Server], object]] = [self._serve] * REQUESTS
        self.running: list[Process] = []

    def run(self) -> list[str]:
        """Let everything happen; return what must never be, and was."""
        try:
            for tick in range(MOST_TICKS):
                if not (self.waiting or self.running) or self.violations:
                    break
                self._act()
                if tick % 3 == 0:
                    self._look()
            else:
                self.violations.append("it never ends")
        finally:
            for process in self.running:
                process.kill()
        if not self.violations:
            self._settle()
        return self.violations

    def _bounds(self) -> Bounds:
        chance = self.chance
        lifetime = chance.randrange(2, 9)
        daily = chance.randrange(1, lifetime + 1) if chance.random() < 0.4 else None
        return Bounds(
            app_id=APP, flight_id=FLIGHT, version=1, lifetime=lifetime, daily=daily, peak=800
        )

    def _server(self) -> Server:
        leases = LeaseService(
            store=Port(self.store, self._through),
            shuffled=self._shuffled,
            pause=self._pause,
            grace=GRACE,
        )
        return Server(leases=leases, impressions=Port(self.impressions, self._through))

    def _shuffled(self, numbers: Collection[int]) -> Sequence[int]:
        return self.chance.sample(list(numbers), len(numbers))

    @property
    def _day(self) -> str:
        return f"{self.clock():%Y-%m-%d}" if self.bounds.daily else ""

    def _through(self, call: Call) -> Any:
        """Make a call of the process that has the turn, if it comes to that."""
        if self.current is None:
            return call.make()
        self.current.step()
        self.clock.advance(timedelta(milliseconds=self.chance.randrange(40)))
        before, after = self.chance.random(), self.chance.random()
        if self.is_calm:
            return call.make()
        if before < 0.03:
            raise KilledError if before < 0.02 else ThrottledError
        answer = call.make()
        if after < 0.04:
            raise KilledError if after < 0.02 else ReplyLostError
        return answer

    def _pause(self, _attempt: int) -> None:
        self.clock.advance(timedelta(milliseconds=10))
        if self.current:
            self.current.step()

    def _act(self) -> None:
        """Have one thing happen."""
        drawn = self.chance.random()
        if drawn < 0.16:
            actions = [self._wait, self._resize, self._follow_late, self._show_again]
            self.chance.choice(actions)()
        elif drawn < 0.24:
            self.waiting.append(self._sweep)
        starts = self.waiting and len(self.running) < MOST_AT_ONCE
        if starts and (not self.running or self.chance.random() < 0.4):
            self._start(self.waiting.pop(self.chance.randrange(len(self.waiting))))
        elif self.running:
            self._go_on()

    def _start(self, job: Callable[[Server], object]) -> None:
        server = self.chance.choice(self.servers)
        self.running.append(Process(lambda: job(server)))

    def _go_on(self) -> None:
        process = self.chance.choice(self.running)
        self.current = process
        process.resume(self.chance.randrange(1, 6))
        self.current = None
        if process.is_over:
            self.running.remove(process)
            if process.error is not None and not isinstance(process.error, _FAULTS):
                raise process.error

    def _serve(self, server: Server) -> None:
        """Decide for a device that may show the ad, at once or late, once or again."""
        lease = server.leases.draw(self.bounds, day=self._day, at=self.clock())
        if lease is None:
            return
        if any(token.lease == lease for token in self.tokens):
            self.violations.append("a number was given twice")
        token_id = f"token {lease.shard} {lease.number}"
        token = Token(token_id=token_id, lease=lease, expires_at=self.clock() + LIFE)
        self.tokens.append(token)
        if self.chance.random() < 0.7:
            self.waiting.append(lambda server: server.impressions.show(token))

    def _show_again(self) -> None:
        """Have a device tell of an ad that it has had for any time."""
        if self.tokens:
            token = self.chance.choice(self.tokens)
            self.waiting.append(lambda server: server.impressions.show(token))

    def _wait(self) -> None:
        waits = [timedelta(seconds=2), timedelta(minutes=4), GRACE, timedelta(hours=9)]
        self.clock.advance(self.chance.choice(waits))

    def _sweep(self, server: Server) -> None:
        most = self.chance.choice([1, 100])
        server.leases.sweep(FLIGHT, app_id=APP, at=self.clock(), most=most)

    def _resize(self) -> None:
        """Raise or lower the target, and have the counters follow."""
        lifetime = max((self.bounds.lifetime or 0) + self.chance.randrange(-3, 3), 0)
        self.bounds = replace(self.bounds, version=self.bounds.version + 1, lifetime=lifetime)
        self.most = max(self.most, lifetime)
        self._follow_late()

    def _follow_late(self) -> None:
        bounds = self.bounds
        self.waiting.append(lambda server: server.leases.follow(bounds))

    def _look(self) -> None:
        """Note what must not be at any time."""
        shown = [slot for slot in self.store.ended.values() if slot.token_id is not None]
        if len(shown) > self.most:
            self.violations.append("the target was passed")
        if any(times > 1 for times in self.impressions.counted.values()):
            self.violations.append("an impression counted twice")
        if len(shown) != self.impressions.counted.total():
            self.violations.append("slots and impressions differ")
        budget = self.store.budgets.get((APP, FLIGHT))
        if budget is None:
            return
        counters = self.store.counters(budget)
        of_days = Counter(self.store.days[slot.lease] for slot in shown)
        if self.bounds.daily and any(one > self.bounds.daily for one in of_days.values()):
            self.violations.append("the target of a day was passed")
        lapsed = len(self.store.ended) - len(shown)
        if sum(one.quota for one in counters) != budget.target + budget.owed + lapsed:
            self.violations.append("the counters do not add up to the target")
        if len(shown) > budget.target + budget.owed:
            self.violations.append("more is shown than was given when the target was lowered")

    def _settle(self) -> None:
        """Have all that was left in the midst come to its end, then have all that is left drawn."""
        self.is_calm = True
        leases = self.servers[0].leases
        leases.follow(self.bounds)
        for _ in range(3):
            leases.sweep(FLIGHT, app_id=APP, at=self.clock(), most=1_000)
            self.clock.advance(2 * GRACE)
        self._look()
        audit = leases.audit(FLIGHT, app_id=APP)
        assert audit is not None
        if audit.open or not audit.is_balanced:
            self.violations.append("a number leaked")
        self._look_for_leaks(shown=audit.shown)

    def _look_for_leaks(self, *, shown: int) -> None:
        """Have all that is left drawn, day by day; it must be that and nothing more."""
        drawn, left = 0, max((self.bounds.lifetime or 0) - shown, 0)
        leases = self.servers[1].leases
        for _ in range(left + 2):
            self.clock.advance(timedelta(days=1))
            while lease := leases.draw(self.bounds, day=self._day, at=self.clock()):
                self.impressions.show(
                    Token(
                        token_id=f"last {lease.shard} {lease.number}",
                        lease=lease,
                        expires_at=self.clock() + LIFE,
                    )
                )
                drawn += 1
        self._look()
        if drawn < left:
            self.violations.append("a number leaked")
        if drawn > left:
            self.violations.append("the target was passed")
