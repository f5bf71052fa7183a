import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings

from shared.contact_policy.errors import PolicyInvalidError, PolicyTooLargeError
from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT
from shared.contact_policy.model.document import document_of, policy_of
from shared.contact_policy.model.lint import Severity, lint
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.schema import schema
from tests.unit.contact_policy.strategies import policies

COVERED: Mapping[str, list[dict[str, Any]]] = {
    "consent": [{"id": "asked", "requires": "no_objection"}],
    "caps": [{"id": "cap", "limit": 5, "window": {"rolling": 168}}],
}
"""A document without a note."""

NIGHT = [{"from": "22:00", "to": "06:00"}]


def noted(**sections: Any) -> list[tuple[str, str]]:
    findings = lint({**COVERED, **sections})
    assert {finding.severity for finding in findings} <= {Severity.NOTE}, findings
    return [(finding.pointer, finding.code) for finding in findings]


def quiet(rule_id: str, *allowed: dict[str, Any], **rule: Any) -> dict[str, Any]:
    return {"id": rule_id, "allowed": allowed, **rule}


def test_the_default_document_has_no_error_and_nothing_to_note() -> None:
    assert lint(DEFAULT_DOCUMENT) == ()
    assert noted() == []


def test_every_problem_of_a_document_is_an_error_with_its_place() -> None:
    findings = lint({"surprise": 1, "gaps": [{"id": "g", "minutes": 0}]})
    assert [(found.severity, found.pointer, found.code) for found in findings] == [
        (Severity.ERROR, "/surprise", "unknown"),
        (Severity.ERROR, "/gaps/0/minutes", "number"),
    ]


def test_a_policy_that_makes_us_remember_too_much_is_an_error_of_the_whole_document() -> None:
    (found,) = lint({"dedupe": [{"id": "d", "hours": 366 * 24}]})
    assert (found.severity, found.pointer, found.code) == (
        Severity.ERROR,
        "",
        PolicyTooLargeError.code,
    )
    assert "366 days" in found.detail


@settings(max_examples=30)
@given(policies())
def test_whatever_is_taken_is_no_error(policy: Policy) -> None:
    document = document_of(policy)
    try:
        policy_of(document)
    except (PolicyInvalidError, PolicyTooLargeError):
        assert Severity.ERROR in {found.severity for found in lint(document)}
    else:
        assert {found.severity for found in lint(document)} <= {Severity.NOTE}


