"""Secrets of other systems: few, in pairs, and never a system without one by accident."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Channel
from shared.registrations.errors import (
    SystemRotatingError,
    TooManyWebhookSecretsError,
    WebhookSecretNotFoundError,
)
from shared.registrations.model.systems import MOST_SECRETS, OVERLAP, Systems, WebhookSecret
from tests.fakes.clock import NOON

NONE = Systems(app_id="app_1")


def secret(secret_id: str, name: str = "suite", *, at: datetime = NOON) -> WebhookSecret:
    return WebhookSecret(
        secret_id=secret_id,
        name=name,
        channels=frozenset({Channel.EMAIL}),
        sealed="sealed",
        created_at=at,
    )


def live(systems: Systems, at: datetime) -> list[str]:
    return [one.secret_id for one in systems.live(at)]


def test_the_older_of_two_secrets_ends_in_30_days() -> None:
    later = NOON + timedelta(days=400)
    both = NONE.with_secret(secret("old")).with_secret(secret("new", at=later))
    assert both.version == 2
    assert live(both, later + OVERLAP - timedelta(milliseconds=1)) == ["old", "new"]
    assert live(both, later + OVERLAP) == ["new"]


def test_a_third_secret_waits_for_the_first_to_end() -> None:
    both = NONE.with_secret(secret("a")).with_secret(secret("b"))
    with pytest.raises(SystemRotatingError):
        both.with_secret(secret("c"))
    after = both.with_secret(secret("c", at=NOON + OVERLAP))
    assert [one.secret_id for one in after.secrets] == ["b", "c"]


def test_another_system_is_left_alone() -> None:
    two = NONE.with_secret(secret("a", "suite")).with_secret(secret("b", "dialler"))
    assert [one.ends_at for one in two.secrets] == [None, None]


def test_an_app_has_at_most_twenty_secrets() -> None:
    full = NONE
    for number in range(MOST_SECRETS):
        full = full.with_secret(secret(f"{number}", f"system-{number}"))
    with pytest.raises(TooManyWebhookSecretsError):
        full.with_secret(secret("one more", "another"))
    again = full.without("7", at=NOON).with_secret(secret("one more", "another"))
    assert len(again.secrets) == MOST_SECRETS


def test_who_deletes_the_new_secret_keeps_the_old_one() -> None:
    both = NONE.with_secret(secret("old")).with_secret(secret("new"))
    (left,) = both.without("new", at=NOON).secrets
    assert (left.secret_id, left.ends_at) == ("old", None)


def test_a_secret_that_ended_or_never_was_is_not_found() -> None:
    both = NONE.with_secret(secret("old")).with_secret(secret("new"))
    for secret_id, at in (("none", NOON), ("old", NOON + OVERLAP)):
        with pytest.raises(WebhookSecretNotFoundError):
            both.without(secret_id, at=at)
    assert both.find("old", at=NOON).secret_id == "old"


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["add", "delete"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(min_value=0, max_value=40),
        ),
        max_size=40,
    )
)
def test_a_system_has_a_secret_until_its_last_one_is_deleted(
    steps: list[tuple[str, str, int]],
) -> None:
    systems, at, number = NONE, NOON, 0
    for step, name, days in steps:
        at += timedelta(days=days)
        mine = [one for one in systems.live(at) if one.name == name]
        before = systems
        if step == "add" and len(mine) < 2:
            number += 1
            systems = systems.with_secret(secret(f"{number}", name, at=at))
        elif step == "delete" and mine:
            systems = systems.without(mine[0].secret_id, at=at)
            assert (name in {one.name for one in systems.secrets}) == (len(mine) > 1)
        unending = [one.name for one in systems.secrets if one.ends_at is None]
        assert sorted(unending) == sorted({one.name for one in systems.live(at)})
        assert systems == before or systems.version == before.version + 1


def test_two_secrets_may_speak_for_different_channels() -> None:
    wider = replace(secret("new"), channels=frozenset(Channel))
    both = NONE.with_secret(secret("old")).with_secret(wider)
    assert [len(one.channels) for one in both.secrets] == [1, len(Channel)]
