"""Bodies that routes take byte by byte, and what gzip made small."""

import gzip
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.auth.write_keys import write_key_in
from shared.platform.http.bodies import (
    BodyTooLargeError,
    MalformedBodyError,
    content_of,
    inflated,
)

KEY = "wk_0123456789abcdef"


@given(st.binary(max_size=200))
def test_a_content_comes_as_it_was_sent(sent: bytes) -> None:
    event = {"body": b64encode(sent).decode(), "isBase64Encoded": True}
    assert content_of(event, largest=200) == sent


def test_a_text_is_a_content_too() -> None:
    assert content_of({"body": "é"}, largest=2) == "é".encode()
    assert content_of({}, largest=0) == b""


@pytest.mark.parametrize(
    "event", [{"body": "e30", "isBase64Encoded": True}, {"body": "\ud800"}], ids=["base64", "text"]
)
def test_a_content_that_cannot_be_read_is_malformed(event: dict[str, object]) -> None:
    with pytest.raises(MalformedBodyError):
        content_of(event, largest=100)


def test_a_content_beyond_its_limit_is_too_large() -> None:
    with pytest.raises(BodyTooLargeError):
        content_of({"body": "é"}, largest=1)


@given(st.binary(max_size=200))
def test_what_was_made_small_is_whole_again(whole: bytes) -> None:
    assert inflated(gzip.compress(whole), largest=200) == whole


def test_what_inflates_beyond_its_limit_is_too_large() -> None:
    small = gzip.compress(b" " * 100)
    assert len(inflated(small, largest=100)) == 100
    with pytest.raises(BodyTooLargeError):
        inflated(small, largest=99)


@pytest.mark.parametrize("broken", [b"", b"{}", gzip.compress(b"{}", mtime=0)[:-1]])
def test_what_is_no_whole_gzip_is_malformed(broken: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        inflated(broken, largest=100)


def basic(credentials: str) -> dict[str, object]:
    return {"headers": {"authorization": f"Basic {b64encode(credentials.encode()).decode()}"}}


def test_a_write_key_is_the_user_of_basic() -> None:
    assert write_key_in(basic(f"{KEY}:")) == KEY
    assert write_key_in(basic(f"{KEY}:ignored")) == KEY


@pytest.mark.parametrize("credentials", ["", ":", "short:", f"{KEY} :", f"{KEY}é:", "x" * 65])
def test_what_looks_like_no_write_key_is_none(credentials: str) -> None:
    assert write_key_in(basic(credentials)) is None


def test_a_write_key_may_lie_in_the_body() -> None:
    body = f'{{"writeKey": "{KEY}"}}'
    assert write_key_in({"body": body}) == KEY
    small = b64encode(gzip.compress(body.encode())).decode()
    headers = {"content-encoding": "gzip"}
    assert write_key_in({"body": small, "isBase64Encoded": True, "headers": headers}) == KEY


@pytest.mark.parametrize("body", ["", "{", "[]", '{"writeKey": 1}', "[" * 100_000, "\ud800"])
def test_a_body_without_a_write_key_offers_none(body: str) -> None:
    assert write_key_in({"body": body}) is None


def test_a_proof_in_the_header_counts_alone() -> None:
    body = f'{{"writeKey": "{KEY}"}}'
    assert write_key_in({"body": body, "headers": {"authorization": "Bearer x"}}) is None
