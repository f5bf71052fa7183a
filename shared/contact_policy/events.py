"""Facts the contact policy domain publishes."""

from dataclasses import dataclass
from typing import ClassVar

from shared.kernel.events import Channel, DomainEvent, Purpose

SOURCE = "contact_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyUpdated(DomainEvent):
    """A marketer put another policy in force; ``changed`` names its sections."""

    type: ClassVar[str] = "policy.updated.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    version: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(DomainEvent):
    """What a person said about being contacted.

    ``consent_channel`` and ``topic`` narrow it; ``None`` is every one. ``obtained_by`` says where
    it was said, ``proof_id`` finds the text that was shown.
    """

    source: ClassVar[str] = SOURCE
    contact_id: str
    purpose: Purpose
    consent_channel: Channel | None
    topic: str | None
    obtained_by: str
    proof_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGranted(ConsentEvent):
    """A person agreed to be contacted."""

    type: ClassVar[str] = "consent.granted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequested(ConsentEvent):
    """A person was asked, and has to confirm what they answered (double opt-in)."""

    type: ClassVar[str] = "consent.requested.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(ConsentEvent):
    """A person does not agree, or not any more, to be contacted."""

    type: ClassVar[str] = "consent.withdrawn.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesUpdated(DomainEvent):
    """A person's wishes changed; ``changed`` names them."""

    type: ClassVar[str] = "preferences.updated.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent(DomainEvent):
    """A fact about a case of a contact, such as a complaint."""

    source: ClassVar[str] = SOURCE
    contact_id: str
    case_id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened(CaseEvent):
    """A case was opened; marketing rests until it is closed and cooled down."""

    type: ClassVar[str] = "case.opened.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(CaseEvent):
    """A case was closed; what must cool down does so from now on."""

    type: ClassVar[str] = "case.closed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroupCreated(DomainEvent):
    """An editor set people aside whom an experiment, or all marketing, does not reach."""

    type: ClassVar[str] = "control_group.created.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "control_group_id"
    control_group_id: str
    percent: float
    channels: tuple[Channel, ...] | None
    campaign_id: str | None
