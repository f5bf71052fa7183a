"""Use cases of what is not settled, and of the rest a person needs."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.contact_policy.errors import CaseIdTakenError, CaseNotFoundError
from shared.contact_policy.events import CaseClosed, CaseOpened
from shared.contact_policy.model.history import CaseRecord
from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.standing import Case, rested
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.consents import check_living
from shared.contact_policy.service.settling import person_of, until_settled
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import Channel
from shared.kernel.ids import Ids

COMPLAINT = "complaint"
"""The kind of case that everybody knows; other systems have more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseService:
    """Opens and closes cases: while one is open marketing rests, and for a while after."""

    people: PersonStore
    clock: Clock
    ids: Ids
    pause: Pause

    def open_case(
        self, contact_id: str, *, app_id: str, kind: str = COMPLAINT, case_id: str | None = None
    ) -> CaseRecord:
        """Open a case, from whatever channel; ``case_id`` is another system's name for it.

        A case that is known already is answered as it stands.

        Raises:
            CaseIdTakenError: another person has a case of this id.
            PersonErasedError: nothing is kept of the person any more.
        """
        name = case_id or self.ids.new("cas")

        def try_once() -> CaseRecord:
            person = person_of(self.people, contact_id, app_id=app_id)
            known = self.people.get_case(name, app_id=app_id)
            if known is not None:
                if known.contact_id not in person.contact_ids:
                    raise CaseIdTakenError(name)
                return known
            check_living(person.standing)
            record = CaseRecord(
                case_id=name,
                app_id=app_id,
                contact_id=contact_id,
                kind=kind,
                opened_at=self.clock(),
            )
            part = person.standing.part(contact_id)
            opened = {**part.cases, name: Case(kind=kind, opened_at=record.opened_at)}
            after = person.standing.with_part(contact_id, replace(part, cases=opened))
            self.people.replace_standing(
                replace(person, standing=after),
                case=(None, record),
                event=self._told(CaseOpened, record, at=record.opened_at),
            )
            return record

        return until_settled(try_once, pause=self.pause)

    def close_case(self, case_id: str, *, app_id: str) -> CaseRecord:
        """Close a case; what must cool down does so from now on. Again changes nothing.

        Raises:
            CaseNotFoundError: there is none.
        """

        def try_once() -> CaseRecord:
            record = self.people.get_case(case_id, app_id=app_id)
            if record is None:
                raise CaseNotFoundError(case_id)
            if record.closed_at is not None:
                return record
            at = self.clock()
            closed = replace(record, closed_at=at)
            person = person_of(self.people, record.contact_id, app_id=app_id)
            part = person.standing.part(record.contact_id)
            left = {name: case for name, case in part.cases.items() if name != case_id}
            part = rested(replace(part, cases=left), CooldownCause.COMPLAINT, None, at=at)
            after = person.standing.with_part(record.contact_id, part)
            self.people.replace_standing(
                replace(person, standing=after),
                case=(record, closed),
                event=self._told(CaseClosed, closed, at=at),
            )
            return closed

        return until_settled(try_once, pause=self.pause)

    def note(
        self,
        contact_id: str,
        cause: CooldownCause,
        *,
        app_id: str,
        channel: Channel | None,
        at: datetime,
    ) -> None:
        """Note what a person must rest from, such as a refusal on the phone; the latest counts.

        ``channel`` of ``None`` is every one. Of who was erased nothing is noted.
        """

        def try_once() -> None:
            person = person_of(self.people, contact_id, app_id=app_id)
            part = person.standing.part(contact_id)
            after = rested(part, cause, channel, at=at)
            if after != part and not part.is_erased:
                standing = person.standing.with_part(contact_id, after)
                self.people.replace_standing(replace(person, standing=standing))

        until_settled(try_once, pause=self.pause)

    def _told(
        self, kind: type[CaseOpened | CaseClosed], record: CaseRecord, *, at: datetime
    ) -> Envelope:
        event = kind(
            app_id=record.app_id,
            occurred_at=at,
            contact_id=record.contact_id,
            case_id=record.case_id,
            kind=record.kind,
        )
        return seal(event, sequence=self.ids.sequence())