@pytest.mark.parametrize(
    ("purposes", "expected"),
    [
        (["transactional"], [("/gaps/0", "never_refuses")]),
        (["transactional", "service"], [("/gaps/0", "never_refuses")]),
        (["service", "marketing"], []),
    ],
)
def test_a_rule_whose_purposes_all_pass_unasked_never_refuses(
    purposes: list[str], expected: list[tuple[str, str]]
) -> None:
    assert noted(gaps=[{"id": "gap", "purposes": purposes, "minutes": 5}]) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (quiet("all-day", {"from": "00:00", "to": "24:00"}), [("/quiet_hours/0", "never_refuses")]),
        (
            quiet("two-halves", {"from": "06:00", "to": "22:00"}, *NIGHT),
            [("/quiet_hours/0", "never_refuses")],
        ),
        (quiet("holidays", {"from": "00:00", "to": "24:00"}, holidays=True), []),
        (quiet("a-minute", {"from": "00:00", "to": "23:59"}), []),
    ],
)
def test_hours_that_are_always_open_never_refuse(
    rule: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert noted(quiet_hours=[rule]) == expected


def test_a_shorter_gap_within_a_longer_one_never_refuses_alone() -> None:
    short = {"id": "short", "channels": ["push"], "minutes": 5}
    assert noted(gaps=[short, {"id": "long", "minutes": 60}]) == [("/gaps/0", "never_refuses")]
    assert noted(gaps=[short, {"id": "mail", "channels": ["email"], "minutes": 60}]) == []
    assert noted(gaps=[short, {"id": "shorter", "minutes": 4}]) == []


def test_of_two_equal_rules_the_later_one_is_noted() -> None:
    same = [{"id": "one", "hours": 5}, {"id": "two", "hours": 5}]
    assert noted(dedupe=same) == [("/dedupe/1", "never_refuses")]


@pytest.mark.parametrize(
    ("cap", "never_refuses"),
    [
        ({"limit": 5, "window": {"rolling": 24}}, True),
        ({"limit": 4, "window": {"rolling": 24}}, False),
        ({"limit": 6, "window": {"rolling": 200}}, False),
        ({"limit": 6, "window": {"calendar": "day"}}, False),
        (
            {"limit": 6, "window": {"rolling": 24}, "reserved": [{"priority": 80, "slots": 3}]},
            False,
        ),
    ],
)
def test_a_cap_that_a_tighter_one_holds_anyway_never_refuses_alone(
    cap: dict[str, Any], never_refuses: bool
) -> None:
    expected = [("/caps/1", "never_refuses")] if never_refuses else []
    assert noted(caps=[*COVERED["caps"], {"id": "other", **cap}]) == expected


def test_channels_without_a_rule_of_consent_or_a_cap_are_named() -> None:
    findings = lint(
        {section: [{**COVERED[section][0], "channels": ["push"]}] for section in COVERED}
    )
    assert [(found.pointer, found.code) for found in findings] == [
        ("/consent", "no_consent_rule"),
        ("/caps", "no_cap"),
    ]
    for found in findings:
        assert "inapp, email" in found.detail
        assert "push" not in found.detail


def test_a_consent_rule_for_a_topic_does_not_cover_its_channel() -> None:
    rule = {"id": "news", "topics": ["news"], "requires": "opt_in"}
    found = noted(consent=[rule], topics={"news": "News"})
    assert found == [("/consent", "no_consent_rule")]


def test_hours_that_share_no_minute_of_the_week_are_noted_once() -> None:
    morning = quiet("morning", {"from": "08:00", "to": "12:00"})
    late = quiet("late", {"from": "12:00", "to": "18:00"}, channels=["push", "sms"])
    assert noted(quiet_hours=[morning, late]) == [("/quiet_hours", "never_open")]
    touching = quiet("touching", {"from": "11:59", "to": "18:00"})
    assert noted(quiet_hours=[morning, touching]) == []


def test_hours_over_midnight_on_sunday_go_on_on_monday() -> None:
    sunday = quiet("sunday", {"days": ["sun"], "from": "22:00", "to": "06:00"})
    monday = quiet("monday", {"days": ["mon"], "from": "05:00", "to": "08:00"})
    assert noted(quiet_hours=[sunday, monday]) == []


def test_hours_that_a_law_never_allows_are_noted() -> None:
    evening = quiet("evening", {"from": "20:00", "to": "21:00"}, channels=["phone"])
    assert noted(quiet_hours=[evening]) == []
    (found,) = lint({**COVERED, "quiet_hours": [evening], "laws": ["fr-phone"]})
    assert (found.code, "evening, fr-phone/hours" in found.detail) == ("never_open", True)


def test_hours_of_one_day_that_may_be_a_holiday_are_noted() -> None:
    monday = {"days": ["mon"], "from": "08:00", "to": "20:00"}
    found = [("/quiet_hours/0", "closed_too_long")]
    assert noted(quiet_hours=[quiet("monday", monday, holidays=True)]) == found
    assert noted(quiet_hours=[quiet("monday", monday)]) == []


def test_a_topic_that_people_cannot_see_is_noted() -> None:
    news = {"id": "news", "topics": ["news", "offers"], "requires": "opt_in"}
    found = noted(consent=[*COVERED["consent"], news], topics={"offers": "Offers"})
    assert found == [(f"/consent/{len(COVERED['consent'])}/topics", "unnamed_topic")]


def asked(word: str, about: Any = None) -> Any:
    command = [sys.executable, "-m", "shared.contact_policy", word]
    done = subprocess.run(  # noqa: S603 - our own module
        command, input=json.dumps(about), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_domain_answers_as_a_process_of_its_own() -> None:
    assert asked("schema") == schema()
    assert asked("default") == json.loads(json.dumps(DEFAULT_DOCUMENT))
    (found,) = asked("lint", {"surprise": 1})
    detail = "there is no such field"
    assert found == {
        "severity": "error",
        "pointer": "/surprise",
        "code": "unknown",
        "detail": detail,
    }
