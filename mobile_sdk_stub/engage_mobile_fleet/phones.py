"""One simulated phone: the real client, and somebody who uses it as their seed has it."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from engage_mobile import (
    Ad,
    Answered,
    Config,
    Engage,
    MemoryQueue,
    Operation,
    Outcome,
    Transport,
    ads_of,
)
from engage_mobile.operations import Instant
from engage_mobile_fleet.plans import Plan

EVENT_TYPE: Final = "com.example.page.viewed"
"""What an app tells when somebody looks at a page; in the timeline of who did."""

_PLACES: Final = (
    ("de-CH", "Europe/Zurich"),
    ("fr-FR", "Europe/Paris"),
    ("en-GB", "Europe/London"),
    ("en-US", "America/New_York"),
    ("es-MX", "America/Mexico_City"),
    ("pt-BR", "America/Sao_Paulo"),
    ("ja-JP", "Asia/Tokyo"),
    ("en-IN", "Asia/Kolkata"),
)
_VERSIONS: Final = ("1.0.0", "1.4.2", "2.0.0", "2.1.0")
_LOGGED_IN: Final = 0.7
_OFFLINE: Final = 0.15
_LONGEST_OFFLINE: Final = 3
_OPENS: Final = 0.4
_TAPS: Final = 0.2
_MOST_ACTS: Final = 3


@dataclass(slots=True, kw_only=True)
class Deeds:
    """What one phone told, as the server is to have it in the end.

    ``counts`` are of ``page_viewed``, ``coupon_claimed``, ``coupon_redeemed``, ``ad_shown``,
    ``ad_clicked`` and ``message_opened``; ``state`` is what was said of the device last;
    ``channels_off`` is what the person wants nothing from, ``None``: they said nothing.
    """

    counts: Counter[str] = field(default_factory=Counter)
    state: Mapping[str, Any] = field(default_factory=dict)
    channels_off: tuple[str, ...] | None = None


class Phone:
    """A phone and its owner; one thread at a time may have it. Pushes reach it at ``address``.

    Its clock is turned on to when its client wants to try again, instead of waiting for that: so it
    runs ahead of the server's, as clocks of phones do, and the client has to know better.
    """

    def __init__(
        self, plan: Plan, number: int, transport: Transport, clock: Callable[[], Instant]
    ) -> None:
        self.name = f"owner-{number}"
        self.deeds = Deeds()
        self.answers: dict[str, Counter[str]] = {}
        self._plan = plan
        self._chance = Random(f"{plan.seed}/{number}")  # noqa: S311 - a seed must repeat the life
        self._clock = clock
        self._ahead = 0
        self._due_at: Instant | None = None
        self._offline = 0
        self._user_token: str | None = None
        self._asked: list[Future[Outcome]] = []
        self._shown: list[Ad] = []
        self._messages: list[str] = []
        config = Config(
            app_id=plan.app_id,
            clock=self._now,
            user_token=lambda: self._user_token,
            settled=self._settled,
            random=self._chance.random,
        )
        self.engage = Engage(MemoryQueue(), transport, config)
        self.address = f"fid-of-{self.engage.device_id}"
        self.engage.enter_background()  # telemetry waits for the end of a round, not for a battery

    @property
    def is_logged_in(self) -> bool:
        """Say whether its owner logged in."""
        return self._user_token is not None

    def start(self) -> None:
        """Register; some owners log in."""
        locale, zone = self._chance.choice(_PLACES)
        self._tell_state(
            {
                "platform": self._chance.choice(("android", "ios")),
                "address": {"kind": "fid", "value": self.address},
                "locale": locale,
                "timezone": zone,
                "app_version": self._chance.choice(_VERSIONS),
                "push_permission": "granted",
            }
        )
        if self._chance.random() < _LOGGED_IN:
            self._user_token = self._plan.sign_in(self.name)
        if self._user_token is not None:
            self.engage.identify(self._user_token)
        self.tell()

    def live(self) -> None:
        """Use the phone for one round, which may be one without a network."""
        if self._offline == 0 and self._chance.random() < _OFFLINE:
            self._offline = self._chance.randint(1, _LONGEST_OFFLINE)
        self._tap()
        self._look()
        self._open()
        for _ in range(self._chance.randint(1, _MOST_ACTS)):
            self._act()
        if self._offline:
            self._offline -= 1
        else:
            self.tell()

    def tell(self) -> None:
        """Send what is due."""
        now = self._now()
        if self._due_at is not None and self._due_at > now:
            self._ahead += self._due_at - now
        self._due_at = self.engage.pump(self._now())

    def deliver(self, message_id: str) -> None:
        """Show a push on the screen; its owner may open it in the next round."""
        self._messages.append(message_id)

    def _act(self) -> None:
        acts = (self._view, self._ask, self._buy, self._claim, self._move, self._opt)
        self._chance.choices(acts, weights=(50, 20, 12, 6, 6, 6))[0]()

    def _view(self) -> None:
        self.engage.track(EVENT_TYPE, {"page": self._chance.randint(1, 99)})
        self._did("page_viewed")

    def _ask(self) -> None:
        """Ask for an ad, unless one is to come: what is not shown yet would be answered again."""
        if self._plan.placement is not None and not self._asked:
            placements = [{"name": self._plan.placement}]
            self._asked.append(self.engage.ads.decide(placements))

    def _look(self) -> None:
        """See the ads that came."""
        came = [asked for asked in self._asked if asked.done()]
        self._asked = [asked for asked in self._asked if not asked.done()]
        for asked in came:
            for ad in ads_of(asked.result(), self._plan.placement or ""):
                self.engage.ads.tell(ad, "impression")
                self._did("ad_shown")
                self._shown.append(ad)

    def _tap(self) -> None:
        """Tap some of the ads that were seen before this round: nobody taps at once."""
        for ad in self._shown:
            if self._chance.random() < _TAPS:
                self.engage.ads.tell(ad, "click")
                self._did("ad_clicked")
        self._shown = []

    def _open(self) -> None:
        for message_id in self._messages:
            if self._chance.random() < _OPENS:
                self.engage.receipt(message_id, "opened")
                self._did("message_opened")
        self._messages = []

    def _buy(self) -> None:
        coupon = self._plan.coupon
        if coupon is None:
            return
        line = {
            "line_id": "1",
            "product_id": "shoe",
            "quantity": self._chance.randint(1, 3),
            "unit_price": 5_000,
        }
        basket = {"currency": "EUR", "lines": [line]}
        self.engage.coupons.redeem([{"code": coupon.code}], basket=basket)
        self._did("coupon_redeemed")

    def _claim(self) -> None:
        """Claim the coupon, once: a person who has it has it."""
        if self._plan.coupon is not None and not self.deeds.counts["coupon_claimed"]:
            self.engage.coupons.claim(self._plan.coupon.coupon_id)
            self._did("coupon_claimed")

    def _move(self) -> None:
        locale, zone = self._chance.choice(_PLACES)
        version = self._chance.choice(_VERSIONS)
        changed = {"locale": locale, "timezone": zone, "app_version": version}
        self._tell_state({**self.deeds.state, **changed})

    def _opt(self) -> None:
        """Take the permission to push away or give it, to the phone or, logged in, to the app."""
        wants = self._chance.random() < 0.5  # noqa: PLR2004 - a coin
        if self._user_token is not None:
            self.deeds.channels_off = () if wants else ("push",)
            self.engage.put_preferences({"channels_off": list(self.deeds.channels_off)})
        else:
            permission = "granted" if wants else "denied"
            self._tell_state({**self.deeds.state, "push_permission": permission})

    def _tell_state(self, state: Mapping[str, Any]) -> None:
        self.engage.register(state)
        self.deeds.state = state

    def _did(self, deed: str) -> None:
        self.deeds.counts[deed] += 1

    def _now(self) -> Instant:
        return self._clock() + self._ahead

    def _settled(self, operation: Operation, outcome: Outcome) -> None:
        word = "answered" if isinstance(outcome, Answered) else outcome.because.value
        self.answers.setdefault(operation.kind.value, Counter())[word] += 1
