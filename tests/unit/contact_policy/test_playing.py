"""A draft is played by the engine itself, over what happened."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contact_policy.events import SOURCE
from shared.contact_policy.model.decide import decide
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.effect import ALL_RULES, EXAMPLES_OF_EACH, Tally
from shared.contact_policy.model.past import past_of
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.playing import History, Played
from shared.contact_policy.model.policy import (
    Policy,
    QuietHoursRule,
)
from shared.contact_policy.model.pressure import Pressure, Touch, offer_hash
from shared.contact_policy.model.standing import (
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Part,
    Preferences,
    Standing,
    Whereabouts,
)
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from tests.fakes.contact_policy import ADA, TUESDAY_NOON
from tests.fakes.told import an_event
from tests.unit.contact_policy.pasts import LEDGERS, a_person, played, sent
from tests.unit.contact_policy.strategies import RULES, policies

FREE = policy_of({})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def capped(limit: int, **rule: Any) -> Policy:
    return policy_of({"caps": [{"id": "cap", "limit": limit, "window": {"rolling": 24}, **rule}]})


def words(found: list[Played]) -> list[tuple[str, str]]:
    return [(type(one.before).__name__, type(one.after).__name__) for one in found]


def after(found: list[Played]) -> list[str]:
    return [type(one.after).__name__ for one in found]


def stopped(found: list[Played], *, by_draft: bool) -> set[str]:
    return {
        one.asked.event_id
        for one in found
        if not isinstance(one.after if by_draft else one.before, Allow)
    }


@settings(deadline=None)
@given(LEDGERS, policies(), st.sampled_from(History))
def test_a_policy_played_against_itself_changes_nothing(
    events: Any, policy: Policy, history: History
) -> None:
    same = replace(policy)
    for one in played(*events, before=policy, after=same, history=history):
        assert one.before == one.after


@settings(deadline=None)
@given(LEDGERS, policies(), st.data())
def test_a_stricter_draft_only_stops_more(events: Any, policy: Policy, data: st.DataObject) -> None:
    stricter = data.draw(stricter_than(policy))
    found = played(*events, before=policy, after=stricter)
    assert stopped(found, by_draft=False) <= stopped(found, by_draft=True)


@st.composite
def stricter_than(draw: st.DrawFn, policy: Policy) -> Policy:
    """Return a policy with a rule more, a lower cap, shorter hours, or a longer gap."""
    way = draw(st.sampled_from(["rule", "cap", "hours", "gap", "cooldown", "bypass"]))
    if way == "rule":
        section = draw(st.sampled_from(sorted(RULES)))
        rule = replace(draw(RULES[section]), id="one-more")
        more: dict[str, Any] = {section: (*getattr(policy, section), rule)}
        return replace(policy, **more)
    if way == "bypass":
        return replace(policy, bypass={Purpose.TRANSACTIONAL: frozenset()})
    changes: dict[str, Any] = {
        "cap": {
            "caps": tuple(replace(rule, limit=max(rule.limit - 100, 1)) for rule in policy.caps)
        },
        "hours": {"quiet_hours": tuple(_shortened(rule) for rule in policy.quiet_hours)},
        "gap": {"gaps": tuple(replace(rule, minutes=rule.minutes + 60) for rule in policy.gaps)},
        "cooldown": {
            "cooldowns": tuple(replace(rule, days=rule.days + 9) for rule in policy.cooldowns)
        },
    }
    return replace(policy, **changes[way])


def _shortened(rule: QuietHoursRule) -> QuietHoursRule:
    return replace(rule, hours=replace(rule.hours, windows=rule.hours.windows[:1]))


def test_what_a_draft_refuses_still_counts_as_history_where_it_happened() -> None:
    events = [sent(number, minutes=number * 600) for number in range(4)]
    draft = capped(1)
    assert after(played(*events, before=FREE, after=draft)) == ["Allow", "Defer", "Defer", "Defer"]
    replayed = played(*events, before=FREE, after=draft, history=History.PLAYED)
    # The second and third make room: the draft never let them be sent.
    assert after(replayed) == ["Allow", "Defer", "Defer", "Allow"]


def test_in_a_play_a_stricter_draft_may_allow_what_the_policy_does_not() -> None:
    before = policy_of({"gaps": [{"id": "gap", "minutes": 90}]})
    night = {"id": "night", "allowed": [{"from": "13:30", "to": "24:00"}]}
    draft = policy_of({"gaps": [{"id": "gap", "minutes": 90}], "quiet_hours": [night]})
    events = [sent(1), sent(2, minutes=60)]
    assert words(played(*events, before=before, after=draft, history=History.PLAYED)) == [
        ("Allow", "Defer"),
        ("Defer", "Allow"),
    ]
    assert words(played(*events, before=before, after=draft)) == [
        ("Allow", "Defer"),
        ("Defer", "Defer"),
    ]


def test_shorter_hours_may_open_what_was_closed_where_the_zones_share_none() -> None:
    """The one exception to stricter being stricter: then the app's zone decides."""
    where = Whereabouts(phone_zones=frozenset({"Europe/Paris", "Pacific/Auckland"}))
    person = Person(
        app_id="app_1", contact_id=ADA, standing=Standing(parts={ADA: Part(whereabouts=where)})
    )

    def hours(opens: str, closes: str) -> Policy:
        allowed = [{"from": opens, "to": closes}]
        return policy_of({"quiet_hours": [{"id": "day", "allowed": allowed}]})

    found = played(
        sent(1), before=hours("06:00", "21:00"), after=hours("10:00", "18:00"), person=person
    )
    assert words(found) == [("Defer", "Allow")]
    assert found[0].after.because[0].rule == "zone_ambiguous"


