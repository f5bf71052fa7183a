"""The doors: proof first, then the path, then the role."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from shared.kernel.events import Channel
from shared.kernel.principal import EVERY_APP, Issuer, Kind, Principal, Role, System
from shared.platform.auth.device_tokens import GRACE, LIFETIME, DeviceTokens
from shared.platform.auth.doors import (
    Access,
    Doors,
    Proof,
    anyone,
    device,
    marketer,
    no_apps,
    no_tills,
    normalised_arn,
    operator,
    source,
    system,
    vendor,
)
from shared.platform.auth.errors import ForbiddenError, NotYoursError, UnauthenticatedError
from shared.platform.auth.oidc import IssuerUnreachableError, JwksKeySource, TokenVerifier
from shared.platform.auth.webhooks import SignedMessage, secret_text
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.issuer import OidcIssuer
from tests.fakes.tills import Till

POOL = OidcIssuer("https://pool.example", audience="marketers")
SHOP_USERS = OidcIssuer("https://users.example", audience="shop", key_id="k2")
KEYS = {
    "https://pool.example/keys": POOL.jwks(),
    "https://users.example/.well-known/openid-configuration": {
        "jwks_uri": "https://users.example/keys"
    },
    "https://users.example/keys": SHOP_USERS.jwks(),
}
SHOP, CLUB = "app_SHOP", "app_CLUB"
ROLE = "arn:aws:iam::123456789012:role/Marketing"
TOKENS = DeviceTokens(keys=lambda: [b"the key"])
TILL = Till(app_id=SHOP)
FOR_ALL = device(or_contact=True, or_till=True)
WRITE_KEY = "wk_of_the_shops_site"
SUITE = System(name="suite", channels=frozenset({Channel.EMAIL}), key=b"the key of the suite.....")


@dataclass
class Registered:
    """What is registered, in memory."""

    grants: dict[tuple[str, str], Role] = field(default_factory=dict)
    issuers: dict[str, tuple[Issuer, ...]] = field(default_factory=dict)
    epochs: dict[tuple[str, str], int] = field(default_factory=dict)
    contacts: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        found: dict[str, Role] = {}
        for (principal, app_id), role in self.grants.items():
            if principal in principals:
                found[app_id] = max(role, found.get(app_id, role))
        return found

    def issuers_of(self, app_id: str) -> Sequence[Issuer]:
        return self.issuers.get(app_id, ())

    def device_epoch(self, *, app_id: str, device_id: str, named: str | None) -> int | None:
        return self.epochs.get((app_id, device_id))

    def contact_of(self, *, app_id: str, issuer: str, subject: str) -> str | None:
        return self.contacts.get((app_id, issuer, subject))


def fetch(url: str) -> Mapping[str, Any]:
    try:
        return KEYS[url]
    except KeyError:
        raise IssuerUnreachableError(url) from None


@pytest.fixture
def registered() -> Registered:
    return Registered(
        issuers={SHOP: (Issuer(issuer=SHOP_USERS.issuer, audiences=("shop",)),)},
        epochs={(SHOP, "phone-001"): 7},
        contacts={(SHOP, SHOP_USERS.issuer, "ada"): "con_ada"},
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def doors(registered: Registered, clock: ManualClock) -> Doors:
    pool = Issuer(
        issuer=POOL.issuer, audiences=("marketers",), jwks_uri="https://pool.example/keys"
    )
    return Doors(
        registry=registered,
        device_tokens=TOKENS,
        tokens=TokenVerifier(keys=JwksKeySource(fetch=fetch)),
        issuer=lambda: pool,
        operator_role_arn="arn:aws:iam::123456789012:role/ops/Operator",
        clock=clock,
        systems=lambda app_id: [SUITE] if app_id == SHOP else [],
        tills=lambda *ids: TILL.key if ids == (SHOP, "zurich-1", "k1") else None,
        app_of={WRITE_KEY: SHOP}.get,
    )


def bearing(token: str) -> Proof:
    return Proof(bearer=token, iam_arn=None)


def signed(arn: str) -> Proof:
    return Proof(bearer=None, iam_arn=arn)


def a_device(*, app_id: str = SHOP, device_id: str = "phone-001", epoch: int = 7) -> Proof:
    token = TOKENS.issue(
        app_id=app_id, device_id=device_id, epoch=epoch, at=NOON, contact_id="con_ada"
    )
    return bearing(token)


NOBODY = Proof(bearer=None, iam_arn=None)
AT_PHONE = {"app_id": SHOP, "device_id": "phone-001"}


def test_anyone_comes_in_without_proof_and_with_a_bad_one(doors: Doors) -> None:
    assert doors.admit(NOBODY, anyone(), {}) is None
    assert doors.admit(bearing("garbage"), anyone(), {}) is None


@pytest.mark.parametrize("access", [device(), marketer(Role.VIEWER), operator()], ids=str)
@pytest.mark.parametrize("bearer", [None, "", "garbage", "a.b", "a.b.c", "a.b.c.d"])
def test_without_proof_that_holds_the_doors_stay_shut(
    doors: Doors, access: Access, bearer: str | None
) -> None:
    with pytest.raises(UnauthenticatedError):
        doors.admit(Proof(bearer=bearer, iam_arn=None), access, AT_PHONE)


def test_a_device_speaks_for_itself(doors: Doors) -> None:
    assert doors.admit(a_device(), device(), AT_PHONE) == Principal(
        kind=Kind.DEVICE, subject="phone-001", app_id=SHOP
    )
    assert doors.admit(a_device(), device(), {"app_id": SHOP})


@pytest.mark.parametrize(
    "path", [{"app_id": CLUB}, {"app_id": SHOP, "device_id": "phone-002"}, {}], ids=str
)
def test_a_device_speaks_for_nobody_else(doors: Doors, path: dict[str, str]) -> None:
    with pytest.raises(NotYoursError):
        doors.admit(a_device(), device(), path)


@pytest.mark.parametrize("access", [marketer(Role.VIEWER, or_contact=True), operator()], ids=str)
def test_a_device_is_no_marketer(doors: Doors, access: Access) -> None:
    with pytest.raises(ForbiddenError):
        doors.admit(a_device(), access, {"app_id": SHOP, "contact_id": "con_ada"})


@pytest.mark.parametrize(("epoch", "comes_in"), [(6, False), (7, True), (8, True)])
def test_a_raised_epoch_voids_the_tokens_before_it(
    doors: Doors, epoch: int, comes_in: bool
) -> None:
    if comes_in:
        assert doors.admit(a_device(epoch=epoch), device(), AT_PHONE)
    else:
        with pytest.raises(UnauthenticatedError):
            doors.admit(a_device(epoch=epoch), device(), AT_PHONE)


def test_the_token_of_a_forgotten_device_is_void(doors: Doors, registered: Registered) -> None:
    registered.epochs.clear()
    with pytest.raises(UnauthenticatedError):
        doors.admit(a_device(), device(), AT_PHONE)


def test_an_expired_token_opens_no_door_but_proves_ownership_for_the_grace(
    doors: Doors, clock: ManualClock
) -> None:
    clock.advance(LIFETIME)
    with pytest.raises(UnauthenticatedError):
        doors.admit(a_device(), device(), AT_PHONE)
    claims = doors.device_claims(a_device(), grace=GRACE)
    assert claims is not None
    assert claims.device_id == "phone-001"
    clock.advance(GRACE)
    with pytest.raises(UnauthenticatedError):
        doors.device_claims(a_device(), grace=GRACE)
    assert doors.device_claims(NOBODY, grace=GRACE) is None


@pytest.mark.parametrize("held", list(Role))
@pytest.mark.parametrize("wanted", list(Role))
def test_a_role_includes_those_before_it(
    doors: Doors, registered: Registered, held: Role, wanted: Role
) -> None:
    registered.grants[f"{POOL.issuer}#ada", SHOP] = held
    if held >= wanted:
        caller = doors.admit(bearing(POOL.token("ada")), marketer(wanted), {"app_id": SHOP})
        assert caller is not None
        assert (caller.kind, caller.subject) == (Kind.USER, f"{POOL.issuer}#ada")
    else:
        with pytest.raises(ForbiddenError):
            doors.admit(bearing(POOL.token("ada")), marketer(wanted), {"app_id": SHOP})


def test_an_app_without_a_grant_does_not_exist(doors: Doors, registered: Registered) -> None:
    registered.grants[f"{POOL.issuer}#ada", SHOP] = Role.ADMIN
    with pytest.raises(NotYoursError):
        doors.admit(bearing(POOL.token("ada")), marketer(Role.VIEWER), {"app_id": CLUB})


def test_groups_are_granted_like_persons_and_the_strongest_role_counts(
    doors: Doors, registered: Registered
) -> None:
    registered.grants[f"{POOL.issuer}#group/readers", SHOP] = Role.VIEWER
    registered.grants[f"{POOL.issuer}#group/senders", SHOP] = Role.SENDER
    for claim in ("cognito:groups", "groups"):
        groups: dict[str, Any] = {claim: ["readers", "senders", 7]}
        token = POOL.token("ada", **groups)
        assert doors.admit(bearing(token), marketer(Role.SENDER), {"app_id": SHOP})


@pytest.mark.parametrize(
    "groups",
    [
        [["operators"]],
        [{"operators": 1}],
        "operators",
        {"operators": 1},
        7,
    ],
    ids=str,
)
def test_groups_of_another_shape_are_no_groups(
    doors: Doors, registered: Registered, groups: Any
) -> None:
    registered.grants[f"{POOL.issuer}#group/o", EVERY_APP] = Role.ADMIN
    registered.grants[f"{POOL.issuer}#group/operators", EVERY_APP] = Role.ADMIN
    token = POOL.token("ada", **{"cognito:groups": groups})
    with pytest.raises(NotYoursError):
        doors.admit(bearing(token), marketer(Role.VIEWER), {"app_id": SHOP})


def test_only_an_admin_of_every_app_operates(doors: Doors, registered: Registered) -> None:
    ada = f"{POOL.issuer}#ada"
    for app_id, role in ((SHOP, Role.ADMIN), (EVERY_APP, Role.SENDER)):
        registered.grants = {(ada, app_id): role}
        with pytest.raises(ForbiddenError):
            doors.admit(bearing(POOL.token("ada")), operator(), {})
    registered.grants = {(ada, EVERY_APP): Role.ADMIN}
    caller = doors.admit(bearing(POOL.token("ada")), operator(), {})
    assert caller is not None
    assert caller.is_operator()


def test_no_marketer_is_a_device(doors: Doors, registered: Registered) -> None:
    registered.grants[f"{POOL.issuer}#ada", EVERY_APP] = Role.ADMIN
    with pytest.raises(ForbiddenError):
        doors.admit(bearing(POOL.token("ada")), device(), AT_PHONE)


def test_a_route_of_devices_may_be_for_marketers_from_a_role_up(
    doors: Doors, registered: Registered
) -> None:
    access = device(or_contact=True, or_role=Role.EDITOR)
    marketer_of_shop = bearing(POOL.token("ada"))
    registered.grants[f"{POOL.issuer}#ada", SHOP] = Role.EDITOR
    caller = doors.admit(marketer_of_shop, access, {"app_id": SHOP})
    assert caller is not None
    assert (caller.kind, caller.contact_id) == (Kind.USER, None)
    with pytest.raises(NotYoursError):
        doors.admit(marketer_of_shop, access, {"app_id": CLUB})
    registered.grants[f"{POOL.issuer}#ada", SHOP] = Role.VIEWER
    with pytest.raises(ForbiddenError):
        doors.admit(marketer_of_shop, access, {"app_id": SHOP})
    contact = doors.admit(bearing(SHOP_USERS.token("ada")), access, {"app_id": SHOP})
    assert contact is not None
    assert contact.contact_id == "con_ada"


def test_a_contact_reaches_itself_alone(doors: Doors) -> None:
    access = marketer(Role.EDITOR, or_contact=True)
    ada = bearing(SHOP_USERS.token("ada"))
    caller = doors.admit(ada, access, {"app_id": SHOP, "contact_id": "con_ada"})
    assert caller is not None
    assert caller.contact_id == "con_ada"
    for proof, contact_id in ((ada, "con_eve"), (bearing(SHOP_USERS.token("eve")), "con_ada")):
        with pytest.raises(NotYoursError):
            doors.admit(proof, access, {"app_id": SHOP, "contact_id": contact_id})
    with pytest.raises(NotYoursError):
        doors.admit(ada, marketer(Role.VIEWER), {"app_id": SHOP, "contact_id": "con_ada"})


def test_an_apps_issuer_vouches_on_that_app_alone(doors: Doors, registered: Registered) -> None:
    ada = f"{SHOP_USERS.issuer}#ada"
    registered.grants = {(ada, SHOP): Role.VIEWER, (ada, EVERY_APP): Role.ADMIN}
    proof = bearing(SHOP_USERS.token("ada"))
    caller = doors.admit(proof, marketer(Role.VIEWER), {"app_id": SHOP})
    assert caller is not None
    assert caller.grants == {SHOP: Role.VIEWER}
    with pytest.raises(ForbiddenError):
        doors.admit(proof, marketer(Role.ADMIN), {"app_id": SHOP})
    for path in ({"app_id": CLUB}, {}):
        with pytest.raises(UnauthenticatedError):
            doors.admit(proof, marketer(Role.VIEWER), path)
    with pytest.raises(UnauthenticatedError):
        doors.admit(proof, operator(), {})


def test_a_user_token_must_be_of_one_of_the_apps_issuers(doors: Doors) -> None:
    assert doors.user_claims(SHOP_USERS.token("ada"), app_id=SHOP)["sub"] == "ada"
    for token, app_id in (
        (SHOP_USERS.token("ada"), CLUB),
        (POOL.token("ada"), SHOP),
        (SHOP_USERS.token("ada", aud="club"), SHOP),
        (SHOP_USERS.token("ada", exp=NOON - timedelta(days=9_000)), SHOP),
    ):
        with pytest.raises(UnauthenticatedError):
            doors.user_claims(token, app_id=app_id)


def test_an_app_may_trust_our_own_pool_whose_keys_lie_elsewhere(
    doors: Doors, registered: Registered
) -> None:
    registered.issuers[CLUB] = (Issuer(issuer=POOL.issuer, audiences=("club",)),)
    assert doors.user_claims(POOL.token("ada", aud="club"), app_id=CLUB)["sub"] == "ada"


def test_the_operator_role_operates_without_a_grant(doors: Doors) -> None:
    session = signed("arn:aws:sts::123456789012:assumed-role/Operator/session")
    caller = doors.admit(session, operator(), {})
    assert caller is not None
    assert (caller.kind, caller.subject) == (
        Kind.IAM,
        "arn:aws:iam::123456789012:role/Operator",
    )
    assert doors.admit(session, marketer(Role.ADMIN), {"app_id": SHOP})


def test_an_iam_caller_has_its_grants(doors: Doors, registered: Registered) -> None:
    registered.grants[ROLE, SHOP] = Role.SENDER
    session = signed("arn:aws:sts::123456789012:assumed-role/Marketing/nightly")
    assert doors.admit(session, marketer(Role.SENDER), {"app_id": SHOP})
    with pytest.raises(ForbiddenError):
        doors.admit(session, marketer(Role.ADMIN), {"app_id": SHOP})
    with pytest.raises(NotYoursError):
        doors.admit(session, marketer(Role.VIEWER), {"app_id": CLUB})
    with pytest.raises(ForbiddenError):
        doors.admit(session, operator(), {})
    with pytest.raises(ForbiddenError):
        doors.admit(session, device(), AT_PHONE)


@pytest.mark.parametrize(
    ("arn", "kept"),
    [
        ("arn:aws:sts::1:assumed-role/Marketing/session", "arn:aws:iam::1:role/Marketing"),
        ("arn:aws:sts::1:assumed-role/Marketing/a@b.example", "arn:aws:iam::1:role/Marketing"),
        ("arn:aws:iam::1:role/Marketing", "arn:aws:iam::1:role/Marketing"),
        ("arn:aws:iam::1:role/teams/mobile/Marketing", "arn:aws:iam::1:role/Marketing"),
        ("arn:aws-cn:sts::1:assumed-role/Marketing/s", "arn:aws-cn:iam::1:role/Marketing"),
        ("arn:aws:iam::1:user/people/ada", "arn:aws:iam::1:user/people/ada"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
        ("https://issuer.example#ada", "https://issuer.example#ada"),
        ("https://issuer.example#group/role/x", "https://issuer.example#group/role/x"),
        ("", ""),
    ],
)
def test_an_arn_is_kept_as_its_role(arn: str, kept: str) -> None:
    assert normalised_arn(arn) == kept
    assert normalised_arn(kept) == kept


@pytest.mark.parametrize(
    ("event", "bearer", "arn"),
    [
        ({"headers": {"authorization": "Bearer t.o"}}, "t.o", None),
        ({"headers": {"authorization": "bearer  t.o "}}, "t.o", None),
        ({"headers": {"authorization": "Basic dXNlcjpwYXNz"}}, None, None),
        ({"headers": {"authorization": "Bearer"}}, "", None),
        ({"headers": {}}, None, None),
        ({"headers": None, "requestContext": None}, None, None),
        ({"requestContext": {"authorizer": None}}, None, None),
        ({"requestContext": {"authorizer": {"iam": None}}}, None, None),
        ({"requestContext": {"authorizer": {"iam": {"userArn": ROLE}}}}, None, ROLE),
    ],
    ids=str,
)
def test_the_proof_is_read_from_the_event(
    event: dict[str, Any], bearer: str | None, arn: str | None
) -> None:
    assert Proof.of(event) == Proof(bearer=bearer, iam_arn=arn)


def a_system(key: bytes = SUITE.key) -> Proof:
    signed = Webhook(secret_text(key)).sign("msg_1", NOON, "{}")
    message = SignedMessage(
        id="msg_1", timestamp=str(int(NOON.timestamp())), signatures=signed, body=b"{}"
    )
    return Proof(bearer=None, iam_arn=None, message=message)


@pytest.mark.parametrize("access", [system(), marketer(Role.ADMIN, or_system=True)], ids=str)
def test_a_system_speaks_for_its_channels_on_the_app_that_knows_it(
    doors: Doors, access: Access
) -> None:
    assert doors.admit(a_system(), access, {"app_id": SHOP}) == Principal(
        kind=Kind.SYSTEM, subject="suite", app_id=SHOP, channels=frozenset({Channel.EMAIL})
    )


@pytest.mark.parametrize(
    ("proof", "app_id"),
    [(a_system(b"the key of somebody else"), SHOP), (a_system(), CLUB), (NOBODY, SHOP)],
    ids=["another key", "another app", "no signature"],
)
def test_a_system_that_the_app_does_not_know_stays_outside(
    doors: Doors, proof: Proof, app_id: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        doors.admit(proof, system(), {"app_id": app_id})


@pytest.mark.parametrize(
    "access", [device(), marketer(Role.VIEWER, or_contact=True), operator()], ids=str
)
def test_a_signature_is_no_proof_on_a_route_that_is_not_for_systems(
    doors: Doors, access: Access
) -> None:
    with pytest.raises(UnauthenticatedError):
        doors.admit(a_system(), access, AT_PHONE)


def test_a_signature_never_mends_another_proof(doors: Doors) -> None:
    access = marketer(Role.ADMIN, or_system=True)
    with pytest.raises(UnauthenticatedError):
        doors.admit(replace(a_system(), bearer="a.b.c"), access, {"app_id": SHOP})
    with pytest.raises(NotYoursError):
        doors.admit(replace(a_system(), iam_arn=ROLE), access, {"app_id": SHOP})


def test_marketers_and_devices_have_no_business_on_a_route_for_systems(
    doors: Doors, registered: Registered
) -> None:
    registered.grants[ROLE, EVERY_APP] = Role.ADMIN
    for proof in (signed(ROLE), a_device()):
        with pytest.raises(ForbiddenError):
            doors.admit(proof, system(), {"app_id": SHOP})


def test_the_document_names_systems() -> None:
    assert system().describe() == "system"
    assert marketer(Role.SENDER, or_system=True).describe() == "marketer (sender), system"


def a_source(key: str = WRITE_KEY, **other: Any) -> Proof:
    credentials = b64encode(f"{key}:".encode()).decode()
    return Proof.of({"headers": {"authorization": f"Basic {credentials}"}, **other})


def test_a_source_speaks_for_the_app_of_its_key_and_is_named_by_no_key(doors: Doors) -> None:
    in_body = Proof.of({"body": json.dumps({"writeKey": WRITE_KEY})})
    callers = [doors.admit(proof, source(), {}) for proof in (a_source(), in_body)]
    assert callers[0] == callers[1]
    assert callers[0] is not None
    assert (callers[0].kind, callers[0].app_id) == (Kind.SOURCE, SHOP)
    assert WRITE_KEY not in callers[0].subject


def test_who_sends_no_write_key_of_an_app_stays_outside(
    doors: Doors, registered: Registered
) -> None:
    registered.grants[ROLE, EVERY_APP] = Role.ADMIN
    for proof in (NOBODY, a_source("wk_of_nobody"), a_device(), signed(ROLE), a_system()):
        with pytest.raises(UnauthenticatedError):
            doors.admit(proof, source(), {"app_id": SHOP})


def test_where_no_write_keys_are_known_none_is_let_in(doors: Doors) -> None:
    with pytest.raises(UnauthenticatedError):
        replace(doors, app_of=no_apps).admit(a_source(), source(), {})


@pytest.mark.parametrize(
    "access", [device(), marketer(Role.VIEWER, or_system=True), operator(), system()], ids=str
)
def test_a_write_key_is_no_proof_on_any_other_route(doors: Doors, access: Access) -> None:
    in_body = Proof.of({"body": json.dumps({"writeKey": WRITE_KEY})})
    for proof in (a_source(), in_body):
        with pytest.raises(UnauthenticatedError):
            doors.admit(proof, access, AT_PHONE)


def test_a_vendor_is_let_through_to_the_route_that_checks_its_signature(doors: Doors) -> None:
    for proof in (NOBODY, bearing("garbage"), a_device()):
        assert doors.admit(proof, vendor(), {"app_id": SHOP}) is None


def test_the_document_names_sources_and_vendors() -> None:
    assert source().describe() == "write key"
    assert vendor().describe() == "vendor"


def test_callers_of_two_apps_are_told_apart_by_their_names() -> None:
    one, other = (Principal(kind=Kind.SYSTEM, subject="suite", app_id=app) for app in (SHOP, CLUB))
    assert one.identity != other.identity
    assert Principal(kind=Kind.IAM, subject=ROLE).identity == ROLE


def test_tills_of_two_stores_are_told_apart_by_their_names() -> None:
    named = {
        Principal(kind=Kind.TILL, subject=till, app_id=app, store_id=store).identity
        for app in (SHOP, CLUB)
        for store in ("zurich-1", "bern-1")
        for till in ("1", "2")
    }
    assert len(named) == 8
    assert f"{SHOP}#zurich-1" not in named  # which is the system or device of that name


def test_a_till_speaks_for_its_store(doors: Doors) -> None:
    caller = Principal(kind=Kind.TILL, subject="till-3", app_id=SHOP, store_id="zurich-1")
    for path in ({"app_id": SHOP}, {"app_id": SHOP, "store_id": "zurich-1"}):
        assert doors.admit(bearing(TILL.token()), FOR_ALL, path) == caller
        assert doors.admit(bearing(TILL.token()), Access(till=True), path) == caller


def test_a_till_speaks_for_no_other_store(doors: Doors) -> None:
    with pytest.raises(NotYoursError):
        doors.admit(bearing(TILL.token()), FOR_ALL, {"app_id": SHOP, "store_id": "bern-1"})


@pytest.mark.parametrize(
    ("token", "app_id"),
    [
        (TILL.token(), CLUB),
        (TILL.token(aud=CLUB), SHOP),
        (TILL.token(aud=CLUB), CLUB),
        (TILL.token(key_id="k2"), SHOP),
        (TILL.token(iss="bern-1"), SHOP),
        (TILL.token(at=NOON - timedelta(days=1)), SHOP),
        (Till(app_id=SHOP, seed="another key").token(), SHOP),
    ],
    ids=["path", "app", "app and path", "key id", "store", "time", "key"],
)
def test_a_till_that_its_store_does_not_know_stays_outside(
    doors: Doors, token: str, app_id: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        doors.admit(bearing(token), FOR_ALL, {"app_id": app_id})


@pytest.mark.parametrize(
    "access",
    [device(), device(or_contact=True), marketer(Role.VIEWER, or_contact=True), operator()],
    ids=str,
)
def test_a_tills_token_is_no_proof_on_a_route_that_is_not_for_tills(
    doors: Doors, access: Access
) -> None:
    with pytest.raises(UnauthenticatedError):
        doors.admit(bearing(TILL.token()), access, {"app_id": SHOP})


def test_where_no_tills_are_known_none_comes_in(doors: Doors) -> None:
    without = replace(doors, tills=no_tills)
    with pytest.raises(UnauthenticatedError):
        without.admit(bearing(TILL.token()), FOR_ALL, {"app_id": SHOP})


def test_devices_come_in_where_tills_do(doors: Doors) -> None:
    assert doors.admit(a_device(), FOR_ALL, {"app_id": SHOP}) == Principal(
        kind=Kind.DEVICE, subject="phone-001", app_id=SHOP
    )
    with pytest.raises(ForbiddenError):
        doors.admit(a_device(), Access(till=True), {"app_id": SHOP})


@pytest.mark.parametrize("access", [FOR_ALL, device(or_contact=True)], ids=str)
def test_a_contact_needs_no_path_to_be_known(doors: Doors, access: Access) -> None:
    assert doors.admit(bearing(SHOP_USERS.token("ada")), access, {"app_id": SHOP}) == Principal(
        kind=Kind.USER, subject=f"{SHOP_USERS.issuer}#ada", contact_id="con_ada"
    )


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ({"app_id": SHOP, "contact_id": "con_ada"}, None),
        ({"app_id": SHOP, "contact_id": "con_eve"}, NotYoursError),
        ({"app_id": CLUB}, UnauthenticatedError),
    ],
    ids=str,
)
def test_a_contact_on_a_route_of_devices_is_itself_alone(
    doors: Doors, path: dict[str, str], refusal: type[Exception] | None
) -> None:
    proof = bearing(SHOP_USERS.token("ada"))
    if refusal is None:
        assert doors.admit(proof, FOR_ALL, path)
    else:
        with pytest.raises(refusal):
            doors.admit(proof, FOR_ALL, path)


def test_who_is_no_contact_has_no_business_on_a_route_for_contacts(
    doors: Doors, registered: Registered
) -> None:
    registered.grants = {
        (ROLE, EVERY_APP): Role.ADMIN,
        (f"{POOL.issuer}#ada", EVERY_APP): Role.ADMIN,
    }
    for proof in (
        bearing(SHOP_USERS.token("eve")),
        bearing(POOL.token("ada")),
        signed(ROLE),
    ):
        with pytest.raises(ForbiddenError):
            doors.admit(proof, FOR_ALL, {"app_id": SHOP})


def test_a_contact_has_no_business_on_a_route_for_devices_and_tills(doors: Doors) -> None:
    for access in (device(or_till=True), Access(till=True)):
        with pytest.raises(ForbiddenError):
            doors.admit(bearing(SHOP_USERS.token("ada")), access, {"app_id": SHOP})


def test_a_role_is_not_asked_which_contact_it_is(doors: Doors, registered: Registered) -> None:
    registered.grants[f"{SHOP_USERS.issuer}#ada", SHOP] = Role.EDITOR
    caller = doors.admit(
        bearing(SHOP_USERS.token("ada")),
        marketer(Role.EDITOR, or_contact=True),
        {"app_id": SHOP, "contact_id": "con_ada"},
    )
    assert caller is not None
    assert caller.contact_id is None


def test_the_document_names_tills() -> None:
    assert FOR_ALL.describe() == "device, contact, till"
    assert device(or_till=True).describe() == "device, till"
