"""The routes of contacts."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId, ContactId, Cursor, Limit
from functions.registrations_api.schemas.contacts import (
    ContactChangesIn,
    ContactOut,
    EdgeId,
    ErasureOut,
    ExportedOut,
    ExportOut,
    MergeOut,
    MergesOut,
    OtherContactIn,
)
from functions.registrations_api.wiring import exports, registrations
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.auth.errors import ForbiddenError
from shared.platform.http.api import answered
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    BlockedIdentifierError,
    ContactNotFoundError,
    EdgeNotFoundError,
    ErasureNotFoundError,
    IdentifierTakenError,
    InvalidIdentifierError,
    KeptApartError,
    ProfileTooLargeError,
    SamePersonError,
    TooManyContactsError,
    TooManyDevicesError,
    TooManyIdentifiersError,
)
from shared.registrations.model.edges import EdgeCause

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
NO_CONTENT, ACCEPTED = HTTPStatus.NO_CONTENT, HTTPStatus.ACCEPTED
CONTACT = "/v1/apps/<app_id>/contacts/<contact_id>"


@router.on(
    f"GET {CONTACT}",
    summary="A contact",
    access=marketer(Role.VIEWER, or_contact=True),
    success={OK: "The contact."},
    refusals=[ContactNotFoundError],
)
def get_contact(app_id: AppId, contact_id: ContactId) -> ContactOut:
    """Return what the app knows of a contact; an id that was joined to another answers that one.

    A viewer sees which attributes there are, not their values.
    """
    found = registrations().contacts.get_profile(app_id=app_id, contact_id=contact_id)
    shown = ContactOut.of(found)
    return shown.masked() if caller().role_on(app_id) is Role.VIEWER else shown


@router.on(
    f"PATCH {CONTACT}",
    summary="Change a contact",
    access=marketer(Role.EDITOR, or_contact=True),
    success={OK: "The contact as it is now."},
    refusals=[
        ContactNotFoundError,
        ProfileTooLargeError,
        InvalidIdentifierError,
        BlockedIdentifierError,
        IdentifierTakenError,
        TooManyIdentifiersError,
    ],
)
def update_contact(
    app_id: AppId, contact_id: ContactId, body: Annotated[ContactChangesIn, Body()]
) -> ContactOut:
    """Add and remove tags, set and remove attributes, add identifiers."""
    if body.add_identifiers and caller().role_on(app_id) is None:
        raise ForbiddenError("a contact proves an identifier by logging in")
    found = registrations().contacts.update_contact(
        app_id=app_id,
        contact_id=contact_id,
        add_tags=frozenset(body.add_tags),
        remove_tags=frozenset(body.remove_tags),
        attributes=dict(body.attributes),
        add_identifiers=body.identifiers(),
    )
    return ContactOut.of(found)


@router.on(
    f"DELETE {CONTACT}",
    summary="Erase a person",
    access=marketer(Role.ADMIN, or_contact=True),
    success={ACCEPTED: "Nothing more is recorded of the person; what is known goes now."},
    refusals=[ContactNotFoundError],
)
def erase_contact(app_id: AppId, contact_id: ContactId) -> Response[ErasureOut]:
    """Erase a person, with all contacts that were joined: profile, identifiers, devices, events.

    Late, replayed and imported events do not bring the person back. Again, it answers how far the
    erasure got.
    """
    found = registrations().erasures.erase_contact(contact_id, app_id=app_id, by=caller().subject)
    return answered(ErasureOut.of(found), ACCEPTED)


@router.on(
    f"GET {CONTACT}/erasure",
    summary="How far an erasure got",
    access=marketer(Role.ADMIN),
    success={OK: "The erasure."},
    refusals=[ErasureNotFoundError],
)
def get_erasure(app_id: AppId, contact_id: ContactId) -> ErasureOut:
    """Return how far the erasure of a contact got."""
    return ErasureOut.of(registrations().erasures.get_erasure(contact_id, app_id=app_id))


@router.on(
    f"GET {CONTACT}/export",
    summary="All that is kept about a person",
    access=marketer(Role.ADMIN, or_contact=True),
    success={OK: "A page; follow `next_cursor` until it is null."},
    refusals=[ContactNotFoundError],
)
def export_contact(
    app_id: AppId, contact_id: ContactId, limit: Limit = 50, cursor: Cursor = None
) -> ExportOut:
    """Return everything that is kept about a person, as JSON.

    The first page has the person itself, and may be longer than `limit`.
    """
    page = exports().export(contact_id, app_id=app_id, cursor=cursor, limit=limit)
    return ExportOut(
        items=tuple(ExportedOut.model_validate(item) for item in page.items),
        next_cursor=page.next_cursor,
    )


@router.on(
    f"GET {CONTACT}/merges",
    summary="The merges of a contact",
    access=marketer(Role.VIEWER),
    success={OK: "Every edge at the contact, also those that were taken back."},
    refusals=[ContactNotFoundError],
)
def list_merges(app_id: AppId, contact_id: ContactId) -> MergesOut:
    """Return who joined this contact to others, when, and what was taken back."""
    registrations().contacts.get_profile(app_id=app_id, contact_id=contact_id)
    edges = registrations().people.edges_at(contact_id, app_id=app_id)
    return MergesOut(items=tuple(MergeOut.of(edge) for edge in edges))


@router.on(
    f"POST {CONTACT}/merges",
    summary="Merge two contacts",
    access=marketer(Role.EDITOR),
    success={CREATED: "The edge that joins them."},
    refusals=[
        ContactNotFoundError,
        SamePersonError,
        KeptApartError,
        TooManyContactsError,
        TooManyDevicesError,
    ],
)
def merge_contacts(
    app_id: AppId, contact_id: ContactId, body: Annotated[OtherContactIn, Body()]
) -> MergeOut:
    """Join two contacts to one person; the one in the path goes on standing for it."""
    for one in (contact_id, body.other_contact_id):
        registrations().contacts.get_profile(app_id=app_id, contact_id=one)
    edge = registrations().people.merge(
        contact_id, body.other_contact_id, app_id=app_id, cause=EdgeCause.HAND, by=caller().subject
    )
    return MergeOut.of(edge)


@router.on(
    f"DELETE {CONTACT}/merges/<edge_id>",
    summary="Take a merge back",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "Each side is what it would be without the merge."},
    refusals=[EdgeNotFoundError],
)
def unmerge_contacts(app_id: AppId, contact_id: ContactId, edge_id: EdgeId) -> Response[None]:
    """Take an edge back, whatever was merged before or after it."""
    registrations().people.unmerge(contact_id, edge_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"POST {CONTACT}/keep-apart",
    summary="Keep two contacts apart",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "They are different people: nothing joins them any more."},
    refusals=[ContactNotFoundError, SamePersonError],
)
def keep_contacts_apart(
    app_id: AppId, contact_id: ContactId, body: Annotated[OtherContactIn, Body()]
) -> Response[None]:
    """Mark two contacts as different people, whatever identifiers they share."""
    for one in (contact_id, body.other_contact_id):
        registrations().contacts.get_profile(app_id=app_id, contact_id=one)
    registrations().people.keep_apart(
        contact_id, body.other_contact_id, app_id=app_id, by=caller().subject
    )
    return Response(status_code=NO_CONTENT)
