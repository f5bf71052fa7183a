"""People whom the story follows: phones that do what they are told, by the reference client."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from engage_mobile import (
    Ad,
    Answered,
    Config,
    Engage,
    MemoryQueue,
    Outcome,
    Transport,
    ads_of,
    system_clock,
)
from infra.local.errors import LocalStackError
from infra.local.story_documents import BASKET, SLOT

PATIENCE_SECONDS = 60


@dataclass(slots=True, kw_only=True)
class Followed:
    """Somebody with a phone; ``ad`` is what it shows, ``used`` what was bought by a coupon."""

    engage: Engage
    address: str
    zone: str
    ad: Ad | None = None
    used: list[Answered] = field(default_factory=list)
    opened: int = 0

    @property
    def contact_id(self) -> str:
        """Return whose phone it is."""
        return str(self.engage.contact_id)

    def register(self) -> None:
        """Tell the server all about the device."""
        state = {
            "platform": "android",
            "address": {"kind": "fid", "value": self.address},
            "locale": "en-GB",
            "timezone": self.zone,
            "app_version": "1.0.0",
            "push_permission": "granted",
        }
        self._answer(self.engage.register(state))

    def see_ad(self) -> Ad | None:
        """Ask for an ad and show it; ``None``: there is none yet."""
        asked = self.engage.ads.decide([{"name": SLOT}], platform="android")
        for ad in ads_of(self._answer(asked), SLOT):
            for event in ("loaded", "impression"):
                self.engage.ads.tell(ad, event)
            self.ad = ad
        self._settle()
        return self.ad

    def take_coupon(self) -> None:
        """Tap the ad, and claim the coupon in it."""
        if self.ad is None:
            raise LocalStackError("A phone was shown no ad.", fix="`engage ads list` shows some.")
        self.engage.ads.tell(self.ad, "click")
        self._answer(self.engage.coupons.claim(str(self.ad.coupon_id), ad_token=self.ad.token))

    def open_push(self, message_id: str) -> None:
        """Tell that a push was opened."""
        self._answer(self.engage.receipt(message_id, "opened"))
        self.opened += 1

    def buy(self, coupon_id: str) -> None:
        """Buy something with the coupon."""
        asked = self.engage.coupons.redeem([{"coupon_id": coupon_id}], basket=BASKET)
        self.used.append(self._answer(asked))

    def _answer(self, asked: Future[Outcome]) -> Answered:
        """Return what the server answers.

        Raises:
            LocalStackError: it refused, or did not answer in time.
        """
        self._settle()
        outcome = asked.result(timeout=0)
        if not isinstance(outcome, Answered):
            raise LocalStackError(
                f"A phone was refused: {outcome.because}, {outcome.problem.get('detail', '')}",
                fix="`engage logs` shows what the function said.",
            )
        return outcome

    def _settle(self) -> None:
        """Send until nothing waits.

        Raises:
            LocalStackError: something still waits after a minute.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            due_at = self.engage.pump(system_clock())
            if not self.engage.waiting:
                return
            if time.monotonic() > until:
                raise LocalStackError(
                    "The stack does not answer a phone.", fix="`engage status` shows what runs."
                )
            time.sleep(max((due_at or 0) - system_clock(), 10) / 1000)


def followed(
    transport: Transport, *, app_id: str, run: str, zones: Sequence[str]
) -> list[Followed]:
    """Return one person in each zone, of whom the server knows nothing yet."""
    return [
        _somebody(transport, app_id, f"fid-{run}-followed-{number}", zone)
        for number, zone in enumerate(zones)
    ]


def _somebody(transport: Transport, app_id: str, address: str, zone: str) -> Followed:
    engage = Engage(MemoryQueue(), transport, Config(app_id=app_id, clock=system_clock))
    engage.enter_background()  # whatever is told is sent by the next pump
    return Followed(engage=engage, address=address, zone=zone)


def deeds(people: Sequence[Followed]) -> Counter[str]:
    """Return what these people did, by the names that a fleet has for it."""
    seen = sum(one.ad is not None for one in people)
    return Counter(
        ad_loaded=seen,
        ad_shown=seen,
        ad_clicked=seen,
        coupon_claimed=seen,
        coupon_redeemed=sum(len(one.used) for one in people),
        message_opened=sum(one.opened for one in people),
    )
