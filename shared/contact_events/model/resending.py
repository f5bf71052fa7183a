"""A range of the ledger that a subscription is sent again: how far it is, and how fast it goes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contact_events.errors import ReplayDoneError
from shared.contact_events.model.replays import Span, last_before
from shared.kernel.errors import FieldProblem, InvalidFieldsError

USUAL_RATE, HIGHEST_RATE = 600, 6_000
"""Events a minute."""

LEDGER_KEPT = timedelta(days=760)
"""How long an event can be sent again: as long as the ledger keeps it."""

PAUSE = timedelta(seconds=50)
"""Between two minutes' work: a call that comes twice does it once, one that comes early does it."""

KEPT = timedelta(days=90)
"""How long a replay is kept after it ended."""


class ReplayState(StrEnum):
    """Where a replay stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A range of the ledger on its way to a subscription once more.

    ``per_minute`` is how many events are sent in a minute at most, ``after`` the sequence up to
    which all is sent or waits as a delivery, ``due_at`` when somebody may go on. ``read`` counts
    the events of its types up to there, ``sent`` those of them that were wanted.

    Raises:
        InvalidFieldsError: it sends fewer than one event a minute, or more than ``HIGHEST_RATE``.
    """

    app_id: str
    subscription_id: str
    replay_id: str
    span: Span
    per_minute: int
    after: str
    created_by: str
    created_at: datetime
    due_at: datetime
    read: int = 0
    sent: int = 0
    state: ReplayState = ReplayState.RUNNING
    ended_at: datetime | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.per_minute <= HIGHEST_RATE:
            problem = FieldProblem(
                pointer="/per_minute", code="range", detail=f"from 1 to {HIGHEST_RATE}"
            )
            raise InvalidFieldsError("the rate is unusable", fields=[problem])

    @property
    def is_running(self) -> bool:
        """Say whether there is more to send."""
        return self.state is ReplayState.RUNNING

    @property
    def expires_at(self) -> datetime | None:
        """Return when it is forgotten; ``None``: not while it runs."""
        return self.ended_at + KEPT if self.ended_at else None

    def is_due(self, at: datetime) -> bool:
        """Say whether somebody may go on."""
        return self.is_running and self.due_at <= at

    def claimed(self, *, at: datetime) -> "Replay":
        """Return it as it stands while somebody goes on: nobody else does so for ``PAUSE``."""
        return replace(self, due_at=at + PAUSE, version=self.version + 1)

    def advanced(self, *, after: str, read: int, sent: int, at: datetime) -> "Replay":
        """Return it after so many more events; at the end of its range it is done."""
        further = replace(
            self,
            after=after,
            read=self.read + read,
            sent=self.sent + sent,
            version=self.version + 1,
        )
        if after < last_before(self.span.until):
            return further
        return replace(further, state=ReplayState.DONE, ended_at=at)

    def cancelled(self, *, at: datetime) -> "Replay":
        """Return it as it sends nothing more; one that is cancelled stays as it is.

        Raises:
            ReplayDoneError: it came to its end.
        """
        if self.state is ReplayState.DONE:
            raise ReplayDoneError(self.replay_id)
        if self.state is ReplayState.CANCELLED:
            return self
        return replace(self, state=ReplayState.CANCELLED, ended_at=at, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a replay would send: of so many events that were looked at, those that are wanted.

    ``is_whole``: that is all; else there are more than one look takes in.
    """

    read: int
    wanted: int
    is_whole: bool


def first_replay(
    span: Span,
    *,
    replay_id: str,
    app_id: str,
    subscription_id: str,
    per_minute: int,
    by: str,
    at: datetime,
) -> Replay:
    """Return a replay before its first event.

    Raises:
        InvalidFieldsError: the range is empty, lies in the future, or begins before the ledger.
    """
    check_span(span, at=at)
    return Replay(
        app_id=app_id,
        subscription_id=subscription_id,
        replay_id=replay_id,
        span=span,
        per_minute=per_minute,
        after=last_before(span.since),
        created_by=by,
        created_at=at,
        due_at=at,
    )


def check_span(span: Span, *, at: datetime) -> None:
    """Hold a range against what there is to send at an instant.

    Raises:
        InvalidFieldsError: it is empty, lies in the future, or begins before the ledger.
    """
    problems: list[FieldProblem] = []
    if span.since < at - LEDGER_KEPT:
        detail = f"an instant of the last {LEDGER_KEPT.days} days: events are kept so long"
        problems.append(FieldProblem(pointer="/from", code="forgotten", detail=detail))
    if span.until > at:
        detail = "an instant that is over"
        problems.append(FieldProblem(pointer="/to", code="future", detail=detail))
    if span.until == span.since:
        problems.append(FieldProblem(pointer="/to", code="span", detail="an instant after `from`"))
    if problems:
        raise InvalidFieldsError("the range is unusable", fields=problems)
