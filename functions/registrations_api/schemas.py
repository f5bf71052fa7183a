"""What the registrations API takes and returns on the wire."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.events import Channel
from shared.kernel.paging import Page, cursor_of
from shared.kernel.principal import Issuer, Role
from shared.platform.auth.doors import normalised_arn
from shared.platform.http.schemas import In, Instant, Out
from shared.registrations.model.apps import App, AppCheck, AppCheckMode, Fcm, Platform
from shared.registrations.model.audit import AuditEntry
from shared.registrations.model.devices import AttributeValue, Device, DeviceState, PushPermission
from shared.registrations.model.edges import Edge, EdgeCause
from shared.registrations.model.erasures import Erasure, ErasureState
from shared.registrations.model.systems import WebhookSecret
from shared.registrations.service.contacts import Profile
from shared.registrations.service.identifiers import NamedIdentifier

LARGEST_ATTRIBUTES = 2_048
"""Bytes of JSON: attributes lie on the device's row, which every campaign reads."""


def _of_moderate_size(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(json.dumps(dict(attributes)).encode()) > LARGEST_ATTRIBUTES:
        raise PydanticCustomError("too_large", "at most 2048 bytes of JSON in all")
    return attributes


AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
DeviceId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
SecretId: TypeAlias = Annotated[str, Path(pattern=r"^whs_[0-9A-Z]{26}$")]
EdgeId: TypeAlias = Annotated[str, Path(pattern=r"^edg_[0-9A-Z]{26}$")]
ContactId: TypeAlias = Annotated[str, Path(pattern=r"^con_[0-9A-Z]{26}$")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]
AnyApp: TypeAlias = Annotated[str, Field(pattern=r"^(\*|app_[0-9A-Z]{26})$")]
PrincipalName: TypeAlias = Annotated[
    str,
    Field(
        min_length=3,
        max_length=512,
        pattern=r"^[!-~]+$",
        description="IAM role ARN, kept without its path, or `issuer#subject`, or "
        "`issuer#group/name`.",
    ),
    AfterValidator(normalised_arn),
]
Since: TypeAlias = Annotated[Instant | None, Query(alias="from")]
Until: TypeAlias = Annotated[Instant | None, Query(alias="to")]
CallerName: TypeAlias = Annotated[
    str, Query(min_length=3, max_length=512, pattern=r"^[!-~]+$"), AfterValidator(normalised_arn)
]
Locale: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$", examples=["de-CH"])
]
Zone: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$", examples=["Europe/Zurich"])
]
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Tag: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Value: TypeAlias = (
    StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=256)]
)
Attributes: TypeAlias = Annotated[
    dict[Word, Value], Field(max_length=50), AfterValidator(_of_moderate_size)
]


class FcmIn(In):
    """Where an app's pushes go."""

    project_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{3,62}$")]
    secret: Annotated[
        str,
        Field(
            pattern=r"^engage/fcm/[A-Za-z0-9/_+=.@-]{1,200}$",
            description="Name of the secret with the credentials.",
        ),
    ]


class IssuerIn(In):
    """An OIDC issuer whose tokens say who a contact is."""

    issuer: Annotated[str, Field(max_length=256, pattern=r"^https://[!\"$-~]+$")]
    audiences: Annotated[tuple[Word, ...], Field(min_length=1, max_length=10)]


class AppCheckIn(In):
    """Firebase App Check."""

    mode: AppCheckMode = AppCheckMode.OFF
    project_number: Annotated[str | None, Field(pattern=r"^[0-9]{1,20}$")] = None
    firebase_app_ids: Annotated[tuple[Word, ...], Field(max_length=20)] = ()


