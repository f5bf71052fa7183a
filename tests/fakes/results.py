"""Results in memory; held to the same contract as the real stores."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.push.events import SOURCE
from shared.push.model.results import Goal, Mark, Marked
from shared.push.ports import MarkStore, Persons, ToldEvents


class InMemoryMarkStore(MarkStore):
    def __init__(self) -> None:
        self.kept: set[tuple[str, Mark]] = set()
        self.goals: dict[tuple[str, str], Goal] = {}

    @override
    def add_marks(self, marks: Iterable[Mark], *, app_id: str) -> None:
        self.kept |= {(app_id, mark) for mark in marks}

    @override
    def marks_of(self, campaign_id: str, *, app_id: str) -> Sequence[Marked]:
        found = [
            mark for app, mark in self.kept if (app, mark.campaign_id) == (app_id, campaign_id)
        ]
        places = sorted({(mark.chunk_id, mark.variant, mark.kind) for mark in found})
        return [
            Marked(
                chunk_id=chunk_id,
                variant=variant,
                kind=kind,
                indexes=frozenset(
                    mark.index
                    for mark in found
                    if (mark.chunk_id, mark.variant, mark.kind) == (chunk_id, variant, kind)
                ),
            )
            for chunk_id, variant, kind in places
        ]

    @override
    def forget_marks(self, campaign_id: str, *, app_id: str) -> None:
        self.kept = {
            (app, mark)
            for app, mark in self.kept
            if (app, mark.campaign_id) != (app_id, campaign_id)
        }

    @override
    def put_goal(self, goal: Goal) -> None:
        self.goals[goal.app_id, goal.campaign_id] = goal

    @override
    def goals_of(self, app_id: str) -> Sequence[Goal]:
        return [goal for (app, _), goal in sorted(self.goals.items()) if app == app_id]


class InMemoryToldEvents(ToldEvents):
    def __init__(self) -> None:
        self.events: list[Envelope] = []

    @override
    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Envelope]:
        return [
            event
            for contact_id in contact_ids
            for event in sorted(self.events, key=_place)
            if (event.app_id, event.subject.id, event.source) == (app_id, contact_id, SOURCE)
            and since <= _place(event) < until
        ]


class OnePersonEach(Persons):
    """Everybody is alone, but for those who were joined; who is ``erased`` is nobody."""

    def __init__(self) -> None:
        self.joined: dict[str, tuple[str, ...]] = {}
        self.erased: set[str] = set()

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        return () if contact_id in self.erased else self.joined.get(contact_id, (contact_id,))


def _place(event: Envelope) -> datetime:
    return event.key.at if event.key else event.time
