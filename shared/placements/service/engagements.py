"""Use cases of what becomes of ads: each event of an ad counts once, or is kept with a reason."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.clock import Clock, whole_milliseconds
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids
from shared.placements.errors import AdTokenInvalidError, AdUnusableError, PlacementsError
from shared.placements.model.accounting import (
    counted_event,
    engagement_of,
    event_key,
    rejected_event,
)
from shared.placements.model.engagements import Engagement, Grant, Rejection
from shared.placements.model.traffic import FOLLOWING
from shared.placements.ports.engagements import (
    EngagementStore,
    GrantTokens,
    Landings,
    Written,
)
from shared.placements.service.judging import Heard, Hearing, Judge, Teller, Verdict

MOST_REPORTS = 100
"""In one request."""

_ORDER = tuple(Engagement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a device tells of an ad; ``at`` is its own clock's instant, ``None``: just now."""

    token: str
    engagement: Engagement
    at: datetime | None = None


class Standing(StrEnum):
    """What became of a report."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    """It was counted before."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a report; ``reason`` is a ``Rejection``, or the code of an error."""

    standing: Standing
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementService:
    """Hears of ads.

    What was counted once stays counted: told again, it is a duplicate, also when by then it would
    be late. What was rejected is judged again.
    """

    tokens: GrantTokens
    store: EngagementStore
    judge: Judge
    landings: Landings
    clock: Clock
    ids: Ids

    def record(self, reports: Sequence[Report], *, by: Teller) -> Sequence[Answer]:
        """Answer each of at most 100 reports, in their order.

        They are taken in the order in which such things happen, whatever theirs: an impression and
        the click on it may come together.
        """
        hearing = self.judge.hearing(by, at=self.clock())
        answers: dict[int, Answer] = {}
        heard: dict[int, Heard] = {}
        for place, report in enumerate(reports):
            try:
                heard[place] = self._heard(report, hearing)
            except PlacementsError as error:
                answers[place] = Answer(standing=Standing.REJECTED, reason=error.code)
        answers |= self._take(hearing, _of(heard, lambda engagement: engagement not in FOLLOWING))
        for place, one in _of(heard, FOLLOWING.__contains__).items():
            answers[place] = self._take_following(hearing, one)
        return [answers[place] for place in range(len(reports))]

    def see(self, token: str, engagement: Engagement, *, by: Teller) -> Answer:
        """Answer what a pixel tells."""
        (answer,) = self.record([Report(token=token, engagement=engagement)], by=by)
        return answer

    def click(self, token: str, *, by: Teller) -> str:
        """Count a click and return where it leads; whoever taps gets there, counted or not.

        Raises:
            AdTokenInvalidError: we did not sign it.
            AdUnusableError: the ad leads nowhere.
        """
        url = self.landings.url_of(self.tokens.grant_of(token))
        if url is None:
            raise AdUnusableError("the ad leads nowhere")
        self.see(token, Engagement.CLICK, by=by)
        return url

    def _grant_of(self, token: str, by: Teller) -> Grant:
        grant = self.tokens.grant_of(token)
        if by.app_id not in (None, grant.app_id):
            raise AdTokenInvalidError("it is of another app")
        return grant

    def _heard(self, report: Report, hearing: Hearing) -> Heard:
        if report.engagement is Engagement.CLAIM:
            raise AdUnusableError("a claim is made, not told")
        grant = self._grant_of(report.token, hearing.teller)
        # A device's clock may be wrong, but not so far.
        at = whole_milliseconds(report.at) if report.at else hearing.at
        at = min(max(at, grant.issued_at), hearing.at)
        return Heard(grant=grant, engagement=report.engagement, at=at)

    def _take(self, hearing: Hearing, heard: Mapping[int, Heard]) -> dict[int, Answer]:
        """Take what needs no other event of the same ad; what has no lease is written at once."""
        answers: dict[int, Answer] = {}
        plain: dict[int, Heard] = {}
        for place, one in heard.items():
            verdict = hearing.verdict(one)
            if verdict:
                answers[place] = self._reject(one, verdict, history=self.store.history(one.grant))
            elif one.engagement is Engagement.IMPRESSION and one.grant.lease is not None:
                answers[place] = self._take_leased(one)
            else:
                plain[place] = one
        fresh = self.store.put_each([self._counted(one) for one in plain.values()])
        return answers | {
            place: _answer(is_fresh=is_fresh) for place, is_fresh in zip(plain, fresh, strict=True)
        }

    def _take_leased(self, heard: Heard) -> Answer:
        written = self.store.put_leased(self._counted(heard), grant=heard.grant)
        if written is Written.GIVEN_BACK:
            return self._reject(heard, Verdict(reason=Rejection.LATE), history=())
        return _answer(is_fresh=written is Written.DONE)

    def _take_following(self, hearing: Hearing, heard: Heard) -> Answer:
        history = self.store.history(heard.grant)
        verdict = hearing.verdict(heard, shown_at=_shown_at(history))
        if verdict:
            return self._reject(heard, verdict, history=history)
        (is_fresh,) = self.store.put_each([self._counted(heard)])
        return _answer(is_fresh=is_fresh)

    def _reject(self, heard: Heard, verdict: Verdict, *, history: Sequence[Envelope]) -> Answer:
        """Keep an event with its reason, unless it was counted before."""
        if _is_counted(heard, history):
            return _answer(is_fresh=False)
        grant, engagement, reason = heard.grant, heard.engagement, verdict.reason
        event = rejected_event(grant, engagement, reason, at=heard.at, suspicion=verdict.suspicion)
        key = event_key(grant.issued_at, grant.token_id, engagement, reason=reason)
        self.store.put_each([seal(event, sequence=self.ids.sequence(), key=key)])
        return Answer(standing=Standing.REJECTED, reason=reason.value)

    def _counted(self, heard: Heard) -> Envelope:
        grant = heard.grant
        event = counted_event(grant, heard.engagement, at=heard.at)
        key = event_key(grant.issued_at, grant.token_id, heard.engagement)
        return seal(event, sequence=self.ids.sequence(), key=key)


def _of(heard: Mapping[int, Heard], is_wanted: Callable[[Engagement], bool]) -> dict[int, Heard]:
    """Return some reports by their places, in the order in which such things happen."""
    wanted = [(place, one) for place, one in heard.items() if is_wanted(one.engagement)]
    return dict(sorted(wanted, key=lambda each: _ORDER.index(each[1].engagement)))


def _is_counted(heard: Heard, history: Iterable[Envelope]) -> bool:
    return heard.engagement in map(engagement_of, history)


def _answer(*, is_fresh: bool) -> Answer:
    return Answer(standing=Standing.COUNTED if is_fresh else Standing.DUPLICATE)


def _shown_at(history: Iterable[Envelope]) -> datetime | None:
    """Return when an ad's impression was, if it counted."""
    shown = (one.time for one in history if engagement_of(one) is Engagement.IMPRESSION)
    return next(shown, None)
