"""Who holds a code is told everything; a stranger, whether it exists or not, one thing."""

from typing import Any

import pytest
from botocore.client import BaseClient

from tests.functional.coupons_api.counter import Counter

NOT_YET: dict[str, Any] = {"validity": {"start": "2090-01-01"}}
MISSING = "NOSUCHCODE"
_CALL = "_make_api_call"
"""Of botocore's clients: there is no other place that all calls pass."""


def calls_during(monkeypatch: pytest.MonkeyPatch, counter: Counter, code: str) -> list[str]:
    """Return what a validation asks of DynamoDB, in order; what it is about is left out."""
    asked: list[str] = []
    really = getattr(BaseClient, _CALL)

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name == "dynamodb":
            asked.append(f"{operation} {sorted(parameters)}")
        return really(client, operation, parameters)

    with monkeypatch.context() as watched:
        watched.setattr(BaseClient, _CALL, call)
        assert counter.validate(counter.ada, code).status == 200
    return asked


def test_a_stranger_is_told_the_same_of_a_code_that_exists(counter: Counter) -> None:
    counter.a_coupon(code="SPRING", **NOT_YET)
    known, missing = (counter.validate(counter.ada, code) for code in ("SPRING", MISSING))
    assert known.body == missing.body
    (told,) = known.body["redeemables"]
    assert [one["reason"] for one in told["refusals"]] == ["resource_not_found"]
    used, wanted = (counter.redeem(counter.ada, one, key=one) for one in ("SPRING", MISSING))
    for answer in (used, wanted):
        assert (answer.status, answer.body.pop("instance", None)) != (201, None)
    assert used.body == wanted.body
    assert used.body["code"] == "code_refused"


def test_a_code_that_exists_takes_the_same_reads(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = counter.call("POST /segments", {"name": "vips", "rule": {"tag": "vip"}}).body
    rules = {"segments": [segment["segment_id"]], "consents": ["email"]}
    counter.a_coupon(code="SPRING", rules=rules, **NOT_YET)
    counter.validate(counter.ada, MISSING)  # what is kept for a while is read
    known = calls_during(monkeypatch, counter, "SPRING")
    assert known == calls_during(monkeypatch, counter, MISSING)


def test_who_claimed_a_coupon_is_told_the_reasons(counter: Counter) -> None:
    coupon_id = counter.a_coupon(
        code="SPRING", claims={"enabled": True}, rules={"currency": "CHF", "minimum_amount": 9_000}
    )
    counter.of(counter.ada, f"POST /coupons/{coupon_id}/claims")
    told = counter.validate(counter.ada, "SPRING").body
    (verdict,) = told["redeemables"]
    assert [one["reason"] for one in verdict["refusals"]] == ["minimum_amount"]
    assert verdict["refusals"][0]["figures"] == {"minimum": 9_000, "missing": 1_000}
    assert told["miss"] == {
        "coupon_id": coupon_id,
        "missing_amount": 1_000,
        "missing_pieces": 0,
        "unlocks": 900,
    }


def test_who_guesses_too_often_waits_as_long_as_the_answer_says(counter: Counter) -> None:
    for number in range(10):
        assert counter.validate(counter.ada, f"GUESS{number:03}").status == 200
    locked = counter.validate(counter.ada, "GUESS999")
    assert (locked.status, locked.body["code"]) == (429, "too_many_guesses")
    assert 0 < int(locked.headers["Retry-After"]) <= 16 * 60
    assert counter.validate(counter.bob, "GUESS999").status == 200
