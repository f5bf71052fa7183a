"""Signed links: one person, one purpose, for a while."""

import re
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.auth.device_tokens import DeviceTokens
from shared.platform.auth.errors import LinkUnusableError
from shared.platform.auth.links import LIFETIME, LONGEST_TOPIC, Link, LinkPurpose, SignedLinks
from tests.fakes.clock import NOON

SECRET = b"the secret of device tokens"
LINKS = SignedLinks(keys=lambda: [SECRET])
LINK = Link(
    app_id="app_01JD8Z0000000000000000SHOP",
    contact_id="con_01JD8Z00000000000000000ADA",
    purpose=LinkPurpose.PREFERENCES,
    topic="offers",
    expires_at=NOON + timedelta(days=30),
)
TOKEN = LINKS.token(LINK, at=NOON)


def is_refused(
    token: str,
    *,
    links: SignedLinks = LINKS,
    purpose: LinkPurpose = LinkPurpose.PREFERENCES,
    at: datetime = NOON,
) -> bool:
    try:
        links.read(token, purpose=purpose, at=at)
    except LinkUnusableError:
        return True
    return False


@given(
    topic=st.none() | st.text(st.characters(codec="utf-8"), max_size=LONGEST_TOPIC),
    purpose=st.sampled_from(LinkPurpose),
    days=st.integers(min_value=1, max_value=400),
)
def test_a_link_says_what_was_signed(topic: str | None, purpose: LinkPurpose, days: int) -> None:
    link = replace(LINK, topic=topic, purpose=purpose, expires_at=NOON + timedelta(days=days))
    token = LINKS.token(link, at=NOON)
    assert LINKS.read(token, purpose=purpose, at=NOON) == link
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", token)
    assert len(token) <= 800


def test_a_link_ends_when_it_says() -> None:
    last = LINK.expires_at - timedelta(milliseconds=1)
    assert LINKS.read(TOKEN, purpose=LinkPurpose.PREFERENCES, at=last) == LINK
    assert is_refused(TOKEN, at=LINK.expires_at)


def test_a_link_lives_at_most_400_days() -> None:
    assert LINKS.token(replace(LINK, expires_at=NOON + LIFETIME), at=NOON)
    with pytest.raises(ValueError, match="400 days"):
        LINKS.token(replace(LINK, expires_at=NOON + LIFETIME + timedelta(seconds=1)), at=NOON)


def test_a_long_topic_has_no_place_in_a_link() -> None:
    with pytest.raises(ValueError, match="64 letters"):
        LINKS.token(replace(LINK, topic="x" * (LONGEST_TOPIC + 1)), at=NOON)


def test_a_link_opens_nothing_but_its_purpose() -> None:
    assert is_refused(TOKEN, purpose=LinkPurpose.UNSUBSCRIBE)


def test_the_secret_before_the_current_one_still_opens_links() -> None:
    rotated = SignedLinks(keys=lambda: [b"the next secret", SECRET])
    assert not is_refused(TOKEN, links=rotated)
    assert not is_refused(rotated.token(LINK, at=NOON), links=rotated)
    assert is_refused(rotated.token(LINK, at=NOON))


def test_no_letter_of_a_link_can_be_changed() -> None:
    for place, letter in enumerate(TOKEN):
        other = "A" if letter != "A" else "B"
        assert is_refused(TOKEN[:place] + other + TOKEN[place + 1 :]), place


@given(token=st.text(max_size=200))
def test_what_was_never_signed_is_refused(token: str) -> None:
    assert is_refused(token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        TOKEN + "=",
        TOKEN + ".",
        "." + TOKEN,
        TOKEN.partition(".")[0],
        TOKEN.partition(".")[2],
        "é.é",
        "\ud800.\ud800",
        "x" * 100_000,
        urlsafe_b64encode(b'{"a":"app"}').decode() + "." + TOKEN.partition(".")[2],
    ],
)
def test_a_malformed_link_is_refused(token: str) -> None:
    assert is_refused(token)


def test_a_device_token_is_no_link_and_a_link_no_device_token() -> None:
    tokens = DeviceTokens(keys=lambda: [SECRET])
    issued = tokens.issue(app_id="app_1", device_id="phone-001", epoch=1, at=NOON, contact_id=None)
    assert is_refused(issued)
    payload = TOKEN.partition(".")[0].encode()
    assert not tokens._is_ours(payload.decode(), TOKEN.partition(".")[2])
