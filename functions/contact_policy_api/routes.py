"""The routes of the contact policy API: parse, call one use case, render."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.contact_policy_api.page import HEADERS, changes_of, render
from functions.contact_policy_api.schemas import (
    AppId,
    CaseId,
    CaseIn,
    CaseOut,
    ConsentIn,
    ConsentOut,
    ConsentsOut,
    ConsentStatusIn,
    ContactId,
    ControlGroupIn,
    ControlGroupOut,
    ControlGroupsOut,
    Cursor,
    DecisionIn,
    DecisionOut,
    Limit,
    LinkIn,
    LinkOut,
    PoliciesOut,
    PolicyOut,
    PreferencesIn,
    PreferencesOut,
    ReservationId,
    ReservationOut,
    Token,
    Version,
)
from functions.contact_policy_api.schemas.simulations import PolicySimulationIn, PolicySimulationOut
from functions.contact_policy_api.wiring import (
    contact_named,
    contact_policy,
    expect_contact,
    get_app,
    links,
    public_url,
    simulations,
)
from functions.contact_policy_api.wishes import changed_by, page_of
from shared.contact_policy.errors import (
    CaseIdTakenError,
    CaseNotFoundError,
    ConsentInvalidError,
    ConsentNotPendingError,
    ControlGroupInvalidError,
    PersonErasedError,
    PolicyChangedError,
    PolicyInvalidError,
    PolicyNotFoundError,
    PolicyTooLargeError,
    ReservationExpiredError,
    ReservationNotFoundError,
    TooManyControlGroupsError,
)
from shared.contact_policy.model.standing import ConsentKey, Preferences
from shared.contact_policy.service.consents import Statement
from shared.kernel.clock import system_clock
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel, Purpose
from shared.kernel.principal import Kind, Role
from shared.platform.auth.doors import anyone, marketer
from shared.platform.auth.errors import ForbiddenError, LinkUnusableError
from shared.platform.auth.links import LIFETIME, Link, LinkPurpose
from shared.platform.http.api import answered, shown
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import HTML, Router
from shared.platform.http.schemas import FormFields
from shared.registrations.errors import (
    AppNotFoundError,
    BlockedIdentifierError,
    ContactErasedError,
    ContactNotFoundError,
    InvalidIdentifierError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
APP = "/v1/apps/<app_id>"
CONTACT = f"{APP}/contacts/<contact_id>"


@router.on(
    f"GET {APP}/policy",
    summary="The contact policy",
    access=marketer(Role.VIEWER),
    success={OK: "The policy in force, or an earlier version."},
    refusals=[PolicyNotFoundError],
)
def get_policy(app_id: AppId, version: Version = None) -> PolicyOut:
    """Return the app's policy as one document; until one was put, the default, version 0."""
    policies = contact_policy().policies
    if version is None:
        return PolicyOut.of(policies.get_policy(app_id))
    return PolicyOut.of(policies.get_version(app_id, version))


@router.on(
    f"PUT {APP}/policy",
    summary="Put a contact policy in force",
    access=marketer(Role.ADMIN),
    success={OK: "The policy in force everywhere within ten seconds."},
    refusals=[AppNotFoundError, PolicyInvalidError, PolicyTooLargeError, PolicyChangedError],
)
def put_policy(
    app_id: AppId, document: Annotated[dict[str, Any], Body()], version: Version = None
) -> PolicyOut:
    """Put the policy of one reviewed document in force.

    `version` is the one that was read and changed: if another is in force by now, nothing happens.
    """
    put = contact_policy().policies.put_policy(
        app_id, document, version=version, by=caller().subject
    )
    return PolicyOut.of(put)


