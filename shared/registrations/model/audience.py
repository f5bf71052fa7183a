"""What segments are evaluated on: a device, and what is known of the person who uses it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zlib import crc32

from shared.kernel.events import Purpose
from shared.registrations.model.apps import Platform
from shared.registrations.model.devices import AttributeValue, PushPermission

AUDIENCE_SHARDS = 64
"""An app's devices lie in so many partitions, which a campaign reads in parallel."""

MOST_REMEMBERED = 10
"""Of each type of event, the last instants that are kept of a person."""


def shard_of(device_id: str) -> int:
    """Return the shard of an app's audience in which a device lies."""
    return crc32(device_id.encode()) % AUDIENCE_SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class PushConsent:
    """Whether a person agreed to pushes of one purpose; of the topics ``unlike``, the opposite."""

    is_given: bool = False
    unlike: frozenset[str] = frozenset()

    def covers(self, topic: str | None) -> bool:
        """Say whether the person agreed to a topic; ``None`` is pushes in general."""
        return self.is_given != (topic in self.unlike)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What is copied of a person to the rows of their devices.

    It is some seconds behind, and good for planning and estimates only: when something is sent, the
    contact policy asks for what stands at that moment. ``happened`` has, for each type of event
    that a segment names, the last instants, newest first.
    """

    consents: Mapping[Purpose, PushConsent] = field(default_factory=dict)
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    happened: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """One device as rules see it.

    ``attributes`` are the contact's and the device's; what the company says of its contact comes
    before what an installation says of itself.
    """

    platform: Platform
    push_permission: PushPermission
    is_anonymous: bool
    has_address: bool
    registered_at: datetime
    last_seen_at: datetime
    locale: str | None = None
    timezone: str | None = None
    app_version: str | None = None
    os_version: str | None = None
    model: str | None = None
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    consents: Mapping[Purpose, PushConsent] = field(default_factory=dict)
    happened: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    @property
    def is_reachable(self) -> bool:
        """Say whether a push could show on the device."""
        return self.has_address and self.push_permission is not PushPermission.DENIED


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceMember:
    """A device of an app's audience; what campaigns plan by, and what rules see."""

    device_id: str
    contact_id: str
    facts: DeviceFacts

    @property
    def timezone(self) -> str | None:
        """Return the device's zone (IANA)."""
        return self.facts.timezone

    @property
    def locale(self) -> str | None:
        """Return the device's locale."""
        return self.facts.locale

    @property
    def has_address(self) -> bool:
        """Say whether a push service knows the device."""
        return self.facts.has_address


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """An event of a person: when it happened, and the sequence under which it was recorded."""

    at: datetime
    sequence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """The last happenings of each type of event under one contact, newest first.

    A set, never a counter: what is noted twice, or in another order, ends as the same. ``version``
    counts writes; 0 is nothing stored.
    """

    by_type: Mapping[str, tuple[Happening, ...]] = field(default_factory=dict)
    version: int = 0

    def with_one(self, event_type: str, happening: Happening) -> "Happenings":
        """Return the happenings with one more; the very same where it is known or too old."""
        known = self.by_type.get(event_type, ())
        kept = _newest([*known, happening])
        if kept == known:
            return self
        return Happenings(by_type={**self.by_type, event_type: kept}, version=self.version + 1)


def happened_to(
    parts: Iterable[Happenings], types: frozenset[str]
) -> dict[str, tuple[datetime, ...]]:
    """Return when events of some types last happened to a person, over all of their contacts."""
    merged: dict[str, list[Happening]] = {}
    for part in parts:
        for event_type, happenings in part.by_type.items():
            merged.setdefault(event_type, []).extend(happenings)
    return {
        event_type: tuple(one.at for one in _newest(found))
        for event_type, found in sorted(merged.items())
        if event_type in types
    }


def _newest(happenings: Iterable[Happening]) -> tuple[Happening, ...]:
    return tuple(sorted(set(happenings), reverse=True)[:MOST_REMEMBERED])
