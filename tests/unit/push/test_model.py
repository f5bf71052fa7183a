from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.push.model import (
    LARGEST_PAYLOAD,
    Chunk,
    Content,
    Recipient,
    State,
    content_problems,
    payload_bytes,
    place_of_message,
)
from tests.fakes.clock import NOON

HELLO = Content(title="Hello", body="there")
CHUNK = Chunk(
    app_id="app_1",
    chunk_id="01KJMMA2G0W3M5CB0G4Q6H7J8K",
    content=HELLO,
    purpose=Purpose.SERVICE,
    recipients=tuple(Recipient(device_id=f"phone-{at}", contact_id="con_1") for at in range(3)),
    states=(State.PENDING, State.SENT, State.AMBIGUOUS),
    planned_at=NOON,
    send_until=NOON + timedelta(hours=1),
)


def codes(content: Content) -> dict[str, str]:
    return {problem.pointer: problem.code for problem in content_problems(content)}


def test_a_plain_message_has_no_problem() -> None:
    assert codes(HELLO) == {}
    assert codes(Content(data={"screen": "basket"})) == {}


def test_an_empty_message_is_refused() -> None:
    assert codes(Content()) == {"/content": "empty"}


@pytest.mark.parametrize(
    "key", ["from", "message_type", "GOOGLE.x", "gcm_y", "message_id", "link", "buttons"]
)
def test_reserved_keys_are_named(key: str) -> None:
    assert codes(replace(HELLO, data={key: "1"})) == {f"/content/data/{key}": "reserved"}


@pytest.mark.parametrize("seconds", [-1, 28 * 86_400 + 1])
def test_a_time_to_live_fcm_does_not_know_is_refused(seconds: int) -> None:
    content = replace(HELLO, time_to_live=timedelta(seconds=seconds))
    assert codes(content) == {"/content/ttl_seconds": "range"}


@given(st.text(min_size=1))
def test_the_limit_counts_bytes_not_letters(text: str) -> None:
    free = LARGEST_PAYLOAD - payload_bytes(Content(title=text))
    assert codes(Content(title=text, data={"d": "x" * (free - 1)})) == {}
    assert codes(Content(title=text, data={"d": "x" * free})) == {"/content": "too_large"}


def test_what_has_no_final_state_is_pending() -> None:
    assert CHUNK.pending == (0, 2)


@given(st.dictionaries(st.integers(0, 2), st.sampled_from(State)))
def test_the_books_of_a_chunk_always_balance(changed: dict[int, State]) -> None:
    assert sum(CHUNK.with_states(changed).tally.values()) == len(CHUNK.recipients)


def test_a_message_id_leads_back_to_its_place() -> None:
    assert place_of_message(CHUNK.message_id(2)) == (CHUNK.chunk_id, 2)


@pytest.mark.parametrize("text", ["", "msg_1", "msg_1_1", "cmp_01KJMMA2G0W3M5CB0G4Q6H7J8K_1"])
def test_what_is_no_message_id_leads_nowhere(text: str) -> None:
    assert place_of_message(text) is None
