"""The core of every SDK: says what to send next, and hears what the server answers.

It does no input or output of its own but the queue's, has no threads and asks no clock. Whoever
drives it calls ``next_request``, sends that, and calls ``take`` with the answer. One driver at a
time; operations may be added from any thread meanwhile.

An operation leaves the queue last: after its answer was read, and after whoever waits for it was
told. So a process that ends at any point tells the server again, which knows the repetition by its
key, and tells the app again: never too little, and nothing twice where it counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from engage_mobile.answers import IDENTITY_KINDS, dropped_of, is_usable, outcomes_of
from engage_mobile.batches import WINDOW, Flushing, choose, over, tries_of
from engage_mobile.identity import Identity
from engage_mobile.operations import Instant, Kind, Operation, Proof
from engage_mobile.outbox import Outbox
from engage_mobile.outcomes import Because, Dropped, Outcome
from engage_mobile.pipe import Pipe
from engage_mobile.requests import Proofs, foregone, request_of
from engage_mobile.retry import LONGEST_WAIT, Done, Drop, Renew, Wait, after_answer
from engage_mobile.transport import Request, Response

DEVICE_KEY: Final = "device"
"""Under which registrations merge."""

DEVICE_PATH: Final = "devices/{device_id}"
_TAKEN: Final = "device_token_required"
"""The device id is known, and we cannot prove that it is ours: an answer with a token was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outgoing:
    """What was sent and is not answered."""

    operations: tuple[Operation, ...]
    asked_at: Instant


