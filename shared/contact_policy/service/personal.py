"""What the policy keeps about people, given out or up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from shared.contact_policy.errors import StaleError
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.standing import ConsentKey, Part
from shared.contact_policy.ports import DeferralStore, Pause, PersonStore
from shared.contact_policy.service.settling import person_of, until_settled
from shared.kernel.paging import Page

_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalPolicy:
    """What reached a person, what they said, and what waits for them."""

    people: PersonStore
    deferrals: DeferralStore
    pause: Pause

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of all that is kept about a person's contacts; ``what`` says what it is."""
        at, _, after = (cursor or "0 ").partition(" ")
        number = int(at)
        if number >= len(contact_ids):
            return Page(items=[])
        kept = sorted(self._kept(contact_ids[number], app_id=app_id), key=lambda one: one[0])
        rest = [(place, item) for place, item in kept if place > after]
        items = [item for _, item in rest[:limit]]
        if len(rest) > limit:
            return Page(items=items, next_cursor=f"{number} {rest[limit - 1][0]}")
        is_last = number + 1 == len(contact_ids)
        return Page(items=items, next_cursor=None if is_last else f"{number + 1} ")

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Keep no more of contacts than that they were erased: every decision is Drop from now on.

        Again, after a crash, it changes nothing more.

        Raises:
            PersonBusyError: others kept changing the person: erase again.
        """
        for contact_id in contact_ids:
            until_settled(partial(self._erase, contact_id, app_id=app_id), pause=self.pause)
            for deferral in self.deferrals.deferrals_of(contact_id, app_id=app_id):
                self.deferrals.remove(deferral)
            self.people.forget(contact_id, app_id=app_id)

    def _erase(self, contact_id: str, *, app_id: str) -> None:
        person = person_of(self.people, contact_id, app_id=app_id)
        erased = Part(is_erased=True)
        is_known = person.standing.part(contact_id) == erased
        if not is_known:
            standing = person.standing.with_part(contact_id, erased)
            self.people.replace_standing(replace(person, standing=standing))
        pressure, touches = person.pressure.split({contact_id})
        # Written also without a touch: a reservation that was decided before must fail now.
        if not is_known or len(touches):
            (is_written,) = self.people.replace_pressures([replace(person, pressure=pressure)])
            if not is_written:
                raise StaleError(contact_id)

    def _kept(self, contact_id: str, *, app_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield all that is kept about a contact, each with its place in the order."""
        person = person_of(self.people, contact_id, app_id=app_id)
        yield from _said(person, contact_id)
        for touch in person.pressure.touches:
            if touch.origin == contact_id:
                yield f"touch {touch.touch_id}", {"what": "touch", **asdict(touch)}
        for case in self.people.cases_of(contact_id, app_id=app_id):
            yield f"case {case.case_id}", {"what": "case", **asdict(case)}
        for deferral in self.deferrals.deferrals_of(contact_id, app_id=app_id):
            yield f"deferral {deferral.deferral_id}", {"what": "deferral", **asdict(deferral)}
        before: str | None = None
        while proofs := self.people.proofs(
            [contact_id], app_id=app_id, limit=_BATCH, before=before
        ):
            for proof in proofs:
                told = {"what": "proof", **asdict(proof), "key": _key(proof.key)}
                yield f"proof {proof.proof_id}", told
            before = proofs[-1].proof_id


def _said(person: Person, contact_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    part = person.standing.part(contact_id)
    for key, mark in part.consents.items():
        told = {"what": "consent", **_key(key), **asdict(mark)}
        yield f"consent {key.purpose} {key.channel} {key.topic}", told
    if part.preferences is not None:
        yield "preferences", {"what": "preferences", **asdict(part.preferences)}
    if part != Part():
        evidence = {**asdict(part.whereabouts), "control_groups": part.control_groups}
        yield "standing", {"what": "standing", "is_erased": part.is_erased, **evidence}
    for (cause, channel), at in part.cooldowns.items():
        rest = {"what": "cooldown", "cause": cause, "channel": channel, "at": at}
        yield f"cooldown {cause} {channel}", rest


def _key(key: ConsentKey) -> Mapping[str, Any]:
    return key._asdict()
