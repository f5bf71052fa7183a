"""Why a person was told or not: seven fates and seven true answers, and what else may be asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Drop, Gate, Reason
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.events import Channel, DomainEvent, MessageSuppressed, Purpose
from shared.kernel.ids import Ids
from shared.push.errors import CampaignNotFoundError, TemplateNotFoundError
from shared.push.events import (
    MessageClicked,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessageUnconfirmed,
)
from shared.push.model.campaigns import Campaign, CampaignDraft, CampaignState, Run, Timing, Variant
from shared.push.model.explaining import Answer, Asked, DeviceExplanation, Explanation, Fate
from shared.push.model.templates import Template, TemplateDraft, Words
from shared.push.ports import (
    AudienceAnswer,
    AudienceStep,
    CampaignApp,
    DeviceFacts,
    PersonFacts,
)
from shared.push.service.explaining import AS_KNOWN_NOW, JOINED_LATER, ExplainService
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.results import InMemoryToldEvents, OnePersonEach

APP, CAMPAIGN, RUN = f"app_{'0' * 26}", f"cmp_{'0' * 26}", "0" * 26
ADA, PHONE, TABLET = f"con_{'A' * 26}", "phone-001", "tablet-001"
TEXT = TemplateDraft(
    name="sale",
    purpose=Purpose.MARKETING,
    topic="offers",
    default_locale="en",
    contents={"en": Words(title="Sale"), "de": Words(title="Ausverkauf")},
)
DRAFT = CampaignDraft(
    name="sale",
    segment_id="seg",
    segment_version=3,
    variants=(Variant(name="A", template_id="tpl"),),
    timing=Timing(wall=datetime(2026, 3, 1, 18)),
)
LIVES_IN_ZURICH = AudienceStep(rule="timezone is Europe/Zurich", known="Europe/Zurich", fits=True)
IS_VIP = AudienceStep(rule="tags contain vip", known=[], fits=False)
SIX_IN_ZURICH = datetime(2026, 3, 1, 17, tzinfo=UTC)


@dataclass
class World:
    """One person, a campaign, and whatever a test changes of them; it is all the ports at once."""

    clock: ManualClock = field(default_factory=ManualClock)
    told: InMemoryToldEvents = field(default_factory=InMemoryToldEvents)
    persons: OnePersonEach = field(default_factory=OnePersonEach)
    steps: tuple[AudienceStep, ...] = (LIVES_IN_ZURICH,)
    decision: Decision = field(default_factory=Allow)
    state: CampaignState = CampaignState.SENDING
    was_sent: bool = True
    text: TemplateDraft | None = TEXT
    asked: list[Candidate] = field(default_factory=list)
    phones: list[DeviceFacts] = field(
        default_factory=lambda: [
            DeviceFacts(
                device_id=PHONE,
                contact_id=ADA,
                zone="Europe/Zurich",
                has_address=True,
                is_muted=False,
            )
        ]
    )

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        self.service = ExplainService(
            campaigns=self,
            apps=self,
            persons=self.persons,
            devices=self,
            audience=self,
            templates=self,
            people=self,
            policy=self,
            told=self.told,
            clock=self.clock,
        )

    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        if (campaign_id, app_id) != (CAMPAIGN, APP):
            raise CampaignNotFoundError(campaign_id)
        return Campaign(
            app_id=APP,
            campaign_id=CAMPAIGN,
            draft=DRAFT,
            state=self.state,
            authors=("bob",),
            created_at=NOON,
            updated_at=NOON,
            run_id=RUN if self.was_sent else None,
        )

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        return Run(
            app_id=app_id,
            campaign_id=campaign_id,
            run_id=run_id,
            is_rehearsal=False,
            draft=DRAFT,
            templates={"A": self.text} if self.text else {},
            app_name="Shop",
            app_locale="en",
            app_zone="America/Bogota",
            started_at=NOON,
        )

    def campaign_app(self, app_id: str) -> CampaignApp:
        return CampaignApp(
            name="Shop", default_locale="en", default_zone="America/Bogota", can_push=True
        )

    def devices_of(self, contact_ids: Sequence[str], *, app_id: str) -> Sequence[DeviceFacts]:
        return [phone for phone in self.phones if phone.contact_id in contact_ids]

    def explain(
        self, segment_id: str, *, version: int, app_id: str, device_id: str
    ) -> AudienceAnswer:
        assert (segment_id, version, app_id) == ("seg", 3, APP)
        return AudienceAnswer(fits=all(step.fits for step in self.steps), steps=self.steps)

    def get_template(self, template_id: str, *, app_id: str) -> Template:
        if self.text is None:
            raise TemplateNotFoundError(template_id)
        return Template(
            app_id=app_id,
            template_id=template_id,
            draft=self.text,
            version=1,
            created_at=NOON,
            updated_at=NOON,
        )

    def of_contact(self, contact_id: str, *, app_id: str) -> PersonFacts:
        return PersonFacts(attributes={}, locale="de-CH")

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        return self.of_contact(ADA, app_id=app_id)

    def decide(self, candidate: Candidate) -> Decision:
        self.asked.append(candidate)
        return self.decision

    def record(
        self, event: type[DomainEvent], *, device_id: str = PHONE, key: str = "", **details: Any
    ) -> Envelope:
        message_id = f"msg_{RUN}_{0 if device_id == PHONE else 1}"
        about = {"contact_id": ADA, "device_id": device_id, "message_id": message_id}
        told = event(
            app_id=APP,
            occurred_at=NOON + timedelta(hours=5),
            **{
                **about,
                "purpose": Purpose.MARKETING,
                "campaign_id": CAMPAIGN,
                "variant": "A",
                **details,
            },
        )
        where = RowKey(at=SIX_IN_ZURICH, id=f"{message_id}{key}")
        sealed = seal(told, sequence=self.ids.sequence(), key=where)
        self.told.events.append(sealed)
        return sealed

    def refuse(self, gate: str, **details: Any) -> None:
        """Have the ledger tell that the policy refused the message, with the gate's figures."""
        because = {"gate": gate, "rule": "weekly", "detail": f"the {gate} gate refused"}
        told = {"decision": "drop", "reason": gate, "because": (because,), **details}
        self.record(MessageSuppressed, source="push", channel=Channel.PUSH, **told)

    def answer(self, contact_id: str = ADA) -> Explanation:
        return self.service.explain(CAMPAIGN, app_id=APP, contact_id=contact_id)

    def phone(self) -> DeviceExplanation:
        (found,) = self.answer().devices
        return found


