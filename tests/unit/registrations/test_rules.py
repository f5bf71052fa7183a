"""Whom a segment's rule matches, and why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from shared.registrations.model.audience import (
    MOST_REMEMBERED,
    DeviceFacts,
    Happening,
    Happenings,
    PushConsent,
    happened_to,
)
from shared.registrations.model.rule_documents import document_of, rule_of
from shared.registrations.model.rules import (
    All,
    AnyOf,
    LeafAnswer,
    Not,
    Rule,
    event_types,
    explain,
    matches,
    version_of,
)
from tests.fakes.clock import NOON
from tests.unit.registrations.rules import DEVICES, ORDER, PHONE, RULES

UNKNOWN = replace(
    PHONE,
    locale=None,
    timezone=None,
    app_version=None,
    os_version=None,
    model=None,
    tags=frozenset(),
    attributes={},
    consents={},
    happened={},
)


def is_matched(document: Any, facts: DeviceFacts = PHONE) -> bool:
    return matches(rule_of(document), facts, NOON)


@pytest.mark.parametrize(
    "document",
    [
        {"all": []},
        {"tag": "vip"},
        {"attribute": "plan", "is": "gold"},
        {"attribute": "plan", "is": ["silver", "gold"]},
        {"attribute": "plan", "starts_with": "go"},
        {"attribute": "plan", "exists": True},
        {"attribute": "unknown", "exists": False},
        {"attribute": "age", "from": 42, "below": 42.5},
        {"attribute": "plan", "above": "bronze"},
        {"attribute": "member", "is": True},
        {"device": "platform", "is": ["ios", "android"]},
        {"device": "locale", "is": "de-ch"},
        {"device": "locale", "starts_with": "DE_"},
        {"device": "language", "is": "DE"},
        {"device": "country", "is": "ch"},
        {"device": "timezone", "starts_with": "Europe/"},
        {"device": "app_version", "above": "1.9"},
        {"device": "app_version", "from": "1.10", "to": "1.10"},
        {"device": "os_version", "is": "16"},
        {"device": "model", "exists": True},
        {"device": "push_permission", "is": "granted"},
        {"device": "has_address", "is": True},
        {"device": "is_anonymous", "is": False},
        {"seen": {"within_days": 2}},
        {"registered": {"before_days": 39}},
        {"consent": {"purpose": "marketing"}},
        {"consent": {"purpose": "marketing", "channel": "push", "topic": "offers"}},
        {"event": {"type": ORDER}},
        {"event": {"type": ORDER, "within_days": 50, "at_least": 2}},
    ],
)
def test_a_device_is_matched_by_what_it_is(document: dict[str, Any]) -> None:
    assert is_matched(document)
    assert not is_matched({"not": document})


@pytest.mark.parametrize(
    "document",
    [
        {"tag": "VIP"},
        {"attribute": "member", "is": 1},
        {"attribute": "member", "above": 0},
        {"attribute": "age", "above": "41"},
        {"attribute": "plan", "below": 100},
        {"attribute": "age", "starts_with": "4"},
        {"attribute": "age", "from": 42, "below": 42},
        {"device": "app_version", "above": "1.10"},
        {"seen": {"within_days": 1}},
        {"seen": {"before_days": 2}},
        {"consent": {"purpose": "marketing", "topic": "news"}},
        {"consent": {"purpose": "service"}},
        {"event": {"type": ORDER, "within_days": 49, "at_least": 2}},
        {"event": {"type": "order.returned.v1"}},
    ],
)
def test_a_device_is_not_matched_by_what_it_is_not(document: dict[str, Any]) -> None:
    assert not is_matched(document)


@pytest.mark.parametrize(
    "document",
    [
        {"tag": "vip"},
        {"attribute": "plan", "is": "gold"},
        {"attribute": "age", "from": 0},
        {"device": "language", "is": "de"},
        {"device": "country", "is": "CH"},
        {"device": "app_version", "from": "0"},
        {"device": "timezone", "starts_with": "Europe/"},
        {"consent": {"purpose": "marketing"}},
        {"event": {"type": ORDER}},
    ],
)
def test_what_is_unknown_is_answered_no(document: dict[str, Any]) -> None:
    assert not is_matched(document, UNKNOWN)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.10.0", (1, 10)),
        ("2.0-beta.1", (2,)),
        ("0", ()),
        ("16", (16,)),
        ("1.2.", (1, 2)),
        ("beta", None),
        ("", None),
    ],
)
def test_a_version_is_the_numbers_it_begins_with(
    text: str, numbers: tuple[int, ...] | None
) -> None:
    assert version_of(text) == numbers


def test_a_topic_apart_is_agreed_to_alone() -> None:
    only_news = PushConsent(is_given=False, unlike=frozenset({"news"}))
    assert (only_news.covers("news"), only_news.covers(None)) == (True, False)


@given(rule=RULES, facts=DEVICES)
def test_the_opposite_of_the_opposite_is_the_same(rule: Any, facts: DeviceFacts) -> None:
    read = rule_of(rule)
    assert matches(Not(Not(read)), facts, NOON) is matches(read, facts, NOON)
    assert matches(Not(read), facts, NOON) is not matches(read, facts, NOON)


@given(one=RULES, other=RULES, facts=DEVICES)
def test_not_all_is_any_not(one: Any, other: Any, facts: DeviceFacts) -> None:
    rules = (rule_of(one), rule_of(other))
    opposites = (Not(rules[0]), Not(rules[1]))
    assert matches(Not(All(rules)), facts, NOON) is matches(AnyOf(opposites), facts, NOON)
    assert matches(Not(AnyOf(rules)), facts, NOON) is matches(All(opposites), facts, NOON)


@given(rule=RULES, facts=DEVICES)
def test_an_explanation_adds_up_to_the_answer(rule: Any, facts: DeviceFacts) -> None:
    read = rule_of(rule)
    told = explain(read, facts, NOON)
    answers = {one.pointer: one.answer for one in told.leaves}
    assert told.matches is matches(read, facts, NOON)
    assert told.matches is summed_up(read, answers, pointer="")


def summed_up(rule: Rule, answers: dict[str, bool], *, pointer: str) -> bool:
    """Return what the answers of a rule's leaves come to."""
    if isinstance(rule, Not):
        return not summed_up(rule.rule, answers, pointer=f"{pointer}/not")
    if isinstance(rule, All | AnyOf):
        word, of = ("all", all) if isinstance(rule, All) else ("any", any)
        parts = enumerate(rule.rules)
        return of(summed_up(one, answers, pointer=f"{pointer}/{word}/{at}") for at, one in parts)
    return answers[pointer]


