"""What an ad's token says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.kernel.ids import CHANCE_BITS, ulid_of
from shared.placements.errors import AdTokenInvalidError
from shared.placements.model.demand import Pricing
from shared.placements.model.engagements import Grant
from shared.placements.model.tokens import grant_of, packed_grant
from shared.platform.auth.ad_tokens import AdTokens
from tests.fakes.ads import PHONE, a_grant
from tests.fakes.clock import NOON

ULIDS = st.builds(
    ulid_of,
    st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    chance=st.integers(0, 2**CHANCE_BITS - 1),
)


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    ulid = draw(ULIDS)
    lease = draw(st.none() | st.integers(0, 10**9))
    ids: dict[str, Any] = {
        name: f"{prefix}_{draw(ULIDS)}"
        for name, prefix in [
            ("app_id", "app"),
            ("contact_id", "con"),
            ("placement_id", "plc"),
            ("flight_id", "flt"),
            ("creative_id", "crv"),
            ("ad_id", "ad"),
        ]
    }
    return a_grant(
        token_id=f"{ulid}-{draw(st.integers(0, 400))}",
        decision_id=f"dec_{ulid}",
        **ids,
        device_id=draw(st.uuids().map(str) | st.text(min_size=1, max_size=64)),
        purpose=draw(st.sampled_from(Purpose)),
        issued_at=NOON + timedelta(seconds=draw(st.integers(0, 10**9))),
        expires_at=NOON + timedelta(seconds=10**9 + draw(st.integers(0, 10**6))),
        pricing=draw(st.none() | st.sampled_from(Pricing)),
        price=draw(st.integers(0, 10**12)),
        currency=draw(st.sampled_from([None, "CHF", "EUR"])),
        lease=lease,
        shard=0 if lease is None else draw(st.integers(0, 200)),
        strict=draw(st.booleans()),
        epoch=draw(st.integers(0, 10**6)),
        test=draw(st.booleans()),
        coupon_id=draw(st.none() | ULIDS.map("cpn_{}".format)),
        platform=draw(st.sampled_from([None, "ios", "android", "web"])),
    )


@given(grants())
def test_a_token_says_all_that_was_granted(grant: Grant) -> None:
    assert grant_of(packed_grant(grant)) == grant


@pytest.mark.parametrize(
    ("grant", "letters"),
    [(a_grant(), 216), (a_grant(coupon_id=f"cpn_{'1' * 26}"), 238)],
)
def test_a_token_is_short(grant: Grant, letters: int) -> None:
    assert len(AdTokens(keys=lambda: [b"secret"]).seal(packed_grant(grant))) <= letters


@pytest.mark.parametrize("spelling", [PHONE.upper(), PHONE.replace("-", ""), f"{{{PHONE}}}"])
def test_another_spelling_of_a_uuid_is_another_device(spelling: str) -> None:
    grant = a_grant(device_id=spelling)
    assert UUID(spelling) == UUID(PHONE)
    assert grant_of(packed_grant(grant)) == grant


@pytest.mark.parametrize(
    "wrong",
    [
        {"ad_id": f"crv_{'1' * 26}"},
        {"flight_id": "flt_1"},
        {"token_id": f"{'1' * 26}-1"},
        {"issued_at": NOON + timedelta(milliseconds=1)},
        {"expires_at": NOON - timedelta(seconds=1)},
    ],
)
def test_what_is_not_ours_is_not_packed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no|whole"):
        packed_grant(replace(a_grant(), **wrong))  # type: ignore[arg-type]


def test_a_format_of_the_future_is_refused_by_name() -> None:
    content = packed_grant(a_grant())
    with pytest.raises(AdTokenInvalidError):
        grant_of(b"\x02" + content[1:])