@pytest.fixture
def it() -> World:
    return World()


def answers(found: DeviceExplanation, gate: Asked) -> list[Answer]:
    return [answer for answer in found.answers if answer.gate is gate]


def test_sent(it: World) -> None:
    it.record(MessageSent, provider_id="1", ambiguous=False)
    it.record(MessageClicked, key="#clicked")
    it.decision = Drop(because=(a_reason(Gate.DEDUPE),))
    found = it.phone()
    assert (found.outcome.fate, found.outcome.is_final) == (Fate.SENT, True)
    assert found.outcome.at == NOON + timedelta(hours=5)
    (policy,) = answers(found, Asked.POLICY)
    assert (policy.passes, it.asked) == (True, []), "its own message must not stand in its way"


@pytest.mark.parametrize(
    ("gate", "fate"),
    [
        (Gate.CONTROL_GROUP, Fate.HELD_OUT),
        (Gate.CAP, Fate.CAPPED),
        (Gate.MINIMUM_GAP, Fate.CAPPED),
        (Gate.PREFERENCE, Fate.OPTED_OUT),
        (Gate.CONSENT, Fate.NO_CONSENT),
        (Gate.CASE, Fate.REFUSED),
    ],
)
def test_held_out_capped_opted_out_and_without_consent(it: World, gate: Gate, fate: Fate) -> None:
    it.refuse(gate.value)
    found = it.phone()
    assert (found.outcome.fate, found.outcome.is_final) == (fate, True)
    assert found.outcome.reason == gate
    (policy,) = answers(found, Asked.POLICY)
    assert (policy.passes, policy.input["rule"]) == (False, "weekly")
    assert policy.answer == f"the {gate} gate refused"
    assert it.asked == []


