"""Which operations go next: in their order, together where they may, never past a barrier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engage_mobile.flush import FlushPolicy, Waiting
from engage_mobile.operations import Importance, Instant, Kind, Operation, Proof
from engage_mobile.retry import LONGEST_LIFE, Drop, Tries, before_sending

WINDOW: Final = 500
"""Operations that are looked at at once, from the oldest: as many as one request may hold."""

LARGEST_BODY: Final = 200_000
"""Bytes of a request's body; the API takes 256 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What goes now: some operations, or nothing before ``due_at``; ``None``: nothing by itself."""

    operations: tuple[Operation, ...] = ()
    due_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushing:
    """When telemetry goes: by these policies, and at once when the app leaves the screen."""

    policies: Sequence[FlushPolicy]
    in_background: bool = False

    def flush_at(self, telemetry: Sequence[Operation]) -> Instant | None:
        """Return from when on these are to be sent; ``None``: nothing says so."""
        if not telemetry:
            return None
        waiting = Waiting(
            count=len(telemetry),
            oldest_at=min(one.enqueued_at for one in telemetry),
            in_background=self.in_background,
        )
        wishes = [policy.flush_at(waiting) for policy in self.policies]
        return min((wish for wish in wishes if wish is not None), default=None)


def tries_of(operation: Operation) -> Tries:
    """Return what the retry machine is to know of an operation."""
    has_key = operation.trait.has_key
    is_login = operation.kind is Kind.IDENTIFY
    return Tries(
        attempts=operation.attempts,
        over_at=operation.enqueued_at + LONGEST_LIFE if has_key else operation.expires_at,
        not_before=operation.not_before,
        has_apps_token=is_login or operation.trait.proof is Proof.USER,
    )


def over(window: Sequence[Operation], *, now: Instant) -> list[Operation]:
    """Return those that are not worth sending any more."""
    return [one for one in window if isinstance(before_sending(tries_of(one), now=now), Drop)]


def choose(window: Sequence[Operation], *, now: Instant, flushing: Flushing) -> Choice:
    """Return what to send of the oldest operations, given in their order.

    What is to be told at once goes before telemetry. A barrier goes when nothing is before it; so
    telemetry before one goes at once.
    """
    open_ones, barrier = _before_barrier(window)
    telemetry = [one for one in open_ones if one.importance is Importance.TELEMETRY]
    flush_at = flushing.flush_at(telemetry) if barrier is None else now
    candidates = [one for one in open_ones if one.importance is not Importance.TELEMETRY]
    if barrier is not None and not open_ones:
        candidates = [barrier]
    due = [(one.not_before, one) for one in _unobstructed(candidates)]
    if flush_at is not None:
        due += [(max(flush_at, one.not_before), one) for one in telemetry]
    ready = next((one for at, one in due if at <= now), None)
    if ready is None:
        return Choice(due_at=min((at for at, _ in due), default=None))
    return Choice(operations=tuple(_together(ready, open_ones, now)))


def _before_barrier(window: Sequence[Operation]) -> tuple[list[Operation], Operation | None]:
    """Return the operations before the first barrier, and that barrier, if there is one."""
    for index, one in enumerate(window):
        if one.trait.is_barrier:
            return [*window[:index]], one
    return [*window], None


def _unobstructed(candidates: Sequence[Operation]) -> Iterator[Operation]:
    """Yield those that have none of their own merge key before them: the last word stays last."""
    met: set[str] = set()
    for one in candidates:
        if one.merge_key is None or one.merge_key not in met:
            yield one
        if one.merge_key is not None:
            met.add(one.merge_key)


def _together(
    first: Operation, open_ones: Sequence[Operation], now: Instant
) -> Iterator[Operation]:
    """Yield what goes in one request with the first, which may be nothing else."""
    if first.trait.most == 1:
        yield first
        return
    count = size = 0
    for one in open_ones:
        if one.kind is not first.kind or one.not_before > now:
            continue
        count, size = count + 1, size + len((one.body or "").encode()) + 1
        if count > first.trait.most or (count > 1 and size > LARGEST_BODY):
            return
        yield one
