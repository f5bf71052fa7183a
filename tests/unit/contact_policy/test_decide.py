from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.decide import MOST_DEFERRAL, decide, touch_of
from shared.contact_policy.model.defaults import default_policy
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.policy import CooldownCause, Hours, Period, Policy, Window
from shared.contact_policy.model.pressure import FULL, Pressure, offer_hash
from shared.contact_policy.model.standing import (
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    FrequencyWish,
    Part,
    Preferences,
    Standing,
    Whereabouts,
)
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from tests.fakes.contact_policy import (
    ADA,
    BOB,
    TUESDAY_NOON,
    candidate,
    living,
    touch,
    ulid,
    wishing,
)
from tests.fakes.decisions import facts_of, judged

NOW = TUESDAY_NOON
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
NOTHING = Policy()
PARIS = ZoneInfo("Europe/Paris")


def policy(**document: Any) -> Policy:
    return policy_of(document)


def cap(limit: float, *, name: str = "cap", hours: int = 24, **more: Any) -> dict[str, Any]:
    return {"id": name, "limit": limit, "window": {"rolling": hours}, **more}


def person(part: Part) -> Standing:
    return Standing(parts={ADA: part})


def consenting(status: ConsentStatus, channel: Channel | None = None) -> Standing:
    mark = ConsentMark(status=status, at=NOW - DAY)
    return person(Part(consents={ConsentKey(Purpose.MARKETING, channel): mark}))


def gate_of(decision: Decision) -> Gate | None:
    return decision.because[0].gate if decision.because else None


def test_where_there_is_no_rule_everything_is_allowed() -> None:
    assert judged(NOTHING) == Allow()


def test_two_channels_one_second_apart_under_cap_one_are_one() -> None:
    one = policy(caps=[cap(1)])
    assert judged(one) == Allow()
    second = judged(one, touch(NOW), at=NOW + SECOND, channel=Channel.SMS)
    assert isinstance(second, Defer)
    assert second.until == NOW + DAY
    assert facts_of(second) == {
        "gate": Gate.CAP,
        "rule": "cap",
        "limit": 1.0,
        "count": 1.0,
        "until": NOW + DAY,
    }
    assert second.because[0].detail == "In the last 24 hours 1 of 1 is used, and this weighs 1."


def test_five_past_midnight_is_not_a_new_day_for_a_gap_of_eight_hours() -> None:
    evening = datetime(2026, 3, 3, 23, tzinfo=PARIS).astimezone(UTC)
    rules = policy(gaps=[{"id": "gap", "minutes": 480}])
    after = judged(
        rules, touch(evening), at=evening + timedelta(minutes=65), standing=paris(), app_zone="UTC"
    )
    assert isinstance(after, Defer)
    assert after.until.astimezone(PARIS).isoformat() == "2026-03-04T07:00:00+01:00"
    assert facts_of(after)["count"] == 65


def paris() -> Standing:
    return living(device_zones={"phone": "Europe/Paris"})


@pytest.mark.parametrize(
    ("period", "ends"),
    [("day", "2026-03-29"), ("week", "2026-03-30"), ("month", "2026-04-01")],
)
def test_a_calendar_cap_begins_again_at_local_midnight(period: str, ends: str) -> None:
    saturday = datetime(2026, 3, 28, 22, tzinfo=PARIS).astimezone(UTC)
    rules = policy(caps=[{"id": "cap", "limit": 1, "window": {"calendar": period}}])
    refused = judged(rules, touch(saturday), at=saturday + HOUR, standing=paris())
    assert isinstance(refused, Defer)
    begins = datetime.fromisoformat(ends).replace(tzinfo=PARIS)
    assert refused.until == begins
    assert judged(rules, touch(saturday), at=refused.until, standing=paris()) == Allow()


def test_in_two_possible_zones_a_calendar_cap_is_the_stricter_of_both() -> None:
    both = living(phone_zones=frozenset({"Europe/Paris", "America/New_York"}))
    rules = policy(caps=[{"id": "cap", "limit": 1, "window": {"calendar": "day"}}])
    midnight_in_paris = datetime(2026, 3, 4, tzinfo=PARIS).astimezone(UTC)
    refused = judged(rules, touch(NOW), at=midnight_in_paris, standing=both)
    assert isinstance(refused, Defer)
    assert refused.until == datetime(2026, 3, 4, tzinfo=ZoneInfo("America/New_York"))


