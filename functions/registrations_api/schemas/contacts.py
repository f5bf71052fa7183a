"""Contacts, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from functions.registrations_api.schemas import Tag, Value, Word
from functions.registrations_api.schemas.devices import DeviceOut
from shared.platform.http.schemas import In, Out
from shared.registrations.model.devices import AttributeValue
from shared.registrations.model.edges import Edge, EdgeCause
from shared.registrations.model.erasures import Erasure, ErasureState
from shared.registrations.service.contacts import Profile
from shared.registrations.service.identifiers import NamedIdentifier

EdgeId: TypeAlias = Annotated[str, Path(pattern=r"^edg_[0-9A-Z]{26}$")]


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

    kind: str = Field(
        description="person, contact, device, merge, event, message, contact_policy, coupon or ad.",
        examples=["device"],
    )
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