def test_quiet(it: World) -> None:
    """What is put off is told with its instant, and the policy is asked again."""
    morning = NOON + timedelta(hours=20)
    it.refuse("quiet_hours", decision="defer", until=morning)
    it.decision = Defer(until=morning, because=(a_reason(Gate.QUIET_HOURS),))
    found = it.phone()
    assert (found.outcome.fate, found.outcome.is_final) == (Fate.QUIET, False)
    assert found.outcome.due_at == morning
    (policy,) = answers(found, Asked.POLICY)
    assert (policy.passes, policy.input["gate"]) == (False, "quiet_hours")


def test_dead(it: World) -> None:
    it.record(MessageFailed, state="invalid", code="UNREGISTERED")
    it.phones = [replace(it.phones[0], has_address=False)]
    found = it.phone()
    assert (found.outcome.fate, found.outcome.reason) == (Fate.DEAD_ADDRESS, "UNREGISTERED")
    (device,) = answers(found, Asked.DEVICE)
    assert (device.passes, device.answer) == (False, "The device has no push address.")


def test_what_ended_a_message_stands_over_what_put_it_off(it: World) -> None:
    it.refuse("quiet_hours", decision="defer", until=NOON)
    it.record(MessageSent, provider_id="1", ambiguous=False)
    assert it.phone().outcome.fate is Fate.SENT
    it.told.events.reverse()
    assert it.phone().outcome.fate is Fate.SENT


@pytest.mark.parametrize(
    ("event", "details", "fate"),
    [
        (MessageExpired, {}, Fate.EXPIRED),
        (MessageUnconfirmed, {"reason": "expired"}, Fate.UNKNOWN),
        (MessageFailed, {"state": "failed", "code": "INVALID_ARGUMENT"}, Fate.FAILED),
    ],
)
def test_other_ends(
    it: World, event: type[DomainEvent], details: dict[str, str], fate: Fate
) -> None:
    it.record(event, **details)
    assert it.phone().outcome.fate is fate


def test_a_device_that_could_not_be_told_any_more_was_skipped(it: World) -> None:
    it.refuse("push_denied", because=())
    found = it.phone()
    assert (found.outcome.fate, found.outcome.reason) == (Fate.SKIPPED, "push_denied")


def test_what_is_of_another_campaign_says_nothing(it: World) -> None:
    it.record(MessageSent, provider_id="1", ambiguous=False, campaign_id="cmp_other")
    assert it.phone().outcome.fate is Fate.PENDING


@pytest.mark.parametrize("state", [CampaignState.SENDING, CampaignState.PAUSED])
def test_what_is_pending_is_due_by_the_clock_on_the_devices_wall(
    it: World, state: CampaignState
) -> None:
    it.state = state
    found = it.phone()
    assert (found.outcome.fate, found.outcome.due_at) == (Fate.PENDING, SIX_IN_ZURICH)
    assert (found.outcome.is_final, found.outcome.reason) == (False, AS_KNOWN_NOW)
    (candidate,) = it.asked
    assert (candidate.topic, candidate.campaign_id) == ("offers", CAMPAIGN)
    assert candidate.expires_at == SIX_IN_ZURICH + timedelta(days=1)


def test_a_device_without_a_zone_is_due_by_the_apps(it: World) -> None:
    it.phones = [replace(it.phones[0], zone=None)]
    assert it.phone().outcome.due_at == datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_who_is_not_in_the_segment_is_shown_each_leaf(it: World) -> None:
    it.steps = (LIVES_IN_ZURICH, IS_VIP)
    found = it.phone()
    outcome = found.outcome
    assert (outcome.fate, outcome.is_final) == (Fate.NOT_IN_AUDIENCE, False)
    assert outcome.reason == AS_KNOWN_NOW, "it may have been planned before it changed"
    first, second, whole = answers(found, Asked.SEGMENT)
    assert (first.passes, second.passes, whole.passes) == (True, False, False)
    assert second.input == {"rule": "tags contain vip", "known": []}