def test_all_caps_that_refuse_are_named_and_the_last_to_end_decides() -> None:
    rules = policy(caps=[cap(1, name="day"), cap(1, name="two-days", hours=48)])
    refused = judged(rules, touch(NOW), at=NOW + HOUR)
    assert isinstance(refused, Defer)
    assert [reason.rule for reason in refused.because] == ["day", "two-days"]
    assert refused.until == NOW + 2 * DAY


def test_a_rule_for_one_channel_never_lifts_another_rule() -> None:
    rules = policy(
        caps=[cap(1, name="all"), cap(9, name="sms", channels=["sms"])],
        quiet_hours=[
            {"id": "q", "channels": ["sms"], "allowed": [{"from": "00:00", "to": "24:00"}]}
        ],
    )
    for channel in (Channel.EMAIL, Channel.SMS):
        refused = judged(rules, touch(NOW), at=NOW + HOUR, channel=channel)
        assert facts_of(refused)["rule"] == "all"


def test_ten_ads_weigh_as_much_as_one_message() -> None:
    ads = [touch(NOW, number=n, channel=Channel.AD, weight=10) for n in range(10)]
    rules = policy(caps=[cap(1)])
    assert judged(rules, *ads[:9], at=NOW + HOUR, channel=Channel.AD) == Allow()
    assert gate_of(judged(rules, *ads, at=NOW + HOUR, channel=Channel.AD)) is Gate.CAP
    assert gate_of(judged(rules, *ads[:1], at=NOW + HOUR)) is Gate.CAP


def test_what_weighs_more_than_a_cap_is_dropped() -> None:
    refused = judged(policy(caps=[cap(2)]), weight=2.5)
    assert isinstance(refused, Drop)
    assert facts_of(refused)["limit"] == 2.0


def test_reserved_slots_are_for_what_matters_more() -> None:
    rules = policy(caps=[cap(2, reserved=[{"priority": 80, "slots": 1}])])
    refused = judged(rules, touch(NOW), at=NOW + HOUR, priority=79)
    assert isinstance(refused, Defer)
    assert facts_of(refused) == {
        "gate": Gate.PRIORITY,
        "rule": "cap",
        "limit": 1.0,
        "count": 1.0,
        "until": NOW + DAY,
    }
    assert judged(rules, touch(NOW), at=NOW + HOUR, priority=80) == Allow()


def test_a_held_touch_counts_until_it_expires() -> None:
    held = touch(NOW, held_until=NOW + timedelta(minutes=8))
    rules = policy(caps=[cap(1)])
    refused = judged(rules, held, at=NOW + SECOND)
    assert isinstance(refused, Defer)
    assert refused.until == NOW + timedelta(minutes=8)
    assert judged(rules, held, at=refused.until) == Allow()


def test_a_touch_that_a_faster_clock_dates_after_now_counts() -> None:
    assert gate_of(judged(policy(caps=[cap(1)]), touch(NOW + SECOND))) is Gate.CAP


def test_transactional_messages_pass_what_they_bypass_and_are_counted() -> None:
    rules = policy(caps=[cap(1, purposes=["transactional", "marketing"])])
    receipt = touch(NOW, purpose=Purpose.TRANSACTIONAL)
    at = NOW + HOUR
    assert judged(rules, receipt, at=at, purpose=Purpose.TRANSACTIONAL) == Allow()
    assert gate_of(judged(rules, receipt, at=at)) is Gate.CAP


def test_an_erased_person_is_told_nothing_at_all() -> None:
    erased = person(Part(is_erased=True))
    for purpose in Purpose:
        assert gate_of(judged(NOTHING, standing=erased, purpose=purpose)) is Gate.ERASED


@pytest.mark.parametrize(
    ("requires", "status", "passes"),
    [
        ("opt_in", None, False),
        ("opt_in", ConsentStatus.PENDING, False),
        ("opt_in", ConsentStatus.DENIED, False),
        ("opt_in", ConsentStatus.GRANTED, True),
        ("no_objection", None, True),
        ("no_objection", ConsentStatus.PENDING, True),
        ("no_objection", ConsentStatus.WITHDRAWN, False),
    ],
)
def test_what_consent_a_rule_needs(
    requires: str, status: ConsentStatus | None, passes: bool
) -> None:
    rules = policy(consent=[{"id": "c", "channels": ["push"], "requires": requires}])
    standing = consenting(status) if status else Standing()
    answer = judged(rules, standing=standing)
    assert isinstance(answer, Allow if passes else Drop)
    if not passes:
        assert facts_of(answer)["rule"] == "c"


