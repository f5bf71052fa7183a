"""Use case of learning where a person is: their devices, numbers and addresses tell."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from shared.contact_policy.model.standing import Standing, Whereabouts
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.settling import person_of, until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereaboutsService:
    """Keeps the evidence under the contact that it came with; a device is in one place."""

    people: PersonStore
    pause: Pause

    def note(self, contact_id: str, evidence: Whereabouts, *, app_id: str) -> None:
        """Add evidence to what is known; nothing new is not written. An erased person has none."""

        def try_once() -> None:
            person = person_of(self.people, contact_id, app_id=app_id)
            part = person.standing.part(contact_id)
            known = part.whereabouts.with_evidence(evidence)
            if part.is_erased or known == part.whereabouts:
                return
            # Before it logged in, the device told its zone under a contact that was joined since.
            standing = _without(person.standing, evidence.device_zones)
            standing = standing.with_part(contact_id, replace(part, whereabouts=known))
            self.people.replace_standing(replace(person, standing=standing))

        until_settled(try_once, pause=self.pause)

    def forget_device(self, contact_id: str, device_id: str, *, app_id: str) -> None:
        """Forget where a device was, under all of the person's contacts: it is theirs no more."""

        def try_once() -> None:
            person = person_of(self.people, contact_id, app_id=app_id)
            standing = _without(person.standing, {device_id})
            if standing is not person.standing:
                self.people.replace_standing(replace(person, standing=standing))

        until_settled(try_once, pause=self.pause)


def _without(standing: Standing, device_ids: Collection[str]) -> Standing:
    """Return the standing without the zones of devices; the very same if it has none."""
    for origin, part in standing.parts.items():
        known = part.whereabouts.device_zones
        left = {device: zone for device, zone in known.items() if device not in device_ids}
        if left != known:
            whereabouts = replace(part.whereabouts, device_zones=left)
            standing = standing.with_part(origin, replace(part, whereabouts=whereabouts))
    return standing