class AppSettingsIn(In):
    """Settings that a change of an app may carry; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=3)] | None = None
    default_locale: Locale | None = None
    default_timezone: Zone | None = None
    fcm: FcmIn | None = None
    issuers: Annotated[tuple[IssuerIn, ...], Field(max_length=10)] | None = None
    app_check: AppCheckIn | None = None
    policy: Word | None = None
    kept_identifiers: (
        Annotated[
            tuple[Annotated[str, Field(pattern=r"^(customer|email|phone)$")], ...],
            Field(max_length=3, description="Namespaces whose values are kept, encrypted."),
        ]
        | None
    ) = None

    def settings(self) -> dict[str, Any]:
        """Return the settings that were sent, in the words of the model."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.fcm:
            sent["fcm"] = Fcm(project_id=self.fcm.project_id, secret=self.fcm.secret)
        if self.issuers is not None:
            sent["issuers"] = tuple(
                Issuer(issuer=one.issuer, audiences=one.audiences) for one in self.issuers
            )
        if self.app_check:
            sent["app_check"] = AppCheck(**self.app_check.model_dump())
        return {
            name: value for name, value in sent.items() if value is not None or name in _NULLABLE
        }


_NULLABLE = frozenset({"fcm", "policy"})


class AppIn(AppSettingsIn):
    """A new app."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    org: Annotated[
        str,
        Field(
            max_length=100,
            pattern=r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$",
            description="Reverse DNS name that stands before the app's event types; never changes.",
            examples=["com.example"],
        ),
    ]
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=3)]
    default_locale: Locale = "en"
    default_timezone: Zone = "UTC"


class FcmOut(Out):
    """Where an app's pushes go."""

    project_id: str
    secret: str


class IssuerOut(Out):
    """An OIDC issuer whose tokens say who a contact is."""

    issuer: str
    audiences: tuple[str, ...]


class AppCheckOut(Out):
    """Firebase App Check."""

    mode: AppCheckMode
    project_number: str | None
    firebase_app_ids: tuple[str, ...]


class AppOut(Out):
    """An app."""

    app_id: str
    name: str
    org: str
    platforms: tuple[Platform, ...]
    default_locale: str
    default_timezone: str
    fcm: FcmOut | None
    issuers: tuple[IssuerOut, ...]
    app_check: AppCheckOut
    policy: str | None
    kept_identifiers: tuple[str, ...]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, app: App) -> Self:
        """Render an app."""
        return cls.model_validate(app, from_attributes=True)


class AppsOut(Out):
    """A page of apps."""

    items: tuple[AppOut, ...]
    next_cursor: str | None


class GrantIn(In):
    """A role of a principal on an app, or on every app."""

    principal: PrincipalName
    app_id: AnyApp
    role: Annotated[str, Field(pattern=r"^(viewer|editor|sender|admin)$")]

    def granted(self) -> Role:
        """Return the role."""
        return Role[self.role.upper()]


class GrantOut(Out):
    """A role of a principal on an app, or on every app (`*`)."""

    principal: str
    app_id: str
    role: str


class GrantsOut(Out):
    """A page of grants."""

    items: tuple[GrantOut, ...]
    next_cursor: str | None


class AddressIn(In):
    """Where FCM finds the installation."""

    kind: AddressKind
    value: Annotated[str, Field(min_length=8, max_length=1024, pattern=r"^[!-~]+$")]


class DeviceIn(In):
    """What an installation says of itself: the whole state, each time."""

    platform: Platform
    address: AddressIn | None = None
    locale: Locale | None = None
    timezone: Zone | None = None
    app_version: Word | None = None
    os_version: Word | None = None
    model: Word | None = None
    attributes: Attributes = Field(default_factory=dict)
    push_permission: PushPermission = PushPermission.UNKNOWN
    client_seq: Annotated[
        StrictInt,
        Field(ge=0, le=2**53 - 1, description="Counts up with every change; the highest wins."),
    ]

    def state(self) -> DeviceState:
        """Return the state in the words of the model."""
        address = self.address
        return DeviceState(
            platform=self.platform,
            address=Address(kind=address.kind, value=address.value) if address else None,
            locale=self.locale,
            timezone=self.timezone,
            app_version=self.app_version,
            os_version=self.os_version,
            model=self.model,
            attributes=dict(self.attributes),
            push_permission=self.push_permission,
        )


class AddressOut(Out):
    """Where FCM finds the installation."""

    kind: AddressKind
    value: str


