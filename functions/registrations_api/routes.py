"""The routes of the registrations API: parse, call one use case, render."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.registrations_api.schemas import (
    AnyApp,
    AppId,
    AppIn,
    AppOut,
    AppSettingsIn,
    AppsOut,
    AuditLogOut,
    CallerName,
    ContactChangesIn,
    ContactId,
    ContactOut,
    Cursor,
    DeviceId,
    DeviceIn,
    DeviceOut,
    EdgeId,
    ErasureOut,
    ExportedOut,
    ExportOut,
    GrantIn,
    GrantOut,
    GrantsOut,
    IdentifyIn,
    Limit,
    MergeOut,
    MergesOut,
    OtherContactIn,
    PrincipalName,
    RegisteredDeviceOut,
    SecretId,
    Since,
    Until,
    WebhookSecretIn,
    WebhookSecretOut,
    WebhookSecretsOut,
    WebhookSecretWithKeyOut,
)
from functions.registrations_api.wiring import (
    audit_log,
    device_tokens,
    doors,
    exports,
    registrations,
)
from shared.kernel.clock import system_clock
from shared.kernel.paging import cursor_of, place_of, ulid_in
from shared.kernel.principal import Role
from shared.platform.auth.device_tokens import GRACE
from shared.platform.auth.doors import anyone, device, marketer, operator
from shared.platform.auth.errors import ForbiddenError, UnauthenticatedError
from shared.platform.auth.webhooks import secret_text
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller, header, proof
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppChangedError,
    AppCheckRequiredError,
    AppNotFoundError,
    BlockedIdentifierError,
    ContactNotFoundError,
    DeviceNotFoundError,
    DeviceTokenRequiredError,
    EdgeNotFoundError,
    ErasureNotFoundError,
    ErasureRunningError,
    IdentifierTakenError,
    InvalidIdentifierError,
    KeptApartError,
    ProfileTooLargeError,
    SamePersonError,
    SystemRotatingError,
    TooManyContactsError,
    TooManyDevicesError,
    TooManyIdentifiersError,
    TooManyWebhookSecretsError,
    WebhookSecretNotFoundError,
)
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import EdgeCause

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
ACCEPTED = HTTPStatus.ACCEPTED
DEVICE = "/v1/apps/<app_id>/devices/<device_id>"
CONTACT = "/v1/apps/<app_id>/contacts/<contact_id>"
SECRETS = "/v1/apps/<app_id>/webhook-secrets"


@router.on(
    "PUT /v1/grants",
    summary="Give a principal a role",
    access=operator(),
    success={OK: "The role stands."},
    refusals=[AppNotFoundError],
)
def grant(body: Annotated[GrantIn, Body()]) -> GrantOut:
    """Give a principal a role on an app, or on every app; the newest role stands."""
    registrations().apps.grant(body.principal, app_id=body.app_id, role=body.granted())
    return GrantOut(principal=body.principal, app_id=body.app_id, role=body.role)


@router.on(
    "DELETE /v1/grants",
    summary="Take a role away",
    access=operator(),
    success={NO_CONTENT: "The principal has no role on the app."},
)
def revoke(
    principal: Annotated[PrincipalName, Query()], app_id: Annotated[AnyApp, Query()]
) -> Response[None]:
    """Take a principal's role on an app away; none is no error."""
    registrations().apps.revoke(principal, app_id=app_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    "GET /v1/grants",
    summary="Who may do what",
    access=operator(),
    success={OK: "A page of grants."},
)
def list_grants(limit: Limit = 50, cursor: Cursor = None) -> GrantsOut:
    """Return who may do what, on which app."""
    page = registrations().apps.list_grants(limit=limit, cursor=cursor and place_of(cursor))
    return GrantsOut(
        items=tuple(
            GrantOut(principal=who, app_id=app_id, role=role.name.lower())
            for who, app_id, role in page.items
        ),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    "POST /v1/apps",
    summary="Create an app",
    access=operator(),
    success={CREATED: "The app."},
)
def create_app(body: Annotated[AppIn, Body()]) -> Response[AppOut]:
    """Create an app; with an `Idempotency-Key`, once."""
    settings = {"org": body.org, **_defaults(body), **body.settings()}
    app, replayed = registrations().apps.create_app(settings, attempt=attempt())
    return answered(AppOut.of(app), CREATED, replayed=replayed)


