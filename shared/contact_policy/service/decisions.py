"""Use cases of whoever wants to tell a person something: ask, reserve, commit, release."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from shared.contact_policy.errors import (
    HoldTooLongError,
    ReservationExpiredError,
    ReservationNotFoundError,
    StaleError,
)
from shared.contact_policy.model.decide import decide, touch_of
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.pressure import LONGEST_HOLD, Pressure, Touch, offer_hash
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.policies import PolicyCache, Rulebook
from shared.contact_policy.service.settling import person_of, until_settled
from shared.contact_policy.service.suppressions import suppressed
from shared.kernel.clock import Clock
from shared.kernel.decisions import Allow, Candidate, Decision, Reservation
from shared.kernel.envelope import seal
from shared.kernel.idempotency import IdempotencyKeyReusedError
from shared.kernel.ids import CHANCE_BITS, ULID_LENGTH, Ids, is_ulid, ulid_of

MOST_PEOPLE = 50
"""People who are read at once: two items each, and DynamoDB reads 100 in a batch."""

_RESERVATION = "rsv_"
_CONTACT = "con_"

Answer: TypeAlias = tuple[Decision, Reservation | None]
"""A decision, and what is reserved where it allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to tell, and counted before it is told.

    ``key`` makes it idempotent: what this app reserved by it for the person is answered again.
    ``hold`` is for how long the reservation counts unless it is committed, at most two hours;
    ``None`` makes it firm: it counts until it is released. Who asks by the key of a firm one is
    about to send, perhaps hours later: what the person said since is heard, and the hour looked at.
    """

    candidate: Candidate
    key: str | None = None
    hold: timedelta | None = None

    def check(self) -> None:
        """Hold the request against its limits.

        Raises:
            HoldTooLongError: it is held for nothing, or for more than two hours.
        """
        if self.hold is not None and not timedelta(0) < self.hold <= LONGEST_HOLD:
            raise HoldTooLongError("a reservation is held for at most two hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A request that has no answer yet: its place among all, and the chance of its touch's id."""

    place: int
    request: Request
    chance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionService:
    """Decides, and reserves what is allowed: two who ask at once never both get the last place."""

    people: PersonStore
    rules: PolicyCache
    clock: Clock
    ids: Ids
    pause: Pause

    def decide(self, candidate: Candidate) -> Decision:
        """Explain what would be answered now; nothing is reserved.

        Raises:
            PersonBusyError: others kept changing the person while we looked.
        """

        def try_once() -> Decision:
            person = person_of(self.people, candidate.contact_id, app_id=candidate.app_id)
            rules = self.rules.rules_of(candidate.app_id)
            return self._decide(rules, person, person.pressure, candidate, self.clock())

        return until_settled(try_once, pause=self.pause)

    def decide_many(self, candidates: Sequence[Candidate], *, at: datetime) -> Sequence[Decision]:
        """Explain what one app's candidates would be answered at ``at``, each as if it were alone.

        That is, if nothing happens until then. Nothing is reserved; people are read 50 at a time.

        Raises:
            PersonBusyError: others kept changing some person while we looked.
        """
        decisions: list[Decision] = []
        for start in range(0, len(candidates), MOST_PEOPLE):
            some = candidates[start : start + MOST_PEOPLE]
            decisions += until_settled(partial(self._decided, some, at), pause=self.pause)
        return decisions

    def reserve(
        self,
        candidate: Candidate,
        *,
        key: str | None = None,
        hold: timedelta | None = None,
        tells: bool = False,
    ) -> Answer:
        """Decide, and count the touch at once if it is allowed.

        With ``tells`` a refusal becomes an event: other systems' requests are told so, our own
        senders tell of their messages themselves.

        Raises:
            HoldTooLongError: it is held for nothing, or for more than two hours.
            PersonBusyError: others kept changing the person; nothing was reserved.
        """
        request = Request(candidate=candidate, key=key, hold=hold)
        (answer,) = self.reserve_many([request])
        decision, _ = answer
        if tells and not isinstance(decision, Allow):
            event = suppressed(candidate, decision, at=self.clock())
            self.people.record(seal(event, sequence=self.ids.sequence()))
        return answer

    def reserve_many(self, requests: Sequence[Request]) -> Sequence[Answer]:
        """Answer requests of one app, as if one after the other; people are read 50 at a time.

        Raises:
            HoldTooLongError: one is held for nothing, or for more than two hours.
            PersonBusyError: others kept changing some person. What was reserved stays reserved:
                the same keys get the same answers again.
        """
        for request in requests:
            request.check()
        opened = [
            _Open(place=place, request=request, chance=self._chance_of(request))
            for place, request in enumerate(requests)
        ]
        answers: dict[int, Answer] = {}
        for some in _by_people(opened):
            answers.update(self._settled(some))
        return [answers[place] for place in range(len(requests))]

    def commit(self, reservation_id: str, *, app_id: str) -> Reservation:
        """Make a held reservation firm: the touch has happened. Again changes nothing.

        Raises:
            ReservationNotFoundError: there is none, or it was released, or is long past.
            ReservationExpiredError: it was held until an instant that has passed.
        """
        origin, touch_id = _parts_of(reservation_id)

        def try_once() -> Reservation:
            person = person_of(self.people, origin, app_id=app_id)
            touch = person.pressure.touch(touch_id)
            if touch is None or touch.origin != origin:
                raise ReservationNotFoundError(reservation_id)
            if touch.held_until is not None:
                if touch.held_until <= self.clock():
                    raise ReservationExpiredError(reservation_id)
                self._write(person, person.pressure.firm(touch_id))
            return _reservation(replace(touch, held_until=None), app_id=app_id)

        return until_settled(try_once, pause=self.pause)

    def release(self, reservation_id: str, *, app_id: str) -> None:
        """Count a reservation no more: the touch has not happened. Again changes nothing.

        Raises:
            ReservationNotFoundError: this is no reservation's id.
        """
        origin, touch_id = _parts_of(reservation_id)

        def try_once() -> None:
            person = person_of(self.people, origin, app_id=app_id)
            if person.pressure.touch(touch_id) is not None:
                self._write(person, person.pressure.without(touch_id))

        until_settled(try_once, pause=self.pause)

    def withdraw(self, requests: Sequence[Request]) -> None:
        """Count no more what was reserved by keys; what was not, or not any more, is no error.

        Raises:
            PersonBusyError: others kept changing some person; again does the rest.
        """
        for request in requests:
            until_settled(partial(self._withdraw, request), pause=self.pause)

    def _withdraw(self, request: Request) -> None:
        candidate = request.candidate
        person = person_of(self.people, candidate.contact_id, app_id=candidate.app_id)
        touch = person.pressure.touch_by_chance(self._chance_of(request))
        if touch is not None:
            self._write(person, person.pressure.without(touch.touch_id))

    def _write(self, person: Person, pressure: Pressure) -> None:
        kept = self._pruned(pressure, app_id=person.app_id, now=self.clock())
        (is_written,) = self.people.replace_pressures([replace(person, pressure=kept)])
        if not is_written:
            raise StaleError(person.contact_id)

    def _settled(self, opened: Sequence[_Open]) -> dict[int, Answer]:
        """Return the answers to requests about at most 50 people, by their places."""
        answers: dict[int, Answer] = {}

        def try_once() -> dict[int, Answer]:
            answers.update(self._round([one for one in opened if one.place not in answers]))
            if len(answers) < len(opened):
                raise StaleError("others changed some of the people")
            return answers

        return until_settled(try_once, pause=self.pause)

    def _round(self, opened: Sequence[_Open]) -> dict[int, Answer]:
        """Read, decide, write; return the answers of those people whom nobody else changed."""
        app_id = opened[0].request.candidate.app_id
        contact_ids = {one.request.candidate.contact_id for one in opened}
        people = self.people.people(contact_ids, app_id=app_id)
        by_person: dict[str, list[_Open]] = {}
        for one in opened:
            person = people[one.request.candidate.contact_id]
            by_person.setdefault(person.contact_id, []).append(one)
        unchanged: dict[int, Answer] = {}
        changed: list[tuple[Person, dict[int, Answer]]] = []
        for some in by_person.values():
            person = people[some[0].request.candidate.contact_id]
            after, answers = self._judge(person, some)
            if after is person:
                unchanged |= answers
            else:
                changed.append((after, answers))
        written = self.people.replace_pressures([person for person, _ in changed])
        for (_, answers), is_written in zip(changed, written, strict=True):
            if is_written:
                unchanged |= answers
        return unchanged

    def _judge(self, person: Person, opened: Sequence[_Open]) -> tuple[Person, dict[int, Answer]]:
        """Return the person after requests, taken in turn; the very same if nothing is reserved."""
        now, pressure = self.clock(), person.pressure
        rules = self.rules.rules_of(person.app_id)
        answers: dict[int, Answer] = {}
        for one in opened:
            pressure, answers[one.place] = self._judge_one(rules, person, pressure, one, now)
        if pressure is person.pressure:
            return person, answers
        kept = self._pruned(pressure, app_id=person.app_id, now=now)
        return replace(person, pressure=kept), answers

    def _judge_one(
        self, rules: Rulebook, person: Person, pressure: Pressure, one: _Open, now: datetime
    ) -> tuple[Pressure, Answer]:
        candidate, hold = one.request.candidate, one.request.hold
        stands = pressure.touch_by_chance(one.chance) if one.request.key is not None else None
        if stands and (stands.held_until is None or stands.held_until > now):
            _check_same(stands, candidate)
            if hold is None:
                others = pressure.without(stands.touch_id)
                refusal = self._decide(rules, person, others, candidate, now)
                if not isinstance(refusal, Allow):
                    return pressure, (refusal, None)
            return pressure, (Allow(), _reservation(stands, app_id=person.app_id))
        decision = self._decide(rules, person, pressure, candidate, now)
        if not isinstance(decision, Allow):
            return pressure, (decision, None)
        touch = touch_of(
            candidate,
            rules.policy,
            touch_id=ulid_of(now, chance=one.chance),
            held_until=None if hold is None else now + hold,
        )
        after = pressure.with_touch(touch)
        # As it is kept: an expiry is rounded up to whole steps.
        kept = after.touch(touch.touch_id) or touch
        return after, (decision, _reservation(kept, app_id=person.app_id))

    def _decided(self, candidates: Sequence[Candidate], at: datetime) -> list[Decision]:
        app_id = candidates[0].app_id
        people = self.people.people({one.contact_id for one in candidates}, app_id=app_id)
        rules = self.rules.rules_of(app_id)
        found = [(people[one.contact_id], one) for one in candidates]
        return [self._decide(rules, person, person.pressure, one, at) for person, one in found]

    def _decide(
        self,
        rules: Rulebook,
        person: Person,
        pressure: Pressure,
        candidate: Candidate,
        now: datetime,
    ) -> Decision:
        return decide(
            rules.policy,
            person=person.contact_id,
            pressure=pressure,
            standing=person.standing,
            control_groups=rules.control_groups,
            app_zone=rules.place.zone,
            default_country=rules.place.country,
            now=now,
            candidate=candidate,
        )

    def _pruned(self, pressure: Pressure, *, app_id: str, now: datetime) -> Pressure:
        return pressure.pruned(now - self.rules.rules_of(app_id).memory, now=now)

    def _chance_of(self, request: Request) -> int:
        if request.key is None:
            return self.ids.chance(CHANCE_BITS)
        text = f"{request.candidate.app_id}\0{request.key}"
        return int.from_bytes(sha256(text.encode()).digest()[: CHANCE_BITS // 8])


def _check_same(touch: Touch, candidate: Candidate) -> None:
    """Hold a request against the touch that its key reserved before.

    Raises:
        IdempotencyKeyReusedError: it was for another channel, purpose or offer.
    """
    asked = (candidate.channel, candidate.purpose, offer_hash(candidate.offer_key))
    if (touch.channel, touch.purpose, touch.offer) != asked:
        raise IdempotencyKeyReusedError("use a new key for another request")


def _by_people(opened: Sequence[_Open]) -> Iterator[list[_Open]]:
    """Yield the requests in lots about at most 50 contacts; those about one are in one lot."""
    contacts = list(dict.fromkeys(one.request.candidate.contact_id for one in opened))
    for start in range(0, len(contacts), MOST_PEOPLE):
        some = set(contacts[start : start + MOST_PEOPLE])
        yield [one for one in opened if one.request.candidate.contact_id in some]


def _reservation(touch: Touch, *, app_id: str) -> Reservation:
    return Reservation(
        reservation_id=f"{_RESERVATION}{touch.origin.removeprefix(_CONTACT)}{touch.touch_id}",
        app_id=app_id,
        contact_id=touch.origin,
        expires_at=touch.held_until,
    )


def _parts_of(reservation_id: str) -> tuple[str, str]:
    """Return the contact and the touch that a reservation's id names."""
    both = reservation_id.removeprefix(_RESERVATION)
    contact, touch = both[:ULID_LENGTH], both[ULID_LENGTH:]
    if both == reservation_id or not (is_ulid(contact) and is_ulid(touch)):
        raise ReservationNotFoundError(reservation_id)
    return f"{_CONTACT}{contact}", touch
