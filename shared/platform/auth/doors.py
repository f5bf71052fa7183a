"""Who calls, and whether this route is for them. Claims decide; the path must agree with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Protocol

from shared.kernel.clock import Clock
from shared.kernel.principal import EVERY_APP, Issuer, Kind, Principal, Role, System, TillKey
from shared.platform.auth.device_tokens import DeviceClaims, DeviceTokens
from shared.platform.auth.errors import ForbiddenError, NotYoursError, UnauthenticatedError
from shared.platform.auth.oidc import Claims, TokenVerifier
from shared.platform.auth.tills import is_till_token, verify_till_token
from shared.platform.auth.webhooks import SignedMessage
from shared.platform.auth.write_keys import write_key_in


class Registry(Protocol):
    """What the doors ask of the registrations."""

    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        """Return the strongest role of these principals on each app, or on ``*``."""
        ...

    def issuers_of(self, app_id: str) -> Sequence[Issuer]:
        """Return the app's own OIDC issuers; none for an unknown app."""
        ...

    def device_epoch(self, *, app_id: str, device_id: str, named: str | None) -> int | None:
        """Return the epoch below which a device's tokens are void; ``None`` without the device.

        ``named`` is the contact that the token names: a hint where to look.
        """
        ...

    def contact_of(self, *, app_id: str, issuer: str, subject: str) -> str | None:
        """Return the contact that an issuer's subject is, or ``None``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may call a route: a device on itself, a contact on itself, marketers from ``role`` up.

    ``till``: tills of the app's stores, each for its own store. ``system``: other systems that the
    app knows, for the channels they may speak for. ``source``: libraries that send the write key of
    an app, which the path then does not name. ``vendor``: whoever the route itself believes, by the
    vendor's own signature.
    """

    device: bool = False
    contact: bool = False
    till: bool = False
    system: bool = False
    source: bool = False
    vendor: bool = False
    role: Role | None = None
    operator: bool = False
    anyone: bool = False

    def describe(self) -> str:
        """Say who may call, in the words of the API's documentation."""
        who = {
            "anyone": self.anyone,
            "device": self.device,
            f"marketer ({self.role.name.lower()})" if self.role else "marketer": bool(self.role),
            "contact": self.contact,
            "till": self.till,
            "system": self.system,
            "write key": self.source,
            "vendor": self.vendor,
            "operator": self.operator,
        }
        return ", ".join(name for name, may in who.items() if may) or "marketer"


MOST_GROUPS = 50
"""Each group of a caller is a read; who is in more counts by the first of them."""


def anyone() -> Access:
    """Return access for everybody, without proof."""
    return Access(anyone=True)


def device(
    *,
    or_contact: bool = False,
    or_till: bool = False,
    or_system: bool = False,
    or_role: Role | None = None,
) -> Access:
    """Return access for a device, on itself.

    And for whoever is a contact of the app, as that contact, for tills of the app's stores, for
    other systems that the app knows, and for marketers from a role up, where that is said.
    """
    return Access(device=True, contact=or_contact, till=or_till, system=or_system, role=or_role)


def system() -> Access:
    """Return access for other systems that the app in the path knows."""
    return Access(system=True)


def source() -> Access:
    """Return access for libraries that send a write key, for the app that has it."""
    return Access(source=True)


def vendor() -> Access:
    """Return access for vendors, whose signatures the route checks itself."""
    return Access(vendor=True)


def marketer(role: Role, *, or_contact: bool = False, or_system: bool = False) -> Access:
    """Return access for marketers from ``role`` up on the app.

    And for the contact in the path, and for other systems that the app knows, where that is said.
    """
    return Access(role=role, contact=or_contact, system=or_system)


