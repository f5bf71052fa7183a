"""Whether an event of an ad counts, and why it does not: what is known when it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.placements.model.accounting import event_key, is_late
from shared.placements.model.engagements import Engagement, Grant, Rejection
from shared.placements.model.traffic import Circumstances, RecentEvents, Suspicion, suspicion_of
from shared.placements.ports.decisions import AdStates
from shared.placements.ports.engagements import Bounds, Promises


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who tells: the device that proved who it is, or nobody (pixel, redirect); and by what client.

    ``app_id`` is the app that is spoken to, ``None`` where the token alone says it.
    """

    app_id: str | None = None
    device_id: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A report whose token was read, and when it happened."""

    grant: Grant
    engagement: Engagement
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why an event does not count."""

    reason: Rejection
    suspicion: Suspicion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Knows what a process knows of devices, and whom to ask of people and budgets.

    ``revocations`` returns how often all ads of an app were taken back.
    """

    states: AdStates
    promises: Promises
    bounds: Bounds
    revocations: Callable[[str], int]
    recent: RecentEvents = field(default_factory=RecentEvents)

    def hearing(self, teller: Teller, *, at: datetime) -> "Hearing":
        """Begin to hear one request."""
        return Hearing(judge=self, teller=teller, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One request, heard at one instant; each person's state is read once."""

    judge: Judge
    teller: Teller
    at: datetime
    _epochs: dict[tuple[str, str], int] = field(default_factory=dict)

    def verdict(self, heard: Heard, *, shown_at: datetime | None = None) -> Verdict | None:
        """Return why an event does not count; ``None``: it does.

        ``shown_at`` is when the ad's impression was counted. A strict cap's place is taken by the
        impression last of all, when nothing else stands against it.
        """
        suspicion = self._suspicion(heard, shown_at)
        reason = self._reason(heard)
        if reason is None and suspicion:
            return Verdict(reason=Rejection.INVALID_TRAFFIC, suspicion=suspicion)
        if reason is None and self._is_over(heard):
            reason = Rejection.OVER_CAP
        return Verdict(reason=reason) if reason else None

    def _reason(self, heard: Heard) -> Rejection | None:
        grant = heard.grant
        if grant.test:
            return Rejection.TEST
        if grant.epoch < self._epoch_of(grant):
            return Rejection.REVOKED
        if is_late(grant, heard.engagement, at=self.at):
            return Rejection.LATE
        return None

    def _suspicion(self, heard: Heard, shown_at: datetime | None) -> Suspicion | None:
        grant = heard.grant
        told = event_key(grant.issued_at, grant.token_id, heard.engagement).id
        circumstances = Circumstances(
            at=heard.at,
            device_id=self.teller.device_id,
            user_agent=self.teller.user_agent,
            shown_at=shown_at,
            is_one_too_many=self.judge.recent.is_one_too_many(
                self.teller.device_id or grant.device_id, told, at=self.at
            ),
        )
        return suspicion_of(grant, heard.engagement, circumstances)

    def _is_over(self, heard: Heard) -> bool:
        grant = heard.grant
        if self.judge.bounds.is_over(grant, heard.engagement, at=self.at):
            return True
        waits = heard.engagement is Engagement.IMPRESSION and grant.strict
        return waits and not self.judge.promises.confirm(grant, at=self.at)

    def _epoch_of(self, grant: Grant) -> int:
        person = (grant.app_id, grant.contact_id)
        if person not in self._epochs:
            state = self.judge.states.read(grant.contact_id, app_id=grant.app_id)
            self._epochs[person] = state.epoch + self.judge.revocations(grant.app_id)
        return self._epochs[person]
