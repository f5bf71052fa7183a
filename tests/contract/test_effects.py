"""What other systems tell counts once, however often and in whatever order it comes."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.standing import ConsentStatus
from shared.contact_policy.model.told import BOUNCED, COMPLAINED, GRANTED, SENT, WITHDRAWN
from shared.kernel.decisions import Allow, Defer, Drop, Gate
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from tests.contract.policy import (
    APP,
    EMAIL,
    HOUR,
    PolicyServices,
    in_memory,
    merge,
    on_dynamodb,
    statement,
)
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB
from tests.fakes.told import an_event

BY_EMAIL: dict[str, Any] = {"channel": "email", "purpose": "marketing"}
SMS = an_event(SENT, channel="sms", direction="out", purpose="marketing")
COMPLAINT = an_event(COMPLAINED, 2, channel="email", direction="in")
REFUSAL = an_event(WITHDRAWN, 3, at=NOON - 2 * HOUR, **BY_EMAIL)
AGREEMENT = an_event(GRANTED, 4, at=NOON - HOUR, **BY_EMAIL)
BOUNCE = an_event(BOUNCED, 5, channel="email", direction="out", data={"kind": "permanent"})


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def apply(it: PolicyServices, events: Iterable[Envelope]) -> None:
    for event in events:
        it.effects.apply(event)


def consent(it: PolicyServices, contact_id: str = ADA) -> ConsentStatus | None:
    return it.effective(contact_id).consent(Purpose.MARKETING, Channel.EMAIL, None)


def proofs(it: PolicyServices) -> list[tuple[ConsentStatus, str, str]]:
    page = it.consents.history(ADA, app_id=APP, limit=50, cursor=None)
    return [(proof.status, proof.obtained_by, proof.by) for proof in page.items]


def test_what_another_system_sent_counts_once_with_the_weight_of_its_channel(
    it: PolicyServices,
) -> None:
    it.under(weights={"sms": 0.7})
    apply(it, [SMS, SMS])
    (touch,) = it.person().pressure.touches
    assert (touch.channel, touch.purpose, touch.weight) == (Channel.SMS, Purpose.MARKETING, 70)
    assert touch.held_until is None


def test_after_a_refusal_on_the_phone_the_french_law_has_sixty_days_of_rest(
    it: PolicyServices,
) -> None:
    it.under(laws=["fr-phone"])
    call = an_event(
        "call.ended.v1",
        channel="phone",
        direction="out",
        purpose="marketing",
        data={"outcome": "refused"},
    )
    apply(it, [call, call])
    assert it.effective().last(CooldownCause.REFUSAL, Channel.PHONE) == call.time
    assert it.effective().last(CooldownCause.REFUSAL, Channel.SMS) is None


def test_a_text_of_another_system_takes_the_last_place_under_the_cap(it: PolicyServices) -> None:
    it.capped(2)
    it.reserved()
    assert isinstance(it.decide(), Allow)
    it.effects.apply(SMS)
    decision = it.decide()
    assert isinstance(decision, Defer)
    assert decision.until == NOON + 24 * HOUR


def test_letters_calls_and_meetings_count_and_what_the_person_does_does_not(
    it: PolicyServices,
) -> None:
    out: dict[str, Any] = {"direction": "out"}
    call = {"call_id": "c-7"}
    apply(
        it,
        [
            an_event(SENT, 1, channel="post", **out),
            an_event("call.started.v1", 2, channel="phone", data=call, **out),
            an_event("call.ended.v1", 3, channel="phone", data=call, **out),
            an_event("meeting.held.v1", 4, channel="f2f", **out),
            an_event("call.ended.v1", 5, channel="phone", direction="in"),
            an_event("page.viewed.v1", 6, channel="web", direction="in"),
            an_event("purchase.completed.v1", 7, channel="web", direction="in"),
        ],
    )
    channels = [touch.channel for touch in it.person().pressure.touches]
    assert sorted(channels) == [Channel.F2F, Channel.PHONE, Channel.POST]


@pytest.mark.parametrize("hours", [0, 2])
def test_what_was_asked_for_before_it_was_sent_counts_as_what_it_reserved(
    it: PolicyServices, hours: int
) -> None:
    _, held = it.reserve(hold=HOUR)
    assert held
    it.clock.advance(hours * HOUR)
    sent = an_event(
        SENT, at=it.clock(), channel="sms", data={"reservation_id": held.reservation_id}
    )
    apply(it, [sent, sent])
    (touch,) = it.person().pressure.touches
    assert touch.held_until is None
    assert held.reservation_id.endswith(touch.touch_id)


@pytest.mark.parametrize("reservation_id", ["mine", f"rsv_{'0' * 26}{'1' * 26}"])
def test_a_reservation_that_is_not_kept_leaves_the_touch_to_be_counted(
    it: PolicyServices, reservation_id: str
) -> None:
    it.effects.apply(an_event(SENT, channel="sms", data={"reservation_id": reservation_id}))
    assert len(it.person().pressure) == 1


def test_what_is_dated_after_it_was_recorded_counts_from_then(it: PolicyServices) -> None:
    it.capped(1)
    later = NOON + timedelta(days=3)
    it.effects.apply(an_event(SENT, at=later, recorded_at=NOON, channel="sms"))
    decision = it.decide()
    assert isinstance(decision, Defer)
    assert decision.until == NOON + 24 * HOUR


def test_a_complaint_opens_one_case_which_stays_closed_once_it_was(it: PolicyServices) -> None:
    it.under(cooldowns=[{"id": "rest", "after": "complaint", "days": 30}])
    it.effects.protection.protect(COMPLAINT)
    decision = it.decide()
    assert isinstance(decision, Drop)
    (reason,) = decision.because
    assert (reason.gate, list(dict(it.effective().cases()))) == (Gate.CASE, [COMPLAINT.id])
    assert COMPLAINT.id in str(reason)

    apply(it, [COMPLAINT, COMPLAINT])
    assert it.types().count("case.opened.v1") == 1
    it.cases.close_case(COMPLAINT.id, app_id=APP)
    it.effects.apply(COMPLAINT)
    assert dict(it.effective().cases()) == {}


def test_a_refusal_is_kept_with_its_proof_and_told_once(it: PolicyServices) -> None:
    it.consents.give(statement())
    after = an_event(WITHDRAWN, 3, at=NOON + HOUR, **BY_EMAIL)
    it.effects.protection.protect(after)
    told = it.types()
    version = it.person().standing.version
    apply(it, [after, after])
    assert consent(it) is ConsentStatus.WITHDRAWN
    assert proofs(it)[0] == (ConsentStatus.WITHDRAWN, "suite", after.id)
    assert (it.types(), it.person().standing.version) == (told, version)
    assert told == ["consent.granted.v1", "consent.withdrawn.v1"]


def test_only_what_protects_is_done_before_the_answer(it: PolicyServices) -> None:
    for event in (SMS, AGREEMENT, BOUNCE):
        it.effects.protection.protect(event)
    assert (it.person().pressure.version, it.person().standing.version) == (0, 0)


def test_the_later_word_holds_whichever_comes_first_and_both_are_kept(it: PolicyServices) -> None:
    apply(it, [AGREEMENT, REFUSAL])
    assert consent(it) is ConsentStatus.GRANTED
    assert {proof[2] for proof in proofs(it)} == {AGREEMENT.id, REFUSAL.id}
    assert it.types() == ["consent.granted.v1"]


def test_of_two_words_of_one_instant_the_stricter_holds(it: PolicyServices) -> None:
    refusal = an_event(WITHDRAWN, 9, at=AGREEMENT.time, **BY_EMAIL)
    apply(it, [refusal, AGREEMENT])
    assert consent(it) is ConsentStatus.WITHDRAWN


def test_an_agreement_told_by_others_ends_no_refusal_of_another_contact(
    it: PolicyServices,
) -> None:
    it.consents.withdraw(statement(BOB))
    it.people.unite(merge("edge", ADA, BOB))
    it.effects.apply(an_event(GRANTED, at=NOON + HOUR, **BY_EMAIL))
    assert consent(it) is ConsentStatus.WITHDRAWN
    # The person's own word is said in the knowledge of it.
    it.clock.advance(2 * HOUR)
    it.consents.give(statement(ADA))
    assert consent(it) is ConsentStatus.GRANTED


def test_an_agreement_to_nothing_certain_is_not_heard(it: PolicyServices) -> None:
    it.effects.apply(an_event(GRANTED, channel="email"))
    assert (consent(it), proofs(it)) == (None, [])


def test_who_cannot_be_reached_rests_on_that_channel(it: PolicyServices) -> None:
    apply(it, [BOUNCE, BOUNCE])
    assert it.effective().last(CooldownCause.BOUNCE, Channel.EMAIL) == NOON
    assert it.effective().last(CooldownCause.BOUNCE, Channel.SMS) is None


def test_nothing_is_kept_of_who_was_erased(it: PolicyServices) -> None:
    it.personal.erase([ADA], app_id=APP)
    apply(it, [SMS, COMPLAINT, REFUSAL, AGREEMENT, BOUNCE])
    assert (len(it.person().pressure), proofs(it)) == (0, [])
    assert it.person_store.cases_of(ADA, app_id=APP) == []
    assert it.types() == []


def test_many_who_apply_the_same_at_once_apply_it_once(it: PolicyServices) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(it.effects.apply, [SMS, COMPLAINT, REFUSAL] * 4))
    assert len(it.person().pressure) == 1
    assert sorted(it.types()) == ["case.opened.v1", "consent.withdrawn.v1"]
    assert len(proofs(it)) == 1


def test_any_order_ends_with_the_same_person() -> None:
    ends = set()
    for order in permutations([SMS, COMPLAINT, REFUSAL, AGREEMENT, BOUNCE]):
        it = in_memory()
        apply(it, [*order, order[0]])
        person = it.person()
        part = person.standing.part(ADA)
        ends.add(
            (
                person.pressure.packed,
                frozenset(part.cases),
                frozenset(part.cooldowns.items()),
                part.consents[EMAIL],
                frozenset(proofs(it)),
            )
        )
    assert len(ends) == 1
