"""Use cases of a person's wishes."""

from dataclasses import dataclass, fields, replace

from shared.contact_policy.events import PreferencesUpdated
from shared.contact_policy.model.standing import Effective, Preferences, Standing
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.consents import check_living
from shared.contact_policy.service.settling import person_of, until_settled
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids

_OF_ITSELF = {"at", "answers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceService:
    """Reads wishes, and writes them down as a whole."""

    people: PersonStore
    clock: Clock
    ids: Ids
    pause: Pause

    def get_preferences(self, contact_id: str, *, app_id: str) -> Preferences:
        """Return the wishes that hold for the person, over all of their contacts, as one."""
        person = person_of(self.people, contact_id, app_id=app_id)
        return Effective(person.standing, at=self.clock()).wishes()

    def put_preferences(self, contact_id: str, wishes: Preferences, *, app_id: str) -> Preferences:
        """Write wishes down; they answer for what was wished under the person's other contacts.

        When, and for whom they answer, is filled in here. The same again changes nothing.

        Raises:
            PersonErasedError: nothing is kept of the person any more.
        """

        def try_once() -> Preferences:
            person = person_of(self.people, contact_id, app_id=app_id)
            check_living(person.standing)
            at = self.clock()
            before = Effective(person.standing, at=at).wishes()
            after = replace(wishes, at=at, answers=_answered(person.standing, contact_id))
            changed = tuple(
                one.name
                for one in fields(Preferences)
                if one.name not in _OF_ITSELF
                and getattr(before, one.name) != getattr(after, one.name)
            )
            if not changed:
                return before
            part = replace(person.standing.part(contact_id), preferences=after)
            event = PreferencesUpdated(
                app_id=app_id, occurred_at=at, contact_id=contact_id, changed=changed
            )
            self.people.replace_standing(
                replace(person, standing=person.standing.with_part(contact_id, part)),
                event=seal(event, sequence=self.ids.sequence()),
            )
            return after

        return until_settled(try_once, pause=self.pause)


def _answered(standing: Standing, contact_id: str) -> frozenset[str]:
    return frozenset(
        origin
        for origin, part in standing.parts.items()
        if origin != contact_id and part.preferences is not None
    )