class DeviceOut(Out):
    """A device as it is registered."""

    app_id: str
    device_id: str
    contact_id: str
    is_anonymous: bool
    platform: Platform
    address: AddressOut | None
    locale: str | None
    timezone: str | None
    app_version: str | None
    os_version: str | None
    model: str | None
    attributes: dict[str, AttributeValue]
    push_permission: PushPermission
    client_seq: int
    registered_at: datetime
    last_seen_at: datetime

    @classmethod
    def of(cls, device: Device) -> Self:
        """Render a device."""
        return cls(**_rendered(device))


class RegisteredDeviceOut(DeviceOut):
    """A device with the token that proves from now on that it is itself."""

    device_token: str

    @classmethod
    def with_token(cls, device: Device, *, token: str) -> Self:
        """Render a device with its token."""
        return cls(**_rendered(device), device_token=token)


def _rendered(device: Device) -> dict[str, Any]:
    state = device.state
    address = state.address
    return {
        "app_id": device.app_id,
        "device_id": device.device_id,
        "contact_id": device.contact_id,
        "is_anonymous": device.is_anonymous,
        "platform": state.platform,
        "address": AddressOut(kind=address.kind, value=address.value) if address else None,
        "locale": state.locale,
        "timezone": state.timezone,
        "app_version": state.app_version,
        "os_version": state.os_version,
        "model": state.model,
        "attributes": dict(state.attributes),
        "push_permission": state.push_permission,
        "client_seq": device.client_seq,
        "registered_at": device.registered_at,
        "last_seen_at": device.last_seen_at,
    }


class IdentifyIn(In):
    """The proof of who is using the device: a token of one of the app's issuers."""

    user_token: Annotated[str, Field(min_length=16, max_length=16_384)]


class IdentifierIn(In):
    """A name by which something outside knows the contact."""

    namespace: Annotated[str, Field(pattern=r"^(customer|email|phone|anonymous)$")]
    value: Annotated[str, Field(min_length=1, max_length=512)]


class ContactChangesIn(In):
    """Changes of a contact's profile."""

    add_tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    remove_tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    attributes: Annotated[dict[Word, Value | None], Field(max_length=50)] = Field(
        default_factory=dict, description="`null` removes an attribute."
    )
    add_identifiers: Annotated[tuple[IdentifierIn, ...], Field(max_length=10)] = Field(
        default=(), description="Only marketers may add them: a contact proves one by logging in."
    )

    def identifiers(self) -> list[NamedIdentifier]:
        """Return the identifiers in the words of the service."""
        return [
            NamedIdentifier(namespace=one.namespace, value=one.value)
            for one in self.add_identifiers
        ]


class IdentifierOut(Out):
    """A name by which something outside knows the contact, masked."""

    namespace: str
    masked: str


class ContactOut(Out):
    """What an app knows of a person, over all contacts that were joined."""

    contact_id: str
    tags: tuple[str, ...]
    attributes: dict[str, AttributeValue]
    identifiers: tuple[IdentifierOut, ...]
    devices: tuple[DeviceOut, ...]
    merges: tuple[str, ...] = Field(description="The edges that join contacts to this person.")
    created_at: datetime

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Render a person with the devices; their addresses are nobody's business."""
        return cls(
            contact_id=profile.contact_id,
            tags=tuple(sorted(profile.tags)),
            attributes=dict(profile.attributes),
            identifiers=tuple(
                IdentifierOut(namespace=one.namespace, masked=one.masked)
                for one in profile.identifiers
            ),
            devices=tuple(
                DeviceOut.of(device).model_copy(update={"address": None})
                for device in profile.devices
            ),
            merges=tuple(profile.merges),
            created_at=profile.created_at,
        )

    def masked(self) -> Self:
        """Return the person as a viewer sees one."""
        devices = tuple(
            device.model_copy(update={"attributes": _masked(device.attributes)})
            for device in self.devices
        )
        return self.model_copy(update={"attributes": _masked(self.attributes), "devices": devices})


MASK = "…"
"""Stands where a value is that the caller may not see."""


