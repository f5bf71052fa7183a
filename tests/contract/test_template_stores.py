"""Every store of templates, real or fake, keeps these promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.push.errors import (
    TemplateChangedError,
    TemplateInvalidError,
    TemplateNameTakenError,
    TemplateNeedsRecipientError,
    TemplateNotFoundError,
)
from shared.push.events import TemplateCreated, TemplateDeleted, TemplateUpdated
from shared.push.model import Apns, InterruptionLevel, Priority
from shared.push.model.templates import Android, ButtonDraft, Template, TemplateDraft, Words
from shared.push.ports import AppFacts, PersonFacts, TemplateStore
from shared.push.service.templates import TemplateService
from tests.fakes.clock import ManualClock
from tests.fakes.push import InMemoryTemplateStore

APP = "app_" + "0" * 26
SALE = TemplateDraft(
    name="sale",
    purpose=Purpose.MARKETING,
    default_locale="en",
    contents={"en": Words(title="Sale"), "de": Words(title="Ausverkauf")},
)
FULL = replace(
    SALE,
    name="Schön & gut",
    topic="offers",
    image="https://x.example/i.png",
    link="shop://{{ where }}",
    buttons=(
        ButtonDraft(id="yes", title={"en": "Yes", "de": "Ja"}, link="shop://yes"),
        ButtonDraft(id="no", title="No"),
    ),
    data={"a": "1"},
    is_data_only=True,
    android=Android(
        channel_id="c", priority=Priority.NORMAL, time_to_live=timedelta(0), collapse_key="k"
    ),
    apns=Apns(sound="s", badge=0, interruption_level=InterruptionLevel.ACTIVE),
    variables={"where": "home"},
)


class OneApp:
    def facts_of(self, app_id: str) -> AppFacts:
        return AppFacts(name="Shop", default_locale="de-CH")


class OnePerson:
    """Is everybody: a French contact called Ada, on a device that is set to German."""

    def of_contact(self, contact_id: str, *, app_id: str) -> PersonFacts:
        return PersonFacts(tags=frozenset({"vip"}), attributes={"name": "Ada"}, locale="fr")

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        return replace(self.of_contact("ada", app_id=app_id), locale="de-AT")


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The service on one kind of store, and a way to read what it told."""

    service: TemplateService
    store: TemplateStore
    clock: ManualClock
    told: Callable[[], list[str]]

    def create(
        self, draft: TemplateDraft = SALE, *, app_id: str = APP, attempt: Attempt | None = None
    ) -> Template:
        return self.service.create_template(draft, app_id=app_id, by="ada", attempt=attempt)[0]

    def update(self, template: Template, draft: TemplateDraft) -> Template:
        return self.service.update_template(
            template.template_id, draft, app_id=APP, version=template.version, by="ada"
        )

    def delete(self, template: Template) -> None:
        self.service.delete_template(template.template_id, app_id=APP, by="ada")

    def get(self, template: Template) -> Template:
        return self.service.get_template(template.template_id, app_id=APP)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Templates:
    if request.param == "memory":
        memory = InMemoryTemplateStore()
        return assemble(memory, told=lambda: [event.type for event in memory.events])
    return on_dynamodb(request)


def on_dynamodb(request: pytest.FixtureRequest) -> Templates:
    from shared.platform.ledger import Ledger  # noqa: PLC0415 - needs the environment's tables
    from shared.push.store import DynamoTemplateStore  # noqa: PLC0415

    tables = request.getfixturevalue("tables")
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = client.scan(TableName=tables["contact_events"])["Items"]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    ledger = Ledger(table=tables["contact_events"])
    return assemble(DynamoTemplateStore(table=tables["push"], ledger=ledger), told=told)


def assemble(store: TemplateStore, *, told: Callable[[], list[str]]) -> Templates:
    clock = ManualClock()
    service = TemplateService(
        templates=store, apps=OneApp(), people=OnePerson(), clock=clock, ids=Ids(clock=clock)
    )
    return Templates(service=service, store=store, clock=clock, told=told)


@pytest.mark.parametrize("draft", [SALE, FULL])
def test_a_template_comes_back_as_it_was_written(it: Templates, draft: TemplateDraft) -> None:
    made = it.create(draft)
    assert (made.version, made.draft) == (1, draft)
    assert it.get(made) == made
    assert it.told() == ["template.created.v1"]


def test_an_unknown_template_is_not_found(it: Templates) -> None:
    made = it.create()
    with pytest.raises(TemplateNotFoundError):
        it.service.get_template(made.template_id, app_id="app_other")


def test_a_name_belongs_to_one_template_of_an_app(it: Templates) -> None:
    sale = it.create()
    with pytest.raises(TemplateNameTakenError):
        it.create()
    assert it.create(app_id="app_other").draft.name == sale.draft.name
    other = it.create(replace(SALE, name="other"))
    with pytest.raises(TemplateNameTakenError):
        it.update(other, SALE)
    assert it.get(other) == other