def test_who_joined_after_the_audience_was_planned_is_not_in_it(it: World) -> None:
    it.state = CampaignState.DONE
    outcome = it.phone().outcome
    assert (outcome.fate, outcome.is_final) == (Fate.NOT_IN_AUDIENCE, True)
    assert outcome.reason == JOINED_LATER
    it.steps = (IS_VIP,)
    outcome = it.phone().outcome
    assert (outcome.fate, outcome.is_final) == (Fate.NOT_IN_AUDIENCE, True)
    assert outcome.reason is None


def test_what_a_cancelled_campaign_leaves_is_skipped(it: World) -> None:
    it.state = CampaignState.CANCELLED
    outcome = it.phone().outcome
    assert (outcome.fate, outcome.reason) == (Fate.SKIPPED, "cancelled")
    (campaign,) = it.answer().answers
    assert not campaign.passes


def test_a_draft_that_was_cancelled_was_not_sent(it: World) -> None:
    it.state, it.was_sent = CampaignState.CANCELLED, False
    outcome = it.phone().outcome
    assert (outcome.fate, outcome.is_final) == (Fate.NOT_SENT, True)


def test_a_draft_says_what_would_become_of_it(it: World) -> None:
    it.state, it.was_sent = CampaignState.DRAFT, False
    it.decision = Drop(because=(a_reason(Gate.CONSENT), a_reason(Gate.CAP)))
    found = it.phone()
    assert (found.outcome.fate, found.outcome.due_at) == (Fate.NOT_SENT, SIX_IN_ZURICH)
    assert [one.input["gate"] for one in answers(found, Asked.POLICY)] == ["consent", "cap"]
    (campaign,) = it.answer().answers
    assert campaign.answer == "The campaign is draft: it was not sent."


def test_the_text_is_rendered_in_the_devices_language(it: World) -> None:
    (template,) = answers(it.phone(), Asked.TEMPLATE)
    assert (template.passes, template.input["locale"]) == (True, "de")


def test_a_text_that_is_too_large_for_this_device_is_named(it: World) -> None:
    large = {"en": Words(title="Sale"), "de": Words(title="ä" * 2_048)}
    it.text = replace(TEXT, contents=large)
    (template,) = answers(it.phone(), Asked.TEMPLATE)
    assert not template.passes
    assert "4192 bytes; FCM carries 4096" in template.answer


@pytest.mark.parametrize("was_sent", [False, True])
def test_a_template_that_is_gone_is_said_to_be(it: World, *, was_sent: bool) -> None:
    it.was_sent, it.text = was_sent, None
    found = it.phone()
    (template,) = answers(found, Asked.TEMPLATE)
    assert (template.passes, template.answer) == (False, "The template is gone.")
    assert answers(found, Asked.POLICY) == []


def test_a_muted_device_may_show_nothing(it: World) -> None:
    it.phones = [replace(it.phones[0], is_muted=True)]
    (device,) = answers(it.phone(), Asked.DEVICE)
    assert (device.passes, device.answer) == (False, "The device may show no notifications.")


def test_every_device_of_a_person_is_explained_also_one_that_is_gone(it: World) -> None:
    it.record(MessageSent, device_id=TABLET, provider_id="1", ambiguous=False)
    other = f"con_{'B' * 26}"
    it.persons.joined[other] = (other, ADA)
    found = {one.device_id: one for one in it.answer(other).devices}
    assert {name: one.outcome.fate for name, one in found.items()} == {
        PHONE: Fate.PENDING,
        TABLET: Fate.SENT,
    }
    (gone,) = found[TABLET].answers
    assert not gone.passes


def test_who_was_erased_has_no_devices(it: World) -> None:
    it.persons.erased.add(ADA)
    assert it.answer().devices == []


def test_an_unknown_campaign_explains_nothing(it: World) -> None:
    with pytest.raises(CampaignNotFoundError):
        it.service.explain("cmp_other", app_id=APP, contact_id=ADA)


def a_reason(gate: Gate) -> Reason:
    return Reason(gate=gate, rule="rule", detail=f"{gate} says no")
