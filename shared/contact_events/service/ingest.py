"""Takes what a wire translated into the ledger, and answers for every event."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import TypeAlias, TypeVar

from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.lanes import lanes
from shared.contact_events.model.rejects import LONGEST_DETAIL, Refused
from shared.contact_events.model.translations import Reject, Translation
from shared.contact_events.ports import Effects, RejectStore
from shared.contact_events.service.records import Recorded, RecordService
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, Fault
from shared.kernel.ids import Ids
from shared.kernel.paging import Page, cursor_of, ulid_in

THREADS = 16
"""An event waits for DynamoDB most of its time; the pool of connections has 32."""

T = TypeVar("T")
U = TypeVar("U")


class Outcome(StrEnum):
    """What came of one event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of the event at a place of the payload.

    ``event_id`` and ``contact_id`` are there where it is recorded, ``reject`` where it is rejected.
    """

    index: int
    outcome: Outcome
    event_id: str | None = None
    contact_id: str | None = None
    reject: Reject | None = None


Answered: TypeAlias = tuple[Answer, ForeignEvent | None]
"""An answer, and the event where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What came of a payload: an answer for each event, by index.

    ``ignored`` counts what means nothing to us.
    """

    answers: tuple[Answer, ...]
    ignored: int = 0

    @property
    def accepted(self) -> int:
        """Return how many events are new."""
        return self._count(Outcome.ACCEPTED)

    @property
    def duplicates(self) -> int:
        """Return how many events were recorded before."""
        return self._count(Outcome.DUPLICATE)

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return what was refused, by index."""
        return tuple(answer.reject for answer in self.answers if answer.reject)

    def _count(self, outcome: Outcome) -> int:
        return sum(answer.outcome is outcome for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestService:
    """Records the events of a payload at the same time, and keeps what is refused.

    A complaint or refusal is heeded before the answer, whether or not its event is new: whoever
    recorded it may have crashed before.
    """

    records: RecordService
    effects: Effects
    kept: RejectStore
    clock: Clock
    ids: Ids

    def ingest(self, translation: Translation, *, app_id: str, wire: str) -> Ingested:
        """Record a translation's events; what a rule refuses is kept as a reject.

        Everything is committed when this returns. Where it raises, the sender must send all of it
        again: what was recorded by then is a duplicate.
        """
        answered = self._recorded(translation)
        refused = [(one.reject, event) for one, event in answered if one.reject]
        if refused:
            self.kept.add_rejects(
                [self._kept(reject, event, app_id=app_id, wire=wire) for reject, event in refused]
            )
        return _ingested(answered, translation)

    def record(self, translation: Translation) -> Ingested:
        """Record a translation's events, as ``ingest`` does, and keep no rejects."""
        return _ingested(self._recorded(translation), translation)

    def rehearse(self, translation: Translation) -> Ingested:
        """Return what would come of a translation's events now; nothing is written."""
        numbered = _numbered(translation)
        answered = _at_once(lambda one: (self._rehearsed(one[1], index=one[0]), one[1]), numbered)
        return _ingested([*_refused(translation), *answered], translation)

    def rejects(self, app_id: str, *, cursor: str | None, limit: int) -> Page[Refused]:
        """Return what was refused of an app's events in the last 30 days, the newest first.

        Raises:
            InvalidFieldsError: the cursor is of another list.
        """
        before = ulid_in(cursor) if cursor else None
        found = self.kept.rejects(app_id, before=before, at=self.clock(), limit=limit + 1)
        return Page(
            items=found[:limit],
            next_cursor=cursor_of(found[limit - 1].reject_id) if len(found) > limit else None,
        )

    def _recorded(self, translation: Translation) -> list[Answered]:
        in_lanes, others = lanes(_numbered(translation))
        answered = _refused(translation)
        for group in (in_lanes, [[one] for one in others]):
            answered += chain.from_iterable(_at_once(self._lane, group))
        return answered

    def _lane(self, lane: Sequence[tuple[int, ForeignEvent]]) -> list[Answered]:
        return [(self._record(event, index=index), event) for index, event in lane]

    def _rehearsed(self, event: ForeignEvent, *, index: int) -> Answer:
        try:
            is_new = self.records.rehearse(event)
        except DomainError as error:
            return _rejected(Reject.by(error, index=index))
        return Answer(index=index, outcome=Outcome.ACCEPTED if is_new else Outcome.DUPLICATE)

    def _record(self, event: ForeignEvent, *, index: int) -> Answer:
        try:
            recorded = self.records.record(event)
        except DomainError as error:
            if error.fault is Fault.THROTTLED:
                raise
            return _rejected(Reject.by(error, index=index))
        self._protect(event, recorded)
        return Answer(
            index=index,
            outcome=Outcome.DUPLICATE if recorded.is_duplicate else Outcome.ACCEPTED,
            event_id=recorded.event_id,
            contact_id=recorded.contact_id,
        )

    def _protect(self, event: ForeignEvent, recorded: Recorded) -> None:
        told = event.envelope(sequence=recorded.sequence, contact_id=recorded.contact_id, raw=None)
        # The event is recorded: what cannot be done now is done when the bus brings it.
        with suppress(DomainError):
            self.effects.protect(told)

    def _kept(
        self, reject: Reject, event: ForeignEvent | None, *, app_id: str, wire: str
    ) -> Refused:
        short = Reject(
            index=reject.index,
            code=reject.code,
            pointer=reject.pointer[:LONGEST_DETAIL],
            detail=reject.detail[:LONGEST_DETAIL],
        )
        return Refused(
            app_id=app_id,
            reject_id=self.ids.sequence(),
            wire=wire,
            at=self.clock(),
            reject=short,
            source=event.source if event else None,
            id=event.id if event else None,
            type=event.type if event else None,
        )


def _numbered(translation: Translation) -> list[tuple[int, ForeignEvent]]:
    events = enumerate(translation.events)
    return [(translation.index_of(number), event) for number, event in events]


def _refused(translation: Translation) -> list[Answered]:
    return [(_rejected(reject), None) for reject in translation.rejects]


def _ingested(answered: Iterable[Answered], translation: Translation) -> Ingested:
    answers = sorted((answer for answer, _ in answered), key=lambda answer: answer.index)
    return Ingested(answers=tuple(answers), ignored=translation.ignored)


def _rejected(reject: Reject) -> Answer:
    return Answer(index=reject.index, outcome=Outcome.REJECTED, reject=reject)


def _at_once(work: Callable[[T], U], tasks: Sequence[T]) -> Iterable[U]:
    """Return what comes of each task; a single one needs no thread."""
    if len(tasks) < 2:  # noqa: PLR2004 - a single one
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(min(THREADS, len(tasks))) as pool:
        return list(pool.map(work, tasks))
