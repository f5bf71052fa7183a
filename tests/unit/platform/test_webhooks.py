"""Signed messages, held against the reference implementation of Standard Webhooks."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from shared.kernel.clock import system_clock
from shared.kernel.events import Channel
from shared.kernel.principal import System
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.auth.webhooks import (
    FRESH_SECONDS,
    MOST_SIGNATURES,
    TOLERANCE,
    KnownSystems,
    SignedMessage,
    secret_text,
)
from tests.fakes.clock import NOON

KEY, OTHER_KEY = bytes(range(32)), bytes(range(32, 64))
SUITE = System(name="suite", channels=frozenset({Channel.EMAIL}), key=KEY)
DIALLER = System(name="dialler", channels=frozenset({Channel.PHONE}), key=OTHER_KEY)
BODY = '{"channel": "email", "text": "Grüezi"}'


def signature(key: bytes = KEY, *, id: str = "msg_1", at: datetime = NOON, body: str = BODY) -> str:
    """Return what the reference implementation signs."""
    return Webhook(secret_text(key)).sign(id, at, body)


def event(signatures: str, *, body: str | None = BODY, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOON.timestamp())),
        "webhook-signature": signatures,
        **named,
    }
    return {"headers": sent, "body": body, "isBase64Encoded": False}


def message(signatures: str, *, body: str | None = BODY, **headers: str) -> SignedMessage:
    found = SignedMessage.of(event(signatures, body=body, **headers))
    assert found
    return found


def sender(found: SignedMessage, *, at: datetime = NOON) -> System:
    return found.sender([DIALLER, SUITE], at=at)


def is_refused(found: SignedMessage, *, at: datetime = NOON) -> bool:
    try:
        sender(found, at=at)
    except UnauthenticatedError:
        return True
    return False


def test_the_example_of_the_reference_is_understood() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' shared test vector."""
    key = b"1\xf2\x80\xd7;\x05\x86\xdaT\xe8\x0b8\x0c\xc4\x11\x96"
    at = datetime(2021, 2, 25, tzinfo=UTC)
    signed = Webhook(secret_text(key)).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 1}')
    found = message(
        signed,
        body='{"test": 1}',
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        webhook_timestamp=str(int(at.timestamp())),
    )
    assert found.sender([System(name="one", channels=frozenset(), key=key)], at=at).name == "one"


@given(
    key=st.binary(min_size=24, max_size=64),
    id=st.text(st.characters(codec="ascii", categories=["L", "N", "S"]), min_size=1, max_size=255),
    at=st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC)),
    body=st.text(st.characters(codec="utf-8")),
)
def test_what_the_reference_signs_is_known_by_its_key(
    key: bytes, id: str, at: datetime, body: str
) -> None:
    signed = signature(key, id=id, at=at, body=body)
    found = message(signed, body=body, webhook_id=id, webhook_timestamp=str(int(at.timestamp())))
    by = System(name="one", channels=frozenset(), key=key)
    assert found.sender([SUITE, by], at=at) is by


def test_what_this_module_accepts_the_reference_accepts() -> None:
    now = system_clock()
    sent = event(signature(at=now), webhook_timestamp=str(int(now.timestamp())))
    found = SignedMessage.of(sent)
    assert found
    assert sender(found, at=now) is SUITE
    Webhook(secret_text(KEY)).verify(BODY, sent["headers"])


def test_the_secret_tells_which_system_speaks() -> None:
    assert sender(message(signature(KEY))) is SUITE
    assert sender(message(signature(OTHER_KEY))) is DIALLER


@pytest.mark.parametrize(
    "signatures",
    [
        f"v1,{b64encode(b'x' * 32).decode()} {signature()}",
        f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw {signature()}",
        f"{signature(b'old' * 8)} {signature()}",
    ],
    ids=["an unknown one", "an asymmetric one", "that of an older secret"],
)
def test_one_good_signature_among_others_suffices(signatures: str) -> None:
    assert sender(message(signatures)) is SUITE