def test_an_objection_holds_where_no_rule_asks() -> None:
    refused = judged(NOTHING, standing=consenting(ConsentStatus.WITHDRAWN))
    assert isinstance(refused, Drop)
    assert facts_of(refused)["rule"] == "objection"


def test_a_consent_rule_can_be_for_some_topics() -> None:
    rules = policy(consent=[{"id": "c", "topics": ["sport"], "requires": "opt_in"}])
    assert gate_of(judged(rules, topic="sport")) is Gate.CONSENT
    assert judged(rules, topic="news") == judged(rules) == Allow()


def test_a_channel_or_a_topic_switched_off_is_off() -> None:
    wishes = wishing(channels_off=frozenset({Channel.SMS}), topics_off=frozenset({"sport"}))
    both = judged(NOTHING, standing=wishes, channel=Channel.SMS, topic="sport")
    assert isinstance(both, Drop)
    assert [reason.rule for reason in both.because] == ["channel_off", "topic_off"]
    assert judged(NOTHING, standing=wishes, topic="news") == Allow()


def test_a_pause_is_waited_for_if_it_is_short_enough() -> None:
    short = judged(NOTHING, standing=wishing(paused_until=NOW + MOST_DEFERRAL))
    assert isinstance(short, Defer)
    assert short.until == NOW + MOST_DEFERRAL
    long = judged(NOTHING, standing=wishing(paused_until=NOW + MOST_DEFERRAL + SECOND))
    assert isinstance(long, Drop)
    assert facts_of(long)["until"] == NOW + MOST_DEFERRAL + SECOND
    assert judged(NOTHING, standing=wishing(paused_until=NOW)) == Allow()


def test_an_open_case_freezes_marketing_and_is_named() -> None:
    frozen = person(Part(cases={"case_7": Case(kind="complaint", opened_at=NOW - SECOND)}))
    refused = judged(NOTHING, standing=frozen)
    assert isinstance(refused, Drop)
    assert (gate_of(refused), refused.because[0].reference) == (Gate.CASE, "case_7")
    assert judged(NOTHING, standing=frozen, purpose=Purpose.SERVICE) == Allow()


def test_after_a_complaint_a_person_cools_down() -> None:
    rules = policy(cooldowns=[{"id": "calm", "after": "complaint", "days": 5}])
    hurt = person(Part(cooldowns={(CooldownCause.COMPLAINT, None): NOW - DAY}))
    refused = judged(rules, standing=hurt)
    assert isinstance(refused, Defer)
    assert refused.until == NOW + 4 * DAY
    assert judged(rules, standing=hurt, at=refused.until) == Allow()
    month = policy(cooldowns=[{"id": "calm", "after": "complaint", "days": 30}])
    assert isinstance(judged(month, standing=hurt), Drop)


def test_nobody_leaks_out_of_a_control_group_through_a_second_identifier() -> None:
    group = ControlGroup(id="holdout", salt="s", percent=0)
    joined = Standing(parts={ADA: Part(), BOB: Part(control_groups=frozenset({"holdout"}))})
    refused = judged(NOTHING, standing=joined, control_groups=[group])
    assert isinstance(refused, Drop)
    assert facts_of(refused)["rule"] == "holdout"
    assert judged(NOTHING, control_groups=[group]) == Allow()
    everybody = [replace(group, percent=100)]
    assert gate_of(judged(NOTHING, control_groups=everybody)) is Gate.CONTROL_GROUP
    receipt = judged(NOTHING, control_groups=everybody, purpose=Purpose.TRANSACTIONAL)
    assert receipt == Allow()


NIGHT_RULE = {"id": "night", "allowed": [{"from": "08:00", "to": "21:00"}]}


def test_quiet_hours_are_the_persons_own() -> None:
    evening = datetime(2026, 3, 3, 20, 30, tzinfo=UTC)
    rules = policy(quiet_hours=[NIGHT_RULE])
    assert judged(rules, at=evening) == Allow()
    refused = judged(rules, at=evening, standing=paris())
    assert isinstance(refused, Defer)
    assert refused.until == datetime(2026, 3, 4, 8, tzinfo=PARIS)


