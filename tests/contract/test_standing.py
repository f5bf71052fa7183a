"""What people say is kept with its proof, and holds from then on; on every store."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contact_policy.errors import (
    CaseIdTakenError,
    CaseNotFoundError,
    ConsentInvalidError,
    ConsentNotPendingError,
    PersonErasedError,
)
from shared.contact_policy.model.people import Link
from shared.contact_policy.model.policy import CooldownCause, Hours, Period, Weekday, Window
from shared.contact_policy.model.standing import (
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    FrequencyWish,
    Part,
    Preferences,
    Whereabouts,
)
from shared.contact_policy.service.consents import LONGEST_TEXT, MOST_CONSENTS
from shared.contact_policy.store.standings import standing_of, standing_text
from shared.kernel.clock import from_milliseconds
from shared.kernel.decisions import Allow, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from tests.contract.policy import (
    APP,
    HOUR,
    PolicyServices,
    in_memory,
    merge,
    on_dynamodb,
    statement,
)
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB
from tests.unit.contact_policy.strategies import HOURS

OPT_IN = {"consent": [{"id": "opt-in", "channels": ["email"], "requires": "opt_in"}]}


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def email(it: PolicyServices, contact_id: str = ADA) -> ConsentStatus | None:
    return it.effective(contact_id).consent(Purpose.MARKETING, Channel.EMAIL, None)


def test_nothing_is_sent_without_the_consent_that_the_policy_asks_for(it: PolicyServices) -> None:
    it.under(**OPT_IN)
    refused, _ = it.reserve(channel=Channel.EMAIL)
    assert isinstance(refused, Drop)
    assert refused.because[0].gate is Gate.CONSENT
    it.consents.give(statement())
    assert isinstance(it.reserve(channel=Channel.EMAIL)[0], Allow)
    it.consents.withdraw(statement())
    assert isinstance(it.decide(channel=Channel.EMAIL), Drop)
    assert it.types()[1:] == ["consent.granted.v1", "consent.withdrawn.v1"]


def test_a_consent_that_waits_for_its_confirmation_allows_nothing(it: PolicyServices) -> None:
    it.under(**OPT_IN)
    with pytest.raises(ConsentNotPendingError):
        it.consents.confirm(statement())
    it.consents.ask(statement(expires_at=NOON + HOUR))
    assert email(it) is ConsentStatus.PENDING
    assert isinstance(it.decide(channel=Channel.EMAIL), Drop)
    it.consents.confirm(statement())
    assert email(it) is ConsentStatus.GRANTED
    with pytest.raises(ConsentNotPendingError):
        it.consents.confirm(statement())


def test_a_question_that_has_expired_is_not_confirmed(it: PolicyServices) -> None:
    it.consents.ask(statement(expires_at=NOON + HOUR))
    it.clock.advance(HOUR)
    with pytest.raises(ConsentNotPendingError):
        it.consents.confirm(statement())


def test_every_word_about_consent_is_kept_with_its_proof(it: PolicyServices) -> None:
    topic = ConsentKey(Purpose.MARKETING, None, "sport")
    given = it.consents.give(
        statement(text="May we?", text_version="3", expires_at=NOON + 9 * HOUR)
    )
    it.clock.advance(HOUR)
    denied = it.consents.deny(statement(key=topic, obtained_by="call", by="agent 7"))
    withdrawn = it.consents.withdraw(statement(text=None))
    first = it.consents.history(ADA, app_id=APP, limit=2, cursor=None)
    rest = it.consents.history(ADA, app_id=APP, limit=2, cursor=first.next_cursor)
    assert list(first.items) == [withdrawn, denied]
    assert list(rest.items) == [given]
    assert rest.next_cursor is None
    assert (given.text, given.text_version, given.at) == ("May we?", "3", NOON)
    assert (denied.key, denied.status, denied.by) == (topic, ConsentStatus.DENIED, "agent 7")
    granted, refused, _ = it.told()
    assert granted["data"]["proof_id"] == given.proof_id
    assert (refused["data"]["topic"], refused["data"]["consent_channel"]) == ("sport", None)


def test_a_text_or_a_list_without_end_is_refused(it: PolicyServices) -> None:
    with pytest.raises(ConsentInvalidError) as refused:
        it.consents.give(statement(text="x" * (LONGEST_TEXT + 1)))
    assert [problem.pointer for problem in refused.value.fields] == ["/text"]


def test_a_contact_speaks_of_two_hundred_kinds_of_contact_at_most() -> None:
    it = in_memory()
    for number in range(MOST_CONSENTS):
        it.consents.give(statement(key=ConsentKey(Purpose.MARKETING, None, f"{number}")))
    with pytest.raises(ConsentInvalidError):
        it.consents.give(statement())


def test_who_was_joined_to_one_who_refused_can_agree_again_until_they_are_parted(
    it: PolicyServices,
) -> None:
    it.consents.withdraw(statement(BOB))
    it.consents.give(statement(ADA))
    it.people.unite(merge("edg_1", ADA, BOB))
    assert email(it) is email(it, BOB) is ConsentStatus.WITHDRAWN
    it.clock.advance(HOUR)
    it.consents.give(statement(ADA))
    assert email(it) is email(it, BOB) is ConsentStatus.GRANTED
    it.people.split(merge("edg_1", ADA, BOB))
    assert (email(it), email(it, BOB)) == (ConsentStatus.GRANTED, ConsentStatus.WITHDRAWN)


def test_wishes_are_written_whole_and_told_by_name(it: PolicyServices) -> None:
    it.under()
    wishes = Preferences(
        at=NOON,
        channels_off=frozenset({Channel.SMS}),
        topics_off=frozenset({"sport"}),
        frequency=FrequencyWish(limit=100, per=Period.WEEK),
        hours=Hours(windows=(Window(days=frozenset({Weekday.SUN}), opens=0, closes=1440),)),
        preferred_channel=Channel.PUSH,
        zone="Europe/Madrid",
    )
    assert it.preferences.put_preferences(ADA, wishes, app_id=APP) == wishes
    assert it.preferences.get_preferences(ADA, app_id=APP) == wishes
    it.clock.advance(HOUR)
    assert it.preferences.put_preferences(ADA, wishes, app_id=APP).at == NOON
    assert it.person().standing.version == 1
    (event,) = it.told()[1:]
    assert event["type"] == "preferences.updated.v1"
    assert set(event["data"]["changed"]) == {
        *("channels_off", "topics_off", "frequency", "hours", "preferred_channel", "zone")
    }
    assert isinstance(it.decide(channel=Channel.SMS), Drop)
    assert isinstance(it.reserve()[0], Allow)
    assert isinstance(it.decide(), Defer)


def test_wishes_after_a_merge_answer_for_both(it: PolicyServices) -> None:
    def off(*channels: Channel) -> Preferences:
        return Preferences(at=NOON, channels_off=frozenset(channels))

    it.preferences.put_preferences(ADA, off(Channel.SMS), app_id=APP)
    it.preferences.put_preferences(BOB, off(Channel.EMAIL), app_id=APP)
    it.people.unite(merge("edg_1", ADA, BOB))
    both = it.preferences.get_preferences(BOB, app_id=APP)
    assert both.channels_off == {Channel.SMS, Channel.EMAIL}
    it.clock.advance(HOUR)
    it.preferences.put_preferences(BOB, off(), app_id=APP)
    assert it.preferences.get_preferences(ADA, app_id=APP).channels_off == set()
    it.people.split(merge("edg_1", ADA, BOB))
    assert it.preferences.get_preferences(ADA, app_id=APP).channels_off == {Channel.SMS}


def test_a_complaint_on_another_channel_stops_the_push_a_second_later(it: PolicyServices) -> None:
    it.under(cooldowns=[{"id": "rest", "after": "complaint", "days": 3}])
    assert it.decide() == Allow()
    case = it.cases.open_case(ADA, app_id=APP, case_id="crm-77")
    it.clock.advance(timedelta(seconds=1))
    refused, _ = it.reserve()
    assert isinstance(refused, Drop)
    assert [(reason.gate, reason.reference) for reason in refused.because] == [
        (Gate.CASE, "crm-77")
    ]
    it.cases.close_case(case.case_id, app_id=APP)
    rests = it.decide()
    assert isinstance(rests, Defer)
    assert rests.until == it.clock() + timedelta(days=3)
    assert it.types()[1:] == ["case.opened.v1", "case.closed.v1"]


def test_a_case_is_opened_once_and_closed_once(it: PolicyServices) -> None:
    opened = it.cases.open_case(ADA, app_id=APP, case_id="1")
    assert it.cases.open_case(ADA, app_id=APP, case_id="1") == opened
    with pytest.raises(CaseIdTakenError):
        it.cases.open_case(BOB, app_id=APP, case_id="1")
    closed = it.cases.close_case("1", app_id=APP)
    it.clock.advance(HOUR)
    assert it.cases.close_case("1", app_id=APP) == closed
    assert it.cases.open_case(ADA, app_id=APP, case_id="1") == closed
    with pytest.raises(CaseNotFoundError):
        it.cases.close_case("2", app_id=APP)
    assert it.types() == ["case.opened.v1", "case.closed.v1"]


def test_a_case_of_one_contact_stops_what_is_for_another_of_the_same_person(
    it: PolicyServices,
) -> None:
    it.under()
    case = it.cases.open_case(BOB, app_id=APP)
    it.people.unite(merge("edg_1", ADA, BOB))
    assert isinstance(it.decide(ADA), Drop)
    it.cases.close_case(case.case_id, app_id=APP)
    assert it.decide(ADA) == Allow()


def test_a_refusal_on_the_phone_gives_rest_from_calls(it: PolicyServices) -> None:
    it.under(cooldowns=[{"id": "no", "after": "refusal", "days": 2, "channels": ["phone"]}])
    refusal = CooldownCause.REFUSAL
    it.cases.note(ADA, refusal, app_id=APP, channel=Channel.PHONE, at=NOON)
    it.cases.note(ADA, refusal, app_id=APP, channel=Channel.PHONE, at=NOON - HOUR)
    assert it.person().standing.version == 1
    rests = it.decide(channel=Channel.PHONE)
    assert isinstance(rests, Defer)
    assert rests.until == NOON + timedelta(days=2)
    assert it.decide(channel=Channel.EMAIL) == Allow()


def test_evidence_of_where_a_person_is_adds_up_and_is_written_once(it: PolicyServices) -> None:
    phone = Whereabouts(phone_zones=frozenset({"Europe/Paris"}), countries=frozenset({"FR"}))
    device = Whereabouts(device_zones={"phone-001": "Europe/Madrid"})
    for evidence in (phone, device, phone, device):
        it.whereabouts.note(ADA, evidence, app_id=APP)
    assert it.person().standing.version == 2
    (known,) = it.effective().whereabouts()
    assert known == phone.with_evidence(device)
    for _ in range(2):
        it.whereabouts.forget_device(ADA, "phone-001", app_id=APP)
    assert it.person().standing.part(ADA).whereabouts == phone
    assert it.person().standing.version == 3


def test_of_an_erased_person_nothing_is_kept_but_that(it: PolicyServices) -> None:
    it.under()
    it.consents.give(statement())
    it.preferences.put_preferences(
        ADA, Preferences(at=NOON, topics_off=frozenset({"sport"})), app_id=APP
    )
    it.cases.open_case(ADA, app_id=APP, case_id="1")
    it.reserve(purpose=Purpose.TRANSACTIONAL)
    for _ in range(2):
        it.personal.erase([ADA], app_id=APP)
    refused = it.decide(purpose=Purpose.TRANSACTIONAL)
    assert isinstance(refused, Drop)
    assert [reason.gate for reason in refused.because] == [Gate.ERASED]
    (told,) = it.personal.export([ADA], app_id=APP, cursor=None, limit=9).items
    assert (told["what"], told["is_erased"]) == ("standing", True)
    with pytest.raises(CaseNotFoundError):
        it.cases.close_case("1", app_id=APP)


def test_an_erased_person_does_not_come_back(it: PolicyServices) -> None:
    it.personal.erase([ADA], app_id=APP)
    before = it.person()
    with pytest.raises(PersonErasedError):
        it.consents.give(statement())
    with pytest.raises(PersonErasedError):
        it.cases.open_case(ADA, app_id=APP)
    with pytest.raises(PersonErasedError):
        it.preferences.put_preferences(ADA, Preferences(at=NOON), app_id=APP)
    it.whereabouts.note(ADA, Whereabouts(device_zones={"d": "UTC"}), app_id=APP)
    it.cases.note(ADA, CooldownCause.BOUNCE, app_id=APP, channel=None, at=NOON)
    assert it.person() == before


def test_a_reservation_that_was_decided_before_the_erasure_is_not_written_after(
    it: PolicyServices,
) -> None:
    before = it.person()
    it.personal.erase([ADA], app_id=APP)
    assert it.person_store.replace_pressures([before]) == [False]


def test_all_that_is_kept_of_a_person_is_given_out_page_by_page(it: PolicyServices) -> None:
    it.under()
    it.consents.give(statement(ADA))
    it.consents.give(statement(BOB))
    it.people.unite(merge("edg_1", ADA, BOB))
    it.reserve(BOB)
    it.cases.open_case(ADA, app_id=APP, case_id="1")
    it.cases.note(ADA, CooldownCause.BOUNCE, app_id=APP, channel=Channel.SMS, at=NOON)
    kinds, cursor = [], None
    while True:
        page = it.personal.export([ADA, BOB], app_id=APP, cursor=cursor, limit=2)
        kinds += [item["what"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    ada = ["case", "consent", "cooldown", "proof", "standing"]
    assert kinds == [*ada, "consent", "proof", "standing", "touch"]


INSTANTS = st.integers(0, 10**12).map(from_milliseconds)
CHANNELS = st.none() | st.sampled_from(Channel)
WORDS = st.text(max_size=9)
ORIGINS = st.frozensets(st.sampled_from([ADA, BOB]))
PARTS = st.builds(
    Part,
    is_erased=st.booleans(),
    consents=st.dictionaries(
        st.builds(ConsentKey, st.sampled_from(Purpose), CHANNELS, st.none() | WORDS),
        st.builds(
            ConsentMark,
            status=st.sampled_from(ConsentStatus),
            at=INSTANTS,
            expires_at=st.none() | INSTANTS,
            answers=ORIGINS,
        ),
        max_size=3,
    ),
    preferences=st.none()
    | st.builds(
        Preferences,
        at=INSTANTS,
        channels_off=st.frozensets(st.sampled_from(Channel)),
        topics_off=st.frozensets(WORDS),
        frequency=st.none()
        | st.builds(FrequencyWish, limit=st.integers(1, 900), per=st.sampled_from(Period)),
        paused_until=st.none() | INSTANTS,
        hours=st.none() | HOURS,
        preferred_channel=CHANNELS,
        zone=st.none() | st.just("Europe/Madrid"),
        answers=ORIGINS,
    ),
    cases=st.dictionaries(WORDS, st.builds(Case, kind=WORDS, opened_at=INSTANTS), max_size=2),
    cooldowns=st.dictionaries(
        st.tuples(st.sampled_from(CooldownCause), CHANNELS), INSTANTS, max_size=2
    ),
    whereabouts=st.builds(
        Whereabouts,
        device_zones=st.dictionaries(WORDS, WORDS, max_size=2),
        phone_zones=st.frozensets(WORDS),
        address_zones=st.frozensets(WORDS),
        countries=st.frozensets(WORDS),
    ),
    control_groups=st.frozensets(WORDS),
)


@given(
    st.dictionaries(st.sampled_from([ADA, BOB]), PARTS),
    st.dictionaries(WORDS, st.builds(Link, st.just(ADA), st.just(BOB)), max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_what_was_said_is_read_as_it_was_written(
    parts: dict[str, Part], links: dict[str, Link]
) -> None:
    assert standing_of(standing_text(parts, links)) == (parts, links)
