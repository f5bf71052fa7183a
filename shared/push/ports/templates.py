"""What templates need from outside."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model.templates import Template, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFacts:
    """What templates say of an app."""

    name: str
    default_locale: str


class AppDirectory(Protocol):
    """The apps, as far as templates need them."""

    def facts_of(self, app_id: str) -> AppFacts:
        """Return what is known of an app; for an unknown one, raise as the registrations do."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What templates say of a person; ``locale`` is the device's, or of the one seen last."""

    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, Value]
    locale: str | None = None


class People(Protocol):
    """The people, as far as templates need them; reading only.

    For somebody unknown both raise as the registrations do.
    """

    def of_contact(self, contact_id: str, *, app_id: str) -> PersonFacts:
        """Return what is known of a contact, over all that were joined."""
        ...

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        """Return what is known of the contact on a device, and the device's own locale."""
        ...


class Contacts(Protocol):
    """Many people at once, as far as the texts of campaigns need them."""

    def of_contacts(
        self, contact_ids: Collection[str], *, app_id: str
    ) -> Mapping[str, PersonFacts]:
        """Return what is known of each, over all that were joined; nothing of somebody unknown."""
        ...


class TemplateStore(Protocol):
    """Templates, whose names are unique in their app."""

    def add_template(self, template: Template, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new template, its event, and what its attempt came to (the template's id).

        Returns ``False``, with nothing stored, where the attempt is remembered already.

        Raises:
            TemplateNameTakenError: another template has the name.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...

    def get_template(self, template_id: str, *, app_id: str) -> Template:
        """Return the template or raise ``TemplateNotFoundError``."""
        ...

    def list_templates(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Template]:
        """Return a page of templates, in the order of their creation."""
        ...

    def replace_template(self, template: Template, event: Envelope, *, before: Template) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            TemplateChangedError: ``before`` is not the version that stands.
            TemplateNameTakenError: another template has the name.
        """
        ...

    def remove_template(self, template: Template, event: Envelope) -> None:
        """Delete this version, and record the event.

        Raises:
            TemplateChangedError: another version stands.
        """
        ...