class Engine:
    """Drives an outbox: one request after the other.

    ``random`` returns a number in [0, 1). ``new_device_id`` names an installation that the server
    has to take for a new one; ``logged_out`` hears that by this nobody is logged in any more.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        app_id: str,
        random: Callable[[], float],
        new_device_id: Callable[[], str],
        logged_out: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._app_id = app_id
        self._random = random
        self._new_device_id = new_device_id
        self._logged_out = logged_out
        self._outgoing: _Outgoing | None = None
        self._needs_token = False
        self._renewed: set[int] = set()
        self._alone: set[int] = set()
        self._rest_until: Instant = 0
        self._renewal: Operation | None = None
        self._due_at: Instant | None = None

    @property
    def due_at(self) -> Instant | None:
        """Return when there may be something to send, as of the last ``next_request``."""
        return self._due_at

    def next_request(
        self, now: Instant, *, flushing: Flushing, proofs: Callable[[], Proofs]
    ) -> Request | None:
        """Return what is to be sent now; ``None`` where nothing is, or an answer is awaited.

        The try is noted before it is made: so it is known for good what the server cannot know of.
        """
        if self._outgoing is not None:
            return None
        self._drop_what_is_over(now)
        while operations := self._chosen(now, flushing):
            given = proofs()
            if outcome := foregone(operations[0], self._outbox.identity, given):
                self._outbox.settle([(operations[0], outcome)])
                continue
            tried = tuple(replace(one, attempts=one.attempts + 1) for one in operations)
            self._outbox.update(tried)
            self._outgoing = _Outgoing(operations=tried, asked_at=now)
            return request_of(
                tried, app_id=self._app_id, identity=self._outbox.identity, proofs=given
            )
        return None

    def take(self, response: Response | None, *, now: Instant) -> None:
        """Hear the answer to the last request; ``None``: none came."""
        outgoing = self._outgoing
        if outgoing is None:
            return
        operations, self._outgoing = outgoing.operations, None
        if response is not None:
            self._set_clock(response, outgoing.asked_at, now)
            if not is_usable(operations[0], response):
                response = None  # somebody in between answered, such as a hotel's login page
        self._act(operations, response, now)

    def _chosen(self, now: Instant, flushing: Flushing) -> tuple[Operation, ...]:
        outbox = self._outbox
        if now < outbox.pipe.until:
            self._due_at = self._or_question(outbox.pipe.until)
            return ()
        if self._needs_token or outbox.identity.device_token is None:
            return self._registration(now)
        choice = choose(outbox.window(WINDOW), now=now, flushing=flushing)
        self._due_at = self._or_question(choice.due_at)
        if choice.operations and choice.operations[0].number in self._alone:
            return choice.operations[:1]
        return tuple(one for one in choice.operations if one.number not in self._alone)

    def _or_question(self, at: Instant | None) -> Instant | None:
        """Return ``at``, or when somebody stops waiting for an answer, if that is before."""
        ends = [one.expires_at for one in self._outbox.window(0)]
        return min((end for end in (at, *ends) if end is not None), default=None)

    def _registration(self, now: Instant) -> tuple[Operation, ...]:
        """Return what gets a token: the registration that waits, or the last one again."""
        found = self._outbox.newest_of(DEVICE_KEY) or self._again(now)
        if found is not None and found.not_before <= now:
            return (found,)
        self._due_at = self._or_question(None if found is None else found.not_before)
        return ()

    def _again(self, now: Instant) -> Operation | None:
        """Return a registration of our own, which says what the app said last: it has no key."""
        body = self._outbox.identity.body()
        if self._renewal is None and body is not None:
            self._renewal = Operation(
                number=0,
                key="",
                kind=Kind.REGISTER,
                method="PUT",
                path=DEVICE_PATH,
                login=self._outbox.identity.login,
                enqueued_at=now,
                body=body,
                not_before=self._rest_until,
            )
        return self._renewal

    def _drop_what_is_over(self, now: Instant) -> None:
        gone = over(self._outbox.window(WINDOW), now=now)
        if gone:
            self._outbox.settle([(one, Dropped(because=Because.EXPIRED)) for one in gone])

    def _set_clock(self, response: Response, asked_at: Instant, now: Instant) -> None:
        before = self._outbox.clock
        after = before.heard(response.headers.get("date"), asked_at=asked_at, answered_at=now)
        if after != before:
            self._outbox.keep(clock=after)

    def _act(
        self, operations: Sequence[Operation], response: Response | None, now: Instant
    ) -> None:
        tries = replace(
            tries_of(max(operations, key=lambda one: one.attempts)),
            failures=self._outbox.pipe.failures,
            is_renewed=all(one.number in self._renewed for one in operations),
        )
        match after_answer(tries, response, now=now, random=self._random()):
            case Wait(until=until, everything=everything):
                pipe = self._outbox.pipe.blocked(until) if everything else Pipe()
                waiting = [replace(one, not_before=until) for one in operations]
                self._outbox.update(waiting, pipe=pipe)
                self._renewed -= {one.number for one in operations}  # a token may age meanwhile
                self._renewal = next((one for one in waiting if not one.number), None)
            case Renew(until=until) if response is not None:
                self._renew([replace(one, not_before=until) for one in operations], response, now)
            case Drop(because=because):
                self._drop(operations, because, response, now)
            case Done() if response is not None:
                self._done(operations, response)

    def _done(self, operations: Sequence[Operation], response: Response) -> None:
        kind, becomes = operations[0].kind, None
        if kind in IDENTITY_KINDS:
            told: Mapping[str, Any] = response.document
            if kind is Kind.REGISTER and self._is_another(told["contact_id"]):
                self._lose_person()
            self._needs_token, self._renewal = False, None
            becomes = partial(Identity.registered, answer=told)
        outcomes = list(outcomes_of(operations, response))
        pipe = Pipe() if self._outbox.pipe.failures else None
        self._outbox.settle(outcomes, becomes=becomes, pipe=pipe)
        self._forget_marks(operations)

    def _is_another(self, contact_id: str) -> bool:
        """Say whether the server has made the device somebody else's, as after an erasure."""
        return self._outbox.identity.contact_id not in {None, contact_id}

    def _renew(self, operations: Sequence[Operation], response: Response, now: Instant) -> None:
        if operations[0].kind is not Kind.REGISTER:
            self._outbox.update(operations)
            self._renewed.update(one.number for one in operations)
            self._needs_token = operations[0].trait.proof is Proof.DEVICE
        elif response.code == _TAKEN or self._outbox.identity.device_token is not None:
            self._start_anew()
        else:
            self._drop(operations, Because.REFUSED, response, now)

    def _drop(
        self,
        operations: Sequence[Operation],
        because: Because,
        response: Response | None,
        now: Instant,
    ) -> None:
        first = operations[0]
        if len(operations) > 1 and because is Because.REFUSED:
            self._alone.update(one.number for one in operations)  # find out which one is wrong
            return
        if first.kind is Kind.LOG_OUT and first.number not in self._renewed:
            self._renewed.add(first.number)
            self._start_anew()
            return
        if first.kind is Kind.REGISTER:
            # Until then only the app may try again.
            self._rest_until, self._renewal = now + LONGEST_WAIT, None
        outcome = dropped_of(because, response)
        self._outbox.settle([(one, outcome) for one in operations])
        if first.kind is Kind.IDENTIFY:
            self._drop_login(first)
        self._forget_marks(operations)

    def _drop_login(self, login: Operation) -> None:
        """Drop what was for a person whom the server does not take for logged in.

        Where an earlier try may have logged them in, its answer lost, only a new name is nobody's.
        """
        self._outbox.keep(becomes=Identity.changed_hands)
        outcome = Dropped(because=Because.LOGIN_REFUSED)
        theirs = [one for one in self._outbox.everything(WINDOW) if one.login == login.login]
        self._outbox.settle([(one, outcome) for one in theirs])
        if not self._outbox.identity.is_anonymous and login.attempts > 1:
            self._start_anew()

    def _start_anew(self) -> None:
        """Become another device: the server wants a proof of this one that is lost.

        Before the first token nothing was told, so nothing is lost with the name.
        """
        if self._outbox.identity.contact_id is not None:
            self._lose_person()
        self._outbox.keep(becomes=partial(Identity.anew, device_id=self._new_device_id()))
        self._needs_token, self._renewal = True, None

    def _lose_person(self) -> None:
        """Drop what was for whom the device was; tell the app, if nobody else is to log in."""
        was_known = not self._outbox.identity.is_anonymous
        has_barrier = self._forget_unsendable()
        if was_known and not has_barrier:
            self._logged_out()

    def _forget_unsendable(self) -> bool:
        """Drop what belongs to who the device was; say whether a login or log-out waits.

        What waits for that is another person's, and stays; so does a registration.
        """
        lost: list[tuple[Operation, Outcome]] = []
        has_barrier = False
        for one in self._outbox.everything(WINDOW):
            has_barrier = has_barrier or one.trait.is_barrier
            if not has_barrier and one.kind is not Kind.REGISTER:
                lost.append((one, Dropped(because=Because.IDENTITY_LOST)))
        self._outbox.settle(lost)
        return has_barrier

    def _forget_marks(self, operations: Sequence[Operation]) -> None:
        numbers = {one.number for one in operations}
        self._renewed -= numbers
        self._alone -= numbers