def operator() -> Access:
    """Return access for those who administer the whole deployment."""
    return Access(operator=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a request offers as proof."""

    bearer: str | None
    iam_arn: str | None
    message: SignedMessage | None = None
    sent: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The request's event: a write key may lie in its body, read only where one is asked for."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Proof":
        """Read the proof from an event of an HTTP API or function URL (payload 2.0)."""
        headers = event.get("headers") or {}
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
        return cls(
            bearer=bearer.strip() if kind.lower() == "bearer" else None,
            iam_arn=(authorizer.get("iam") or {}).get("userArn"),
            message=SignedMessage.of(event),
            sent=event,
        )


def normalised_arn(arn: str) -> str:
    """Return the ARN under which grants of an IAM caller are kept.

    A session of a role is the role; the role's path, which sessions lack, is left out.
    """
    prefix, _, resource = arn.rpartition(":")
    kind, *names = resource.split("/")
    if kind == "assumed-role" and names:
        account = prefix.replace(":sts:", ":iam:")
        return f"{account}:role/{names[0]}"
    if kind == "role" and names:
        return f"{prefix}:role/{names[-1]}"
    return arn


def no_systems(_: str) -> Sequence[System]:
    """Return no system: what functions know of an app that have no route for systems."""
    return ()


def no_tills(_app_id: str, _store_id: str, _key_id: str) -> TillKey | None:
    """Return no key: what functions know of stores that have no route for tills."""
    return None


def no_apps(_: str) -> str | None:
    """Return no app: what functions know of write keys that have no route for them."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Admits callers to routes.

    ``issuer`` signs the marketers' tokens: the deployment's own user pool. ``operator_role_arn``
    operates the deployment without a grant. ``systems`` returns the other systems of an app,
    ``tills`` the key of a store by the ids of its app, of the store and of the key, ``app_of`` the
    app that has a write key.
    """

    registry: Registry
    device_tokens: DeviceTokens
    tokens: TokenVerifier
    issuer: Callable[[], Issuer]
    operator_role_arn: str | None
    clock: Clock
    systems: Callable[[str], Sequence[System]] = no_systems
    tills: Callable[[str, str, str], TillKey | None] = no_tills
    app_of: Callable[[str], str | None] = no_apps

    def admit(self, proof: Proof, access: Access, path: Mapping[str, str]) -> Principal | None:
        """Return who calls, or ``None`` where anyone may, and where the route itself finds out.

        Raises:
            UnauthenticatedError: no proof, or one that does not hold.
            ForbiddenError: the caller's role is too weak, or the route is not for such callers.
            NotYoursError: the path's ids are not the caller's.
        """
        caller = self.recognise(proof, access, path)
        return None if caller is None else self.authorise(caller, access, path)

    def recognise(self, proof: Proof, access: Access, path: Mapping[str, str]) -> Principal | None:
        """Return who calls, though the route may be too much for their role; raises as ``admit``.

        What proves a device, a system or a till proves it for certain routes and one app alone.
        """
        if access.anyone or access.vendor:
            return None
        if access.source:
            return self._source(proof)
        if proof.iam_arn:
            return self._iam(proof.iam_arn)
        if proof.bearer:
            return self._bearer(proof.bearer, access, path)
        if proof.message and access.system:
            return self._system(proof.message, path["app_id"])
        raise UnauthenticatedError("send a bearer token, or sign the request")

    def authorise(self, caller: Principal, access: Access, path: Mapping[str, str]) -> Principal:
        """Hold who was recognised to what the route asks for.

        Returns the caller; who comes in as a contact alone is told to be that contact.

        Raises:
            ForbiddenError: the caller's role is too weak, or the route is not for such callers.
            NotYoursError: the path's ids are not the caller's.
        """
        if caller.kind not in {Kind.IAM, Kind.USER}:
            return caller
        if access.operator:
            return self._operator(caller)
        if access.device:
            return self._contact(caller, access, path)
        return self._marketer(caller, access, path)

    def device_claims(self, proof: Proof, *, grace: timedelta) -> DeviceClaims | None:
        """Return what a device's token says, also ``grace`` after it expired; ``None`` without one.

        Raises:
            UnauthenticatedError: there is a bearer, and it does not hold.
        """
        if proof.bearer is None:
            return None
        return self.device_tokens.verify(proof.bearer, at=self.clock(), grace=grace)

    def user_claims(self, token: str, *, app_id: str) -> Claims:
        """Return the claims of a user's token, signed by one of the app's issuers.

        Raises:
            UnauthenticatedError: it does not hold, or no issuer of the app signed it.
        """
        issuer = self.tokens.choose(token, self.registry.issuers_of(app_id))
        if issuer is None:
            raise UnauthenticatedError("the token is not made for this app by one of its issuers")
        return self.tokens.verify(token, self._with_own_keys(issuer))

    def _bearer(self, token: str, access: Access, path: Mapping[str, str]) -> Principal:
        if token.count(".") == 1:
            return self._device(token, access, path)
        if access.till and is_till_token(token):
            return self._till(token, path)
        return self._user(token, path.get("app_id"))

    def _iam(self, arn: str) -> Principal:
        subject = normalised_arn(arn)
        grants = dict(self.registry.grants_of([subject]))
        if self.operator_role_arn and subject == normalised_arn(self.operator_role_arn):
            grants[EVERY_APP] = Role.ADMIN
        return Principal(kind=Kind.IAM, subject=subject, grants=grants)

    def _device(self, token: str, access: Access, path: Mapping[str, str]) -> Principal:
        claims = self.device_tokens.verify(token, at=self.clock())
        if not access.device:
            raise ForbiddenError("this route is not for devices")
        if path.get("app_id") != claims.app_id or path.get("device_id", claims.device_id) != (
            claims.device_id
        ):
            raise NotYoursError("a device's token speaks for that device alone")
        epoch = self.registry.device_epoch(
            app_id=claims.app_id, device_id=claims.device_id, named=claims.contact_id
        )
        if epoch is None or claims.epoch < epoch:
            raise UnauthenticatedError("the device token was revoked: register the device again")
        return Principal(kind=Kind.DEVICE, subject=claims.device_id, app_id=claims.app_id)

    def _system(self, message: SignedMessage, app_id: str) -> Principal:
        """Return the system that signed a message; its secret is the app's, so the path agrees."""
        sender = message.sender(self.systems(app_id), at=self.clock())
        return Principal(
            kind=Kind.SYSTEM, subject=sender.name, app_id=app_id, channels=sender.channels
        )

    def _source(self, proof: Proof) -> Principal:
        """Return the source that sends a write key; the key says of which app it is."""
        key = write_key_in(proof.sent)
        app_id = self.app_of(key) if key else None
        if key is None or app_id is None:
            raise UnauthenticatedError("send a write key of an app, as the user of Basic")
        subject = sha256(key.encode()).hexdigest()
        return Principal(kind=Kind.SOURCE, subject=subject, app_id=app_id)

    def _till(self, token: str, path: Mapping[str, str]) -> Principal:
        """Return the till that signed a token; its key is the app's, so the path's app agrees."""
        app_id = path["app_id"]
        claims = verify_till_token(
            token, app_id=app_id, key_of=partial(self.tills, app_id), at=self.clock()
        )
        if path.get("store_id", claims.store_id) != claims.store_id:
            raise NotYoursError("a till's token speaks for its store alone")
        return Principal(
            kind=Kind.TILL, subject=claims.till, app_id=app_id, store_id=claims.store_id
        )

    def _user(self, token: str, app_id: str | None) -> Principal:
        own = self.tokens.choose(token, [self.issuer()])
        if own:
            claims = self.tokens.verify(token, own)
        elif app_id:
            claims = self.user_claims(token, app_id=app_id)
        else:
            raise UnauthenticatedError("the token is not made for this deployment's marketers")
        issuer = claims["iss"]
        subject = f"{issuer}#{claims['sub']}"
        grants = self.registry.grants_of([subject, *_groups(issuer, claims)])
        if not own:  # an app's issuer grants on that app alone
            grants = {app: role for app, role in grants.items() if app == app_id}
        return Principal(kind=Kind.USER, subject=subject, grants=grants)

    def _operator(self, caller: Principal) -> Principal:
        if not caller.is_operator():
            raise ForbiddenError("only operators may do this")
        return caller

    def _contact(self, caller: Principal, access: Access, path: Mapping[str, str]) -> Principal:
        """Hold a user to a route of devices, which may be for marketers and contacts, too."""
        role = caller.role_on(path["app_id"])
        if access.role is not None and role is not None and role >= access.role:
            return caller
        if not access.contact and access.role is None:
            raise ForbiddenError("this route is for devices")
        contact_id = self._contact_id(caller, path["app_id"])
        if contact_id is None and access.role is not None and role is None:
            raise NotYoursError("no such app among yours")
        if not access.contact:
            raise ForbiddenError(f"this route is for others: {access.describe()}")
        if contact_id is None:
            raise ForbiddenError("this route is for devices and contacts: log in on a device first")
        if path.get("contact_id", contact_id) != contact_id:
            raise NotYoursError("a contact's token speaks for that contact alone")
        return replace(caller, contact_id=contact_id)

    def _marketer(self, caller: Principal, access: Access, path: Mapping[str, str]) -> Principal:
        """Hold a user or a role to a route of marketers, which may be for contacts, too."""
        app_id = path.get("app_id")
        if access.role is None:
            raise ForbiddenError(f"this route is for others: {access.describe()}")
        if app_id is None:
            return caller
        role = caller.role_on(app_id)
        if role is not None and role >= access.role:
            return caller
        wanted = path.get("contact_id")
        if access.contact and wanted is not None and self._contact_id(caller, app_id) == wanted:
            return replace(caller, contact_id=wanted)
        if role is None:
            raise NotYoursError("no such app among yours")
        raise ForbiddenError(f"this needs the role {access.role.name.lower()} on the app")

    def _contact_id(self, caller: Principal, app_id: str) -> str | None:
        """Return which contact of the app a user is, if any."""
        if caller.kind is not Kind.USER:
            return None
        issuer, _, subject = caller.subject.partition("#")
        return self.registry.contact_of(app_id=app_id, issuer=issuer, subject=subject)

    def _with_own_keys(self, issuer: Issuer) -> Issuer:
        """Return the issuer with the key address of our own pool, where it is that pool."""
        own = self.issuer()
        if issuer.issuer != own.issuer:
            return issuer
        return Issuer(issuer=own.issuer, audiences=issuer.audiences, jwks_uri=own.jwks_uri)


def _groups(issuer: str, claims: Claims) -> list[str]:
    """Return the groups of a token as principals; Cognito and plain OIDC name the claim so."""
    groups = claims.get("cognito:groups", claims.get("groups"))
    if not isinstance(groups, list):
        return []
    named = [group for group in groups if isinstance(group, str)]
    return [f"{issuer}#group/{group}" for group in named[:MOST_GROUPS]]