def test_each_policy_weighs_history_by_its_own_weights() -> None:
    events = [sent(1, channel="ad"), sent(2, minutes=5, channel="ad")]
    heavy = policy_of(
        {"weights": {"ad": 1}, "caps": [{"id": "cap", "limit": 1, "window": {"rolling": 24}}]}
    )
    assert words(played(*events, before=capped(1), after=heavy)) == [
        ("Allow", "Allow"),
        ("Allow", "Defer"),
    ]


def test_what_happened_before_counts_and_is_not_judged() -> None:
    events = [sent(1, minutes=-60), sent(2)]
    found = played(*events, before=FREE, after=capped(1), since=TUESDAY_NOON)
    assert [one.asked.event_id for one in found] == [events[1].id]
    assert after(found) == ["Defer"]


def test_a_campaign_on_two_devices_is_one_touch() -> None:
    pushes = [
        sent(
            number,
            minutes=number,
            source="push",
            data={"campaign_id": "cmp_1", "message_id": f"msg_X_{number}"},
        )
        for number in (1, 2)
    ]
    now = [
        sent(10 + number, source="push", data={"message_id": f"msg_Y_{number}"})
        for number in (1, 2)
    ]
    found = played(*pushes, *now, before=FREE, after=FREE)
    assert [one.asked.event_id for one in found] == [now[0].id, pushes[0].id]


def test_of_an_ad_the_impression_is_a_touch() -> None:
    kinds = ("loaded", "shown", "half_viewed", "fully_viewed")
    events = [
        an_event(
            f"ad.{kind}.v1",
            number,
            at=TUESDAY_NOON,
            source="placements",
            channel="ad",
            direction="out",
            purpose="marketing",
        )
        for number, kind in enumerate(kinds)
    ]
    (one,) = played(*events, before=FREE, after=FREE)
    assert one.asked.event_id == events[1].id


def test_what_was_refused_is_played_where_that_is_asked_for() -> None:
    def refused(number: int, **data: Any) -> Any:
        return an_event(
            "message.suppressed.v1",
            number,
            at=TUESDAY_NOON + number * HOUR,
            source="push",
            channel="push",
            purpose="marketing",
            data=data,
        )

    told = {"campaign_id": "cmp_1", "message_id": "msg_X_1"}
    events = [refused(1, campaign_id="cmp_2"), refused(2, campaign_id="cmp_2"), refused(3, **told)]
    events.append(sent(4, minutes=600, source="push", data=told))
    assert len(played(*events, before=capped(1), after=FREE)) == 1
    found = played(*events, before=capped(1), after=FREE, with_refused=True)
    # The first of a campaign that was never sent, and the one that was; what was refused is no
    # history of it.
    assert [(one.asked.is_made, type(one.before)) for one in found] == [
        (False, Allow),
        (True, Allow),
    ]