@pytest.mark.parametrize("day", [29, 28])
def test_quiet_hours_end_at_eight_on_the_wall_when_the_clock_changes(day: int) -> None:
    night = datetime(2026, 3, day, 0, 30, tzinfo=PARIS).astimezone(UTC)
    refused = judged(policy(quiet_hours=[NIGHT_RULE]), at=night, standing=paris())
    assert isinstance(refused, Defer)
    assert refused.until == datetime(2026, 3, day, 8, tzinfo=PARIS)


def test_numbers_of_two_countries_are_never_told_outside_either_zone() -> None:
    zones = ("Europe/Paris", "America/New_York")
    both = living(phone_zones=frozenset(zones))
    rules = policy(quiet_hours=[NIGHT_RULE])
    for hour in range(7 * 24):
        answer = judged(rules, at=NOW + hour * HOUR, standing=both)
        told = NOW + hour * HOUR if isinstance(answer, Allow) else answer.until  # type: ignore[union-attr]
        assert all(8 <= told.astimezone(ZoneInfo(zone)).hour < 21 for zone in zones)


def test_where_zones_share_no_instant_the_apps_zone_decides_and_says_so() -> None:
    both = living(phone_zones=frozenset({"Europe/Paris", "America/New_York"}))
    morning = policy(quiet_hours=[{"id": "m", "allowed": [{"from": "09:00", "to": "11:00"}]}])
    refused = judged(morning, standing=both, app_zone="Europe/Paris")
    assert isinstance(refused, Defer)
    assert refused.until == datetime(2026, 3, 4, 9, tzinfo=PARIS)
    assert [reason.rule for reason in refused.because] == ["m", "zone_ambiguous"]
    allowed = judged(morning, at=refused.until, standing=both, app_zone="Europe/Paris")
    assert isinstance(allowed, Allow)
    assert [reason.rule for reason in allowed.because] == ["zone_ambiguous"]


def test_the_hours_that_a_person_wishes_narrow_the_policys() -> None:
    lunch = Hours(windows=(Window(opens=13 * 60, closes=14 * 60),))
    refused = judged(policy(quiet_hours=[NIGHT_RULE]), standing=wishing(hours=lunch))
    assert isinstance(refused, Defer)
    assert refused.until == NOW + HOUR
    assert facts_of(refused)["rule"] == "hours_wish"


def test_hours_that_never_meet_are_no_reason_to_wait() -> None:
    dawn = Hours(windows=(Window(opens=4 * 60, closes=5 * 60),))
    assert isinstance(judged(policy(quiet_hours=[NIGHT_RULE]), standing=wishing(hours=dawn)), Drop)


def test_the_same_offer_is_not_told_again_on_another_channel() -> None:
    rules = policy(dedupe=[{"id": "offer", "channels": ["push", "email"], "hours": 72}])
    told = touch(NOW, offer=offer_hash("spring"))
    at = NOW + HOUR
    refused = judged(rules, told, at=at, channel=Channel.EMAIL, offer_key="spring")
    assert isinstance(refused, Defer)
    assert (gate_of(refused), refused.until) == (Gate.DEDUPE, NOW + 3 * DAY)
    assert judged(rules, told, at=at, channel=Channel.EMAIL, offer_key="autumn") == Allow()
    assert judged(rules, told, at=at, channel=Channel.EMAIL) == Allow()
    assert judged(rules, told, at=at, channel=Channel.SMS, offer_key="spring") == Allow()


def test_a_wish_for_less_is_a_cap_over_all_channels() -> None:
    wishes = wishing(frequency=FrequencyWish(limit=100, per=Period.WEEK))
    refused = judged(NOTHING, touch(NOW), at=NOW + DAY, standing=wishes, channel=Channel.EMAIL)
    assert isinstance(refused, Defer)
    assert facts_of(refused)["rule"] == "frequency_wish"
    assert refused.until == NOW + 7 * DAY


def test_a_person_of_whom_too_much_is_kept_gets_no_marketing() -> None:
    row = Pressure.of([touch(NOW - 9 * DAY)]).packed
    many = b"".join(row[:6] + number.to_bytes(10) + row[16:] for number in range(FULL))

    def asked(purpose: Purpose) -> Decision:
        return decide(
            NOTHING,
            person=ADA,
            pressure=Pressure(packed=many),
            standing=Standing(),
            control_groups=(),
            app_zone="UTC",
            now=NOW,
            candidate=candidate(purpose=purpose),
        )

    assert gate_of(asked(Purpose.MARKETING)) is Gate.PRESSURE_FULL
    assert asked(Purpose.TRANSACTIONAL) == Allow()


