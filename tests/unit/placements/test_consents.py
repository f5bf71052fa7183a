"""What devices tell of consent: Apple's answer, and TC strings as others write them."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.consents import (
    TcStringUnreadableError,
    Tracking,
    consent_of,
    purposes_of,
)
from shared.placements.model.requests import Consent

PUBLISHED = (
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAA"
    "AgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw"
)
"""The example of the IAB's own libraries: purposes 1 to 3."""


def written(*purposes: int, version: int = 2) -> str:
    bits = version << 170 | sum(1 << 24 - purpose for purpose in purposes)
    return urlsafe_b64encode(bits.to_bytes(22)).decode()


def test_the_published_example_is_read_as_its_authors_do() -> None:
    assert purposes_of(PUBLISHED) == {1, 2, 3}


@given(purposes=st.frozensets(st.integers(min_value=1, max_value=24)))
def test_the_purposes_that_were_written_are_read(purposes: frozenset[int]) -> None:
    assert purposes_of(written(*purposes)) == purposes
    assert purposes_of(f"{written(*purposes).rstrip('=')}.IFoEUQQ") == purposes


def test_what_is_not_told_does_not_restrict() -> None:
    assert consent_of(tracking=None, tcf=None) == Consent()


@pytest.mark.parametrize(
    ("purposes", "capping", "personalisation"),
    [
        ((1, 2, 3, 4), True, True),
        ((1, 2), True, False),
        ((1, 2, 3), True, False),
        ((1, 3, 4), False, True),
        ((2, 3, 4), False, False),
        ((), False, False),
    ],
)
def test_each_use_needs_all_of_its_purposes(
    purposes: tuple[int, ...], *, capping: bool, personalisation: bool
) -> None:
    consent = consent_of(tracking=None, tcf=written(*purposes))
    assert (consent.capping, consent.personalisation) == (capping, personalisation)


@pytest.mark.parametrize("answer", Tracking)
def test_apples_question_is_about_personalisation_alone(answer: Tracking) -> None:
    consent = consent_of(tracking=answer, tcf=written(1, 2, 3, 4))
    assert consent.tracking == answer.value
    assert consent.capping
    assert consent.personalisation is (answer is Tracking.AUTHORIZED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "é" * 40,
        "A" * 400,
        written(1, version=1),
        f"{PUBLISHED[:40]}!!!!",
        PUBLISHED[:29],
    ],
)
def test_what_is_no_tc_string_is_refused(text: str) -> None:
    with pytest.raises(TcStringUnreadableError):
        purposes_of(text)


@given(text=st.text(max_size=80))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        assert purposes_of(text) <= set(range(1, 25))
    except TcStringUnreadableError:
        return
