"""What explaining needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.kernel.decisions import Candidate, Decision
from shared.push.model.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceStep:
    """What one leaf of a segment's rule asks of a device, what is known, and whether it fits."""

    rule: str
    known: object
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceAnswer:
    """Whether a device is in a segment, leaf by leaf."""

    fits: bool
    steps: tuple[AudienceStep, ...] = ()


class AudienceExplainer(Protocol):
    """The segments of an app, asked about one device."""

    def explain(
        self, segment_id: str, *, version: int, app_id: str, device_id: str
    ) -> AudienceAnswer:
        """Say whether a device fits a segment's version as it is now, and why.

        For an unknown segment or device, raises as the registrations do.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """A registered device, as far as explaining needs it."""

    device_id: str
    contact_id: str
    zone: str | None
    has_address: bool
    is_muted: bool


class PersonDevices(Protocol):
    """The devices of a person."""

    def devices_of(self, contact_ids: Sequence[str], *, app_id: str) -> Sequence[DeviceFacts]:
        """Return the devices on which some contacts are known."""
        ...


class PolicyAdvice(Protocol):
    """The contact policy, asked without being told anything."""

    def decide(self, candidate: Candidate) -> Decision:
        """Say what would be answered now; nothing is counted."""
        ...


class TemplateTexts(Protocol):
    """Templates as they are now; a part of ``TemplateStore``."""

    def get_template(self, template_id: str, *, app_id: str) -> Template:
        """Return the template or raise ``TemplateNotFoundError``."""
        ...
