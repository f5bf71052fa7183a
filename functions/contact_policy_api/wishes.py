"""Between the preference page and a person's wishes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from functions.contact_policy_api.page import Per, PreferenceChanges, PreferencePage, Topic, Wish
from shared.contact_policy.model.policy import Period, Policy
from shared.contact_policy.model.standing import FrequencyWish, Preferences
from shared.kernel.events import Channel

WordT = TypeVar("WordT", bound=str)

_PER = {Period.WEEK: Per.WEEK, Period.MONTH: Per.MONTH}
_PERIOD = {per: period for period, per in _PER.items()}

_MOST_SHOWN = 99

SHOWN = (Channel.PUSH, Channel.EMAIL, Channel.SMS, Channel.PHONE, Channel.POST)
"""Channels that are shown whatever the policy says: the others only where it names them."""


def page_of(
    wishes: Preferences,
    policy: Policy,
    *,
    app_name: str,
    locale: str,
    zone: str,
    is_saved: bool,
) -> PreferencePage:
    """Return what the page shows of a person's wishes; days are those of ``zone``."""
    channels = list(dict.fromkeys([*SHOWN, *policy.channel_order, *sorted(wishes.channels_off)]))
    topics = {**policy.topics, **{name: name for name in wishes.topics_off - set(policy.topics)}}
    frequency = wishes.frequency
    return PreferencePage(
        app_name=app_name,
        locale=locale,
        channels={channel: channel not in wishes.channels_off for channel in channels},
        topics=[
            Topic(topic_id=topic, name=name, is_on=topic not in wishes.topics_off)
            for topic, name in topics.items()
        ],
        wish=Wish(limit=frequency.limit, per=_PER[frequency.per])
        if frequency and frequency.per in _PER and 1 <= frequency.limit <= _MOST_SHOWN
        else None,
        paused_until=_day(wishes.paused_until, zone=zone),
        is_saved=is_saved,
    )


def changed_by(
    wishes: Preferences, changes: PreferenceChanges, *, zone: str, at: datetime
) -> Preferences:
    """Return the wishes after the page's form; what was not shown stays."""
    wish = changes.wish
    day = changes.paused_until
    paused_until = None if day is None else _beginning(day, zone=zone)
    return replace(
        wishes,
        at=at,
        channels_off=_after(wishes.channels_off, changes.channels),
        topics_off=_after(wishes.topics_off, changes.topics),
        frequency=FrequencyWish(limit=wish.limit, per=_PERIOD[wish.per]) if wish else None,
        paused_until=paused_until,
    )


def _after(off: frozenset[WordT], shown: Mapping[WordT, bool]) -> frozenset[WordT]:
    """Return what is off after a form that showed some of it."""
    return (off - set(shown)) | {one for one, is_on in shown.items() if not is_on}


def _day(at: datetime | None, *, zone: str) -> date | None:
    return at.astimezone(ZoneInfo(zone)).date() if at else None


def _beginning(day: date, *, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
