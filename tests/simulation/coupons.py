"""A coupon, three people who all want it, tills that crash, sweepers; and what must never be.

The services' own code runs over stores that fail: a process dies before or after any call, a reply
is lost, a call is throttled, a request comes twice, the sweeper and the marketer come at any time.
Which, and when, a seed decides.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, TypeAlias

from shared.coupons.errors import (
    CouponChangedError,
    CouponError,
    CouponExhaustedError,
    RedemptionRefusedError,
)
from shared.coupons.model.coupons import AfterRollback, Coupon
from shared.coupons.model.limits import Counting, Limit, Subject
from shared.coupons.model.places import sheet_of
from shared.coupons.model.redemptions import Entry, Redemption, RedemptionState, Spent, Ticket
from shared.coupons.model.rules import Circumstances
from shared.coupons.model.tickets import Counter as Tally
from shared.coupons.model.tickets import OpenWindow
from shared.coupons.service.redemptions import Order, RedemptionService, Wanted
from shared.kernel.errors import DomainError
from shared.kernel.ids import Ids
from tests.contract.redeeming import (
    APP,
    BASKET,
    NOON,
    a_coupon,
    assemble,
    contact,
    red,
    share_by_piece,
    tenth,
)
from tests.fakes.clock import ManualClock
from tests.fakes.redemptions import (
    InMemoryRedemptionStore,
    InMemoryTicketStore,
    InMemoryUseStore,
    Memory,
)
from tests.simulation.processes import KilledError, Process
from tests.simulation.stage import Call, Port, ReplyLostError, ThrottledError

PEOPLE = 3
ORDERS = 7
MOST_AT_ONCE = 3
MOST_TICKS = 1_000
HOLD = timedelta(seconds=40)
TIMEOUT = timedelta(seconds=90)
"""Of one call; a real function ends after a sixth of it, so a ticket may come too late here."""

_FAULTS = (KilledError, ReplyLostError, ThrottledError)
_OF_THE_TEST = (AssertionError, TypeError, AttributeError, KeyError, NotImplementedError)

Services: TypeAlias = Mapping[str, Any]


@dataclass(kw_only=True)
class Shopper:
    """Who wants one order, by one id: what they have still to ask for, and what they were told."""

    number: int
    contact_id: str
    wishes: list[str]
    answers: dict[str, Redemption] = field(default_factory=dict)
    refused: bool = False


@dataclass(kw_only=True)
class Job:
    """Something that a process does; ``heard`` takes what came of it."""

    work: Callable[[Services], object]
    heard: Callable[[object, BaseException | None], None] = lambda _answer, _error: None
    answer: object = None


class Shop:
    """The stores, two containers that keep what they know, and all who want something of them."""

    def __init__(
        self,
        seed: int,
        *,
        tickets: type[InMemoryTicketStore] = InMemoryTicketStore,
        uses: type[InMemoryUseStore] = InMemoryUseStore,
        redemptions: type[InMemoryRedemptionStore] = InMemoryRedemptionStore,
    ) -> None:
        self.chance = Random(seed)  # noqa: S311 - a seed must repeat the run
        self.clock = ManualClock(NOON)
        self.ids = Ids(clock=self.clock, chance=self.chance.getrandbits)
        self.memory = Memory()
        self.stores = (tickets(self.memory), uses(self.memory), redemptions(self.memory))
        self.violations: list[str] = []
        self.is_calm = False
        self.current: Process | None = None
        self.frozen: Process | None = None
        self.frozen_for = 0
        self.coupon = self._coupon()
        self.followed = self.coupon.limits_version
        self.memory.versions[APP, self.coupon.coupon_id] = self.coupon.limits_version
        self.containers = [self._container(number) for number in range(2)]
        self.shoppers = [self._shopper(number) for number in range(ORDERS)]
        self.waiting: list[Job] = []
        self.running: list[tuple[Process, Job]] = []
        for shopper in self.shoppers:
            self._ask(shopper)

    def run(self) -> list[str]:
        """Let everything happen; return what must never be, and was."""
        try:
            for tick in range(MOST_TICKS):
                if not (self.waiting or self.running) or self.violations:
                    break
                self._act()
                if tick % 4 == 0:
                    self._look()
            else:
                self.violations.append("it never ends")
        finally:
            for process, _ in self.running:
                process.kill()
        if not self.violations:
            self._settle()
            self._look()
            self._look_at_ends()
        return self.violations

    def _coupon(self) -> Coupon:
        chance = self.chance
        limits = [
            Limit(limit_id="total", subject=Subject.COUPON, uses=chance.randrange(1, 5)),
            Limit(limit_id="each", subject=Subject.CONTACT, uses=chance.randrange(1, 3)),
        ]
        if chance.random() < 0.4:
            amount = chance.randrange(1, 5) * 1_000 + chance.choice([0, 500])
            limits.append(
                Limit(limit_id="money", subject=Subject.COUPON, amount=amount, peak=1_200)
            )
        chance.shuffle(limits)
        after = AfterRollback.KEEP_USE if chance.random() < 0.2 else AfterRollback.RETURN_USE
        return a_coupon(*limits, after_rollback=after)

    def _container(self, number: int) -> Services:
        ports = [Port(store, self._through) for store in self.stores]
        tickets, uses, redemptions = ports
        return assemble(
            tickets,
            uses,
            redemptions,
            clock=self.clock,
            ids=self.ids,
            seed=self.chance.randrange(1 << 30) + number,
            pause=self._pause,
        )

    def _shopper(self, number: int) -> Shopper:
        wishes = self.chance.choice(
            [
                ["redeem"],
                ["redeem", "roll_back"],
                ["redeem", "roll_back_line", "roll_back"],
                ["reserve"],
                ["reserve", "commit"],
                ["reserve", "commit", "roll_back"],
                ["reserve", "release"],
                ["reserve", "reserve", "commit"],
            ]
        )
        who = contact(self.chance.randrange(PEOPLE))
        return Shopper(number=number, contact_id=who, wishes=list(wishes))

    def _through(self, call: Call) -> Any:
        """Make a call of the process that has the turn, if it comes to that."""
        if self.current is None:
            return call.make()
        began = self.clock()
        self.current.step()
        if self.clock() - began > TIMEOUT:
            raise KilledError
        self.clock.advance(timedelta(milliseconds=self.chance.randrange(40)))
        before, after = self.chance.random(), self.chance.random()
        if self.is_calm:
            return call.make()
        if before < 0.03:
            raise KilledError if before < 0.02 else ThrottledError
        answer = call.make()
        if after < 0.03:
            raise KilledError if after < 0.02 else ReplyLostError
        return answer

    def _pause(self, _attempt: int) -> None:
        self.clock.advance(timedelta(milliseconds=10))
        if self.current:
            self.current.step()

    def _act(self) -> None:
        """Have one thing happen."""
        if not self.is_calm and self.chance.random() < 0.12:
            actions = [self._sweep, self._wait, self._relimit, self._follow_again, self._stall]
            self.chance.choice(actions)()
        starts = self.waiting and len(self.running) < MOST_AT_ONCE
        if starts and (not self.running or self.chance.random() < 0.4):
            self._start(self.waiting.pop(self.chance.randrange(len(self.waiting))))
        else:
            self._go_on()

    def _start(self, job: Job) -> None:
        services = self.chance.choice(self.containers)

        def work() -> None:
            job.answer = job.work(services)

        self.running.append((Process(work), job))

    def _go_on(self) -> None:
        self.frozen_for -= 1
        awake = [one for one in self.running if self.frozen_for < 0 or one[0] is not self.frozen]
        process, job = self.chance.choice(awake or self.running)
        self.current = process
        process.resume(self.chance.randrange(1, 8))
        self.current = None
        if not process.is_over:
            return
        self.running.remove((process, job))
        if isinstance(process.error, _OF_THE_TEST):
            raise process.error
        job.heard(job.answer, process.error)

    def _ask(self, shopper: Shopper) -> None:
        """Put the request for a shopper's next wish; sometimes it comes twice."""
        if not shopper.wishes or shopper.refused:
            return
        wish = shopper.wishes[0]

        def heard(answer: object, error: BaseException | None) -> None:
            self._hear(shopper, wish, answer, error)

        job = Job(work=lambda services: self._request(shopper, wish, services), heard=heard)
        self.waiting.append(job)
        if self.chance.random() < 0.15:
            self.waiting.append(Job(work=job.work, heard=self._hear_twice(shopper, wish)))

    def _hear(
        self, shopper: Shopper, wish: str, answer: object, error: BaseException | None
    ) -> None:
        if isinstance(error, (*_FAULTS, CouponChangedError)):
            # The client asks again by the same id, or was never seen again.
            if self.chance.random() < 0.85:
                self._ask(shopper)
        elif isinstance(error, DomainError):
            self._hear_refusal(shopper, wish, error)
        elif error is not None:
            raise error
        else:
            self._hear_answer(shopper, wish, answer)
            shopper.wishes = shopper.wishes[1:]
            self._ask(shopper)

    def _hear_twice(
        self, shopper: Shopper, wish: str
    ) -> Callable[[object, BaseException | None], None]:
        def heard(answer: object, error: BaseException | None) -> None:
            if error is None:
                self._hear_answer(shopper, wish, answer)

        return heard

    def _hear_answer(self, shopper: Shopper, wish: str, answer: object) -> None:
        assert isinstance(answer, Redemption)
        shopper.answers[wish] = answer
        kept = self.memory.redemptions.get((APP, red(shopper.number)))
        if kept is None:
            self.violations.append("an answer has no redemption")
        elif [part.applied for part in kept.parts] != [part.applied for part in answer.parts]:
            self.violations.append("an answer is not the first answer")

    def _hear_refusal(self, shopper: Shopper, wish: str, error: DomainError) -> None:
        if isinstance(error, CouponExhaustedError | RedemptionRefusedError) and wish in {
            "redeem",
            "reserve",
        }:
            shopper.refused = True
        elif not isinstance(error, CouponError):
            raise error

    def _request(self, shopper: Shopper, wish: str, services: Services) -> Redemption:
        redemptions: RedemptionService = services["redemptions"]
        redemption_id = red(shopper.number)
        made: Redemption
        match wish:
            case "redeem":
                made = redemptions.redeem(self._order(shopper))
            case "reserve":
                made = redemptions.reserve(self._order(shopper), hold=HOLD)
            case "commit":
                made = redemptions.commit(redemption_id, app_id=APP)
                if made.reserved_until and self._is_late(made):
                    self.violations.append("it was committed after it ran out")
            case "release":
                made = redemptions.release(redemption_id, app_id=APP)
            case _:
                made = services["rollbacks"].roll_back(
                    redemption_id,
                    app_id=APP,
                    rollback_id=f"rol_{wish}",
                    refunds=share_by_piece,
                    pieces={"2": 2} if wish == "roll_back_line" else None,
                )
        return made

    def _is_late(self, made: Redemption) -> bool:
        """Say whether the events say that a reservation was committed after its end."""
        until = self.memory.redemptions[APP, made.redemption_id].reserved_until
        told = [one for one in self.memory.events if _is_of(one, made.redemption_id)]
        redeemed = [one.time for one in told if one.type == "coupon.redeemed.v1"]
        return until is not None and any(at >= until for at in redeemed)

    def _order(self, shopper: Shopper) -> Order:
        return Order(
            redemption_id=red(shopper.number),
            fingerprint="asked",
            basket=BASKET,
            wanted=(Wanted(applied=tenth(self.coupon.coupon_id), coupon=self.coupon),),
            circumstances=Circumstances(app_id=APP, at=self.clock(), contact_id=shopper.contact_id),
        )

    def _wait(self) -> None:
        self.clock.advance(timedelta(seconds=self.chance.choice([1, 5, 15, 30, 120])))

    def _sweep(self) -> None:
        def work(services: Services) -> None:
            self._swept(services)
            services["sweeping"].end_reservations(APP, most=2)

        self.waiting.append(Job(work=work, heard=_unless_ours))

    def _stall(self) -> None:
        """Have every process stand still, and all that they drew swept; one of them for longer."""
        if self.running:
            self.frozen, _ = self.chance.choice(self.running)
            self.frozen_for = self.chance.randrange(10, 60)
        for _ in range(2):
            self._swept(self.containers[0])
            self.clock.advance(timedelta(seconds=30))

    def _swept(self, services: Services) -> None:
        for limit in self.coupon.limits:
            services["sweeping"].sweep_tickets(APP, self.coupon.coupon_id, limit.limit_id)

    def _relimit(self) -> None:
        """Raise or lower the limit of uses, and have running windows follow."""

        def work(services: Services) -> None:
            total = self._limit("total")
            changed = replace(total, uses=max(total.capacity + self.chance.randrange(-2, 3), 0))
            limits = tuple(
                changed if one.limit_id == "total" else one for one in self.coupon.limits
            )
            version = self.coupon.limits_version + 1
            self.coupon = replace(self.coupon, limits=limits, limits_version=version)
            self.memory.versions[APP, self.coupon.coupon_id] = version
            self._follow(services)

        self.waiting.append(Job(work=work, heard=_unless_ours))

    def _follow_again(self) -> None:
        self.waiting.append(Job(work=self._follow, heard=_unless_ours))

    def _follow(self, services: Services) -> None:
        """Have running windows follow the limit, and note that they do."""
        sheet = sheet_of(self.coupon)
        adjusted = services["limits"].settle(sheet, "total")
        if not any(one.missing for one in adjusted):
            self.followed = sheet.version

    def _settle(self) -> None:
        """Have all that was left in the midst come to its end, with nobody in the way."""
        self.is_calm = True
        services = self.containers[0]
        if self.followed == self.coupon.limits_version:
            self._look_at_capacity()
        self._follow(services)
        for _ in range(3):
            self.clock.advance(timedelta(minutes=5))
            services["sweeping"].end_reservations(APP, most=1_000)
            self._swept(services)
        self._follow(services)

    def _look_at_capacity(self) -> None:
        """Note a window that does not follow though all were said to."""
        limit = self._limit("total")
        for place, window in self.memory.windows.items():
            if place.limit_id == limit.limit_id and window.capacity != limit.capacity:
                self.violations.append("a running limit is not what was decided")

    @property
    def _holding(self) -> Iterator[Redemption]:
        return (one for one in self.memory.redemptions.values() if one.draws)

    def _look(self) -> None:
        """Note what must not be at any time."""
        draws = [draw for one in self._holding for draw in one.draws]
        people = Counter(draw.place.subject_id for draw in draws if isinstance(draw, Entry))
        if any(count > self._limit("each").capacity for count in people.values()):
            self.violations.append("a person was given more than their limit")
        tickets = Counter(draw for draw in draws if isinstance(draw, Ticket))
        live = {slot.ticket for slot in self.memory.slots.values() if slot.is_live}
        if live != set(tickets) or any(count > 1 for count in tickets.values()):
            self.violations.append("slots and redemptions differ")
        spent = sum(draw.amount for draw in draws if isinstance(draw, Spent))
        for place, window in self.memory.windows.items():
            counters = [self.memory.counters[place, one] for one in range(window.counters)]
            if min(one.left for one in counters) < 0:
                self.violations.append("a counter is below nothing")
            if place.limit_id == "money":
                self._look_at_budget(window, counters, spent)
            else:
                self._look_at_tickets(window, counters, used=tickets.total())

    def _look_at_budget(self, window: OpenWindow, counters: Sequence[Tally], spent: int) -> None:
        if sum(one.left for one in counters) + spent != window.capacity:
            self.violations.append("a budget does not add up")

    def _look_at_tickets(self, window: OpenWindow, counters: Sequence[Tally], *, used: int) -> None:
        if used > window.capacity:
            self.violations.append("a limit was passed")
        dead = sum(not slot.is_live for slot in self.memory.slots.values())
        if sum(one.drawn + one.left for one in counters) - dead != window.capacity:
            self.violations.append("the counters do not add up to the limit")

    def _limit(self, limit_id: str) -> Limit:
        return next(one for one in self.coupon.limits if one.limit_id == limit_id)

    def _look_at_ends(self) -> None:
        """Note what must not be when all is over."""
        self._look_at_counters()
        self._look_at_events()
        if any(one.state is RedemptionState.RESERVED for one in self.memory.redemptions.values()):
            self.violations.append("a reservation never ended")
        if not self.violations:
            self._look_for_leaks()

    def _look_at_counters(self) -> None:
        for audit in self.containers[0]["audits"].audit(sheet_of(self.coupon)):
            if not audit.is_balanced:
                self.violations.append("the audit differs from the counters")
            if audit.in_flight:
                self.violations.append("a use leaked")
            limit = self._limit(audit.place.limit_id)
            used = audit.granted + audit.reserved
            if audit.limit != max(limit.capacity, used):
                self.violations.append("a running limit is not what was decided")

    def _look_at_events(self) -> None:
        for redemption in self.memory.redemptions.values():
            told = Counter(
                one.type.split(".")[1]
                for one in self.memory.events
                if _is_of(one, redemption.redemption_id)
            )
            state, was_held = redemption.state, redemption.reserved_until is not None
            is_used = state in {RedemptionState.REDEEMED, RedemptionState.ROLLED_BACK}
            expected = Counter(
                reserved=int(was_held),
                redeemed=int(is_used),
                released=int(state is RedemptionState.RELEASED),
                expired=int(state is RedemptionState.EXPIRED),
                rolled_back=len(redemption.rollbacks),
            )
            if told != +expected:
                self.violations.append("redemptions and events differ")

    def _look_for_leaks(self) -> None:
        """Have everybody ask for all that is left; they must get that and nothing more."""
        services, number = self.containers[1], ORDERS
        each = self._limit("each")
        for who in map(contact, range(PEOPLE + 4)):
            for _ in range(each.capacity + 1):
                number += 1
                shopper = Shopper(number=number, contact_id=who, wishes=[])
                expected = self._has_left(who)
                try:
                    self._request(shopper, "redeem", services)
                except (CouponExhaustedError, RedemptionRefusedError):
                    if expected:
                        self.violations.append("a use leaked")
                else:
                    if not expected:
                        self.violations.append("a use too many was granted")
        self._look()

    def _has_left(self, who: str) -> bool:
        held = [draw for one in self._holding for draw in one.draws]
        each = self._limit("each")
        mine = sum(isinstance(draw, Entry) and draw.place.subject_id == who for draw in held)
        if mine >= each.capacity:
            return False
        for limit in self.coupon.limits:
            if limit.counting is Counting.TICKETS:
                used = sum(isinstance(draw, Ticket) for draw in held)
                if used >= limit.capacity:
                    return False
            if limit.counting is Counting.BUDGET:
                used = sum(draw.amount for draw in held if isinstance(draw, Spent))
                if used + 1_000 > limit.capacity:
                    return False
        return True


def _is_of(event: Any, redemption_id: str) -> bool:
    return bool(event.data.get("redemption_id") == redemption_id)


def _unless_ours(_answer: object, error: BaseException | None) -> None:
    """Let a job fail by a fault or a refusal: another does what it left."""
    if error is not None and not isinstance(error, (*_FAULTS, CouponError)):
        raise error