def test_what_would_expire_while_it_waits_is_dropped_and_says_so() -> None:
    rules = policy(caps=[cap(1)])
    late = judged(rules, touch(NOW), at=NOW + HOUR, expires_at=NOW + DAY)
    assert isinstance(late, Drop)
    assert [reason.gate for reason in late.because] == [Gate.CAP, Gate.EXPIRY]
    soon = judged(rules, touch(NOW), at=NOW + HOUR, expires_at=NOW + DAY + SECOND)
    assert isinstance(soon, Defer)
    assert gate_of(judged(NOTHING, expires_at=NOW)) is Gate.EXPIRY


def test_another_channel_is_named_if_the_same_would_be_allowed_there_now() -> None:
    rules = policy(
        channel_order=["push", "sms", "email"],
        caps=[cap(1, channels=["push", "sms"])],
    )
    at = NOW + HOUR
    refused = judged(rules, touch(NOW), at=at)
    assert isinstance(refused, Defer)
    assert refused.try_channel is Channel.EMAIL
    prefers = wishing(preferred_channel=Channel.POST)
    again = judged(rules, touch(NOW), at=at, standing=prefers)
    assert isinstance(again, Defer)
    assert again.try_channel is Channel.POST


def test_whom_the_campaign_holds_out_is_refused_by_its_rule() -> None:
    asked: dict[str, Any] = {"campaign_id": "cmp_1", "holdout_percent": 100}
    refused = judged(policy(channel_order=["email"]), **asked)
    assert isinstance(refused, Drop)
    assert (refused.because[0].gate, refused.because[0].rule, refused.try_channel) == (
        Gate.CONTROL_GROUP,
        "campaign_holdout",
        None,
    )
    receipt = judged(NOTHING, **asked, purpose=Purpose.TRANSACTIONAL)
    assert receipt == Allow()


def test_no_other_channel_goes_round_a_control_group() -> None:
    group = ControlGroup(id="g", salt="s", percent=100, channels=frozenset({Channel.PUSH}))
    refused = judged(policy(channel_order=["email"]), control_groups=[group])
    assert isinstance(refused, Drop)
    assert refused.try_channel is None


def test_an_allowed_candidate_becomes_a_touch_of_its_weight() -> None:
    asked = candidate(channel=Channel.AD, offer_key="spring")
    made = touch_of(asked, NOTHING, touch_id=ulid(NOW))
    assert (made.origin, made.weight, made.offer) == (ADA, 10, offer_hash("spring"))
    assert touch_of(replace(asked, weight=0.29), NOTHING, touch_id=ulid(NOW)).weight == 29
    assert touch_of(replace(asked, weight=0.001), NOTHING, touch_id=ulid(NOW)).weight == 1


def test_a_newcomer_can_send_a_push_and_no_mail_without_consent() -> None:
    assert judged(default_policy()) == Allow()
    mail = judged(default_policy(), channel=Channel.EMAIL)
    assert isinstance(mail, Drop)
    assert (facts_of(mail)["rule"], mail.try_channel) == ("asked-before", Channel.PUSH)
    granted = consenting(ConsentStatus.GRANTED, Channel.EMAIL)
    assert judged(default_policy(), channel=Channel.EMAIL, standing=granted) == Allow()


def test_the_first_gate_that_refuses_answers() -> None:
    everything = Part(
        is_erased=True,
        consents={ConsentKey(Purpose.MARKETING): ConsentMark(status=ConsentStatus.DENIED, at=NOW)},
        preferences=Preferences(at=NOW, channels_off=frozenset({Channel.PUSH})),
        cases={"case_1": Case(kind="complaint", opened_at=NOW)},
        whereabouts=Whereabouts(),
    )
    rules = policy(caps=[cap(1)])

    def first(part: Part) -> Gate | None:
        return gate_of(judged(rules, touch(NOW), at=NOW + HOUR, standing=person(part)))

    assert first(everything) is Gate.ERASED
    assert first(replace(everything, is_erased=False)) is Gate.CONSENT
    silent = replace(everything, is_erased=False, consents={})
    assert first(silent) is Gate.PREFERENCE
    assert first(replace(silent, preferences=None)) is Gate.CASE
    assert first(Part()) is Gate.CAP


