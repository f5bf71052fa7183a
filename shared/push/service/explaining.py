"""Explains to marketers why a campaign told a person, or did not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.clock import Clock, rfc3339
from shared.kernel.decisions import Allow, Candidate, Decision
from shared.kernel.events import Channel
from shared.push.errors import TemplateInvalidError, TemplateNotFoundError
from shared.push.model import LARGEST_PAYLOAD
from shared.push.model.campaigns import ZONES_APART, Campaign, CampaignState, Run, Variant
from shared.push.model.explaining import (
    Answer,
    Asked,
    DeviceExplanation,
    Explanation,
    Fate,
    Outcome,
    outcomes_told,
)
from shared.push.model.planning import variant_for
from shared.push.model.rendering import render
from shared.push.model.templates import Scene, TemplateDraft
from shared.push.ports import (
    AudienceAnswer,
    AudienceExplainer,
    CampaignApps,
    DeviceFacts,
    People,
    PersonDevices,
    Persons,
    PolicyAdvice,
    SentCampaigns,
    TemplateTexts,
    ToldEvents,
)

AS_KNOWN_NOW = "as_known_now"
"""The reason of an outcome that follows from what is known of the device now."""

JOINED_LATER = "joined_later"
"""The device fits now, and did not when the audience was planned."""

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A campaign as it is asked about: with its run, or as it would be sent now."""

    campaign: Campaign
    run: Run | None
    app_name: str
    app_zone: str
    texts: Mapping[str, TemplateDraft]
    at: datetime

    @property
    def app_id(self) -> str:
        return self.campaign.app_id

    def due_at(self, device: DeviceFacts) -> datetime:
        started_at = self.run.started_at if self.run else self.at
        timing = (self.run.draft if self.run else self.campaign.draft).timing
        return timing.instant_for(device.zone, app_zone=self.app_zone, started_at=started_at)

    def variant_of(self, contact_id: str) -> Variant:
        campaign = self.campaign
        return variant_for(contact_id, campaign.draft.variants, salt=campaign.campaign_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainService:
    """Asks what sending asks, and sends nothing: what the ledger tells goes before what is now."""

    campaigns: SentCampaigns
    apps: CampaignApps
    persons: Persons
    devices: PersonDevices
    audience: AudienceExplainer
    templates: TemplateTexts
    people: People
    policy: PolicyAdvice
    told: ToldEvents
    clock: Clock

    def explain(self, campaign_id: str, *, app_id: str, contact_id: str) -> Explanation:
        """Return, for each device of a person, what became of its message, and why.

        Somebody of whom nothing is known, or who was erased, has no devices.

        Raises:
            CampaignNotFoundError: the app has no such campaign.
        """
        question = self._question(campaign_id, app_id=app_id)
        contacts = self.persons.origins_of(contact_id, app_id=app_id)
        told = self._told(question, contacts)
        known = {
            device.device_id: device for device in self.devices.devices_of(contacts, app_id=app_id)
        }
        explained = [
            self._device(question, device, told.get(device.device_id)) for device in known.values()
        ]
        explained += [
            DeviceExplanation(device_id=device_id, outcome=outcome, answers=(_gone(device_id),))
            for device_id, outcome in told.items()
            if device_id not in known
        ]
        return Explanation(
            campaign_id=campaign_id,
            contact_id=contact_id,
            state=question.campaign.state,
            asked_at=question.at,
            answers=(_campaign_answer(question),),
            devices=explained,
        )

    def _question(self, campaign_id: str, *, app_id: str) -> _Question:
        campaign = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        at = self.clock()
        if campaign.run_id:
            run = self.campaigns.get_run(campaign.run_id, campaign_id=campaign_id, app_id=app_id)
            return _Question(
                campaign=campaign,
                run=run,
                app_name=run.app_name,
                app_zone=run.app_zone,
                texts=run.templates,
                at=at,
            )
        app = self.apps.campaign_app(app_id)
        return _Question(
            campaign=campaign,
            run=None,
            app_name=app.name,
            app_zone=app.default_zone,
            texts=self._texts(campaign),
            at=at,
        )

    def _texts(self, campaign: Campaign) -> Mapping[str, TemplateDraft]:
        """Return the templates of a campaign that was not sent, as far as there are any."""
        found = {}
        for variant in campaign.draft.variants:
            try:
                template = self.templates.get_template(variant.template_id, app_id=campaign.app_id)
            except TemplateNotFoundError:
                continue
            found[variant.name] = template.draft
        return found

    def _told(self, question: _Question, contacts: Sequence[str]) -> Mapping[str, Outcome]:
        run = question.run
        if run is None:
            return {}
        timing, started_at = run.draft.timing, run.started_at
        # A message lies in the ledger under the instant for which it was planned.
        events = self.told.told(
            contacts,
            app_id=question.app_id,
            since=min(timing.first() or started_at, started_at) - ZONES_APART,
            until=max(timing.last() or started_at, started_at) + _A_DAY,
        )
        return outcomes_told(events, campaign_id=run.campaign_id)

    def _device(
        self, question: _Question, device: DeviceFacts, told: Outcome | None
    ) -> DeviceExplanation:
        draft = question.campaign.draft
        audience = self.audience.explain(
            draft.segment_id,
            version=draft.segment_version,
            app_id=question.app_id,
            device_id=device.device_id,
        )
        variant = question.variant_of(device.contact_id)
        answers = (
            *_segment_answers(audience),
            _device_answer(device),
            _variant_answer(variant, question),
            self._template_answer(question, device, variant),
            *self._policy_answers(question, device, variant, told),
        )
        return DeviceExplanation(
            device_id=device.device_id,
            outcome=told or _expected(question, device, is_in_audience=audience.fits),
            answers=answers,
        )

    def _template_answer(
        self, question: _Question, device: DeviceFacts, variant: Variant
    ) -> Answer:
        text = question.texts.get(variant.name)
        looked_at: dict[str, object] = {"template_id": variant.template_id}
        if text is None:
            return _no(Asked.TEMPLATE, looked_at, "The template is gone.")
        person = self.people.of_device(device.device_id, app_id=question.app_id)
        scene = Scene(
            app_name=question.app_name,
            locale=person.locale,
            device_locale=person.locale,
            tags=person.tags,
            attributes=person.attributes,
        )
        looked_at["device_locale"] = person.locale
        try:
            rendered = render(text, scene, variables=variant.variables)
        except TemplateInvalidError as error:
            why = "; ".join(f"{one.pointer}: {one.detail}" for one in error.fields)
            return _no(Asked.TEMPLATE, looked_at, f"{error.detail}: {why}.")
        looked_at |= {"locale": rendered.locale, "bytes": rendered.size, "most": LARGEST_PAYLOAD}
        answer = f"Rendered in {rendered.locale}: {rendered.size} of {LARGEST_PAYLOAD} bytes."
        return _yes(Asked.TEMPLATE, looked_at, answer)

    def _policy_answers(
        self, question: _Question, device: DeviceFacts, variant: Variant, told: Outcome | None
    ) -> list[Answer]:
        """Return what the policy said when it was asked, or else what it says now."""
        if told and told.is_final:
            return _answers_told(told)
        text = question.texts.get(variant.name)
        if text is None:
            return []
        draft = question.campaign.draft
        decision = self.policy.decide(
            Candidate(
                app_id=question.app_id,
                contact_id=device.contact_id,
                channel=Channel.PUSH,
                purpose=text.purpose,
                topic=text.topic,
                offer_key=draft.offer_key,
                priority=draft.priority,
                campaign_id=question.campaign.campaign_id,
                holdout_percent=draft.holdout_percent,
                expires_at=draft.deadline(question.due_at(device)),
            )
        )
        return list(_decided(decision))


def _campaign_answer(question: _Question) -> Answer:
    campaign, run = question.campaign, question.run
    looked_at = {
        "state": campaign.state.value,
        "run_id": campaign.run_id,
        "starts_at": rfc3339(campaign.starts_at) if campaign.starts_at else None,
        "expires_at": rfc3339(campaign.draft.expires_at) if campaign.draft.expires_at else None,
    }
    if run is None:
        return _no(Asked.CAMPAIGN, looked_at, f"The campaign is {campaign.state}: it was not sent.")
    passes = campaign.state.is_running or campaign.state is CampaignState.DONE
    return Answer(
        gate=Asked.CAMPAIGN,
        passes=passes,
        input=looked_at,
        answer=f"The campaign is {campaign.state}; its run began at {rfc3339(run.started_at)}.",
    )


def _segment_answers(audience: AudienceAnswer) -> Iterator[Answer]:
    for step in audience.steps:
        word = "fits" if step.fits else "does not fit"
        yield Answer(
            gate=Asked.SEGMENT,
            passes=step.fits,
            input={"rule": step.rule, "known": step.known},
            answer=f"The device {word} {step.rule}.",
        )
    word = "is" if audience.fits else "is not"
    answer = f"The device {word} in the segment, as it is known now."
    yield Answer(gate=Asked.SEGMENT, passes=audience.fits, answer=answer)


def _device_answer(device: DeviceFacts) -> Answer:
    looked_at = {
        "device_id": device.device_id,
        "contact_id": device.contact_id,
        "has_address": device.has_address,
        "is_muted": device.is_muted,
    }
    if not device.has_address:
        return _no(Asked.DEVICE, looked_at, "The device has no push address.")
    if device.is_muted:
        return _no(Asked.DEVICE, looked_at, "The device may show no notifications.")
    return _yes(Asked.DEVICE, looked_at, "The device is registered and has a push address.")


def _gone(device_id: str) -> Answer:
    return _no(Asked.DEVICE, {"device_id": device_id}, "The device is not registered any more.")


def _variant_answer(variant: Variant, question: _Question) -> Answer:
    weights = {one.name: one.weight for one in question.campaign.draft.variants}
    answer = f"The contact has the variant {variant.name}, always the same one."
    return _yes(Asked.VARIANT, {"variant": variant.name, "weights": weights}, answer)


def _answers_told(told: Outcome) -> list[Answer]:
    if told.fate is Fate.SENT:
        return [_yes(Asked.POLICY, {}, "The contact policy let the message go when it was sent.")]
    return [_no(Asked.POLICY, reason, str(reason.get("detail"))) for reason in told.because]


def _decided(decision: Decision) -> Iterator[Answer]:
    if isinstance(decision, Allow):
        yield _yes(Asked.POLICY, {}, "The contact policy would let the message go now.")
        return
    for reason in decision.because:
        yield _no(Asked.POLICY, reason.plain(), reason.detail)


def _expected(question: _Question, device: DeviceFacts, *, is_in_audience: bool) -> Outcome:
    """Return what becomes of a device of which the ledger tells nothing.

    Of a campaign that is done that is certain: every planned message has its end in the ledger.
    Before, a device may have been planned that has changed since, or not be that fits by now.
    """
    state = question.campaign.state
    if state is CampaignState.DONE:
        joined = JOINED_LATER if is_in_audience else None
        return Outcome(fate=Fate.NOT_IN_AUDIENCE, is_final=True, reason=joined)
    if not is_in_audience:
        return Outcome(fate=Fate.NOT_IN_AUDIENCE, is_final=False, reason=AS_KNOWN_NOW)
    if state is CampaignState.CANCELLED:
        fate = Fate.SKIPPED if question.run else Fate.NOT_SENT
        return Outcome(fate=fate, is_final=True, reason=state.value)
    fate = Fate.PENDING if question.run else Fate.NOT_SENT
    due_at = question.due_at(device)
    return Outcome(fate=fate, is_final=False, reason=AS_KNOWN_NOW, due_at=due_at)


def _yes(gate: Asked, looked_at: Mapping[str, object], answer: str) -> Answer:
    return Answer(gate=gate, passes=True, input=looked_at, answer=answer)


def _no(gate: Asked, looked_at: Mapping[str, object], answer: str) -> Answer:
    return Answer(gate=gate, passes=False, input=looked_at, answer=answer)