def _masked(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    return dict.fromkeys(attributes, MASK)


class ErasureOut(Out):
    """How far the erasure of a person got."""

    erasure_id: str
    contact_id: str
    contact_ids: tuple[str, ...] = Field(description="All contacts that were the person's.")
    state: ErasureState
    requested_at: datetime
    by: str
    done_at: datetime | None

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """Render an erasure."""
        return cls.model_validate(erasure, from_attributes=True)


class ExportedOut(Out):
    """One thing that is kept about a person."""

    kind: str = Field(description="person, contact, device, merge, event or message.")
    data: dict[str, Any]


class ExportOut(Out):
    """A page of all that is kept about a person; `next_cursor` goes on, also tomorrow."""

    items: tuple[ExportedOut, ...]
    next_cursor: str | None


class OtherContactIn(In):
    """Another contact of the app."""

    other_contact_id: Annotated[str, Field(pattern=r"^con_[0-9A-Z]{26}$")]


class MergeOut(Out):
    """An edge that joins two contacts to one person."""

    edge_id: str
    contact_id: str
    origin: str = Field(description="The contact that was joined, with all that had joined it.")
    cause: EdgeCause
    by: str
    created_at: datetime
    removed_at: datetime | None

    @classmethod
    def of(cls, edge: Edge) -> Self:
        """Render an edge."""
        return cls.model_validate(edge, from_attributes=True)


class MergesOut(Out):
    """Every edge that was ever made at a contact."""

    items: tuple[MergeOut, ...]
    next_cursor: None = None


class WebhookSecretIn(In):
    """Another system, and the channels it may speak for."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
            description="The system, in lower case; a second secret of it has the same name.",
            examples=["campaign-suite"],
        ),
    ]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=len(Channel))]


class WebhookSecretOut(Out):
    """A secret of another system, which is not shown."""

    secret_id: str
    name: str
    channels: tuple[Channel, ...]
    created_at: datetime
    ends_at: datetime | None = Field(description="Null: it holds until it is deleted.")

    @classmethod
    def of(cls, found: WebhookSecret) -> Self:
        """Render a secret."""
        return cls(**_described(found))


class WebhookSecretWithKeyOut(WebhookSecretOut):
    """A secret of another system, shown once."""

    secret: str = Field(description="As Standard Webhooks writes it: `whsec_<base64>`.")

    @classmethod
    def with_key(cls, found: WebhookSecret, *, secret: str) -> Self:
        """Render a secret together with its text."""
        return cls(**_described(found), secret=secret)


class WebhookSecretsOut(Out):
    """The secrets of an app's other systems."""

    items: tuple[WebhookSecretOut, ...]


def _described(found: WebhookSecret) -> dict[str, Any]:
    return {
        "secret_id": found.secret_id,
        "name": found.name,
        "channels": tuple(sorted(found.channels)),
        "created_at": found.created_at,
        "ends_at": found.ends_at,
    }


class AuditEntryOut(Out):
    """What a marketer did, or what a role refused them."""

    entry_id: str
    at: datetime
    by: str = Field(description="An IAM role's ARN, or `issuer#subject`.")
    route: str = Field(examples=["PUT /v1/apps/{app_id}/policy"])
    parameters: dict[str, str] = Field(description="The values of the route's path.")
    status: int
    code: str | None = Field(description="Of a refusal: which one it is.")
    request_id: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Render an entry."""
        call = entry.call
        return cls(
            entry_id=f"aud_{entry.entry_id}",
            at=entry.at,
            by=call.by,
            route=call.route,
            parameters=dict(call.parameters),
            status=call.status,
            code=call.code,
            request_id=call.request_id,
        )


class AuditLogOut(Out):
    """A page of an audit log, the newest entry first."""

    items: tuple[AuditEntryOut, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[AuditEntry]) -> Self:
        """Render a page."""
        return cls(
            items=tuple(AuditEntryOut.of(entry) for entry in page.items),
            next_cursor=page.next_cursor and cursor_of(page.next_cursor),
        )
