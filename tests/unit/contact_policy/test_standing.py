from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.standing import (
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Effective,
    Part,
    Preferences,
    Standing,
)
from shared.kernel.events import Channel, Purpose
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB

EVERYTHING = ConsentKey(Purpose.MARKETING)
EMAIL = ConsentKey(Purpose.MARKETING, Channel.EMAIL)
SPORT = ConsentKey(Purpose.MARKETING, Channel.EMAIL, "sport")
HOUR = timedelta(hours=1)

MARKS = st.builds(
    ConsentMark,
    status=st.sampled_from(ConsentStatus),
    at=st.integers(0, 9).map(lambda hours: NOON + hours * HOUR),
)
WISHES = st.builds(
    Preferences, at=st.just(NOON), channels_off=st.frozensets(st.sampled_from(Channel))
)
PARTS = st.builds(
    Part,
    is_erased=st.booleans(),
    consents=st.dictionaries(st.sampled_from([EVERYTHING, EMAIL, SPORT]), MARKS),
    preferences=st.none()
    | st.builds(
        Preferences, at=st.just(NOON), channels_off=st.frozensets(st.sampled_from(Channel))
    ),
    cases=st.dictionaries(st.sampled_from("xyz"), st.just(Case(kind="complaint", opened_at=NOON))),
    control_groups=st.frozensets(st.sampled_from("gh")),
)
PEOPLE = st.dictionaries(st.sampled_from("abcd"), PARTS)


def said(
    status: ConsentStatus, *, after: int = 0, answers: frozenset[str] = frozenset()
) -> ConsentMark:
    return ConsentMark(status=status, at=NOON + after * HOUR, answers=answers)


def email(*parts: dict[ConsentKey, ConsentMark], topic: str | None = None) -> ConsentStatus | None:
    people = Standing(
        parts={origin: Part(consents=part) for origin, part in zip((ADA, BOB), parts, strict=False)}
    )
    at = NOON + 100 * HOUR
    return Effective(people, at=at).consent(Purpose.MARKETING, Channel.EMAIL, topic)


@given(PEOPLE, PEOPLE)
def test_parting_what_was_united_gives_both_back(
    one: dict[str, Part], other: dict[str, Part]
) -> None:
    ada = Standing(parts=one, version=4)
    bob = Standing(parts={origin.upper(): part for origin, part in other.items()})
    assert ada.united(bob).split(bob.parts) == (ada, bob)


@given(PEOPLE, PEOPLE)
def test_uniting_twice_is_uniting_once(one: dict[str, Part], other: dict[str, Part]) -> None:
    ada, bob = Standing(parts=one), Standing(parts=other)
    assert ada.united(bob).united(bob) == ada.united(bob)


@pytest.mark.parametrize(("first", "second"), list(permutations(ConsentStatus, 2)))
def test_of_two_who_are_joined_the_strictest_word_wins(
    first: ConsentStatus, second: ConsentStatus
) -> None:
    order = [
        ConsentStatus.WITHDRAWN,
        ConsentStatus.DENIED,
        ConsentStatus.PENDING,
        ConsentStatus.GRANTED,
    ]
    heard = email({EMAIL: said(first)}, {EMAIL: said(second, after=1)})
    assert heard is min(first, second, key=order.index)


def test_who_was_joined_can_agree_again_and_answers_for_the_other_part() -> None:
    refused = {EMAIL: said(ConsentStatus.WITHDRAWN)}
    agreed = {EMAIL: said(ConsentStatus.GRANTED, after=1, answers=frozenset({BOB}))}
    assert email(agreed, refused) is ConsentStatus.GRANTED
    assert email({}, refused) is ConsentStatus.WITHDRAWN


def test_an_older_grant_answers_no_later_refusal() -> None:
    agreed = {EMAIL: said(ConsentStatus.GRANTED, answers=frozenset({BOB}))}
    assert email(agreed, {EMAIL: said(ConsentStatus.DENIED, after=1)}) is ConsentStatus.DENIED


def test_agreeing_to_mail_ends_an_older_refusal_of_everything_for_mail_alone() -> None:
    words = {
        EVERYTHING: said(ConsentStatus.WITHDRAWN),
        EMAIL: said(ConsentStatus.GRANTED, after=1),
    }
    assert email(words) is ConsentStatus.GRANTED
    person = Effective(Standing(parts={ADA: Part(consents=words)}), at=NOON)
    assert person.consent(Purpose.MARKETING, Channel.SMS, None) is ConsentStatus.WITHDRAWN