@router.on(
    "GET /v1/apps",
    summary="The apps on which the caller has a role",
    access=marketer(Role.VIEWER),
    success={OK: "A page of apps."},
)
def list_apps(limit: Limit = 50, cursor: Cursor = None) -> AppsOut:
    """Return the caller's apps, in the order of their creation."""
    page = registrations().apps.list_apps(caller(), limit=limit, cursor=cursor and place_of(cursor))
    return AppsOut(
        items=tuple(AppOut.of(app) for app in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    "GET /v1/apps/<app_id>",
    summary="An app",
    access=marketer(Role.VIEWER),
    success={OK: "The app."},
    refusals=[AppNotFoundError],
)
def get_app(app_id: AppId) -> AppOut:
    """Return an app."""
    return AppOut.of(registrations().apps.get_app(app_id))


@router.on(
    "PATCH /v1/apps/<app_id>",
    summary="Change an app",
    access=marketer(Role.ADMIN),
    success={OK: "The app as it is now."},
    refusals=[AppNotFoundError, AppChangedError],
)
def update_app(app_id: AppId, body: Annotated[AppSettingsIn, Body()]) -> AppOut:
    """Change the settings that are sent; the others stay."""
    return AppOut.of(registrations().apps.update_app(app_id, body.settings()))


@router.on(
    f"PUT {DEVICE}",
    summary="Register or refresh a device",
    access=anyone(),
    success={OK: "The device was known; its state as it stands.", CREATED: "The device is new."},
    refusals=[
        AppNotFoundError,
        AppCheckRequiredError,
        DeviceTokenRequiredError,
        UnauthenticatedError,
    ],
)
def register_device(
    app_id: AppId, device_id: DeviceId, body: Annotated[DeviceIn, Body()]
) -> Response[RegisteredDeviceOut]:
    """Register an installation, or tell its newest state.

    The first registration needs only the app's id (and `X-Firebase-AppCheck` where the app enforces
    it). Afterwards the device id needs its token, which may have expired up to 400 days ago.
    """
    claims = doors().device_claims(proof(), grace=GRACE)

    def owns(known: Device) -> bool:
        return (
            claims is not None
            and (claims.app_id, claims.device_id)
            == (
                known.app_id,
                known.device_id,
            )
            and claims.epoch >= known.epoch
        )

    found, is_new = registrations().devices.register_device(
        app_id=app_id,
        device_id=device_id,
        state=body.state(),
        client_seq=body.client_seq,
        owns=owns,
        app_check_token=header("x-firebase-appcheck"),
    )
    return answered(_with_token(found), CREATED if is_new else OK)


@router.on(
    f"GET {DEVICE}",
    summary="A device",
    access=device(),
    success={OK: "The device."},
    refusals=[DeviceNotFoundError],
)
def get_device(app_id: AppId, device_id: DeviceId) -> DeviceOut:
    """Return the calling device as it is registered."""
    return DeviceOut.of(registrations().devices.get_device(app_id=app_id, device_id=device_id))


@router.on(
    f"DELETE {DEVICE}",
    summary="Unregister a device",
    access=device(),
    success={NO_CONTENT: "The device is forgotten."},
    refusals=[DeviceNotFoundError],
)
def unregister_device(app_id: AppId, device_id: DeviceId) -> Response[None]:
    """Forget the calling device and free its address."""
    registrations().devices.unregister_device(app_id=app_id, device_id=device_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"PUT {DEVICE}/contact",
    summary="Log in",
    access=device(),
    success={OK: "The device, which is its contact's now."},
    refusals=[DeviceNotFoundError, TooManyDevicesError, ErasureRunningError],
)
def identify(
    app_id: AppId, device_id: DeviceId, body: Annotated[IdentifyIn, Body()]
) -> RegisteredDeviceOut:
    """Bind the device to the contact that a token of the app's issuer names.

    What happened on the device before joins that contact's history, unless somebody else was
    logged in.
    """
    claims = doors().user_claims(body.user_token, app_id=app_id)
    found = registrations().contacts.identify(
        app_id=app_id, device_id=device_id, issuer=str(claims["iss"]), subject=str(claims["sub"])
    )
    return _with_token(found)


@router.on(
    f"DELETE {DEVICE}/contact",
    summary="Log out",
    access=device(),
    success={OK: "The device, anonymous again, with a new token: the old ones are void."},
    refusals=[DeviceNotFoundError],
)
def log_out(app_id: AppId, device_id: DeviceId) -> RegisteredDeviceOut:
    """Unbind the device from its contact."""
    found = registrations().contacts.log_out(app_id=app_id, device_id=device_id)
    return _with_token(found)


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


@router.on(
    f"POST {SECRETS}",
    summary="Give another system a secret",
    access=marketer(Role.ADMIN),
    success={CREATED: "The secret, which is not shown again."},
    refusals=[
        AppNotFoundError,
        SystemRotatingError,
        TooManyWebhookSecretsError,
        WebhookSecretNotFoundError,
    ],
)
def create_webhook_secret(
    app_id: AppId, body: Annotated[WebhookSecretIn, Body()]
) -> Response[WebhookSecretWithKeyOut]:
    """Make a secret with which a system signs its requests (Standard Webhooks).

    A name that is known gets a second secret, and its first one ends in 30 days, or when it is
    deleted. A new secret works everywhere within a minute.
    """
    issued = registrations().systems.create_secret(
        body.name,
        app_id=app_id,
        channels=frozenset(body.channels),
        by=caller().subject,
        attempt=attempt(),
    )
    shown = WebhookSecretWithKeyOut.with_key(issued.secret, secret=secret_text(issued.key))
    return answered(shown, CREATED, replayed=issued.replayed)


@router.on(
    f"GET {SECRETS}",
    summary="The secrets of other systems",
    access=marketer(Role.ADMIN),
    success={OK: "Every secret that holds, oldest first; never more than twenty."},
    refusals=[AppNotFoundError],
)
def list_webhook_secrets(app_id: AppId) -> WebhookSecretsOut:
    """Return which systems the app knows, and by how many secrets; not the secrets themselves."""
    found = registrations().systems.list_secrets(app_id)
    return WebhookSecretsOut(items=tuple(WebhookSecretOut.of(secret) for secret in found))


@router.on(
    f"DELETE {SECRETS}/<secret_id>",
    summary="End a secret of another system",
    access=marketer(Role.ADMIN),
    success={NO_CONTENT: "Within a minute nothing that is signed with it comes through."},
    refusals=[WebhookSecretNotFoundError],
)
def delete_webhook_secret(app_id: AppId, secret_id: SecretId) -> Response[None]:
    """End a secret; where its system has another one, that stays until it is deleted."""
    registrations().systems.delete_secret(secret_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


def _with_token(found: Device) -> RegisteredDeviceOut:
    token = device_tokens().issue(
        app_id=found.app_id, device_id=found.device_id, epoch=found.epoch, at=system_clock()
    )
    return RegisteredDeviceOut.with_token(found, token=token)


def _defaults(body: AppIn) -> dict[str, str]:
    return {"default_locale": body.default_locale, "default_timezone": body.default_timezone}


@router.on(
    "GET /v1/apps/<app_id>/audit-log",
    summary="Who did what on an app",
    access=marketer(Role.ADMIN),
    success={OK: "A page of entries, the newest first."},
)
def list_audit_log(
    app_id: AppId,
    since: Since = None,
    until: Until = None,
    by: CallerName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditLogOut:
    """Return what marketers did on an app, and what their role refused them, for 400 days.

    `from` is inclusive, `to` exclusive. Calls that changed nothing because they were invalid are
    not in it. A page `by` somebody rare may come short: follow `next_cursor` until it is null.
    """
    return _audit_page(app_id, since, until, by, limit, cursor)


@router.on(
    "GET /v1/audit-log",
    summary="Who did what above apps",
    access=operator(),
    success={OK: "A page of entries, the newest first."},
)
def list_operators_audit_log(
    since: Since = None,
    until: Until = None,
    by: CallerName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditLogOut:
    """Return who gave and took roles and created apps, read as an app's audit log."""
    return _audit_page(None, since, until, by, limit, cursor)


def _audit_page(
    app_id: str | None,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    limit: int,
    cursor: str | None,
) -> AuditLogOut:
    page = audit_log().list_entries(
        app_id, since=since, until=until, by=by, limit=limit, cursor=cursor and ulid_in(cursor)
    )
    return AuditLogOut.of(page)
