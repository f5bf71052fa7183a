"""Invalid traffic: events that no person caused, and how that shows.

An app that speaks to us by a native HTTP client is never judged by that client's name: public lists
of crawlers name okhttp and axios, which real phones use. It is judged by who it is (its token), by
order and by speed. Only a web view has a name that says something.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.placements.model.engagements import Engagement, Grant

QUICKEST_TAP = timedelta(milliseconds=100)
"""Between an impression and a click: nobody sees, decides and taps in less."""

MOST_A_MINUTE = 300
"""Events of one device: twenty ads that are loaded, shown and seen, five times over."""

MOST_DEVICES = 10_000
"""Of which a process remembers the last minute."""

_MINUTE = timedelta(minutes=1)

_BROWSER = re.compile(r"mozilla/", re.IGNORECASE)
_CRAWLER = re.compile(
    r"(?<!cu)bot\b|crawler|spider|slurp|headless|phantomjs|lighthouse|facebookexternalhit"
    r"|mediapartners-google|google-read-aloud|googleother|inspectiontool|bingpreview|archiver"
    r"|scrapy|puppeteer|playwright|selenium",
    re.IGNORECASE,
)
"""As of 2026-11-23: what those crawlers call themselves that render pages, and therefore ads.

A list of our own, since the public ones (as crawler-user-agents 1.67, with 1,498 patterns) are made
for web servers: most of their names never open an ad, some are those of phones' HTTP clients, and
each check takes a fifth of a millisecond. Cubot is a maker of phones.
"""

_OF_PLATFORM = {
    "ios": re.compile(r"iphone|ipad|ipod|cfnetwork|darwin/", re.IGNORECASE),
    "android": re.compile(r"android|dalvik|okhttp", re.IGNORECASE),
}


class Suspicion(StrEnum):
    """What shows that no person caused an event."""

    CRAWLER = "crawler"
    OTHER_DEVICE = "other_device"
    """It is told by another device than the one that the ad was given to."""
    OTHER_PLATFORM = "other_platform"
    """The client says that it runs on another platform than the one that asked for the ad."""
    NOT_SHOWN = "not_shown"
    """A click or more, of an ad of which no impression was counted before."""
    TOO_QUICK = "too_quick"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How an event came.

    ``device_id`` is that of the caller; ``None`` where the token alone speaks (pixel, redirect).
    ``user_agent`` is what the client calls itself. ``at`` is when it happened. ``shown_at`` is when
    the impression of the same ad was, ``None``: none was counted. ``is_one_too_many``: the device
    sends more than a person can cause.
    """

    at: datetime
    device_id: str | None = None
    user_agent: str | None = None
    shown_at: datetime | None = None
    is_one_too_many: bool = False


def suspicion_of(
    grant: Grant, engagement: Engagement, circumstances: Circumstances
) -> Suspicion | None:
    """Return what shows that an event is invalid; ``None``: nothing does."""
    who = _who(grant, circumstances)
    if who:
        return who
    if circumstances.is_one_too_many:
        return Suspicion.TOO_MANY
    if engagement in FOLLOWING:
        return _order(engagement, circumstances)
    return None


FOLLOWING = frozenset({Engagement.CLICK, Engagement.CONVERSION, Engagement.CLAIM})
"""What only a person can do who sees the ad."""


def is_crawler(user_agent: str) -> bool:
    """Say whether a browser or a web view calls itself a crawler; of others nothing is said."""
    return bool(_BROWSER.search(user_agent)) and bool(_CRAWLER.search(user_agent))


def _who(grant: Grant, circumstances: Circumstances) -> Suspicion | None:
    if circumstances.device_id not in (None, grant.device_id):
        return Suspicion.OTHER_DEVICE
    name = circumstances.user_agent or ""
    if is_crawler(name):
        return Suspicion.CRAWLER
    if grant.platform in _OF_PLATFORM and _is_other_platform(name, grant.platform):
        return Suspicion.OTHER_PLATFORM
    return None


def _is_other_platform(user_agent: str, platform: str) -> bool:
    """Say whether a client names another platform, and not its own as well."""
    if _OF_PLATFORM[platform].search(user_agent):
        return False
    return any(pattern.search(user_agent) for pattern in _OF_PLATFORM.values())


def _order(engagement: Engagement, circumstances: Circumstances) -> Suspicion | None:
    shown_at = circumstances.shown_at
    if shown_at is None or circumstances.at < shown_at:
        return Suspicion.NOT_SHOWN
    if engagement is not Engagement.CONVERSION and circumstances.at - shown_at < QUICKEST_TAP:
        return Suspicion.TOO_QUICK
    return None


@dataclass(slots=True)
class RecentEvents:
    """What a process remembers of the last minute: which events each device told, each once.

    Every process counts for itself, so a device that meets several may tell that much to each. To
    count exactly would double the price of an event.
    """

    _told: dict[str, deque[tuple[datetime, str]]] = field(default_factory=dict)

    def is_one_too_many(self, device_id: str, event: str, *, at: datetime) -> bool:
        """Count an event of a device; the same again is not counted again."""
        told = self._told.pop(device_id, deque())
        self._told[device_id] = told
        if len(self._told) > MOST_DEVICES:
            # Devices stand in the order in which they were last heard of.
            self._told.pop(next(iter(self._told)))
        while told and at - told[0][0] >= _MINUTE:
            told.popleft()
        if any(event == known for _, known in told):
            return False
        if len(told) >= MOST_A_MINUTE:
            return True
        told.append((at, event))
        return False
