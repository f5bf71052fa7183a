"""A rule's document: what is refused, where, and that reading and writing agree."""

from typing import Any

import pytest
from hypothesis import given

from shared.registrations.errors import SegmentInvalidError
from shared.registrations.model.rule_documents import (
    DEEPEST,
    LARGEST_RULE,
    MOST_LEAVES,
    document_of,
    rule_of,
)
from tests.unit.registrations.rules import RULES

TAG = {"tag": "vip"}


def problems_of(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(SegmentInvalidError) as refused:
        rule_of(document)
    return [(problem.pointer, problem.code) for problem in refused.value.fields]


@given(document=RULES)
def test_a_rule_that_is_written_is_read_as_the_same(document: Any) -> None:
    rule = rule_of(document)
    assert rule_of(document_of(rule)) == rule


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (7, "", "type"),
        ({}, "", "kind"),
        ({"tag": "a", "all": []}, "", "kind"),
        ({"all": TAG}, "/all", "type"),
        ({"any": []}, "/any", "length"),
        ({"not": []}, "/not", "type"),
        ({"all": [TAG, {"tag": "no tag"}]}, "/all/1/tag", "pattern"),
        ({"tag": "a", "is": True}, "/is", "unknown"),
        ({"attribute": "", "is": 1}, "/attribute", "text"),
        ({"attribute": "a"}, "", "comparison"),
        ({"attribute": "a", "is": None}, "/is", "value"),
        ({"attribute": "a", "exists": True, "is": None}, "", "comparison"),
        ({"tag": None}, "/tag", "pattern"),
        ({"not": None}, "/not", "type"),
        ({"device": None}, "/device", "word"),
        ({"event": {"type": "a", "at_least": None}}, "/event/at_least", "number"),
        ({"attribute": "a", "is": []}, "/is", "length"),
        ({"attribute": "a", "is": [1, {}]}, "/is/1", "value"),
        ({"attribute": "a", "exists": "yes"}, "/exists", "type"),
        ({"attribute": "a", "exists": True, "is": 1}, "", "comparison"),
        ({"attribute": "a", "above": 1, "below": "z"}, "", "mixed"),
        ({"attribute": "a", "above": True}, "/above", "value"),
        ({"attribute": "a", "starts_with": ""}, "/starts_with", "text"),
        ({"device": "colour", "is": "red"}, "/device", "word"),
        ({"device": "platform", "is": "symbian"}, "/is", "word"),
        ({"device": "model", "is": "a", "above": "a"}, "/above", "unknown"),
        ({"device": "model", "is": "a", "colour": 7}, "/colour", "unknown"),
        ({"device": "has_address", "is": True, "exists": True}, "/exists", "unknown"),
        ({"device": "platform", "is": "ios", "starts_with": "i"}, "/starts_with", "unknown"),
        ({"device": "model", "is": 7}, "/is", "text"),
        ({"device": "app_version", "above": "new"}, "/above", "version"),
        ({"device": "has_address"}, "/is", "missing"),
        ({"device": "has_address", "is": "yes"}, "/is", "type"),
        ({"seen": {}}, "/seen", "kind"),
        ({"seen": {"within_days": 1, "before_days": 2}}, "/seen", "kind"),
        ({"registered": {"within_days": 0}}, "/registered/within_days", "number"),
        ({"registered": 7}, "/registered", "type"),
        ({"consent": {"purpose": "fun"}}, "/consent/purpose", "word"),
        ({"consent": {}}, "/consent/purpose", "missing"),
        ({"consent": {"purpose": "marketing", "channel": "sms"}}, "/consent/channel", "word"),
        ({"event": {}}, "/event/type", "missing"),
        ({"event": {"type": "a b"}}, "/event/type", "pattern"),
        ({"event": {"type": "a", "at_least": 11}}, "/event/at_least", "number"),
        ({"event": {"type": "a", "within_days": True}}, "/event/within_days", "number"),
    ],
)
def test_a_document_is_refused_at_its_place(document: Any, pointer: str, code: str) -> None:
    assert problems_of(document) == [(f"/rule{pointer}", code)]


def test_every_problem_is_named_at_once() -> None:
    document = {"all": [{"tag": ""}, {"not": {"seen": {"within_days": "x"}}}, {"a~/b": 1}]}
    assert problems_of(document) == [
        ("/rule/all/0/tag", "pattern"),
        ("/rule/all/1/not/seen/within_days", "number"),
        ("/rule/all/2", "kind"),
    ]


def nested(levels: int) -> dict[str, Any]:
    return {"not": nested(levels - 1)} if levels > 1 else dict(TAG)


def test_a_rule_has_at_most_five_levels() -> None:
    rule_of(nested(DEEPEST))
    assert [code for _, code in problems_of(nested(DEEPEST + 1))] == ["depth"]


def test_a_rule_has_at_most_fifty_questions() -> None:
    half = [TAG] * (MOST_LEAVES // 2)
    rule_of({"all": [{"all": half}, {"any": half}]})
    assert problems_of({"all": [{"all": half}, {"any": [*half, TAG]}]}) == [("/rule", "leaves")]


def test_a_rule_has_at_most_eight_kilobytes() -> None:
    values = [f"{number:0>200}" for number in range(LARGEST_RULE // 200 + 1)]
    assert problems_of({"attribute": "a", "is": values}) == [("/rule", "too_large")]
