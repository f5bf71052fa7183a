"""The retry machine: which answers are final, and how long the others are waited for."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_mobile import Because, Response
from engage_mobile.operations import DAY, SECOND
from engage_mobile.retry import (
    FINAL_CONFLICTS,
    FIRST_WAIT,
    LONGEST_WAIT,
    Done,
    Drop,
    Renew,
    Send,
    Tries,
    Wait,
    after_answer,
    before_sending,
)
from tests.sdk.phones import NOON

ROOT = Path(__file__).parents[2]
ONCE = Tries(attempts=1)
CHANCES = st.floats(0, 1, exclude_max=True)
PASSING_CONFLICTS = {
    "busy",
    "coupon_changed",
    "erasure_running",
    "multiple_requests",
    "snapshot_missing",
}


def answer(status: int, *, code: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=named, content=json.dumps({"code": code}).encode())


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_the_end(status: int) -> None:
    assert after_answer(ONCE, answer(status), now=NOON, random=0.5) == Done()


@pytest.mark.parametrize("status", [301, 400, 403, 404, 405, 410, 413, 415, 422])
def test_what_would_be_answered_the_same_again_is_dropped(status: int) -> None:
    assert after_answer(ONCE, answer(status), now=NOON, random=0.5) == Drop(Because.REFUSED)


def test_a_token_is_renewed_at_once_and_later_again() -> None:
    again = Tries(attempts=2, is_renewed=True)
    assert after_answer(ONCE, answer(401), now=NOON, random=0.5) == Renew(NOON)
    assert after_answer(again, answer(401), now=NOON, random=0.5) == Renew(NOON + 1 + FIRST_WAIT)


def test_a_token_that_only_the_app_can_renew_is_tried_twice() -> None:
    first = Tries(attempts=1, has_apps_token=True)
    again = Tries(attempts=2, has_apps_token=True, is_renewed=True)
    assert after_answer(first, answer(401), now=NOON, random=0.5) == Renew(NOON)
    assert after_answer(again, answer(401), now=NOON, random=0.5) == Drop(Because.UNAUTHENTICATED)


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 504])
def test_the_operation_waits_where_it_may_pass(status: int) -> None:
    step = after_answer(ONCE, answer(status), now=NOON, random=0.5)
    assert step == Wait(NOON + 1 + FIRST_WAIT // 2)


@pytest.mark.parametrize("response", [None, answer(429), answer(503)])
def test_everything_waits_where_the_server_cannot_be_asked(response: Response | None) -> None:
    step = after_answer(ONCE, response, now=NOON, random=0.5)
    assert step == Wait(NOON + 1 + FIRST_WAIT // 2, everything=True)


@pytest.mark.parametrize("code", sorted(FINAL_CONFLICTS))
def test_a_conflict_that_will_not_change_is_dropped(code: str) -> None:
    assert after_answer(ONCE, answer(409, code=code), now=NOON, random=0.5) == Drop(Because.REFUSED)


def test_every_conflict_that_devices_may_meet_is_known_as_final_or_passing() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    told = {
        code
        for operations in document["paths"].values()
        for operation in operations.values()
        if operation["x-engage-traffic"] != "management"
        for sentence in [operation["responses"].get("409", {}).get("description", "")]
        for code in re.findall(r"`([a-z_]+)`:", sentence)
    }
    assert {"quantity_exceeded", "busy"} <= told
    assert told <= FINAL_CONFLICTS | PASSING_CONFLICTS
    assert not FINAL_CONFLICTS & PASSING_CONFLICTS


def test_a_wish_to_wait_in_seconds_is_kept_by_everything() -> None:
    step = after_answer(ONCE, answer(429, retry_after="120"), now=NOON, random=0.5)
    assert step == Wait(NOON + 120 * SECOND + 500, everything=True)


def test_a_wish_to_wait_until_a_date_is_read_by_the_servers_clock() -> None:
    wish = answer(
        503,
        date="Mon, 23 Nov 2026 09:00:00 GMT",
        retry_after="Mon, 23 Nov 2026 09:02:00 GMT",
    )
    step = after_answer(ONCE, wish, now=NOON, random=0.0)
    assert step == Wait(NOON + 120 * SECOND, everything=True)


@pytest.mark.parametrize("wish", ["soon", "-1", "1.5", "Mon, 23 Nov 2026 09:02:00 GMT"])
def test_a_wish_that_cannot_be_read_is_none(wish: str) -> None:
    step = after_answer(ONCE, answer(429, retry_after=wish), now=NOON, random=0.5)
    assert step == Wait(NOON + 1 + FIRST_WAIT // 2, everything=True)


@given(st.integers(0, 10**12))
def test_no_wish_silences_an_app_for_more_than_a_day(seconds: int) -> None:
    step = after_answer(ONCE, answer(429, retry_after=str(seconds)), now=NOON, random=0.5)
    assert isinstance(step, Wait)
    assert NOON < step.until <= NOON + DAY + SECOND


@given(failures=st.integers(0, 1_000), random=CHANCES, is_networks=st.booleans())
def test_waits_double_up_to_a_bound_and_are_never_nothing(
    failures: int, random: float, is_networks: bool
) -> None:
    tries = Tries(attempts=failures + 1, failures=failures)
    response = None if is_networks else answer(500)
    step = after_answer(tries, response, now=NOON, random=random)
    assert isinstance(step, Wait)
    assert 0 < step.until - NOON <= min(LONGEST_WAIT, FIRST_WAIT * 2**failures)


def test_an_operation_waits_for_its_time_and_not_for_ever() -> None:
    tries = Tries(attempts=1, not_before=NOON, over_at=NOON + 10)
    assert before_sending(tries, now=NOON - 1) == Wait(NOON)
    assert before_sending(tries, now=NOON) == Send()
    assert before_sending(tries, now=NOON + 10) == Drop(Because.EXPIRED)
