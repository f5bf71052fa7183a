"""What triggers keep about people, given out or up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.contact_events.ports import InstanceStore
from shared.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTriggers:
    """What was started for a person, and came of it."""

    instances: InstanceStore

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of what was started for a person's contacts, by contact and trigger."""
        kept = [
            (f"{one.contact_id} {one.trigger_id} {one.cause}", asdict(one))
            for contact_id in sorted(contact_ids)
            for one in self.instances.kept_of(contact_id, app_id=app_id)
        ]
        rest = [(place, told) for place, told in kept if place > (cursor or "")]
        return Page(
            items=[told for _, told in rest[:limit]],
            next_cursor=rest[limit - 1][0] if len(rest) > limit else None,
        )

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Delete all that was started for a person; what waits never fires."""
        for contact_id in contact_ids:
            self.instances.erase(contact_id, app_id=app_id)