def test_words_hold_from_when_they_were_said() -> None:
    asked = policy_of({"consent": [{"id": "asked", "requires": "opt_in"}]})
    key = {"consent_channel": None, "topic": None}
    ours: dict[str, Any] = {"source": SOURCE, "purpose": "marketing", "data": key}
    events = [
        sent(1),
        an_event("consent.granted.v1", 2, at=TUESDAY_NOON + HOUR, **ours),
        sent(3, minutes=120),
        an_event("consent.withdrawn.v1", 4, at=TUESDAY_NOON + 3 * HOUR, **ours),
        sent(5, minutes=240),
        sent(7, minutes=360),
    ]
    # The last word is kept, and the ledger tells nothing of it.
    mark = ConsentMark(status=ConsentStatus.GRANTED, at=TUESDAY_NOON + 5 * HOUR)
    person = a_person(consents={ConsentKey(Purpose.MARKETING): mark})
    found = played(*events, before=FREE, after=asked, person=person)
    assert after(found) == ["Drop", "Allow", "Drop", "Allow"]


def test_a_question_that_nobody_answered_is_no_consent() -> None:
    asked = policy_of({"consent": [{"id": "asked", "requires": "opt_in"}]})
    key = {"consent_channel": "push", "topic": None}
    question = an_event(
        "consent.requested.v1",
        1,
        at=TUESDAY_NOON,
        source=SOURCE,
        purpose="marketing",
        data=key,
    )
    (found,) = played(question, sent(2, minutes=1), before=FREE, after=asked)
    assert found.after.because[0].detail.endswith("consent is not confirmed yet.")


def test_cases_hold_while_they_are_open_and_rests_follow() -> None:
    rested = policy_of({"cooldowns": [{"id": "rest", "after": "complaint", "days": 1}]})
    case = {"case_id": "cas_1", "kind": "complaint"}
    closed = an_event("case.closed.v1", 2, at=TUESDAY_NOON + HOUR, source=SOURCE, data=case)
    opened = an_event(
        "case.opened.v1",
        4,
        at=TUESDAY_NOON + 2 * DAY,
        source=SOURCE,
        data={**case, "case_id": "cas_2"},
    )
    events = [
        sent(1),
        closed,
        sent(3, minutes=120),
        sent(5, minutes=26 * 60),
        opened,
        sent(6, minutes=49 * 60),
        sent(7, minutes=99 * 60),
    ]
    other = Case(kind="delivery", opened_at=TUESDAY_NOON + 3 * DAY)
    person = a_person(cases={"cas_3": other})
    found = played(*events, before=FREE, after=rested, person=person)
    assert [(type(one.before).__name__, type(one.after).__name__) for one in found] == [
        ("Drop", "Drop"),  # it had been opened before all that we know of
        ("Allow", "Defer"),
        ("Allow", "Allow"),
        ("Drop", "Drop"),
        ("Drop", "Drop"),
    ]
    assert len(found[-1].before.because) == 2


def test_bounces_and_refusals_ask_for_a_rest() -> None:
    rests = [
        {"id": "bounced", "channels": ["email"], "after": "bounce", "days": 1},
        {"id": "said-no", "channels": ["phone"], "after": "refusal", "days": 1},
    ]
    events = [
        sent(1, channel="email"),
        an_event("message.bounced.v1", 2, at=TUESDAY_NOON + HOUR, channel="email"),
        sent(3, minutes=120, channel="email"),
        an_event(
            "call.ended.v1",
            4,
            at=TUESDAY_NOON + 3 * HOUR,
            channel="phone",
            direction="out",
            data={"outcome": "refused"},
        ),
        sent(5, minutes=240, channel="phone"),
    ]
    found = played(*events, before=FREE, after=policy_of({"cooldowns": rests}))
    # The call in which they said no is a touch itself, and not held against them.
    assert after(found) == ["Allow", "Defer", "Allow", "Defer"]
    assert [one.after.because[0].rule for one in found[1::2]] == ["bounced", "said-no"]


