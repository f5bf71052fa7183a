"""What an event of another system says to the policy; what is unclear is read strictly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_policy.model.standing import ConsentKey, ConsentStatus
from shared.contact_policy.model.told import (
    BOUNCED,
    GRANTED,
    SENT,
    WITHDRAWN,
    bounce_told,
    consent_told,
    refusal_told,
    touch_told,
)
from shared.kernel.envelope import cloudevent, published
from shared.kernel.events import Channel, Direction, Purpose
from tests.fakes.told import an_event

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = ("consent_channel", "topic", "call_id", "reservation_id", "kind")


@pytest.mark.parametrize(
    ("event_type", "direction"),
    [
        (SENT, "out"),
        (SENT, None),
        ("call.started.v1", "out"),
        ("call.ended.v1", "out"),
        ("meeting.held.v1", "out"),
        ("letter.posted.v1", "out"),
    ],
)
def test_what_the_company_did_is_a_touch(event_type: str, direction: str | None) -> None:
    said: dict[str, Any] = {"direction": direction} if direction else {}
    told = touch_told(an_event(event_type, channel="post", purpose="service", **said))
    assert told
    assert (told.channel, told.purpose) == (Channel.POST, Purpose.SERVICE)


@pytest.mark.parametrize(
    ("event_type", "direction"),
    [
        (SENT, "in"),
        ("call.started.v1", "in"),
        ("call.ended.v1", None),
        ("call.answered.v1", "out"),
        (BOUNCED, "out"),
        ("message.failed.v1", "out"),
        ("message.delayed.v1", "out"),
        ("message.suppressed.v1", "out"),
        ("message.received.v1", "in"),
        ("contact.complained.v1", "out"),
        ("purchase.completed.v1", "in"),
        ("page.viewed.v1", None),
    ],
)
def test_what_the_person_did_and_what_came_of_a_touch_is_none(
    event_type: str, direction: str | None
) -> None:
    said: dict[str, Any] = {"direction": direction} if direction else {}
    assert touch_told(an_event(event_type, channel="email", **said)) is None


def test_a_touch_without_a_channel_has_no_weight() -> None:
    assert touch_told(an_event(SENT, direction="out")) is None


def test_a_touch_of_no_purpose_is_marketing() -> None:
    told = touch_told(an_event(SENT, channel="sms"))
    assert told
    assert told.purpose is Purpose.MARKETING


def test_the_events_of_one_call_are_one_touch() -> None:
    def key(event_type: str, number: int, call_id: Any, source: str = "suite") -> str:
        event = an_event(
            event_type,
            number,
            channel="phone",
            direction="out",
            source=source,
            data={"call_id": call_id},
        )
        told = touch_told(event)
        assert told
        return told.key

    started = key("call.started.v1", 1, "c-7")
    assert started == key("call.ended.v1", 2, "c-7")
    others = {key("call.ended.v1", 3, "c-8"), key("call.ended.v1", 4, "c-7", "other")}
    unnamed = {key("call.ended.v1", 5, None), key("call.ended.v1", 6, None)}
    assert len({started, *others, *unnamed}) == 5


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"consent_channel": "email", "topic": "offers"}, (Channel.EMAIL, "offers")),
        ({"consent_channel": None, "topic": None}, (None, None)),
        ({"topic": "offers"}, (Channel.SMS, "offers")),
        ({}, (Channel.SMS, None)),
    ],
)
def test_consent_is_about_what_it_names(
    said: dict[str, Any], key: tuple[Channel | None, str | None]
) -> None:
    for event_type, status in (
        (GRANTED, ConsentStatus.GRANTED),
        (WITHDRAWN, ConsentStatus.WITHDRAWN),
    ):
        told = consent_told(an_event(event_type, channel="sms", purpose="service", data=said))
        assert told
        assert (told.key, told.status) == (ConsentKey(Purpose.SERVICE, *key), status)


@pytest.mark.parametrize(
    "said",
    [
        {"consent_channel": "pigeon"},
        {"consent_channel": ["email"]},
        {"topic": ["offers"]},
        {"topic": ""},
        {"topic": "x" * 65},
    ],
)
def test_a_refusal_of_what_is_unclear_covers_all_and_an_agreement_to_it_nothing(
    said: dict[str, Any],
) -> None:
    data = {"consent_channel": "email", **said}
    refused = consent_told(an_event(WITHDRAWN, purpose="marketing", data=data))
    assert refused
    assert None in {refused.key.channel, refused.key.topic}
    assert consent_told(an_event(GRANTED, purpose="marketing", data=data)) is None


def test_without_a_purpose_a_refusal_is_of_marketing_and_an_agreement_is_none() -> None:
    data = {"consent_channel": "email"}
    refused = consent_told(an_event(WITHDRAWN, data=data))
    assert refused
    assert refused.key == ConsentKey(Purpose.MARKETING, Channel.EMAIL, None)
    assert consent_told(an_event(GRANTED, data=data)) is None


def test_without_any_channel_a_refusal_is_of_every_one_and_an_agreement_is_none() -> None:
    refused = consent_told(an_event(WITHDRAWN, purpose="marketing"))
    assert refused
    assert refused.key == ConsentKey(Purpose.MARKETING)
    assert consent_told(an_event(GRANTED, purpose="marketing")) is None


@pytest.mark.parametrize(("kind", "rests"), [("permanent", True), ("transient", False)])
def test_who_cannot_be_reached_rests_unless_it_passes(kind: str, *, rests: bool) -> None:
    event = an_event(BOUNCED, channel="email", data={"kind": kind})
    assert (bounce_told(event) is Channel.EMAIL) is rests


@pytest.mark.parametrize(
    ("event_type", "direction", "outcome", "rests"),
    [
        ("call.ended.v1", "out", "refused", True),
        ("call.ended.v1", None, "refused", True),
        ("call.ended.v1", "out", "reached", False),
        ("call.ended.v1", "out", None, False),
        ("call.ended.v1", "in", "refused", False),
        ("call.started.v1", "out", "refused", False),
    ],
)
def test_who_said_no_when_they_were_called_rests_from_calls(
    event_type: str, direction: str | None, outcome: str | None, rests: bool
) -> None:
    data = {"outcome": outcome}
    event = an_event(event_type, channel="phone", direction=direction, data=data)
    assert (refusal_told(event) is Channel.PHONE) is rests
    assert refusal_told(an_event(event_type, direction=direction, data=data)) is None


def test_a_bounce_that_says_no_more_counts_where_it_has_a_channel() -> None:
    assert bounce_told(an_event(BOUNCED, channel="post")) is Channel.POST
    assert bounce_told(an_event(BOUNCED)) is None
    assert bounce_told(an_event("message.delayed.v1", channel="post")) is None


@given(
    event_type=st.sampled_from([SENT, BOUNCED, GRANTED, WITHDRAWN, "call.ended.v1", "a.b"]),
    data=st.dictionaries(st.sampled_from(NAMES), ANY_JSON),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "channel": st.sampled_from(Channel),
            "direction": st.sampled_from(Direction),
            "purpose": st.sampled_from(Purpose),
        },
    ),
)
def test_any_data_are_read(event_type: str, data: dict[str, Any], attributes: Any) -> None:
    event = an_event(event_type, data=data, **attributes)
    told = consent_told(event)
    assert (told is None) <= (event_type != WITHDRAWN)
    touch = touch_told(event)
    assert touch is None or touch.channel is attributes["channel"]
    assert bounce_told(event) in {None, attributes.get("channel")}


def test_what_is_published_is_read_back() -> None:
    event = an_event(SENT, source="shop/till 7", channel="sms", direction="out", purpose="service")
    assert published(cloudevent(event, org="com.example"), event_type=SENT) == event
