"""What a domain says happened; the ledger keeps it, the relay publishes it as a CloudEvent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

ENVELOPE_FIELDS = frozenset({"app_id", "channel", "contact_id", "occurred_at", "purpose", "source"})


class Channel(StrEnum):
    """A way to reach a person, or to be reached by one."""

    PUSH = "push"
    INAPP = "inapp"
    EMAIL = "email"
    SMS = "sms"
    WEB = "web"
    MOBILEWEB = "mobileweb"
    SOCIAL = "social"
    PHONE = "phone"
    POST = "post"
    F2F = "f2f"
    AD = "ad"
    CHAT = "chat"


class Direction(StrEnum):
    """Who spoke: ``out`` is the company, ``in`` the person."""

    IN = "in"
    OUT = "out"


class Purpose(StrEnum):
    """Why a person is contacted; consent and caps differ by it."""

    TRANSACTIONAL = "transactional"
    SERVICE = "service"
    MARKETING = "marketing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an event is about: a contact, or a thing of another kind."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """A fact in the past tense, with the instant it became true.

    ``type`` is ``<noun>.<past participle>.v<major>``; the app's organisation comes before it on the
    bus. ``source`` is the domain that says it. ``about`` names the field that holds the subject's
    id: ``contact_id`` puts the event on that contact's timeline. The other fields of a subclass
    become the event's data; ``purpose``, where there is one, says why a person was contacted.
    """

    type: ClassVar[str]
    source: ClassVar[str]
    about: ClassVar[str] = "contact_id"
    channel: ClassVar[Channel | None] = None
    direction: ClassVar[Direction | None] = None

    app_id: str
    occurred_at: datetime

    @property
    def subject(self) -> Subject:
        """Return what the event is about."""
        return Subject(kind=self.about.removesuffix("_id"), id=getattr(self, self.about))

    def payload(self) -> dict[str, object]:
        """Return the event's own fields, by name."""
        own = (one.name for one in fields(self) if one.name not in ENVELOPE_FIELDS)
        return {name: getattr(self, name) for name in own}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSuppressed(DomainEvent):
    """A person was not told something, by a rule of ours; ``reason`` names it.

    Every domain that refuses says it in these words, so ``source`` and ``channel`` are each
    event's own. ``decision`` is defer or drop: after a defer it may be asked again at ``until``.
    ``because`` has the reasons in plain values, as a decision gives them.
    """

    type: ClassVar[str] = "message.suppressed.v1"
    direction: ClassVar[Direction | None] = Direction.OUT
    source: str = field()  # type: ignore[misc]
    channel: Channel = field()  # type: ignore[misc]
    contact_id: str
    purpose: Purpose
    decision: str
    reason: str
    because: tuple[Mapping[str, object], ...] = ()
    until: datetime | None = None
    message_id: str | None = None
    device_id: str | None = None
    campaign_id: str | None = None
    variant: str | None = None
