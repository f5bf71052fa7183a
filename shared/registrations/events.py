"""Facts the registrations domain publishes."""

from dataclasses import dataclass
from typing import ClassVar

from shared.kernel.events import Channel, DomainEvent

SOURCE = "registrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCreated(DomainEvent):
    """An operator created an app."""

    type: ClassVar[str] = "app.created.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppUpdated(DomainEvent):
    """A marketer changed settings of an app; ``changed`` names them."""

    type: ClassVar[str] = "app.updated.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecretCreated(DomainEvent):
    """Another system got a secret, with which it may speak for these channels.

    With a ``dialect`` it is a vendor's, which speaks for whatever its webhooks tell.
    """

    type: ClassVar[str] = "webhook_secret.created.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    secret_id: str
    name: str
    channels: tuple[Channel, ...]
    dialect: str | None = None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecretDeleted(DomainEvent):
    """A secret of another system was ended by hand; one that ends by itself is not told."""

    type: ClassVar[str] = "webhook_secret.deleted.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    secret_id: str
    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeyEvent(DomainEvent):
    """A fact about a write key; the key itself is never told."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    key_id: str
    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeyCreated(WriteKeyEvent):
    """A source got a write key, with which its libraries send events."""

    type: ClassVar[str] = "write_key.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKeyDeleted(WriteKeyEvent):
    """A write key was ended."""

    type: ClassVar[str] = "write_key.deleted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent(DomainEvent):
    """A fact about a device, told on its contact's timeline."""

    source: ClassVar[str] = SOURCE
    contact_id: str
    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRegistered(DeviceEvent):
    """An installation of the app made itself known."""

    type: ClassVar[str] = "device.registered.v1"
    platform: str
    timezone: str | None
    push_permission: str
    address_kind: str | None
    app_check: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUpdated(DeviceEvent):
    """A device changed; ``changed`` names its fields."""

    type: ClassVar[str] = "device.updated.v1"
    timezone: str | None
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUnregistered(DeviceEvent):
    """A device asked to be forgotten."""

    type: ClassVar[str] = "device.unregistered.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAddressRemoved(DeviceEvent):
    """A device can no longer be reached: its address died, or another device has it now."""

    type: ClassVar[str] = "device.address_removed.v1"
    channel: ClassVar[Channel | None] = Channel.PUSH
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLoggedOut(DeviceEvent):
    """The contact logged out of a device."""

    type: ClassVar[str] = "device.logged_out.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactIdentified(DeviceEvent):
    """A device proved whose it is; what was anonymous on it joins this contact."""

    type: ClassVar[str] = "contact.identified.v1"
    namespace: str
    timezone: str | None
    joined_contact_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMerged(DomainEvent):
    """Two contacts turned out to be one person; ``contact_id`` goes on standing for it."""

    type: ClassVar[str] = "contact.merged.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    merged_contact_id: str
    edge_id: str
    cause: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUnmerged(DomainEvent):
    """A merge was taken back: two people again. Told on both timelines."""

    type: ClassVar[str] = "contact.unmerged.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    other_contact_id: str
    edge_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsKeptApart(DomainEvent):
    """Somebody said that two contacts are different people; no event joins them any more."""

    type: ClassVar[str] = "contact.kept_apart.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    other_contact_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested(DomainEvent):
    """A person is to be erased: from now on nothing more is recorded of them."""

    type: ClassVar[str] = "contact.erasure_requested.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    erasure_id: str
    contact_ids: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactErased(DomainEvent):
    """Nothing is left of a person here; who keeps a copy elsewhere erases it too.

    It stands alone: on the timeline there is no contact any more.
    """

    type: ClassVar[str] = "contact.erased.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "erasure_id"
    erasure_id: str
    contact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUpdated(DomainEvent):
    """A contact's profile changed; ``changed`` names the parts.

    ``zones`` and ``countries`` are where new phone numbers may belong.
    """

    type: ClassVar[str] = "contact.updated.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    changed: tuple[str, ...]
    zones: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEvent(DomainEvent):
    """A fact about a segment."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "segment_id"
    segment_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCreated(SegmentEvent):
    """An editor defined a segment."""

    type: ClassVar[str] = "segment.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentUpdated(SegmentEvent):
    """An editor changed a segment: its next version stands."""

    type: ClassVar[str] = "segment.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDeleted(SegmentEvent):
    """An editor deleted a segment; what pinned one of its versions goes on."""

    type: ClassVar[str] = "segment.deleted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCreated(DomainEvent):
    """A marketer announced a file of devices, contacts or members of a list."""

    type: ClassVar[str] = "import.created.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    import_id: str
    kind: str
    list_name: str | None
    dry_run: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStarted(DomainEvent):
    """The file of an import is there; a worker begins with it."""

    type: ClassVar[str] = "import.started.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    import_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFinished(DomainEvent):
    """An import is done, or failed (``state``); its rows by what came of them."""

    type: ClassVar[str] = "import.finished.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    import_id: str
    state: str
    accepted: int
    unchanged: int
    rejected: int
    by: str
