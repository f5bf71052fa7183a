import json
from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contact_policy.errors import PolicyInvalidError, PolicyTooLargeError
from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT, default_policy
from shared.contact_policy.model.document import document_of, policy_of
from shared.contact_policy.model.limits import memory, most_touches
from shared.contact_policy.model.policy import (
    DEFAULT_BYPASS,
    DEFAULT_WEIGHTS,
    MARKETING,
    Policy,
    Scope,
)
from shared.contact_policy.model.schema import schema
from shared.kernel.decisions import Gate
from shared.kernel.events import Channel, Purpose
from tests.unit.contact_policy.strategies import policies

VALIDATOR = jsonschema.Draft202012Validator(schema())


def problems(**document: Any) -> dict[str, str]:
    with pytest.raises(PolicyInvalidError) as refused:
        policy_of(document)
    return {problem.pointer: problem.code for problem in refused.value.fields}


@settings(max_examples=50)
@given(policies())
def test_a_policy_written_down_is_read_back_and_its_document_fits_the_schema(
    policy: Policy,
) -> None:
    document = json.loads(json.dumps(document_of(policy)))
    VALIDATOR.validate(document)
    assert policy_of(document) == policy


def test_the_default_document_fits_the_schema_and_is_read_without_a_problem() -> None:
    document = json.loads(json.dumps(DEFAULT_DOCUMENT))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())
    assert policy_of(document) == default_policy()


def test_an_empty_document_has_no_rules_but_weights_and_bypasses() -> None:
    assert policy_of({}) == Policy(weights=DEFAULT_WEIGHTS, bypass=DEFAULT_BYPASS)


def test_a_field_that_is_null_is_as_good_as_left_out() -> None:
    # As YAML reads a section whose rules are all commented out.
    assert policy_of({"caps": None, "bypass": None}) == policy_of({})
    assert problems(gaps=[{"id": None, "minutes": 5}]) == {"/gaps/0/id": "missing"}


def test_a_rule_that_names_no_scope_is_for_marketing_on_all_channels() -> None:
    (rule,) = policy_of({"gaps": [{"id": "gap", "minutes": 5}]}).gaps
    assert rule.scope == Scope(channels=frozenset(Channel), purposes=MARKETING)


def test_every_problem_is_told_with_its_place() -> None:
    assert problems(
        surprise=1,
        weights={"pigeon": 1, "email": 0},
        caps=[
            {"id": "a", "limit": 5, "window": {"rolling": 24, "calendar": "day"}},
            {"id": "a", "limit": 1.005, "window": {"calendar": "year"}, "sample": True},
        ],
        quiet_hours=[{"id": "Night", "channels": [], "allowed": [{"from": "8:00", "to": "24:01"}]}],
        gaps=[{"id": "g", "minutes": 0}, {"minutes": True}],
        laws=["fr-phone", "fr-phone"],
    ) == {
        "/surprise": "unknown",
        "/weights/pigeon": "unknown",
        "/weights/email": "number",
        "/caps/0/window": "choice",
        "/caps/1/id": "twice",
        "/caps/1/limit": "number",
        "/caps/1/window/calendar": "word",
        "/caps/1/sample": "unknown",
        "/quiet_hours/0/id": "pattern",
        "/quiet_hours/0/channels": "length",
        "/quiet_hours/0/allowed/0/from": "pattern",
        "/quiet_hours/0/allowed/0/to": "pattern",
        "/gaps/0/minutes": "number",
        "/gaps/1/id": "missing",
        "/gaps/1/minutes": "number",
        "/laws/1": "word",
    }


@pytest.mark.parametrize("document", [None, [], "policy", 5])
def test_what_is_no_object_is_no_policy(document: Any) -> None:
    with pytest.raises(PolicyInvalidError):
        policy_of(document)


def test_nothing_bypasses_an_erasure_and_marketing_bypasses_nothing() -> None:
    found = problems(bypass={"transactional": ["erased"], "marketing": ["cap"]})
    assert found == {"/bypass/transactional/0": "word", "/bypass/marketing": "unknown"}


def test_a_window_that_never_opens_is_refused() -> None:
    found = problems(
        quiet_hours=[
            {"id": "a", "allowed": [{"from": "08:00", "to": "08:00"}]},
            {"id": "b", "allowed": [{"from": "24:00", "to": "08:00"}]},
        ]
    )
    assert found == {
        "/quiet_hours/0/allowed/0": "empty",
        "/quiet_hours/1/allowed/0/from": "pattern",
    }


def test_no_more_is_reserved_than_there_is() -> None:
    kept = [{"priority": 50, "slots": 2}, {"priority": 80, "slots": 2}]
    cap = {"id": "a", "limit": 3, "window": {"rolling": 24}, "reserved": kept}
    assert problems(caps=[cap]) == {"/caps/0/reserved": "limit"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3), st.lists))
def test_whatever_stands_in_a_section_is_read_or_refused(value: Any) -> None:
    for section in document_of(Policy()):
        for document in ({section: value}, {section: [value]}, {section: {"email": value}}):
            with suppress(PolicyInvalidError):
                assert isinstance(policy_of(document), Policy)


def test_touches_are_remembered_for_the_longest_window() -> None:
    quarter = {"id": "a", "limit": 9, "window": {"rolling": 90 * 24}}
    assert memory(policy_of({"caps": [quarter]})).days == 90
    # A wish by month, and the thirty days of the French law, whatever the policy says.
    assert memory(Policy()).days == 31
    month = policy_of({"caps": [{"id": "a", "limit": 9, "window": {"calendar": "month"}}]})
    assert memory(month).days == 32


def test_a_policy_that_remembers_too_much_is_refused_with_its_figure() -> None:
    half_a_year = {"dedupe": [{"id": "offer", "hours": 200 * 24}]}
    with pytest.raises(PolicyTooLargeError, match="10000 touches"):
        policy_of(half_a_year)


def test_a_cap_binds_how_much_is_remembered() -> None:
    cap = {"id": "a", "purposes": [*Purpose], "limit": 5, "window": {"rolling": 24}}
    nothing: dict[str, list[str]] = {"transactional": [], "service": []}
    ads_count_whole = {"ad": 1}
    days = 31
    bound = {"caps": [cap], "bypass": nothing, "weights": ads_count_whole}
    assert most_touches(policy_of(bound)) == days * 5
    # An ad weighs a tenth: the cap lets ten times as many pass.
    assert most_touches(policy_of({"caps": [cap], "bypass": nothing})) == days * 50
    # What bypasses caps is assumed to be fifty a day.
    assert most_touches(policy_of({"caps": [cap]})) == days * 50 + days * 50


def test_a_light_touch_makes_many_and_is_refused() -> None:
    ads = {"id": "a", "channels": ["ad"], "limit": 5, "window": {"rolling": 24}}
    policy_of({"caps": [ads]})
    with pytest.raises(PolicyTooLargeError):
        policy_of({"caps": [ads], "weights": {"ad": 0.01}})


def test_a_gate_can_be_bypassed_by_its_word() -> None:
    policy = policy_of({"bypass": {"service": ["law", "consent"]}})
    assert policy.bypassed(Purpose.SERVICE) == {Gate.LAW, Gate.CONSENT}
    assert policy.bypassed(Purpose.TRANSACTIONAL) == DEFAULT_BYPASS[Purpose.TRANSACTIONAL]
    assert policy.bypassed(Purpose.MARKETING) == frozenset()
