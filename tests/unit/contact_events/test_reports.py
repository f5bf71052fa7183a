"""What counts as a contact, and what reports make of the counts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.model.counts import (
    RANKS,
    Cell,
    Counts,
    Figures,
    Sample,
    counts_of,
    rank,
)
from shared.contact_events.model.reports import (
    DIGITAL,
    MANY,
    changes,
    channel_mix,
    costs,
    coverage,
    months,
    pressure,
    total,
)
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Direction, Subject
from shared.kernel.ids import Ids
from tests.fakes.clock import NOON, ManualClock

APP = "app_" + "1" * 26
TODAY = NOON.date()
IDS = Ids(clock=ManualClock())
OUT, IN = Direction.OUT, Direction.IN


def person(number: int) -> str:
    return f"con_{number:026d}"


def event(
    kind: str = "message.sent.v1",
    *,
    channel: Channel | None = Channel.EMAIL,
    direction: Direction | None = OUT,
    at: datetime = NOON,
    contact: str = person(1),
    data: Mapping[str, Any] | None = None,
) -> Envelope:
    return Envelope(
        app_id=APP,
        sequence=IDS.sequence(),
        type=kind,
        source="elsewhere",
        time=at,
        subject=Subject(kind="contact", id=contact),
        channel=channel,
        direction=direction,
        data=data or {},
    )


def contacts(*events: Envelope) -> dict[tuple[str, str | None], int]:
    """Return the contacts of some events, by channel and direction; cells without any left out."""
    told: Counter[tuple[str, str | None]] = Counter()
    for cell, figures in counts_of(events).cells.items():
        told[cell.channel, cell.direction] += figures.contacts
    return {key: count for key, count in told.items() if count}


def test_each_message_and_each_call_is_a_contact() -> None:
    assert contacts(
        event(),
        event(),
        event("message.received.v1", direction=IN),
        event("call.ended.v1", channel=Channel.PHONE, direction=IN),
        event("call.ended.v1", channel=Channel.PHONE),
    ) == {("email", "out"): 2, ("email", "in"): 1, ("phone", "in"): 1, ("phone", "out"): 1}


@pytest.mark.parametrize(
    "kind",
    [
        "message.delivered.v1",
        "message.opened.v1",
        "message.suppressed.v1",
        "call.started.v1",
        "contact.complained.v1",
        "consent.withdrawn.v1",
        "ad.loaded.v1",
        "ad.clicked.v1",
    ],
)
def test_what_follows_on_a_contact_is_none(kind: str) -> None:
    counts = counts_of([event(kind)])
    assert [figures.events for figures in counts.cells.values()] == [1]
    assert contacts(event(kind)) == {}


def test_what_a_person_does_on_a_channel_within_an_hour_is_one_visit() -> None:
    views = [
        event("page.viewed.v1", channel=Channel.WEB, direction=IN, at=NOON + timedelta(minutes=at))
        for at in (0, 1, 59, 60)
    ]
    other = event("page.viewed.v1", channel=Channel.WEB, direction=IN, contact=person(2))
    assert contacts(*views, other) == {("web", "in"): 3}


def test_the_ads_of_an_hour_are_one_contact_and_no_touch() -> None:
    ads = [event("ad.shown.v1", channel=Channel.AD) for _ in range(3)]
    assert contacts(*ads) == {("ad", "out"): 1}
    assert counts_of(ads).sample.touches == {}


def test_a_message_without_a_direction_goes_out() -> None:
    assert contacts(event(direction=None)) == {("email", "out"): 1}
    assert contacts(event("order.placed.v1", direction=None)) == {}


def test_who_is_no_contact_and_what_came_by_no_channel_is_not_counted() -> None:
    app = replace(event(), subject=Subject(kind="app", id=APP))
    assert counts_of([app, event(channel=None)]) == Counts()


@pytest.mark.parametrize(
    "cost",
    [
        7,
        {},
        {"amount": "7", "currency": "CHF"},
        {"amount": True, "currency": "CHF"},
        {"amount": -7, "currency": "CHF"},
        {"amount": 7, "currency": "francs"},
        {"amount": 7},
    ],
)
def test_what_is_no_cost_counts_as_none(cost: object) -> None:
    (figures,) = counts_of([event(data={"cost": cost})]).cells.values()
    assert (figures.contacts, figures.costs) == (1, {})


EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["message.sent.v1", "page.viewed.v1", "message.opened.v1"]),
        channel=st.sampled_from(list(Channel)),
        direction=st.sampled_from([OUT, IN, None]),
        at=st.integers(0, 200).map(lambda minutes: NOON + timedelta(minutes=minutes)),
        contact=st.integers(1, 5).map(person),
        data=st.fixed_dictionaries(
            {
                "cost": st.fixed_dictionaries(
                    {"amount": st.integers(0, 9), "currency": st.just("CHF")}
                )
            }
        ),
    ),
    max_size=30,
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_an_hours_events_says_nothing(events: list[Envelope], random: Any) -> None:
    shuffled = random.sample(events, len(events))
    assert counts_of(shuffled) == counts_of(events)


@given(EVENTS)
def test_every_event_and_every_cost_is_in_the_counts(events: list[Envelope]) -> None:
    cells = counts_of(events).cells.values()
    assert sum(one.events for one in cells) == len(events)
    paid = sum(one.data["cost"]["amount"] for one in events)
    assert sum(one.costs.get("CHF", 0) for one in cells) == paid


def test_a_channel_is_silent_since_its_last_event() -> None:
    cells = {
        Cell(TODAY, Channel.EMAIL, OUT): Figures(events=2),
        Cell(TODAY + timedelta(days=3), Channel.SMS, OUT): Figures(events=1),
        Cell(TODAY - timedelta(days=29), Channel.PHONE, IN): Figures(events=3),
        Cell(TODAY - timedelta(days=30), Channel.POST, OUT): Figures(events=4),
    }
    told = {one.channel: one for one in coverage(cells, today=TODAY, days=30)}
    assert set(told) == set(Channel)
    shown = {
        channel: (one.events, one.silent_days(TODAY))
        for channel, one in told.items()
        if one.last_day
    }
    assert shown == {
        Channel.EMAIL: (2, 0),
        Channel.SMS: (1, 0),
        Channel.PHONE: (3, 29),
        Channel.POST: (0, 30),
    }
    assert told[Channel.CHAT].silent_days(TODAY) is None


def test_all_twelve_channels_that_tell_are_covered() -> None:
    cells = counts_of([event(channel=channel) for channel in Channel]).cells
    assert [one.events for one in coverage(cells, today=TODAY, days=1)] == [1] * 12


YEARS: Mapping[int, Mapping[Channel, tuple[int, int]]] = {
    2008: {
        Channel.SOCIAL: (2, 4),
        Channel.WEB: (50, 0),
        Channel.EMAIL: (14, 30),
        Channel.POST: (20, 80),
        Channel.PHONE: (40, 20),
        Channel.F2F: (40, 0),
    },
    2012: {
        Channel.SOCIAL: (5, 10),
        Channel.WEB: (60, 0),
        Channel.EMAIL: (11, 40),
        Channel.POST: (14, 70),
        Channel.PHONE: (38, 16),
        Channel.F2F: (36, 0),
    },
    2014: {
        Channel.SOCIAL: (12, 20),
        Channel.WEB: (70, 0),
        Channel.EMAIL: (20, 120),
        Channel.POST: (10, 60),
        Channel.PHONE: (30, 24),
        Channel.F2F: (34, 0),
    },
}
"""Contacts of one month of each year, inbound and outbound, in the proportions that companies told:
digital channels a third in 2008, 42 % in 2012, more than half in 2014; social networks from 2 to
8 %, post less by 30 %, telephone and face to face less by 10 and 15 %, the web more by 40 %."""


def a_ledger() -> Iterator[Envelope]:
    numbers = iter(range(10_000))
    for year, channels in YEARS.items():
        for channel, (inbound, outbound) in channels.items():
            for direction, count in ((IN, inbound), (OUT, outbound)):
                for _ in range(count):
                    yield event(
                        "letter.exchanged.v1",
                        channel=channel,
                        direction=direction,
                        at=datetime(year, 6, 15, 9, tzinfo=UTC),
                        contact=person(next(numbers)),
                    )


def test_the_mix_gives_back_the_percentages_of_a_ledger() -> None:
    cells = counts_of(a_ledger()).cells
    mixes = channel_mix(cells, first=date(2008, 6, 1), last=date(2014, 6, 30))
    by_year = {one.month.year: one for one in mixes if one.month.month == 6}
    assert len(mixes) == 73
    assert {year: mix.contacts for year, mix in by_year.items() if mix.contacts} == {
        2008: 300,
        2012: 300,
        2014: 400,
    }
    assert by_year[2008].digital_share == 1 / 3
    assert by_year[2012].digital_share == 0.42
    assert by_year[2014].digital_share == 242 / 400 > 0.5
    shares = {
        year: {one.channel: one.share for one in by_year[year].channels} for year in (2008, 2014)
    }
    assert (shares[2008][Channel.SOCIAL], shares[2014][Channel.SOCIAL]) == (0.02, 0.08)
    changed = changes(mixes)
    assert {
        channel: changed[channel]
        for channel in (Channel.POST, Channel.PHONE, Channel.F2F, Channel.WEB)
    } == {Channel.POST: -0.3, Channel.PHONE: -0.1, Channel.F2F: -0.15, Channel.WEB: 0.4}
    assert changed[Channel.PUSH] is None
    told = {one.channel: (one.inbound, one.outbound) for one in by_year[2012].channels}
    assert {channel: both for channel, both in told.items() if both != (0, 0)} == YEARS[2012]


def test_what_is_not_digital_is_post_telephone_and_face_to_face() -> None:
    assert set(Channel) - DIGITAL == {Channel.POST, Channel.PHONE, Channel.F2F}


def test_months_run_over_the_ends_of_years() -> None:
    found = months(date(2025, 11, 30), date(2026, 2, 1))
    assert found == [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert months(date(2026, 2, 1), date(2026, 1, 1)) == []


def test_the_sum_of_the_ledgers_costs_is_the_report() -> None:
    def letter(amount: int, currency: str, *, month: int) -> Envelope:
        cost = {"amount": amount, "currency": currency}
        at = datetime(2026, month, 15, tzinfo=UTC)
        return event(channel=Channel.POST, at=at, data={"cost": cost})

    events = [
        letter(850_000, "CHF", month=1),
        letter(850_001, "CHF", month=2),
        letter(900_000, "EUR", month=2),
        letter(700_000, "CHF", month=3),
        event(
            "message.failed.v1",
            channel=Channel.SMS,
            data={"cost": {"amount": 9, "currency": "USD"}},
        ),
    ]
    told = costs(counts_of(events).cells, first=date(2026, 1, 1), last=date(2026, 2, 1))
    assert [(one.channel, one.currency, one.amount, one.contacts) for one in told] == [
        (Channel.POST, "CHF", 1_700_001, 3),
        (Channel.POST, "EUR", 900_000, 3),
    ]
    assert told[0].per_contact == 566_667
    (_, _, failed) = costs(counts_of(events).cells, first=date(2026, 2, 1), last=date(2026, 3, 1))
    assert (failed.currency, failed.per_contact) == ("USD", None)


def touched(times: Mapping[str, int], *, day: date = TODAY) -> Mapping[tuple[str, date], int]:
    return {(contact_id, day): count for contact_id, count in times.items()}


def test_where_nobody_is_left_out_the_pressure_is_exact() -> None:
    old = {(person(1), TODAY - timedelta(days=7)): 4, (person(4), TODAY - timedelta(days=30)): 9}
    sample = Sample.of({**touched({person(1): 2, person(2): 6, person(3): MANY + 5}), **old})
    week, month = (pressure(sample, today=TODAY, days=days, limit=5) for days in (7, 30))
    assert (week.people, week.sampled, week.over) == (3, 3, 2)
    assert week.histogram == {2: 1, 6: 1, MANY: 1}
    assert week.over_share.low == week.over_share.value == week.over_share.high == 2 / 3
    assert week.most_touched == [(person(3), MANY + 5), (person(2), 6)]
    assert (month.people, month.over, month.most_touched[1:]) == (
        3,
        3,
        [(person(1), 6), (person(2), 6)],
    )


def test_nobody_is_under_no_pressure() -> None:
    told = pressure(Sample(), today=TODAY, days=7, limit=5)
    assert (told.people, told.over, told.over_share.value, told.histogram) == (0, 0, 0.0, {})


TOUCHES = st.dictionaries(
    st.tuples(st.integers(1, 60).map(person), st.sampled_from([TODAY, TODAY - timedelta(days=1)])),
    st.integers(1, 9),
)


@given(st.lists(TOUCHES, max_size=5), st.integers(1, 20))
def test_a_sample_of_hours_has_all_touches_of_whom_it_has(
    hours: list[dict[tuple[str, date], int]], most: int
) -> None:
    sample = Sample.union(Sample.of(hour, most=most) for hour in hours)
    whole = sum((Counter(hour) for hour in hours), Counter())
    assert sample.touches == {key: n for key, n in whole.items() if rank(key[0]) < sample.below}
    if all(len({one for one, _ in hour}) <= most for hour in hours):
        assert sample.below == RANKS
    for hour in hours:
        seen = {one for one, _ in sample.touches} & {one for one, _ in hour}
        assert len(seen) <= most


def test_a_sample_says_about_how_many_there_are_and_how_many_over() -> None:
    people, most = 20_000, 1_000
    touches = touched({person(number): 8 if number % 10 == 0 else 1 for number in range(people)})
    told = pressure(Sample.of(touches, most=most), today=TODAY, days=7, limit=5)
    assert told.sampled == most
    # Four standard deviations of the estimate, and of the share: chosen by hash, it is always so.
    assert abs(told.people - people) < 4 * people / sqrt(most)
    assert abs(told.over_share.value - 0.1) < 4 * sqrt(0.1 * 0.9 / most)
    assert told.over_share.low < 0.1 < told.over_share.high
    assert 0.03 < told.over_share.high - told.over_share.low < 0.045


def test_hours_add_up_cell_by_cell() -> None:
    one, other = Cell(TODAY, Channel.SMS, OUT), Cell(TODAY, Channel.SMS, IN)
    hours = [
        {one: Figures(events=1, contacts=1, costs={"CHF": 5})},
        {one: Figures(events=2, costs={"CHF": 1, "EUR": 2}), other: Figures(events=1)},
    ]
    assert total(hours) == {
        one: Figures(events=3, contacts=1, costs={"CHF": 6, "EUR": 2}),
        other: Figures(events=1),
    }