def test_refusing_everything_ends_an_older_grant_for_mail() -> None:
    words = {
        EMAIL: said(ConsentStatus.GRANTED),
        EVERYTHING: said(ConsentStatus.WITHDRAWN, after=1),
    }
    assert email(words) is ConsentStatus.WITHDRAWN


def test_agreeing_to_mail_does_not_revive_a_topic_that_was_refused() -> None:
    words = {
        SPORT: said(ConsentStatus.DENIED),
        EMAIL: said(ConsentStatus.GRANTED, after=1),
    }
    assert email(words, topic="sport") is ConsentStatus.DENIED
    assert email(words, topic="news") is ConsentStatus.GRANTED


def test_a_grant_expires_and_a_refusal_does_not() -> None:
    expired = NOON + HOUR
    for status, heard in (
        (ConsentStatus.GRANTED, None),
        (ConsentStatus.PENDING, None),
        (ConsentStatus.WITHDRAWN, ConsentStatus.WITHDRAWN),
    ):
        assert email({EMAIL: ConsentMark(status=status, at=NOON, expires_at=expired)}) is heard


def test_wishes_of_both_parts_hold_until_one_answers_for_the_other() -> None:
    bob = Part(preferences=Preferences(at=NOON, channels_off=frozenset({Channel.SMS})))
    before = Part(preferences=Preferences(at=NOON + HOUR))
    after = Part(preferences=Preferences(at=NOON + HOUR, answers=frozenset({BOB})))

    def off(ada: Part) -> set[Channel]:
        wishes = Effective(Standing(parts={ADA: ada, BOB: bob}), at=NOON).preferences
        return {channel for wish in wishes for channel in wish.channels_off}

    assert off(before) == {Channel.SMS}
    assert off(after) == set()


def test_a_bounce_on_one_channel_says_nothing_of_another() -> None:
    part = Part(cooldowns={(CooldownCause.BOUNCE, Channel.EMAIL): NOON})
    person = Effective(Standing(parts={ADA: part}), at=NOON)
    assert person.last(CooldownCause.BOUNCE, Channel.EMAIL) == NOON
    assert person.last(CooldownCause.BOUNCE, Channel.SMS) is None


def test_a_person_is_erased_if_one_of_their_ids_is() -> None:
    person = Standing(parts={ADA: Part(), BOB: Part(is_erased=True)})
    assert Effective(person, at=NOON).is_erased


def agreeing(preferences: Preferences | None = None) -> Effective:
    """Return somebody who granted marketing by push, but for news, which they refused."""
    said = {
        ConsentKey(Purpose.MARKETING, Channel.PUSH): ConsentStatus.GRANTED,
        ConsentKey(Purpose.MARKETING, Channel.PUSH, "news"): ConsentStatus.WITHDRAWN,
        ConsentKey(Purpose.SERVICE): ConsentStatus.PENDING,
    }
    marks = {key: ConsentMark(status=status, at=NOON) for key, status in said.items()}
    part = Part(consents=marks, preferences=preferences)
    return Effective(Standing(parts={"con_1": part}), at=NOON)


def test_a_person_agrees_to_what_they_granted_and_to_nothing_else() -> None:
    person = agreeing()
    asked = [(Purpose.MARKETING, None), (Purpose.MARKETING, "news"), (Purpose.SERVICE, None)]
    answers = [person.agrees(purpose, Channel.PUSH, topic) for purpose, topic in asked]
    assert answers == [True, False, False]
    assert not person.agrees(Purpose.MARKETING, Channel.SMS, None)
    assert person.topics() == {"news"}


def test_what_is_switched_off_is_not_agreed_to() -> None:
    off = Preferences(at=NOON, topics_off=frozenset({"offers"}))
    person = agreeing(off)
    assert person.agrees(Purpose.MARKETING, Channel.PUSH, None)
    assert not person.agrees(Purpose.MARKETING, Channel.PUSH, "offers")
    assert person.topics() == {"news", "offers"}
    silent = agreeing(Preferences(at=NOON, channels_off=frozenset({Channel.PUSH})))
    assert not silent.agrees(Purpose.MARKETING, Channel.PUSH, None)


def test_who_was_erased_agrees_to_nothing() -> None:
    known = agreeing()._parts["con_1"]
    erased = {"con_1": known, "con_2": Part(is_erased=True)}
    person = Effective(Standing(parts=erased), at=NOON)
    assert not person.agrees(Purpose.MARKETING, Channel.PUSH, None)
