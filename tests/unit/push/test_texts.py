"""What a campaign tells each recipient."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from shared.kernel.addresses import Address, AddressKind, Target
from shared.kernel.events import Purpose
from shared.push.errors import CampaignNotFoundError
from shared.push.model import Chunk, Content, Recipient, Unrendered
from shared.push.model.campaigns import CampaignDraft, Run, Variant
from shared.push.model.templates import TemplateDraft, Words
from shared.push.ports import PersonFacts
from shared.push.service.texts import MOST_RUNS, CampaignTexts
from tests.fakes.campaigns_sent import CAMPAIGN, RUN, a_chunk
from tests.fakes.clock import NOON
from tests.fakes.push import SettableCampaigns

APP = "app_1"


class KnownContacts:
    """People by contact id; counts who was asked for."""

    def __init__(self, **people: PersonFacts) -> None:
        self.people = people
        self.asked: list[frozenset[str]] = []

    def of_contacts(
        self, contact_ids: Collection[str], *, app_id: str
    ) -> Mapping[str, PersonFacts]:
        self.asked.append(frozenset(contact_ids))
        return {one: self.people[one] for one in contact_ids if one in self.people}


def a_template(contents: Mapping[str, str], **changed: Any) -> TemplateDraft:
    written: dict[str, Any] = {
        "name": "spring",
        "purpose": Purpose.MARKETING,
        "default_locale": "en",
        "contents": {locale: Words(title=title) for locale, title in contents.items()},
    }
    return TemplateDraft(**{**written, **changed})


def a_run(*, run_id: str = RUN, **templates: TemplateDraft) -> Run:
    """Return a run with these templates by variant; b has a variable of its own."""
    own = {"b": {"off": "10"}}
    variants = tuple(
        Variant(name=name, template_id=f"tpl_{name}", variables=own.get(name, {}))
        for name in templates
    )
    return Run(
        app_id=APP,
        campaign_id=CAMPAIGN,
        run_id=run_id,
        is_rehearsal=False,
        draft=CampaignDraft(
            name="Spring", segment_id="seg_1", segment_version=1, variants=variants
        ),
        templates=templates,
        app_name="Shop",
        app_locale="fr",
        app_zone="UTC",
        started_at=NOON,
    )


def titles(texts: CampaignTexts, chunk: Chunk, *locales: str | None) -> list[str | None]:
    """Return what each recipient reads, or why there is nothing to read."""
    address = Address(kind=AddressKind.FID, value="x")
    targets = {
        at: Target(
            device_id=one.device_id,
            contact_id=one.contact_id,
            address=address,
            is_muted=False,
            locale=locales[at],
        )
        for at, one in enumerate(chunk.recipients)
    }
    found = texts.contents_of(chunk, targets)
    return [_told(found[at]) for at in targets]


def _told(text: Content | Unrendered) -> str | None:
    return text.reason if isinstance(text, Unrendered) else text.title


def chunk_for(*variants: str) -> Chunk:
    return a_chunk(
        APP,
        [
            Recipient(device_id=f"phone-{at}", contact_id=f"con_{at}", variant=variant)
            for at, variant in enumerate(variants)
        ],
    )


def texts_of(run: Run, **people: PersonFacts) -> tuple[CampaignTexts, KnownContacts]:
    contacts = KnownContacts(**people)
    campaigns = SettableCampaigns(runs={run.run_id: run})
    return CampaignTexts(campaigns=campaigns, contacts=contacts), contacts


def test_each_reads_their_variant_in_their_language_and_the_app_decides_for_the_unknown() -> None:
    words = {"en": "Spring", "de": "Frühling", "fr": "Printemps"}
    sale = a_template({"en": "{{ off }} % off"}, variables={"off": "5"})
    texts, contacts = texts_of(a_run(a=a_template(words), b=sale))
    found = titles(texts, chunk_for("a", "a", "a", "a", "b"), "de-CH", "pt", None, "en", "de")
    assert found == ["Frühling", "Spring", "Printemps", "Spring", "10 % off"]
    assert contacts.asked == []


def test_contacts_are_read_once_for_those_whose_text_speaks_of_them() -> None:
    hello = a_template({"en": "Hi {{ contact.attributes.name | default: 'you' }}"})
    run = a_run(a=hello, b=a_template({"en": "Hi"}, variables={"off": "0"}))
    texts, contacts = texts_of(run, con_0=PersonFacts(attributes={"name": "Ada"}))
    assert titles(texts, chunk_for("a", "b", "a"), "en", "en", "en") == ["Hi Ada", "Hi", "Hi you"]
    assert contacts.asked == [frozenset({"con_0", "con_2"})]


def test_what_is_too_large_names_its_language_and_the_others_are_told() -> None:
    words = {"en": "Spring", "de": "Frühling " * 600}
    texts, _ = texts_of(a_run(a=a_template(words)))
    assert titles(texts, chunk_for("a", "a"), "de-AT", "en") == ["too_large:de", "Spring"]


def test_what_cannot_be_rendered_names_its_language() -> None:
    divided = a_template({"en": "{{ 10 | divided_by: contact.attributes.zero }}"})
    texts, _ = texts_of(a_run(a=divided), con_0=PersonFacts(attributes={"zero": 0}))
    assert titles(texts, chunk_for("a"), "en") == ["unrenderable:en"]


def test_a_text_that_is_the_same_for_a_language_is_rendered_once() -> None:
    texts, _ = texts_of(a_run(a=a_template({"en": "Spring"})))
    chunk = chunk_for("a")
    address = Address(kind=AddressKind.FID, value="x")
    target = Target(
        device_id="phone-0", contact_id="con_0", address=address, is_muted=False, locale="en"
    )
    first, second = (texts.contents_of(chunk, {0: target})[0] for _ in range(2))
    assert first is second


def test_a_process_keeps_a_few_runs_and_reads_them_once() -> None:
    campaigns = SettableCampaigns()
    texts = CampaignTexts(campaigns=campaigns, contacts=KnownContacts())
    recipients = [Recipient(device_id="p", contact_id="c", variant="a")]
    for number in range(MOST_RUNS + 1):
        run_id = f"{number:026d}"
        campaigns.runs = {run_id: a_run(run_id=run_id, a=a_template({"en": f"{number}"}))}
        chunk = a_chunk(APP, recipients, run_id=run_id)
        assert titles(texts, chunk, "en") == [str(number)]
        campaigns.runs = {}
        assert titles(texts, chunk, "en") == [str(number)]
    with pytest.raises(CampaignNotFoundError):
        titles(texts, a_chunk(APP, recipients, run_id="0" * 26), "en")