@router.on(
    f"GET {APP}/policy/versions",
    summary="All contact policies that were in force",
    access=marketer(Role.VIEWER),
    success={OK: "A page of policies, the newest first."},
)
def list_policies(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> PoliciesOut:
    """Return who put which policy in force, and when."""
    page = contact_policy().policies.list_policies(app_id, limit=limit, cursor=cursor)
    return PoliciesOut(
        items=tuple(PolicyOut.of(put) for put in page.items), next_cursor=page.next_cursor
    )


@router.on(
    f"POST {APP}/policy/simulate",
    summary="What a draft of the policy would have changed",
    access=marketer(Role.EDITOR),
    success={OK: "Its effect on the last days, by rule and channel, against the policy in force."},
    refusals=[AppNotFoundError, PolicyInvalidError, PolicyTooLargeError],
)
def simulate_policy(
    app_id: AppId, body: Annotated[PolicySimulationIn, Body()]
) -> PolicySimulationOut:
    """Play what reached people in the last days under a draft and the policy in force.

    Nothing is written. At most 30 days, 1,000 contacts and 20,000 events are looked at, for 20
    seconds: `is_whole` says whether that was all.
    """
    return PolicySimulationOut.of(simulations().simulate(body.question(app_id)))


@router.on(
    f"POST {APP}/contact-decisions",
    summary="May I contact this person?",
    access=marketer(Role.SENDER, or_system=True),
    success={OK: "The decision, with every reason."},
    refusals=[
        ContactNotFoundError,
        ContactErasedError,
        InvalidIdentifierError,
        BlockedIdentifierError,
    ],
)
def decide(app_id: AppId, body: Annotated[DecisionIn, Body()]) -> DecisionOut:
    """Answer whether a person may be told something now, on a channel, for a purpose.

    With `reserve`, an allowed touch counts from now on: commit it when it was sent, release it when
    it was not, or let it expire. With an `Idempotency-Key`, a repeated request is counted once.
    """
    _expect_own_channel(body.channel)
    tried = attempt() if body.reserve else None  # an unusable key makes no contact on the way
    if body.contact_id is not None:
        contact_id = expect_contact(body.contact_id, app_id=app_id)
    else:
        contact_id = contact_named(
            [(one.namespace, one.value) for one in body.identifiers], app_id=app_id
        )
    candidate = body.candidate(contact_id, app_id=app_id)
    decisions = contact_policy().decisions
    if not body.reserve:
        return DecisionOut.of((decisions.decide(candidate), None))
    return DecisionOut.of(
        decisions.reserve(candidate, key=tried.id if tried else None, hold=body.hold(), tells=True)
    )


@router.on(
    f"POST {APP}/contact-decisions/<reservation_id>/commit",
    summary="It was sent",
    access=marketer(Role.SENDER, or_system=True),
    success={OK: "The touch counts for good."},
    refusals=[ReservationNotFoundError, ReservationExpiredError],
)
def commit_reservation(app_id: AppId, reservation_id: ReservationId) -> ReservationOut:
    """Make a reservation firm: what it was for has been sent."""
    return ReservationOut.of(contact_policy().decisions.commit(reservation_id, app_id=app_id))


@router.on(
    f"POST {APP}/contact-decisions/<reservation_id>/release",
    summary="It was not sent",
    access=marketer(Role.SENDER, or_system=True),
    success={NO_CONTENT: "The touch counts no more."},
    refusals=[ReservationNotFoundError],
)
def release_reservation(app_id: AppId, reservation_id: ReservationId) -> Response[None]:
    """Take a reservation back: what it was for was not sent."""
    contact_policy().decisions.release(reservation_id, app_id=app_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"GET {CONTACT}/preferences",
    summary="A person's wishes",
    access=marketer(Role.VIEWER, or_contact=True),
    success={OK: "The wishes that hold."},
    refusals=[ContactNotFoundError, ContactErasedError],
)
def get_preferences(app_id: AppId, contact_id: ContactId) -> PreferencesOut:
    """Return what a person wishes: channels, topics, frequency, pause, hours."""
    expect_contact(contact_id, app_id=app_id)
    wishes = contact_policy().preferences.get_preferences(contact_id, app_id=app_id)
    return PreferencesOut.of(wishes)


@router.on(
    f"PUT {CONTACT}/preferences",
    summary="Write a person's wishes down",
    access=marketer(Role.EDITOR, or_contact=True),
    success={OK: "The wishes that hold from now on."},
    refusals=[ContactNotFoundError, ContactErasedError, PersonErasedError],
)
def put_preferences(
    app_id: AppId, contact_id: ContactId, body: Annotated[PreferencesIn, Body()]
) -> PreferencesOut:
    """Write wishes down as a whole, by the person or by an agent on the phone with them."""
    expect_contact(contact_id, app_id=app_id)
    wishes = contact_policy().preferences.put_preferences(
        contact_id, body.wishes(at=system_clock()), app_id=app_id
    )
    return PreferencesOut.of(wishes)


@router.on(
    f"POST {CONTACT}/preference-links",
    summary="Links for a message to a person",
    access=marketer(Role.SENDER, or_system=True),
    success={CREATED: "The links, good for 400 days."},
    refusals=[ContactNotFoundError, ContactErasedError],
)
def create_links(
    app_id: AppId, contact_id: ContactId, body: Annotated[LinkIn, Body()]
) -> Response[LinkOut]:
    """Return links that let the person see and change their wishes without logging in.

    One leads to the preference page; the other switches a topic, or all marketing, off by one click
    (RFC 8058), with the headers that an e-mail needs for it.
    """
    expect_contact(contact_id, app_id=app_id)
    at = system_clock()
    preferences, unsubscribe = (
        links().token(
            Link(
                app_id=app_id,
                contact_id=contact_id,
                purpose=purpose,
                topic=body.topic,
                expires_at=at + LIFETIME,
            ),
            at=at,
        )
        for purpose in (LinkPurpose.PREFERENCES, LinkPurpose.UNSUBSCRIBE)
    )
    return answered(
        LinkOut.at(f"{public_url()}/v1", preferences=preferences, unsubscribe=unsubscribe),
        CREATED,
    )


@router.on(
    "GET /v1/preferences/<token>",
    summary="The preference page",
    access=anyone(),
    success={OK: "The page, for the person who got the link."},
    refusals=[LinkUnusableError, ContactErasedError],
    gives=HTML,
)
def show_preferences(token: Token) -> Response[str]:
    """Show a person their wishes, by the signed link that they got: plain HTML, no script."""
    link = links().read(token, purpose=LinkPurpose.PREFERENCES, at=system_clock())
    return shown(_page(link), headers=HEADERS)


@router.on(
    "POST /v1/preferences/<token>",
    summary="Change wishes on the preference page",
    access=anyone(),
    success={OK: "The page with what is saved."},
    refusals=[LinkUnusableError, ContactErasedError, PersonErasedError],
    gives=HTML,
)
def change_preferences(token: Token, form: FormFields) -> Response[str]:
    """Take the page's form; what the page did not show stays as it was."""
    link = links().read(token, purpose=LinkPurpose.PREFERENCES, at=system_clock())
    changes = changes_of(form)
    expect_contact(link.contact_id, app_id=link.app_id)
    preferences = contact_policy().preferences
    before = preferences.get_preferences(link.contact_id, app_id=link.app_id)
    after = changed_by(before, changes, zone=_zone_of(link, before), at=system_clock())
    preferences.put_preferences(link.contact_id, after, app_id=link.app_id)
    return shown(_page(link, is_saved=True), headers=HEADERS)


@router.on(
    "POST /v1/unsubscribe/<token>",
    summary="Unsubscribe by one click",
    access=anyone(),
    success={NO_CONTENT: "The person is sent no more of it."},
    refusals=[LinkUnusableError, ContactErasedError, PersonErasedError],
)
def unsubscribe(token: Token, form: FormFields) -> Response[None]:
    """Switch off what the message was about, as mail programs ask it (RFC 8058)."""
    link = links().read(token, purpose=LinkPurpose.UNSUBSCRIBE, at=system_clock())
    if form.get("List-Unsubscribe") != ["One-Click"]:
        problem = FieldProblem(
            pointer="/List-Unsubscribe", code="one_click", detail="One-Click is needed (RFC 8058)"
        )
        raise InvalidFieldsError("no one-click unsubscription", fields=[problem])
    expect_contact(link.contact_id, app_id=link.app_id)
    if link.topic is None:
        said = Statement(
            app_id=link.app_id,
            contact_id=link.contact_id,
            key=ConsentKey(Purpose.MARKETING),
            obtained_by="one-click unsubscribe",
            by=link.contact_id,
        )
        contact_policy().consents.withdraw(said)
    else:
        preferences = contact_policy().preferences
        before = preferences.get_preferences(link.contact_id, app_id=link.app_id)
        after = replace(before, topics_off=before.topics_off | {link.topic})
        preferences.put_preferences(link.contact_id, after, app_id=link.app_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"GET {CONTACT}/consents",
    summary="What a person said about consent",
    access=marketer(Role.VIEWER, or_contact=True),
    success={OK: "A page of proofs, the newest first."},
    refusals=[ContactNotFoundError, ContactErasedError],
)
def list_consents(
    app_id: AppId, contact_id: ContactId, limit: Limit = 50, cursor: Cursor = None
) -> ConsentsOut:
    """Return every word about consent, with the text that was shown, where and when."""
    expect_contact(contact_id, app_id=app_id)
    page = contact_policy().consents.history(contact_id, app_id=app_id, limit=limit, cursor=cursor)
    return ConsentsOut(
        items=tuple(ConsentOut.of(proof) for proof in page.items), next_cursor=page.next_cursor
    )


@router.on(
    f"PUT {CONTACT}/consents",
    summary="Write down what a person says about consent",
    access=marketer(Role.EDITOR, or_contact=True),
    success={OK: "The proof."},
    refusals=[
        ContactNotFoundError,
        ContactErasedError,
        PersonErasedError,
        ConsentInvalidError,
        ConsentNotPendingError,
    ],
)
def put_consent(
    app_id: AppId, contact_id: ContactId, body: Annotated[ConsentIn, Body()]
) -> ConsentOut:
    """Write down that a person agrees, does not agree, is asked to confirm, or confirms.

    Double opt-in is `pending`, and `confirmed` when the person follows the link that was sent. A
    link of an old message confirms nothing that was withdrawn, denied or expired since.
    """
    expect_contact(contact_id, app_id=app_id)
    consents = contact_policy().consents
    say = {
        ConsentStatusIn.GRANTED: consents.give,
        ConsentStatusIn.PENDING: consents.ask,
        ConsentStatusIn.CONFIRMED: consents.confirm,
        ConsentStatusIn.DENIED: consents.deny,
        ConsentStatusIn.WITHDRAWN: consents.withdraw,
    }[body.status]
    return ConsentOut.of(say(body.statement(contact_id, app_id=app_id, by=caller().subject)))


@router.on(
    f"POST {CONTACT}/cases",
    summary="Open a case",
    access=marketer(Role.EDITOR, or_system=True),
    success={CREATED: "The case; marketing rests until it is closed and cooled down."},
    refusals=[ContactNotFoundError, ContactErasedError, PersonErasedError, CaseIdTakenError],
)
def open_case(
    app_id: AppId, contact_id: ContactId, body: Annotated[CaseIn, Body()]
) -> Response[CaseOut]:
    """Open a case, such as a complaint, from whatever channel it came."""
    expect_contact(contact_id, app_id=app_id)
    case = contact_policy().cases.open_case(
        contact_id, app_id=app_id, kind=body.kind, case_id=body.case_id
    )
    return answered(CaseOut.of(case), CREATED)


@router.on(
    f"POST {APP}/cases/<case_id>/close",
    summary="Close a case",
    access=marketer(Role.EDITOR, or_system=True),
    success={OK: "The case; what must cool down does so from now on."},
    refusals=[CaseNotFoundError],
)
def close_case(app_id: AppId, case_id: CaseId) -> CaseOut:
    """Close a case; again, it changes nothing."""
    return CaseOut.of(contact_policy().cases.close_case(case_id, app_id=app_id))


@router.on(
    f"POST {APP}/control-groups",
    summary="Set people aside",
    access=marketer(Role.EDITOR),
    success={CREATED: "The control group."},
    refusals=[AppNotFoundError, ControlGroupInvalidError, TooManyControlGroupsError],
)
def create_control_group(
    app_id: AppId, body: Annotated[ControlGroupIn, Body()]
) -> Response[ControlGroupOut]:
    """Set a share of all people aside, for a campaign or for everything."""
    group = contact_policy().control_groups.create_control_group(
        app_id, percent=body.percent, channels=body.channels, campaign_id=body.campaign_id
    )
    return answered(ControlGroupOut.of(group), CREATED)


@router.on(
    f"GET {APP}/control-groups",
    summary="The control groups",
    access=marketer(Role.VIEWER),
    success={OK: "All control groups of the app, oldest first."},
)
def list_control_groups(app_id: AppId) -> ControlGroupsOut:
    """Return the app's control groups."""
    groups = contact_policy().control_groups.list_control_groups(app_id)
    return ControlGroupsOut(items=tuple(ControlGroupOut.of(group) for group in groups))


def _page(link: Link, *, is_saved: bool = False) -> str:
    """Return the preference page of a link's person."""
    expect_contact(link.contact_id, app_id=link.app_id)
    app = get_app(link.app_id)
    wishes = contact_policy().preferences.get_preferences(link.contact_id, app_id=link.app_id)
    policy = contact_policy().policies.get_policy(link.app_id).policy
    return render(
        page_of(
            wishes,
            policy,
            app_name=app.name,
            locale=app.default_locale,
            zone=_zone_of(link, wishes),
            is_saved=is_saved,
        )
    )


def _zone_of(link: Link, wishes: Preferences) -> str:
    """Return the zone in which a person reads and writes days."""
    return wishes.zone or get_app(link.app_id).default_timezone


def _expect_own_channel(channel: Channel) -> None:
    """Let other systems ask about their own channels only."""
    who = caller()
    if who.kind is Kind.SYSTEM and channel not in who.channels:
        raise ForbiddenError(f"{who.subject} does not speak for {channel}")
