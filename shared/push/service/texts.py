"""What a campaign tells each recipient: the run's template of their variant, in their language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.kernel.addresses import Target
from shared.push.errors import TemplateInvalidError
from shared.push.model import Chunk, Content, Unrendered
from shared.push.model.campaigns import Run
from shared.push.model.rendering import needs_contact, render
from shared.push.model.templates import Scene, chosen_locale
from shared.push.ports import Campaigns, Contacts, PersonFacts

MOST_RUNS = 16
"""Runs that a process keeps; they never change."""

_TOO_LARGE, _UNRENDERABLE = "too_large", "unrenderable"
_NOBODY = PersonFacts(attributes={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunTexts:
    """A run, of which variants speak of the contact, and what the others say, by locale."""

    run: Run
    personal: frozenset[str]
    same: dict[tuple[str, str | None], Content | Unrendered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTexts:
    """Renders; contacts are read only where a text speaks of them."""

    campaigns: Campaigns
    contacts: Contacts
    _kept: dict[str, _RunTexts] = field(default_factory=dict)

    def contents_of(
        self, chunk: Chunk, targets: Mapping[int, Target]
    ) -> Mapping[int, Content | Unrendered]:
        """Return what each recipient is told, or why there is nothing to tell.

        A text that cannot be rendered, or outgrows FCM's 4,096 bytes, fails its recipient alone.
        """
        texts = self._texts_of(chunk)
        recipients = {index: chunk.recipients[index] for index in targets}
        personal = {one.contact_id for one in recipients.values() if one.variant in texts.personal}
        people: Mapping[str, PersonFacts] = {}
        if personal:
            people = self.contacts.of_contacts(personal, app_id=chunk.app_id)
        found: dict[int, Content | Unrendered] = {}
        for index, one in recipients.items():
            variant, locale = one.variant or "", targets[index].locale
            if variant in texts.personal:
                person = people.get(one.contact_id, _NOBODY)
                found[index] = _rendered(texts.run, variant, locale, person)
                continue
            if (variant, locale) not in texts.same:
                texts.same[variant, locale] = _rendered(texts.run, variant, locale, _NOBODY)
            found[index] = texts.same[variant, locale]
        return found

    def _texts_of(self, chunk: Chunk) -> _RunTexts:
        part = chunk.part
        if part is None:
            raise ValueError("only campaigns have texts for each recipient")
        if part.run_id not in self._kept:
            run = self.campaigns.get_run(
                part.run_id, campaign_id=part.campaign_id, app_id=chunk.app_id
            )
            if len(self._kept) >= MOST_RUNS:
                self._kept.clear()
            personal = (name for name, draft in run.templates.items() if needs_contact(draft))
            self._kept[part.run_id] = _RunTexts(run=run, personal=frozenset(personal))
        return self._kept[part.run_id]


def _rendered(
    run: Run, variant: str, locale: str | None, person: PersonFacts
) -> Content | Unrendered:
    draft, asked = run.templates[variant], locale or run.app_locale
    scene = Scene(
        app_name=run.app_name,
        locale=asked,
        device_locale=locale,
        tags=person.tags,
        attributes=person.attributes,
    )
    (variables,) = (one.variables for one in run.draft.variants if one.name == variant)
    try:
        return render(draft, scene, variables=variables).content
    except TemplateInvalidError as error:
        codes = {one.code for one in error.fields}
        chosen = chosen_locale(asked, draft.contents, default=draft.default_locale)
        return Unrendered(reason=f"{_TOO_LARGE if _TOO_LARGE in codes else _UNRENDERABLE}:{chosen}")
