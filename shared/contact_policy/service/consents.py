"""Use cases of consent: what a person agrees to, and the proof of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.contact_policy.errors import (
    ConsentInvalidError,
    ConsentNotPendingError,
    PersonErasedError,
)
from shared.contact_policy.events import (
    ConsentEvent,
    ConsentGranted,
    ConsentRequested,
    ConsentWithdrawn,
)
from shared.contact_policy.model.history import Proof
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.schema import LONGEST_TOPIC
from shared.contact_policy.model.standing import (
    STRICTEST_FIRST,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Standing,
)
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.settling import person_of, until_settled
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.errors import FieldProblem
from shared.kernel.ids import Ids
from shared.kernel.paging import Page, cursor_of, place_of

LONGEST_TEXT = 4_000
"""Characters of the text that a person was shown."""

MOST_CONSENTS = 200
"""Kinds of contact of which one contact can speak: more is a broken client."""

_EVENTS: dict[ConsentStatus, type[ConsentEvent]] = {
    ConsentStatus.GRANTED: ConsentGranted,
    ConsentStatus.PENDING: ConsentRequested,
    ConsentStatus.DENIED: ConsentWithdrawn,
    ConsentStatus.WITHDRAWN: ConsentWithdrawn,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a person says about consent, and where and on which words they said it.

    ``obtained_by`` names the form, call or system; ``by`` who wrote it down. ``text`` is what was
    shown, in the version ``text_version``. A grant ends at ``expires_at``.
    """

    app_id: str
    contact_id: str
    key: ConsentKey
    obtained_by: str
    by: str
    text: str | None = None
    text_version: str | None = None
    expires_at: datetime | None = None

    def check(self) -> None:
        """Hold the statement against its limits.

        Raises:
            ConsentInvalidError: something is too long.
        """
        longest = {
            "/text": (self.text, LONGEST_TEXT),
            "/topic": (self.key.topic, LONGEST_TOPIC),
            "/text_version": (self.text_version, LONGEST_TOPIC),
            "/obtained_by": (self.obtained_by, LONGEST_TOPIC),
        }
        problems = [
            FieldProblem(pointer=pointer, code="text", detail=f"at most {most} characters")
            for pointer, (value, most) in longest.items()
            if value is not None and len(value) > most
        ]
        if problems:
            raise ConsentInvalidError("the consent has problems", fields=problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A word that somebody else wrote down: what was said, when, and under which name (a ULID)."""

    status: ConsentStatus
    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentService:
    """Writes down what people agree to, under the contact by which they said it."""

    people: PersonStore
    clock: Clock
    ids: Ids
    pause: Pause

    def give(self, statement: Statement) -> Proof:
        """Note that a person agrees.

        Raises:
            ConsentInvalidError: something is too long, or too much was said before.
            PersonErasedError: nothing is kept of the person any more.
        """
        return self._say(statement, ConsentStatus.GRANTED)

    def ask(self, statement: Statement) -> Proof:
        """Note that a person was asked, and has to confirm it (double opt-in).

        Raises:
            ConsentInvalidError: something is too long, or too much was said before.
            PersonErasedError: nothing is kept of the person any more.
        """
        return self._say(statement, ConsentStatus.PENDING)

    def confirm(self, statement: Statement) -> Proof:
        """Note that a person confirms what they were asked.

        Raises:
            ConsentInvalidError: something is too long.
            ConsentNotPendingError: nothing of this kind waits for it.
            PersonErasedError: nothing is kept of the person any more.
        """

        def check_pending(standing: Standing) -> None:
            mark = standing.part(statement.contact_id).consents.get(statement.key)
            is_pending = mark is not None and mark.status is ConsentStatus.PENDING
            if mark is None or not is_pending or not mark.is_live(self.clock()):
                raise ConsentNotPendingError("ask first")

        return self._say(statement, ConsentStatus.GRANTED, check=check_pending)

    def deny(self, statement: Statement) -> Proof:
        """Note that a person said no when asked.

        Raises:
            ConsentInvalidError: something is too long, or too much was said before.
            PersonErasedError: nothing is kept of the person any more.
        """
        return self._say(statement, ConsentStatus.DENIED)

    def withdraw(self, statement: Statement) -> Proof:
        """Note that a person does not agree any more.

        Raises:
            ConsentInvalidError: something is too long, or too much was said before.
            PersonErasedError: nothing is kept of the person any more.
        """
        return self._say(statement, ConsentStatus.WITHDRAWN)

    def hear(self, statement: Statement, heard: Heard) -> None:
        """Note what a person said elsewhere, in its place in time; the same name again is nothing.

        The word is kept as proof. Where the same contact spoke of the same later, or at the same
        instant more strictly, that goes on to hold, and no event is told. The word answers for its
        own contact alone: whether what other contacts of the person said was known, nobody says.

        Raises:
            ConsentInvalidError: something is too long, or too much was said before.
            PersonErasedError: nothing is kept of the person any more.
        """
        statement.check()
        app_id, contact_id, proof_id = statement.app_id, statement.contact_id, f"prf_{heard.name}"

        def try_once() -> None:
            person = person_of(self.people, contact_id, app_id=app_id)
            check_living(person.standing)
            if self.people.get_proof(proof_id, contact_id=contact_id, app_id=app_id):
                return
            proof = _proof(statement, heard.status, proof_id=proof_id, at=heard.at)
            mark = person.standing.part(contact_id).consents.get(statement.key)
            if mark and _place_of(mark.at, mark.status) > _place_of(heard.at, heard.status):
                self.people.replace_standing(person, proof=proof)
            else:
                self._keep(person, proof, answers=frozenset())

        until_settled(try_once, pause=self.pause)

    def history(
        self, contact_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Proof]:
        """Return all that the person ever said about consent, the newest first."""
        person = person_of(self.people, contact_id, app_id=app_id)
        found = self.people.proofs(
            person.contact_ids,
            app_id=app_id,
            limit=limit + 1,
            before=place_of(cursor) if cursor else None,
        )
        page = found[:limit]
        more = cursor_of(page[-1].proof_id) if len(found) > limit else None
        return Page(items=page, next_cursor=more)

    def _say(
        self,
        statement: Statement,
        status: ConsentStatus,
        *,
        check: Callable[[Standing], None] = lambda _: None,
    ) -> Proof:
        statement.check()

        def try_once() -> Proof:
            person = person_of(self.people, statement.contact_id, app_id=statement.app_id)
            check_living(person.standing)
            check(person.standing)
            proof = _proof(statement, status, proof_id=self.ids.new("prf"), at=self.clock())
            self._keep(person, proof, answers=_answered(person.standing, proof))
            return proof

        return until_settled(try_once, pause=self.pause)

    def _keep(self, person: Person, proof: Proof, *, answers: frozenset[str]) -> None:
        event = _EVENTS[proof.status](
            app_id=proof.app_id,
            occurred_at=proof.at,
            contact_id=proof.contact_id,
            purpose=proof.key.purpose,
            consent_channel=proof.key.channel,
            topic=proof.key.topic,
            obtained_by=proof.obtained_by,
            proof_id=proof.proof_id,
        )
        self.people.replace_standing(
            replace(person, standing=_after(person.standing, proof, answers=answers)),
            proof=proof,
            event=seal(event, sequence=self.ids.sequence()),
        )


def check_living(standing: Standing) -> None:
    """Refuse to keep anything more of who was erased.

    Raises:
        PersonErasedError: the person was erased under one of their contacts.
    """
    if any(part.is_erased for part in standing.parts.values()):
        raise PersonErasedError("nothing is kept of this person")


def _place_of(at: datetime, status: ConsentStatus) -> tuple[datetime, int]:
    """Return what sorts words about the same: the later, of one instant the stricter, is last."""
    return at, -STRICTEST_FIRST.index(status)


def _after(standing: Standing, proof: Proof, *, answers: frozenset[str]) -> Standing:
    part = standing.part(proof.contact_id)
    mark = ConsentMark(
        status=proof.status, at=proof.at, expires_at=proof.expires_at, answers=answers
    )
    consents = {**part.consents, proof.key: mark}
    if len(consents) > MOST_CONSENTS:
        problem = FieldProblem(
            pointer="/topic", code="length", detail=f"at most {MOST_CONSENTS} kinds of contact"
        )
        raise ConsentInvalidError("too many kinds of contact were spoken of", fields=[problem])
    return standing.with_part(proof.contact_id, replace(part, consents=consents))


def _answered(standing: Standing, proof: Proof) -> frozenset[str]:
    """Return the person's other contacts under which something was said of the same before."""
    return frozenset(
        origin
        for origin, part in standing.parts.items()
        if origin != proof.contact_id and any(key.covers(*proof.key) for key in part.consents)
    )


def _proof(statement: Statement, status: ConsentStatus, *, proof_id: str, at: datetime) -> Proof:
    return Proof(
        proof_id=proof_id,
        app_id=statement.app_id,
        contact_id=statement.contact_id,
        key=statement.key,
        status=status,
        text=statement.text,
        text_version=statement.text_version,
        obtained_by=statement.obtained_by,
        by=statement.by,
        at=at,
        expires_at=statement.expires_at,
    )
