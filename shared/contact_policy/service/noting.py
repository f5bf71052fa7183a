"""Use case of who touches people without asking each time: what happened is counted after it."""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from shared.contact_policy.errors import StaleError
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.pressure import HEAVIEST, Pressure, Touch
from shared.contact_policy.model.standing import Effective
from shared.contact_policy.ports import Pause, PersonStore
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.service.settling import person_of, until_settled
from shared.kernel.clock import Clock
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import CHANCE_BITS, ULID_LENGTH, is_ulid, made_at, ulid_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What reached a contact: ``times`` touches of the policy's weight, counted as one.

    ``key`` names what is counted as one, such as the ads of an hour; ``at`` is the last of them.
    ``reservation_id`` is of who asked before: what it holds is what happened, and counts alone.
    """

    app_id: str
    contact_id: str
    channel: Channel
    purpose: Purpose
    key: str
    times: int
    at: datetime
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotingService:
    """Counts what has happened already: nothing is decided, and nothing refused."""

    people: PersonStore
    rules: PolicyCache
    clock: Clock
    pause: Pause

    def note(self, noted: Noted) -> None:
        """Count a touch, in the place of a lighter one of the same contact and key.

        The same again changes nothing, nor does what is no heavier, is too old to matter, or
        happened to somebody who was erased.

        Raises:
            PersonBusyError: others kept changing the person; nothing was counted.
        """
        until_settled(lambda: self._note(noted), pause=self.pause)

    def _note(self, noted: Noted) -> None:
        person = person_of(self.people, noted.contact_id, app_id=noted.app_id)
        reserved = _reserved(person.pressure, noted)
        if reserved:
            self._keep(person, person.pressure.firm(reserved.touch_id))
            return
        rules, now = self.rules.rules_of(noted.app_id), self.clock()
        chance = _chance_of(noted)
        weight = min(rules.policy.weights[noted.channel] * noted.times, HEAVIEST)
        before, at = person.pressure.touch_by_chance(chance), noted.at
        is_known = before is not None and before.weight >= weight
        if is_known or Effective(person.standing, at=now).is_erased:
            return
        pressure = person.pressure
        if before:
            pressure, at = pressure.without(before.touch_id), max(at, made_at(before.touch_id))
        touch = Touch(
            touch_id=ulid_of(at, chance=chance),
            origin=noted.contact_id,
            channel=noted.channel,
            purpose=noted.purpose,
            weight=weight,
        )
        self._keep(person, pressure.with_touch(touch).pruned(now - rules.memory, now=now))

    def _keep(self, person: Person, pressure: Pressure) -> None:
        if pressure.packed == person.pressure.packed:
            return
        (is_written,) = self.people.replace_pressures([replace(person, pressure=pressure)])
        if not is_written:
            raise StaleError(person.contact_id)


def _chance_of(noted: Noted) -> int:
    text = f"{noted.app_id}\0{noted.contact_id}\0noted\0{noted.key}"
    return int.from_bytes(sha256(text.encode()).digest()[: CHANCE_BITS // 8])


def _reserved(pressure: Pressure, noted: Noted) -> Touch | None:
    """Return the touch that was reserved for what happened, if it is kept still."""
    touch_id = (noted.reservation_id or "")[-ULID_LENGTH:]
    return pressure.touch(touch_id) if is_ulid(touch_id) else None
