"""Use cases of what is put off: stored, spread, taken up again, or let go when it is too late."""

from dataclasses import dataclass
from datetime import timedelta

from shared.contact_policy.model.deferrals import SETTLED, Deferral
from shared.contact_policy.ports import DeferralStore, Releases
from shared.kernel.clock import Clock

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferralService:
    """Puts off, and takes up again: nothing is lost, and nothing is sent after it expired."""

    store: DeferralStore
    clock: Clock

    def defer(self, deferral: Deferral) -> Deferral:
        """Store a deferral; it is due within 15 minutes after its ``until``.

        What a contact has under the same id already is answered as it stands.

        Raises:
            DeferralInvalidError: it is too large, or waits for too long.
        """
        at = self.clock()
        deferral.check(at=at)
        return self.store.add(deferral.planned(at=at), at=at)

    def release_due(self, app_id: str, releases: Releases) -> int:
        """Hand over what is due, each at least once, and return how many were due.

        All minutes that nobody has done yet are worked on in turn, so an outage is caught up with.
        A minute that could not be finished is begun again by the next call; what it handed over
        is gone from it by then.
        """
        minute = self.store.done_until(app_id)
        count = 0
        while minute is not None and minute + _MINUTE + SETTLED <= self.clock():
            for deferral in self.store.due_in(app_id, minute=minute):
                self._release(deferral, releases)
                count += 1
            minute += _MINUTE
            self.store.mark_done(app_id, until=minute)
        return count

    def _release(self, deferral: Deferral, releases: Releases) -> None:
        expires_at = deferral.candidate.expires_at
        if expires_at is not None and expires_at <= self.clock():
            releases.expire(deferral)
        else:
            releases.release(deferral)
        self.store.remove(deferral)
