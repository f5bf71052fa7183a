"""Keeps what decisions know of people up to date, as other domains tell of changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.placements.errors import StaleError
from shared.placements.model.ad_state import AdState, CouponStanding
from shared.placements.ports.decisions import AdStates, Facts, Pause
from shared.placements.service.settling import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class AdStateService:
    """Writes the states of people; a change that is there already is not written again."""

    states: AdStates
    facts: Facts
    pause: Pause

    def current(
        self,
        contact_id: str,
        *,
        device_id: str,
        app_id: str,
        policy_version: int,
        at: datetime,
        names: int = 0,
    ) -> AdState:
        """Return a person's state for a decision: by one read of half a unit, mostly.

        What is missing, older than ``FACTS_LAST``, of an older policy, about other ``names`` than
        live ads have (the snapshot's digest), or does not know the device, is asked of the other
        domains and written.

        Raises:
            AdStateContendedError: others kept changing it.
        """
        state = self.states.read(contact_id, app_id=app_id)
        if state.is_fresh(at, device_id=device_id, policy_version=policy_version, names=names):
            return state
        return self.refresh(contact_id, device_id=device_id, app_id=app_id, at=at)

    def refresh(
        self, contact_id: str, *, app_id: str, at: datetime, device_id: str | None = None
    ) -> AdState:
        """Ask the other domains about a person, and write what they answer.

        Raises:
            AdStateContendedError: others kept changing it.
        """

        def once() -> AdState:
            # Read before they are asked: a change that is told in between makes the write fail.
            before = self.states.read_latest(contact_id, app_id=app_id)
            known = self.facts.of(before.contact_id, device_id=device_id, app_id=app_id, at=at)
            return self._written(before, before.told(known, at=at))

        return until_settled(once, pause=self.pause)

    def on_claimed(self, contact_id: str, coupon_id: str, *, app_id: str) -> AdState:
        """Note that a person claimed a coupon.

        Raises:
            AdStateContendedError: others kept changing it.
        """
        return self._change(
            contact_id, app_id, lambda state: state.with_coupon(coupon_id, CouponStanding.CLAIMED)
        )

    def on_redeemed(self, contact_id: str, coupon_id: str, *, app_id: str) -> AdState:
        """Note that a person redeemed a coupon: what devices keep is taken back.

        Raises:
            AdStateContendedError: others kept changing it.
        """
        return self._change(
            contact_id, app_id, lambda state: state.with_coupon(coupon_id, CouponStanding.REDEEMED)
        )

    def on_rolled_back(self, contact_id: str, coupon_id: str, *, app_id: str) -> AdState:
        """Forget that a person redeemed a coupon; how they stand to it now is to be asked.

        Raises:
            AdStateContendedError: others kept changing it.
        """
        return self._change(contact_id, app_id, lambda state: state.without_coupon(coupon_id))

    def on_device(self, contact_id: str, device_id: str, epoch: int, *, app_id: str) -> AdState:
        """Note from which epoch on a device's tokens are good.

        Raises:
            AdStateContendedError: others kept changing it.
        """
        return self._change(contact_id, app_id, lambda state: state.with_device(device_id, epoch))

    def _change(
        self, contact_id: str, app_id: str, change: Callable[[AdState], AdState]
    ) -> AdState:
        def once() -> AdState:
            before = self.states.read_latest(contact_id, app_id=app_id)
            return self._written(before, change(before))

        return until_settled(once, pause=self.pause)

    def _written(self, before: AdState, after: AdState) -> AdState:
        if after != before and not self.states.replace(after, before=before):
            raise StaleError(before.contact_id)
        return after
