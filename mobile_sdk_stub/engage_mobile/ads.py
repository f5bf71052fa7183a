"""Ads: ask for some, keep what was not shown yet, see whether they were seen, tell of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Self

from engage_mobile.clock import instant_of_text, text_of
from engage_mobile.operations import Instant, Kind
from engage_mobile.outbox import Outbox
from engage_mobile.outcomes import Answered, Outcome
from engage_mobile.viewability import Viewability

MOST_DECISIONS: Final = 20
MOST_WATCHED: Final = 100
"""Ads on screens; of those before, what was told stays told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """An ad that may be shown until ``expires_at`` (the server's time); ``token`` tells of it."""

    ad_id: str
    flight_id: str
    token: str
    creative: Mapping[str, Any]
    click_url: str | None
    coupon_id: str | None
    expires_at: Instant

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return an ad as the API describes it."""
        return cls(
            ad_id=document["ad_id"],
            flight_id=document["flight_id"],
            token=document["token"],
            creative=document["creative"],
            click_url=document["click_url"],
            coupon_id=document["coupon_id"],
            expires_at=instant_of_text(document["expires_at"]),
        )


def ads_of(outcome: Outcome, placement: str) -> tuple[Ad, ...]:
    """Return the ads that a decision gives to a placement; none if there was no answer."""
    if not isinstance(outcome, Answered):
        return ()
    given = outcome.body.get("decisions", {}).get(placement, ())
    return tuple(Ad.of_document(one) for one in given)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A decision that may be shown again as long as none of its ads was shown."""

    outcome: Answered
    login: int
    epoch: int
    tokens: frozenset[str]
    expires_at: Instant


class Decisions:
    """Decisions by what was asked; pure, and forgotten when the process ends."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def keep(self, asked: str, outcome: Answered, *, login: int) -> None:
        """Keep a decision; those of a smaller epoch must not be shown any more."""
        ads = [Ad.of_document(one) for given in outcome.body["decisions"].values() for one in given]
        epoch = int(outcome.body["epoch"])
        self._kept = {name: one for name, one in self._kept.items() if one.epoch >= epoch}
        if ads:
            self._kept[asked] = _Kept(
                outcome=outcome,
                login=login,
                epoch=epoch,
                tokens=frozenset(ad.token for ad in ads),
                expires_at=min(ad.expires_at for ad in ads),
            )
        while len(self._kept) > MOST_DECISIONS:
            del self._kept[next(iter(self._kept))]

    def find(self, asked: str, *, login: int, at: Instant) -> Answered | None:
        """Return what was decided for the same question and person, while all of it holds."""
        found = self._kept.get(asked)
        holds = found is not None and found.login == login and at < found.expires_at
        return found.outcome if found is not None and holds else None

    def shown(self, token: str) -> None:
        """Forget the decision of an ad that was shown: an impression of it counts once."""
        self._kept = {name: one for name, one in self._kept.items() if token not in one.tokens}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """An ad on the screen."""

    ad: Ad
    state: Viewability


class Ads:
    """Ads of one device."""

    def __init__(self, outbox: Outbox, clock: Callable[[], Instant]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._decisions = Decisions()
        self._watched: dict[str, _Watched] = {}

    def decide(self, placements: Sequence[Mapping[str, Any]], **context: Any) -> Future[Outcome]:
        """Ask which ads fill placements; what was decided and not shown yet is answered at once.

        ``placements`` and ``context`` (keywords, attributes, platform ...) are those of the API.
        """
        with self._outbox.lock:
            body = {"placements": list(placements), **context}
            asked, login = json.dumps(body, sort_keys=True), self._outbox.identity.login
            at = self._clock()
            kept = self._decisions.find(asked, login=login, at=self._outbox.clock.at(at))
            if kept is not None:
                ready: Future[Outcome] = Future()
                ready.set_result(kept)
                return ready
            heard = self._outbox.add(Kind.ASK, "POST", "ad-decisions", at=at, body=body)
        heard.add_done_callback(lambda done: self._keep(asked, done.result(), login))
        return heard

    def tell(self, ad: Ad, event: str, *, at: Instant | None = None) -> Future[Outcome]:
        """Tell what became of an ad: ``loaded``, ``impression``, ``click``, ``conversion`` ..."""
        with self._outbox.lock:
            now = self._clock()
            if event == "impression":
                self._decisions.shown(ad.token)
            seen_at = self._outbox.clock.at(now if at is None else at)
            body = {"token": ad.token, "type": event, "at": text_of(seen_at)}
            return self._outbox.add(Kind.AD_EVENT, "POST", "ad-events", at=now, body=body)

    def in_view(self, ad: Ad, share: float) -> None:
        """Say how much of an ad is in view from now on, 0 to 1; what follows is told by itself.

        Nothing is in view of an app that is in the background: say 0 then.
        """
        with self._outbox.lock:
            before = self._watched.pop(ad.token, None) or _Watched(ad=ad, state=Viewability())
            self._watched[ad.token] = before
            self._see(before, share, self._clock())
            while len(self._watched) > MOST_WATCHED:
                del self._watched[next(iter(self._watched))]

    def tick(self, now: Instant) -> Instant | None:
        """Tell what time alone has brought about; return when to ask again."""
        with self._outbox.lock:
            for watched in list(self._watched.values()):
                self._see(watched, watched.state.share, now)
            due = [one.state.due_at for one in self._watched.values()]
        return min((at for at in due if at is not None), default=None)

    def _see(self, watched: _Watched, share: float, at: Instant) -> None:
        after, came = watched.state.seen(share, at=at)
        self._watched[watched.ad.token] = _Watched(ad=watched.ad, state=after)
        for event, came_at in came:
            self.tell(watched.ad, event, at=came_at)

    def _keep(self, asked: str, outcome: Outcome, login: int) -> None:
        with self._outbox.lock:
            if isinstance(outcome, Answered) and login == self._outbox.identity.login:
                self._decisions.keep(asked, outcome, login=login)
