"""Use cases of replays: a subscription is sent a range of the ledger once more, by the minute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.contact_events.errors import (
    ReplayChangedError,
    ReplayNotFoundError,
    ReplayRunningError,
    StaleError,
    SubscriptionNotFoundError,
)
from shared.contact_events.events import SubscriptionReplayed, SubscriptionReplayEnded
from shared.contact_events.model.replays import Slice, Span
from shared.contact_events.model.resending import (
    USUAL_RATE,
    Outlook,
    Replay,
    check_span,
    first_replay,
)
from shared.contact_events.model.subscriptions import Subscription, SubscriptionState
from shared.contact_events.ports import Apps, HasTime, ReplayStore, SubscriptionStore
from shared.contact_events.service.deliveries import DeliveryService
from shared.contact_events.service.messages import CloudEvent
from shared.contact_events.service.replays import ReplayReader
from shared.kernel.clock import Clock, whole_milliseconds
from shared.kernel.envelope import Envelope, cloudevent, seal
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page, cursor_of, place_of

MOST_LOOKED_AT = 5_000
"""Events of a dry run."""

LONGEST_LOOK = timedelta(seconds=4)
"""Of a dry run: somebody waits for its answer, and silent hours are read too."""

AT_A_TIME = 100
"""Events that are read, sent and noted as sent together: a crash sends so many again at most."""

MESSAGE = 10
"""Events of a batch at most, as where the bus brings them."""

TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTerms:
    """What a marketer wants sent again: what was recorded from ``since`` to before ``until``.

    ``until``: None is now. ``types`` are without organisation; none are all.
    """

    since: datetime
    until: datetime | None = None
    types: frozenset[str] = field(default_factory=frozenset)
    per_minute: int = USUAL_RATE

    def span(self, at: datetime) -> Span:
        """Return the range at an instant.

        Raises:
            InvalidFieldsError: it ends before it begins.
        """
        since, until = whole_milliseconds(self.since), whole_milliseconds(self.until or at)
        if until < since:
            problem = FieldProblem(pointer="/to", code="span", detail="an instant after `from`")
            raise InvalidFieldsError("the range is unusable", fields=[problem])
        return Span(since=since, until=until, types=self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunReplay:
    """A replay that was begun; ``replayed``: by the same attempt before."""

    replay: Replay
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayService:
    """Begins replays, looks at them, and cancels them."""

    store: ReplayStore
    subscriptions: SubscriptionStore
    reader: ReplayReader
    apps: Apps
    clock: Clock
    ids: Ids

    def begin(
        self,
        subscription_id: str,
        terms: ReplayTerms,
        *,
        app_id: str,
        by: str,
        attempt: Attempt | None = None,
    ) -> BegunReplay:
        """Have a range sent again; it begins within a minute.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
            InvalidFieldsError: there is no such range to send, or not at this rate.
            ReplayRunningError: another one is running.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        self._expect(subscription_id, app_id=app_id)
        if attempt and (before := self._recall(attempt, subscription_id, app_id=app_id)):
            return before
        at = self.clock()
        fresh = first_replay(
            terms.span(at),
            replay_id=self.ids.new("rpl"),
            app_id=app_id,
            subscription_id=subscription_id,
            per_minute=terms.per_minute,
            by=by,
            at=at,
        )
        try:
            self.store.add(fresh, event=self._begun(fresh, by=by), attempt=attempt)
        except StaleError as error:
            # The same attempt, at the same time.
            if attempt and (before := self._recall(attempt, subscription_id, app_id=app_id)):
                return before
            raise ReplayRunningError(subscription_id) from error
        return BegunReplay(replay=fresh)

    def look(self, subscription_id: str, terms: ReplayTerms, *, app_id: str) -> Outlook:
        """Say what a replay would send, and send nothing.

        Events of the last five minutes are not among them: they are read when they are settled.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
            InvalidFieldsError: there is no such range to send.
        """
        subscription = self._expect(subscription_id, app_id=app_id)
        at = self.clock()
        span, org = terms.span(at), self.apps.org_of(app_id)
        check_span(span, at=at)
        after, read, wanted, is_over = None, 0, 0, False
        while not is_over and read < MOST_LOOKED_AT and self.clock() - at < LONGEST_LOOK:
            found = self.reader.read(span, app_id=app_id, after=after)
            after, is_over = found.after, found.is_over
            read += found.read
            wanted += len(_wanted(subscription, found.events, org=org))
        return Outlook(read=read, wanted=wanted, is_whole=is_over)

    def get(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay:
        """Return a replay.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
            ReplayNotFoundError: the subscription has no such replay.
        """
        self._expect(subscription_id, app_id=app_id)
        found = self.store.find(replay_id, subscription_id=subscription_id, app_id=app_id)
        if found is None:
            raise ReplayNotFoundError(replay_id)
        return found

    def page(
        self, subscription_id: str, *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Replay]:
        """Return a page of a subscription's replays, the newest first.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
        """
        self._expect(subscription_id, app_id=app_id)
        before = place_of(cursor) if cursor else None
        found = self.store.page(subscription_id, app_id=app_id, before=before, limit=limit + 1)
        items = found[:limit]
        more = len(found) > limit
        return Page(items=items, next_cursor=cursor_of(items[-1].replay_id) if more else None)

    def cancel(self, replay_id: str, *, subscription_id: str, app_id: str, by: str) -> Replay:
        """Have a replay send nothing more; what it sent and was not taken is still tried again.

        Raises:
            SubscriptionNotFoundError: the app has no such subscription.
            ReplayNotFoundError: the subscription has no such replay.
            ReplayDoneError: it came to its end.
            ReplayChangedError: it went on at each try.
        """
        for _ in range(TRIES):
            found = self.get(replay_id, subscription_id=subscription_id, app_id=app_id)
            after = found.cancelled(at=self.clock())
            if after == found:
                return found
            try:
                self.store.replace(after, event=ended(after, by=by, ids=self.ids))
            except StaleError:
                continue
            return after
        raise ReplayChangedError(replay_id)

    def _expect(self, subscription_id: str, *, app_id: str) -> Subscription:
        found = self.subscriptions.subscription(subscription_id, app_id=app_id)
        if found is None:
            raise SubscriptionNotFoundError(subscription_id)
        return found

    def _recall(self, attempt: Attempt, subscription_id: str, *, app_id: str) -> BegunReplay | None:
        before = self.store.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        found = self.get(before.result, subscription_id=subscription_id, app_id=app_id)
        return BegunReplay(replay=found, replayed=True)

    def _begun(self, replay: Replay, *, by: str) -> Envelope:
        event = SubscriptionReplayed(
            app_id=replay.app_id,
            occurred_at=replay.created_at,
            subscription_id=replay.subscription_id,
            replay_id=replay.replay_id,
            since=replay.span.since,
            until=replay.span.until,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """Events that are sent together, the place after them, and how many led there."""

    events: Sequence[CloudEvent]
    after: str
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resender:
    """Goes on with replays, once a minute: reads, sends, and only then notes how far that is.

    So a crash has some events sent again, and none left out. Each goes as any other delivery does,
    under the ``webhook-id`` that it had where events go alone: what is not taken waits, and is
    tried again.
    """

    store: ReplayStore
    subscriptions: SubscriptionStore
    reader: ReplayReader
    deliveries: DeliveryService
    apps: Apps
    clock: Clock
    ids: Ids

    def running(self, app_id: str) -> Sequence[Replay]:
        """Return the replays of an app that somebody may go on with, the longest due first."""
        at = self.clock()
        due = [one for one in self.store.running(app_id) if one.is_due(at)]
        return sorted(due, key=lambda one: one.due_at)

    def go_on(self, replay: Replay, *, has_time: HasTime) -> None:
        """Send a minute's worth of a replay, as its subscription stands now.

        Nothing goes out while the subscription is paused, or has something due that was not sent;
        one event does while its receiver fails. Without its subscription a replay is cancelled.
        Where somebody else goes on with it, or cancels it, that stands.
        """
        subscription = self.subscriptions.subscription(replay.subscription_id, app_id=replay.app_id)
        try:
            if subscription is None:
                self._stored(replay.cancelled(at=self.clock()))
            elif subscription.state is SubscriptionState.ACTIVE and has_time():
                self._send_some(replay, subscription, has_time)
        except StaleError:
            return

    def _send_some(self, replay: Replay, subscription: Subscription, has_time: HasTime) -> None:
        if self.deliveries.is_behind(subscription):
            return
        replay = self._stored(replay.claimed(at=self.clock()))
        left = 1 if subscription.failing_since else replay.per_minute
        org = self.apps.org_of(replay.app_id)
        goes_on = True
        while goes_on and left and replay.is_running and has_time():
            found = self.reader.read(
                replay.span, app_id=replay.app_id, after=replay.after, limit=AT_A_TIME
            )
            step = _step(subscription, found, org=org, most=left)
            goes_on = self._send(subscription, step.events, has_time) and not found.is_over
            left -= len(step.events)
            if step.after > replay.after:
                further = replay.advanced(
                    after=step.after, read=step.read, sent=len(step.events), at=self.clock()
                )
                replay = self._stored(further)

    def _send(
        self, subscription: Subscription, events: Sequence[CloudEvent], has_time: HasTime
    ) -> bool:
        """Send events by tens; after a failure the others wait. Say whether none does."""
        goes_well = True
        for start in range(0, len(events), MESSAGE):
            goes_well = self.deliveries.deliver(
                subscription,
                events[start : start + MESSAGE],
                has_time=has_time if goes_well else _never,
            )
        return goes_well

    def _stored(self, replay: Replay) -> Replay:
        event = None if replay.is_running else ended(replay, by=None, ids=self.ids)
        self.store.replace(replay, event=event)
        return replay


def ended(replay: Replay, *, by: str | None, ids: Ids) -> Envelope:
    """Return what is told of a replay that ended."""
    event = SubscriptionReplayEnded(
        app_id=replay.app_id,
        occurred_at=replay.ended_at or replay.created_at,
        subscription_id=replay.subscription_id,
        replay_id=replay.replay_id,
        outcome=replay.state,
        sent=replay.sent,
        by=by,
    )
    return seal(event, sequence=ids.sequence())


def _step(subscription: Subscription, found: Slice, *, org: str, most: int) -> _Step:
    """Return what is wanted of a slice, and where it ends: at the last event that may go out."""
    events = _wanted(subscription, found.events, org=org)
    if len(events) <= most:
        return _Step(events=events, after=found.after, read=len(found.events))
    last: str = events[most - 1]["sequence"]
    read = sum(event.sequence <= last for event in found.events)
    return _Step(events=events[:most], after=last, read=read)


def _wanted(
    subscription: Subscription, events: Sequence[Envelope], *, org: str
) -> list[CloudEvent]:
    told = (cloudevent(event, org=org) for event in events)
    return [event for event in told if subscription.wants(event)]


def _never() -> bool:
    return False
