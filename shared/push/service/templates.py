"""Use cases of templates: marketers write them, see them as recipients would, and send them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.push.errors import TemplateChangedError, TemplateNeedsRecipientError
from shared.push.events import TemplateCreated, TemplateDeleted, TemplateUpdated
from shared.push.model.rendering import Rendered, check, needs_recipient, render
from shared.push.model.templates import Scene, Template, TemplateDraft
from shared.push.ports import AppDirectory, People, PersonFacts, TemplateStore

_NOBODY = PersonFacts(attributes={})


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateService:
    """Keeps templates, and renders them."""

    templates: TemplateStore
    apps: AppDirectory
    people: People
    clock: Clock
    ids: Ids

    def create_template(
        self, draft: TemplateDraft, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[Template, bool]:
        """Store a new template; say whether the attempt had made it before.

        Raises:
            TemplateInvalidError: it breaks a rule in some text or locale.
            TemplateNameTakenError: another template has the name.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            TemplateNotFoundError: the attempt had made it, and it was deleted since.
        """
        app = self.apps.facts_of(app_id)
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        check(draft, app_name=app.name)
        at = self.clock()
        template = Template(
            app_id=app_id,
            template_id=self.ids.new("tpl"),
            draft=draft,
            created_at=at,
            updated_at=at,
        )
        event = self._told(TemplateCreated, template, by=by)
        if self.templates.add_template(template, event, attempt=attempt) or attempt is None:
            return template, False
        return self._recall(attempt, app_id=app_id) or template, True

    def get_template(self, template_id: str, *, app_id: str) -> Template:
        """Return a template.

        Raises:
            TemplateNotFoundError: the app has none of this id.
        """
        return self.templates.get_template(template_id, app_id=app_id)

    def list_templates(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Template]:
        """Return a page of an app's templates, in the order of their creation."""
        return self.templates.list_templates(app_id, limit=limit, cursor=cursor)

    def update_template(
        self, template_id: str, draft: TemplateDraft, *, app_id: str, version: int, by: str
    ) -> Template:
        """Replace a template as a whole; ``version`` is the one that was read and changed.

        Raises:
            TemplateNotFoundError: the app has none of this id.
            TemplateChangedError: another version stands by now.
            TemplateInvalidError: it breaks a rule in some text or locale.
            TemplateNameTakenError: another template has the name.
        """
        before = self.templates.get_template(template_id, app_id=app_id)
        if before.version != version:
            raise TemplateChangedError(f"version {before.version} stands")
        check(draft, app_name=self.apps.facts_of(app_id).name)
        after = replace(before, draft=draft, version=version + 1, updated_at=self.clock())
        event = self._told(TemplateUpdated, after, by=by)
        self.templates.replace_template(after, event, before=before)
        return after

    def delete_template(self, template_id: str, *, app_id: str, by: str) -> None:
        """Delete a template; what was made of it stays.

        Raises:
            TemplateNotFoundError: the app has none of this id.
            TemplateChangedError: somebody changed it at the same time.
        """
        template = self.templates.get_template(template_id, app_id=app_id)
        self.templates.remove_template(template, self._told(TemplateDeleted, template, by=by))

    def preview(
        self,
        template_id: str,
        *,
        app_id: str,
        contact_id: str | None = None,
        device_id: str | None = None,
        variables: Mapping[str, str],
        locale: str | None = None,
    ) -> Rendered:
        """Return what a contact, a device or (both ``None``) nobody in particular would get.

        ``locale`` comes before the device's.

        Raises:
            TemplateNotFoundError: the app has none of this id.
            TemplateInvalidError: for this recipient it makes no message.
        """
        template = self.templates.get_template(template_id, app_id=app_id)
        person = _NOBODY
        if contact_id is not None:
            person = self.people.of_contact(contact_id, app_id=app_id)
        elif device_id is not None:
            person = self.people.of_device(device_id, app_id=app_id)
        scene = Scene(
            app_name=self.apps.facts_of(app_id).name,
            locale=locale or person.locale,
            device_locale=person.locale or locale,
            tags=person.tags,
            attributes=person.attributes,
        )
        return render(template.draft, scene, variables=variables)

    def render_for_everybody(
        self, template_id: str, *, app_id: str, variables: Mapping[str, str]
    ) -> tuple[Template, Rendered]:
        """Return a template, and what it says to everybody alike, in the app's default locale.

        Raises:
            TemplateNotFoundError: the app has none of this id.
            TemplateNeedsRecipientError: it speaks of its contact or device.
            TemplateInvalidError: with these variables it makes no message.
        """
        template = self.templates.get_template(template_id, app_id=app_id)
        if needs_recipient(template.draft):
            raise TemplateNeedsRecipientError("send content, or a template without contact, device")
        app = self.apps.facts_of(app_id)
        scene = Scene(app_name=app.name, locale=app.default_locale)
        return template, render(template.draft, scene, variables=variables)

    def _recall(self, attempt: Attempt, *, app_id: str) -> Template | None:
        before = self.templates.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.templates.get_template(before.result, app_id=app_id)

    def _told(
        self,
        kind: type[TemplateCreated | TemplateUpdated | TemplateDeleted],
        template: Template,
        *,
        by: str,
    ) -> Envelope:
        event: DomainEvent = kind(
            app_id=template.app_id,
            occurred_at=self.clock(),
            template_id=template.template_id,
            name=template.draft.name,
            version=template.version,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())