def test_an_explanation_has_each_question_what_it_found_and_its_answer() -> None:
    rule = rule_of({"all": [{"tag": "vip"}, {"not": {"event": {"type": ORDER, "at_least": 3}}}]})
    told = explain(rule, PHONE, NOON)
    (first, second) = told.leaves
    assert told.matches
    assert (first.pointer, first.found, first.answer) == ("/all/0", True, True)
    assert isinstance(second, LeafAnswer)
    assert (second.pointer, second.found, second.answer) == ("/all/1/not", 2, False)
    assert document_of(second.leaf) == {"event": {"type": ORDER, "at_least": 3}}


def test_a_rule_names_the_events_that_it_asks_for() -> None:
    rule = rule_of({"not": {"any": [{"event": {"type": ORDER}}, {"tag": "vip"}]}})
    assert event_types(rule) == {ORDER}


def happening(day: int, sequence: str) -> Happening:
    return Happening(NOON + timedelta(days=day), sequence)


def test_the_last_happenings_are_the_same_in_whatever_order_they_are_noted() -> None:
    told = [happening(day, f"{day:026d}") for day in range(MOST_REMEMBERED + 5)]
    forward = backward = Happenings()
    for one, other in zip([*told, *told], [*reversed(told), *reversed(told)], strict=True):
        forward, backward = forward.with_one(ORDER, one), backward.with_one(ORDER, other)
    assert forward.by_type == backward.by_type
    assert forward.by_type[ORDER] == tuple(reversed(told[5:]))


def test_what_is_noted_again_is_no_other_version() -> None:
    once = Happenings().with_one(ORDER, happening(1, "a"))
    assert once.with_one(ORDER, happening(1, "a")) is once
    assert once.with_one(ORDER, happening(1, "b")).version == once.version + 1


def test_what_happened_to_a_person_is_what_happened_under_all_of_their_contacts() -> None:
    one = (
        Happenings().with_one(ORDER, happening(1, "a")).with_one("other.done.v1", happening(9, "x"))
    )
    other = Happenings().with_one(ORDER, happening(2, "b")).with_one(ORDER, happening(1, "a"))
    assert happened_to([one, other], frozenset({ORDER})) == {
        ORDER: (NOON + timedelta(days=2), NOON + timedelta(days=1))
    }