def test_a_name_is_free_once_its_template_is_renamed_or_deleted(it: Templates) -> None:
    sale = it.create()
    renamed = it.update(sale, replace(SALE, name="renamed"))
    again = it.create()
    it.delete(again)
    it.delete(renamed)
    it.create(replace(SALE, name="renamed"))
    assert it.create().template_id not in {sale.template_id, again.template_id}


def test_a_template_is_replaced_by_who_read_its_last_version(it: Templates) -> None:
    first = it.create()
    it.clock.advance(timedelta(hours=1))
    second = it.update(first, replace(SALE, topic="offers"))
    assert (second.version, second.draft.topic) == (2, "offers")
    assert (second.created_at, second.updated_at) == (first.created_at, it.clock())
    with pytest.raises(TemplateChangedError):
        it.update(first, SALE)
    assert it.get(first) == second
    assert it.told() == ["template.created.v1", "template.updated.v1"]


def test_of_two_who_write_at_once_one_is_told(it: Templates) -> None:
    first = it.create()
    second = it.update(first, replace(SALE, topic="offers"))
    event = it.service._told  # what each would record
    late = replace(first, version=2)
    with pytest.raises(TemplateChangedError):
        it.store.replace_template(late, event(TemplateUpdated, late, by="eve"), before=first)
    with pytest.raises(TemplateChangedError):
        it.store.remove_template(first, event(TemplateDeleted, first, by="eve"))
    assert it.get(first) == second


def test_a_deleted_template_is_no_more(it: Templates) -> None:
    made = it.create()
    it.delete(made)
    with pytest.raises(TemplateNotFoundError):
        it.get(made)
    with pytest.raises(TemplateNotFoundError):
        it.delete(made)
    assert it.told() == ["template.created.v1", "template.deleted.v1"]


def test_an_attempt_makes_one_template(it: Templates) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    made = it.create(attempt=attempt)
    again = it.service.create_template(SALE, app_id=APP, by="ada", attempt=attempt)
    assert again == (made, True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.create(attempt=replace(attempt, fingerprint="other"))
    assert it.told() == ["template.created.v1"]


def test_an_attempt_that_lost_a_race_stores_nothing(it: Templates) -> None:
    attempt = Attempt(caller="ada", key="k", fingerprint="f")
    made = it.create(attempt=attempt)
    late = replace(made, template_id="tpl_late", draft=replace(SALE, name="late"))
    event = it.service._told(TemplateCreated, late, by="ada")
    assert not it.store.add_template(late, event, attempt=attempt)
    with pytest.raises(TemplateNotFoundError):
        it.get(late)


def test_a_list_has_every_template_of_its_app_once(it: Templates) -> None:
    made = [it.create(replace(SALE, name=f"sale {number}")) for number in range(5)]
    it.create(app_id="app_other")
    found: list[Template] = []
    cursor: str | None = None
    while not found or cursor:
        page = it.service.list_templates(APP, limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
    assert found == made


def test_an_invalid_template_is_not_stored(it: Templates) -> None:
    broken = replace(SALE, link="{{ nowhere }}")
    with pytest.raises(TemplateInvalidError):
        it.create(broken)
    made = it.create()
    with pytest.raises(TemplateInvalidError):
        it.update(made, broken)
    assert it.told() == ["template.created.v1"]


def test_a_preview_is_what_the_recipient_would_get(it: Templates) -> None:
    title = "{{ contact.attributes.name | default: 'you' }} {{ device.locale }}"
    words = {locale: Words(title=f"{locale} {title}") for locale in ("en", "de", "fr")}
    template_id = it.create(replace(SALE, contents=words)).template_id

    def title_for(**whom: str) -> str | None:
        found = it.service.preview(template_id, app_id=APP, variables={}, **whom)
        return found.content.title

    assert title_for() == "en you "
    assert title_for(contact_id="ada") == "fr Ada fr"
    assert title_for(device_id="phone-001") == "de Ada de-AT"
    assert title_for(contact_id="ada", locale="de-CH") == "de Ada fr"


def test_what_is_said_to_everybody_is_in_the_apps_language(it: Templates) -> None:
    made = it.create()
    template, found = it.service.render_for_everybody(made.template_id, app_id=APP, variables={})
    assert (template, found.locale, found.content.title) == (made, "de", "Ausverkauf")


def test_what_speaks_of_its_recipient_is_not_said_to_everybody(it: Templates) -> None:
    personal = it.create(replace(SALE, link="shop://{{ device.locale }}"))
    with pytest.raises(TemplateNeedsRecipientError):
        it.service.render_for_everybody(personal.template_id, app_id=APP, variables={})