@pytest.mark.parametrize(
    "signatures",
    [
        signature(b"another key of 24 bytes.."),
        signature().removeprefix("v1,"),
        signature().replace("v1,", "v2,"),
        signature().replace("v1,", "v1a,"),
        signature() + "=",
        signature().lower(),
        signature()[:-2],
        "v1,",
        "v1",
        ",",
        "é",
        "\ud800",
        "v1,x " * MOST_SIGNATURES + signature(),
    ],
)
def test_another_signature_is_none(signatures: str) -> None:
    assert is_refused(message(signatures))


def test_a_changed_body_id_or_time_is_not_what_was_signed() -> None:
    good, later = signature(), str(int(NOON.timestamp()) + 1)
    assert is_refused(message(good, body=BODY + " "))
    assert is_refused(message(good, body=None))
    assert is_refused(message(good, webhook_id="msg_2"))
    assert is_refused(message(good, webhook_timestamp=later))


def test_a_message_may_be_five_minutes_old_or_early() -> None:
    found = message(signature())
    for sign in (-1, 1):
        assert sender(found, at=NOON + sign * TOLERANCE) is SUITE
        assert is_refused(found, at=NOON + sign * (TOLERANCE + timedelta(milliseconds=1)))


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-1", "1.5", " 1", "1e9", "१", "9" * 13, "9" * 10_000, "0x10"]
)
def test_a_timestamp_is_whole_seconds(timestamp: str) -> None:
    assert is_refused(message(signature(), webhook_timestamp=timestamp))


@pytest.mark.parametrize("id", ["", "msg.1", "é", "a\nb", "x" * 256])
def test_an_id_can_be_told_from_the_rest(id: str) -> None:
    """With a dot in it, one signature would hold for several ids, timestamps and bodies."""
    signed = signature(id=id)
    assert is_refused(message(signed, webhook_id=id))


def test_nothing_can_be_moved_from_the_body_to_the_front() -> None:
    at = int(NOON.timestamp())
    signed = signature(id="msg_1", body=f"{at}.rest")
    moved = message(signed, body="rest", webhook_id=f"msg_1.{at}", webhook_timestamp=str(at))
    assert is_refused(moved)


def test_the_body_is_taken_byte_by_byte() -> None:
    sent = event(signature())
    packed = {**sent, "body": b64encode(BODY.encode()).decode(), "isBase64Encoded": True}
    found = SignedMessage.of(packed)
    assert found
    assert found.body == BODY.encode()
    assert sender(found) is SUITE


def test_an_empty_body_can_be_signed() -> None:
    assert sender(message(signature(body=""), body=None)) is SUITE


def test_without_a_signature_a_request_does_not_claim_to_be_signed() -> None:
    assert SignedMessage.of({}) is None
    assert SignedMessage.of(event("")) is None


def test_a_key_is_not_shown_where_a_system_is_printed() -> None:
    assert "key" not in repr(SUITE)


class Registered:
    """The systems of each app, and how often they were read."""

    def __init__(self, **systems: list[System]) -> None:
        self.systems = systems
        self.reads: list[str] = []
        self.now = 1000.0
        self.known = KnownSystems(read=self.read, monotonic=lambda: self.now)

    def read(self, app_id: str) -> list[System]:
        self.reads.append(app_id)
        return list(self.systems.get(app_id, []))


def test_systems_are_read_once_a_minute() -> None:
    registered = Registered(shop=[SUITE], club=[DIALLER])
    for _ in range(3):
        assert registered.known.of("shop") == [SUITE]
        assert registered.known.of("club") == [DIALLER]
    assert registered.reads == ["shop", "club"]
    registered.systems["shop"] = [DIALLER]
    registered.now += FRESH_SECONDS
    assert registered.known.of("shop") == [DIALLER]


def test_the_first_secret_of_an_app_works_at_once() -> None:
    registered = Registered()
    assert registered.known.of("shop") == []
    registered.systems["shop"] = [SUITE]
    assert registered.known.of("shop") == [SUITE]


def test_an_app_whose_last_secret_ended_is_forgotten() -> None:
    registered = Registered(shop=[SUITE])
    registered.known.of("shop")
    registered.systems["shop"] = []
    registered.now += FRESH_SECONDS
    assert registered.known.of("shop") == []
    assert registered.known._held == {}
