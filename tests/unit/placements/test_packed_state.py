"""A state packs into 4 kB, and caps never become looser by it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.kernel.ids import ulid_of
from shared.placements.model.ad_state import (
    STATE_FULL,
    AdState,
    CouponStanding,
    Hold,
    Seen,
    Topic,
)
from shared.placements.model.packed_state import MOST_BYTES, pack, unpack

NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)


def an_id(prefix: str, number: int) -> str:
    return f"{prefix}_{ulid_of(NOW, chance=number)}"


def one_seen(number: int, *, at: datetime, flights: int = 30, held: bool = False) -> Seen:
    flight = number % flights
    return Seen(
        ad_id=an_id("ad", flight),
        flight_id=an_id("flt", flight),
        ad_campaign_id=an_id("adc", flight % 10),
        advertiser_id=an_id("adv", flight % 4),
        placement_id=an_id("plc", number % 3),
        at=at,
        token_id=f"{ulid_of(at, chance=number)}-{number % 3}",
        held_until=at + timedelta(minutes=10) if held else None,
    )


def a_person(times: int, *, flights: int = 30, apart: timedelta = timedelta(hours=3)) -> AdState:
    moments = [NOW - apart * number for number in range(times)][::-1]
    return AdState(
        app_id="app_1",
        contact_id=an_id("con", 1),
        seen=tuple(one_seen(number, at=at, flights=flights) for number, at in enumerate(moments)),
        holds={Purpose.MARKETING: Hold(reason="case", detail="A complaint is open.")},
        topic_holds={
            Topic(Purpose.MARKETING, "shoes"): Hold(reason="preference", detail="off", until=NOW)
        },
        segments=frozenset(an_id("seg", number) for number in range(5)),
        coupons={an_id("cpn", number): CouponStanding.CLAIMED for number in range(3)},
        device_epochs={an_id("dev", 1): 2},
        timezone="Europe/Zurich",
        country="CH",
        facts_at=NOW,
        policy_version=12,
        names=2**32 - 1,
    )


def again(state: AdState) -> AdState:
    return unpack(
        pack(state), app_id=state.app_id, contact_id=state.contact_id, version=state.version
    )


texts = st.text(max_size=12)
moments = st.integers(0, 10**9).map(lambda count: NOW - timedelta(milliseconds=count))
sights = st.builds(
    Seen,
    ad_id=texts,
    flight_id=texts,
    ad_campaign_id=texts,
    advertiser_id=texts,
    placement_id=texts,
    at=moments,
    token_id=texts | st.integers(0, 300).map(lambda n: f"{ulid_of(NOW, chance=n)}-{n}"),
    labels=st.frozensets(texts, max_size=2),
    origin=texts,
)


@given(
    st.lists(sights, max_size=5),
    st.booleans(),
    st.dictionaries(texts, st.integers(0, 500), max_size=2),
)
def test_what_fits_comes_back_as_it_was(
    seen: list[Seen], held: bool, epochs: dict[str, int]
) -> None:
    if held:
        seen = [replace(one, held_until=one.at + timedelta(seconds=7)) for one in seen]
    state = replace(
        a_person(0),
        seen=tuple(sorted(seen, key=lambda one: one.at)),
        device_epochs=epochs,
        tags=frozenset({"vip", "ä" * 20}),
    )
    assert again(state) == state


def test_a_person_with_seventy_impressions_fits_with_all_tokens() -> None:
    assert again(a_person(70)) == a_person(70)


def test_a_person_with_a_hundred_and_seventy_fits_with_all_instants() -> None:
    kept = again(a_person(170))
    assert [one.at for one in kept.seen] == [one.at for one in a_person(170).seen]
    assert [one.token_id for one in kept.seen[-16:]] == [
        one.token_id for one in a_person(170).seen[-16:]
    ]


def counted(state: AdState, ad_id: str, window: timedelta) -> int:
    return sum(one.ad_id == ad_id and one.at > NOW - window for one in state.seen)


@given(st.integers(0, 3_000), st.integers(1, 40), st.integers(1, 300))
def test_caps_become_stricter_and_never_looser(times: int, flights: int, minutes: int) -> None:
    state = a_person(times, flights=flights, apart=timedelta(minutes=minutes))
    many = pack(state)
    assert len(many) <= MOST_BYTES
    kept = again(state)
    for ad_id in {one.ad_id for one in state.seen}:
        for window in (timedelta(hours=1), timedelta(days=1), timedelta(days=30)):
            assert counted(kept, ad_id, window) >= counted(state, ad_id, window)


def test_promises_are_kept_as_they_are_whatever_is_made_smaller() -> None:
    state = a_person(500)
    promise = one_seen(501, at=NOW, held=True)
    kept = again(replace(state, seen=(*state.seen, promise)))
    assert promise in kept.seen


def test_who_saw_too_many_different_ads_is_shown_none_for_a_day() -> None:
    state = a_person(1_000, flights=1_000, apart=timedelta(minutes=1))
    kept = again(state)
    assert len(pack(state)) <= MOST_BYTES
    assert kept.holds[Purpose.SERVICE].reason == STATE_FULL
    assert kept.holds[Purpose.SERVICE].until == NOW + timedelta(days=1)
    assert kept.holds[Purpose.MARKETING] == state.holds[Purpose.MARKETING]


def test_who_is_in_too_many_segments_to_count_them_is_shown_no_ads() -> None:
    crowded = replace(a_person(3), segments=frozenset(an_id("seg", n) for n in range(400)))
    kept = again(crowded)
    assert len(pack(crowded)) <= MOST_BYTES
    assert kept.holds[Purpose.SERVICE].reason == STATE_FULL
    assert (kept.coupons, kept.device_epochs) == (crowded.coupons, crowded.device_epochs)


def test_who_has_too_many_topics_off_to_count_them_is_shown_no_ads() -> None:
    off = Hold(reason="preference", detail="The person switched the topic off.")
    topics = {Topic(Purpose.MARKETING, f"a topic by the number {n}"): off for n in range(400)}
    crowded = replace(a_person(3), topic_holds=topics)
    kept = again(crowded)
    assert len(pack(crowded)) <= MOST_BYTES
    assert {hold.reason for hold in kept.holds.values()} == {STATE_FULL}
    assert kept.topic_holds == {}
