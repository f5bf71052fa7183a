"""Invalid traffic: what shows it, and what does not."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.engagements import Engagement
from shared.placements.model.traffic import (
    FOLLOWING,
    MOST_A_MINUTE,
    MOST_DEVICES,
    QUICKEST_TAP,
    Circumstances,
    RecentEvents,
    Suspicion,
    is_crawler,
    suspicion_of,
)
from tests.fakes.ads import PHONE, a_grant
from tests.fakes.clock import NOON

SECOND = timedelta(seconds=1)
NATIVE_CLIENTS = [
    "okhttp/4.12.0",
    "Dart/3.5 (dart:io)",
    "Shop/41 CFNetwork/1568.200.51 Darwin/24.1.0",
    "Shop/2.1 (com.example.shop; build:41; iOS 18.1.0) Alamofire/5.9.1",
    "Ktor client",
    "axios/1.7.7",
    "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 9 Build/AP4A.250105.002)",
    "python-requests/2.32",
    "",
]
WEB_VIEWS = [
    (
        "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Mobile/15E148"
    ),
    "Mozilla/5.0 (Linux; Android 14; CUBOT X90; wv) AppleWebKit/537.36 Chrome/130.0 Mobile",
]
CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    (
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 Chrome/131.0 Mobile "
        "Safari/537.36 (compatible; AdsBot-Google-Mobile; +http://www.google.com/mobile/adsbot.html)"
    ),
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; YandexBot/3.0)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0)",
]


def suspicion(
    engagement: Engagement = Engagement.IMPRESSION, platform: str | None = None, **how: Any
) -> Suspicion | None:
    circumstances = Circumstances(**{"at": NOON, **how})
    return suspicion_of(a_grant(platform=platform), engagement, circumstances)


@pytest.mark.parametrize("name", NATIVE_CLIENTS)
@given(words=st.text(max_size=20).filter(lambda words: "mozilla" not in words.lower()))
def test_a_native_client_is_no_crawler_whatever_it_calls_itself(name: str, words: str) -> None:
    assert not is_crawler(name)
    assert not is_crawler(f"bot {words}{name}")
    assert suspicion(user_agent=name) is None


@pytest.mark.parametrize("name", WEB_VIEWS)
def test_a_web_view_of_a_phone_is_no_crawler(name: str) -> None:
    assert suspicion(user_agent=name) is None


@pytest.mark.parametrize("name", CRAWLERS)
def test_a_web_view_that_says_so_is_a_crawler(name: str) -> None:
    assert suspicion(user_agent=name) is Suspicion.CRAWLER


def test_an_ad_is_of_the_device_that_it_was_given_to() -> None:
    assert suspicion(device_id=PHONE) is None
    assert suspicion(device_id="another") is Suspicion.OTHER_DEVICE
    assert suspicion(device_id=None) is None


@pytest.mark.parametrize(
    ("platform", "name", "is_other"),
    [
        ("ios", "okhttp/4.12.0", True),
        ("ios", WEB_VIEWS[0], True),
        ("ios", NATIVE_CLIENTS[2], False),
        ("ios", WEB_VIEWS[1], False),
        ("ios", "Ktor client", False),
        ("ios", "Shop (iPhone; as Android)", False),
        ("android", WEB_VIEWS[1], True),
        ("android", NATIVE_CLIENTS[2], True),
        ("android", WEB_VIEWS[0], False),
        ("android", "Dart/3.5 (dart:io)", False),
        ("web", WEB_VIEWS[1], False),
        (None, WEB_VIEWS[1], False),
    ],
)
def test_who_asked_on_one_platform_does_not_show_on_another(
    platform: str | None, name: str, is_other: bool
) -> None:
    found = suspicion(platform=platform, user_agent=name)
    assert found is (Suspicion.OTHER_PLATFORM if is_other else None)


@pytest.mark.parametrize("engagement", sorted(FOLLOWING))
def test_nobody_taps_what_was_not_shown(engagement: Engagement) -> None:
    assert suspicion(engagement) is Suspicion.NOT_SHOWN
    assert suspicion(engagement, shown_at=NOON + SECOND) is Suspicion.NOT_SHOWN
    assert suspicion(engagement, shown_at=NOON - SECOND) is None


@pytest.mark.parametrize("engagement", sorted(set(Engagement) - FOLLOWING))
def test_what_is_not_tapped_needs_no_impression(engagement: Engagement) -> None:
    assert suspicion(engagement) is None


@pytest.mark.parametrize(
    ("engagement", "after", "expected"),
    [
        (Engagement.CLICK, timedelta(0), Suspicion.TOO_QUICK),
        (Engagement.CLICK, QUICKEST_TAP - timedelta(milliseconds=1), Suspicion.TOO_QUICK),
        (Engagement.CLICK, QUICKEST_TAP, None),
        (Engagement.CLAIM, timedelta(0), Suspicion.TOO_QUICK),
        # It may be told without its instant.
        (Engagement.CONVERSION, timedelta(0), None),
    ],
)
def test_a_tap_takes_a_tenth_of_a_second(
    engagement: Engagement, after: timedelta, expected: Suspicion | None
) -> None:
    assert suspicion(engagement, shown_at=NOON - after) is expected


def test_a_device_tells_so_many_events_in_a_minute_and_again_in_the_next() -> None:
    recent = RecentEvents()
    for number in range(MOST_A_MINUTE):
        assert not recent.is_one_too_many(PHONE, f"{number}", at=NOON)
    assert recent.is_one_too_many(PHONE, "one more", at=NOON + 59 * SECOND)
    assert not recent.is_one_too_many("another", "one", at=NOON + 59 * SECOND)
    assert not recent.is_one_too_many(PHONE, "one more", at=NOON + 60 * SECOND)


def test_what_is_told_again_is_not_too_many() -> None:
    recent = RecentEvents()
    for number in range(MOST_A_MINUTE):
        recent.is_one_too_many(PHONE, f"{number}", at=NOON)
    assert not any(
        recent.is_one_too_many(PHONE, f"{number}", at=NOON) for number in range(MOST_A_MINUTE)
    )


def test_a_process_forgets_the_device_that_it_heard_of_longest_ago() -> None:
    recent = RecentEvents()
    for number in range(MOST_A_MINUTE):
        recent.is_one_too_many("first", f"{number}", at=NOON)
        recent.is_one_too_many("second", f"{number}", at=NOON)
    recent.is_one_too_many("first", "0", at=NOON)
    for number in range(MOST_DEVICES - 1):
        recent.is_one_too_many(f"{number}", "one", at=NOON)
    assert recent.is_one_too_many("first", "more", at=NOON)
    assert not recent.is_one_too_many("second", "more", at=NOON)


def test_what_the_device_sends_too_much_of_is_suspect() -> None:
    assert suspicion(is_one_too_many=True) is Suspicion.TOO_MANY
