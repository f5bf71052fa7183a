"""A cap as most senders hold it: read what was sent, compare, write. Two at once both pass."""

from dataclasses import replace

from shared.contact_policy.model.decide import decide, touch_of
from shared.contact_policy.ports import PersonStore
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.service.settling import person_of
from shared.kernel.clock import Clock
from shared.kernel.decisions import Allow, Candidate
from shared.kernel.ids import Ids


def check_then_write(
    candidate: Candidate, *, people: PersonStore, rules: PolicyCache, clock: Clock, ids: Ids
) -> bool:
    """Say whether the candidate was let through; whatever others wrote meanwhile is overwritten."""
    app_id = candidate.app_id
    person = person_of(people, candidate.contact_id, app_id=app_id)
    book = rules.rules_of(app_id)
    decision = decide(
        book.policy,
        person=person.contact_id,
        pressure=person.pressure,
        standing=person.standing,
        control_groups=book.control_groups,
        app_zone=book.place.zone,
        now=clock(),
        candidate=candidate,
    )
    if not isinstance(decision, Allow):
        return False
    touch = touch_of(candidate, book.policy, touch_id=ids.sequence())
    for _ in range(100):
        latest = person_of(people, candidate.contact_id, app_id=app_id)
        after = replace(latest, pressure=latest.pressure.with_touch(touch))
        if all(people.replace_pressures([after])):
            return True
    return True