def test_wishes_hold_from_when_they_were_said() -> None:
    wishes = Preferences(at=TUESDAY_NOON + HOUR, channels_off=frozenset({Channel.PUSH}))
    person = a_person(preferences=wishes)
    found = played(sent(1), sent(2, minutes=90), before=FREE, after=FREE, person=person)
    assert after(found) == ["Allow", "Drop"]


@settings(deadline=None)
@given(LEDGERS, policies())
def test_each_decision_is_that_of_the_engine(events: Any, policy: Policy) -> None:
    """Of whom nothing is kept but words of the ledger, the play says what ``decide`` does."""
    past = past_of(a_person(), events)
    touches: list[Touch] = []
    found = played(*events, before=policy, after=FREE)
    for one, (asked, standing) in zip(found, past.standings(), strict=True):
        said = decide(
            policy,
            person=ADA,
            pressure=Pressure.of(touches),
            standing=standing,
            control_groups=(),
            app_zone="Europe/Paris",
            now=asked.at,
            candidate=asked.candidate,
        )
        assert without_channel(said) == one.before
        weight = policy.weight_of(asked.candidate)
        touches.append(asked.touch(weight, offer_hash(asked.candidate.offer_key)))


def without_channel(decision: Decision) -> Decision:
    return decision if isinstance(decision, Allow) else replace(decision, try_channel=None)


def test_the_table_says_by_rule_and_channel_what_changes() -> None:
    events = [sent(number, minutes=number * 60) for number in range(5)]
    events.append(sent(9, minutes=30, channel="email"))
    night = {"id": "late", "allowed": [{"from": "00:00", "to": "16:30"}]}
    draft = policy_of(
        {
            "quiet_hours": [night],
            "caps": [{"id": "cap", "channels": ["push"], "limit": 3, "window": {"rolling": 24}}],
        }
    )
    tally = Tally()
    for one in played(*events, before=capped(1), after=draft):
        tally.add(ADA, one)
    rows = {(row.rule, row.channel): row for row in tally.rows()}
    first, *_ = tally.rows()
    assert first.rule == ALL_RULES
    push = rows[ALL_RULES, Channel.PUSH]
    # 13:00 to 17:00 in Paris: the last is late, the one before it the fourth.
    assert (push.before.allowed, push.before.deferred) == (1, 4)
    assert (push.after.allowed, push.after.deferred) == (3, 2)
    assert (push.newly_allowed, push.newly_deferred, push.contacts) == (2, 0, 1)
    gates = {row.rule.gate: row for (rule, channel), row in rows.items() if channel == "push"}
    assert (gates[Gate.QUIET_HOURS].after.deferred, gates[Gate.CAP].newly_allowed) == (1, 2)
    assert rows[ALL_RULES, Channel.EMAIL].newly_allowed == 1
    assert (tally.touches, tally.changed, tally.contacts) == (6, 3, {ADA})
    assert tally.untold == {"topic": 6, "offer_key": 6, "priority": 6}


def test_of_each_change_there_are_a_few_examples() -> None:
    events = [sent(number, minutes=number) for number in range(9)]
    tally = Tally()
    for one in played(*events, before=FREE, after=capped(1)):
        tally.add(ADA, one)
    assert len(tally.examples()) == EXAMPLES_OF_EACH
    assert {type(one.played.after) for one in tally.examples()} == {Defer}


@settings(deadline=None)
@given(LEDGERS, policies(), policies())
def test_the_table_adds_up(events: Any, before: Policy, draft: Policy) -> None:
    tally = Tally()
    found = played(*events, before=before, after=draft)
    for one in found:
        tally.add(ADA, one)
    rows = [row for row in tally.rows() if row.rule == ALL_RULES]
    assert sum(row.before.allowed + row.before.deferred + row.before.refused for row in rows) == (
        len(found)
    )
    assert sum(row.after.refused for row in rows) == sum(isinstance(o.after, Drop) for o in found)
    changed = sum(row.newly_refused + row.newly_deferred + row.newly_allowed for row in rows)
    assert changed == tally.changed