FRENCH_CALLS = [
    # Tuesday 3 March 2026, local time in France; D. 223-9 of the code de la consommation.
    ("2026-03-03T09:59", "2026-03-03T10:00"),
    ("2026-03-03T10:00", None),
    ("2026-03-03T12:59", None),
    ("2026-03-03T13:00", "2026-03-03T14:00"),
    ("2026-03-03T19:59", None),
    ("2026-03-03T20:00", "2026-03-04T10:00"),
    ("2026-03-07T11:00", "2026-03-09T10:00"),
    ("2026-07-14T11:00", "2026-07-15T10:00"),
]


@pytest.mark.parametrize(("asked", "until"), FRENCH_CALLS)
def test_the_french_hours_of_marketing_calls(asked: str, until: str | None) -> None:
    _check_law("fr-phone", "Europe/Paris", Channel.PHONE, asked, until)


AMERICAN_CALLS = [
    ("2026-03-03T07:59", "2026-03-03T08:00"),
    ("2026-03-03T08:00", None),
    ("2026-03-03T20:59", None),
    ("2026-03-03T21:00", "2026-03-04T08:00"),
]


@pytest.mark.parametrize(
    ("channel", "asked", "until"),
    [(one, *row) for one, row in product((Channel.PHONE, Channel.SMS), AMERICAN_CALLS)],
)
def test_the_american_hours_of_calls_and_texts(
    channel: Channel, asked: str, until: str | None
) -> None:
    _check_law("us-tcpa", "America/New_York", channel, asked, until)


def _check_law(law: str, zone: str, channel: Channel, asked: str, until: str | None) -> None:
    agreed = consenting(ConsentStatus.GRANTED).parts[ADA]
    there = replace(agreed, whereabouts=Whereabouts(device_zones={"phone": zone}))
    at = datetime.fromisoformat(asked).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    answer = judged(policy(laws=[law]), at=at, standing=person(there), channel=channel)
    if until is None:
        assert answer == Allow()
    else:
        assert isinstance(answer, Defer)
        assert gate_of(answer) is Gate.LAW
        assert answer.until == datetime.fromisoformat(until).replace(tzinfo=ZoneInfo(zone))


def french(**changed: Any) -> Standing:
    agreed = consenting(ConsentStatus.GRANTED).parts[ADA]
    return person(replace(agreed, whereabouts=Whereabouts(countries=frozenset({"FR"})), **changed))


def test_the_french_law_asks_for_consent_to_calls() -> None:
    law = policy(laws=["fr-phone"])
    refused = judged(law, channel=Channel.PHONE)
    assert isinstance(refused, Drop)
    assert facts_of(refused)["rule"] == "fr-phone/consent"
    assert judged(law, channel=Channel.EMAIL) == Allow()
    assert judged(law, channel=Channel.PHONE, purpose=Purpose.SERVICE) == Allow()


def test_the_french_law_allows_four_calls_in_thirty_days() -> None:
    calls = [touch(NOW - (29 - n) * DAY, channel=Channel.PHONE) for n in range(4)]
    law = policy(laws=["fr-phone"])
    assert judged(law, *calls[:3], standing=french(), channel=Channel.PHONE) == Allow()
    refused = judged(law, *calls, standing=french(), channel=Channel.PHONE)
    assert isinstance(refused, Defer)
    assert (facts_of(refused)["rule"], facts_of(refused)["limit"]) == ("fr-phone/calls", 4.0)
    assert refused.until == NOW + DAY


def test_after_a_refusal_the_french_law_asks_for_sixty_days() -> None:
    said_no = french(cooldowns={(CooldownCause.REFUSAL, Channel.PHONE): NOW - 59 * DAY})
    refused = judged(policy(laws=["fr-phone"]), standing=said_no, channel=Channel.PHONE)
    assert isinstance(refused, Defer)
    assert refused.until == NOW + DAY


@pytest.mark.parametrize(("country", "protected"), [("FR", True), ("RE", True), ("DE", False)])
def test_a_law_protects_who_may_be_in_its_country(country: str, protected: bool) -> None:
    answer = judged(
        policy(laws=["fr-phone"]),
        standing=living(countries=frozenset({country})),
        channel=Channel.PHONE,
    )
    assert isinstance(answer, Drop if protected else Allow)
