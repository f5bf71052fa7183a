"""Who is calling, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

EVERY_APP = "*"


class Role(IntEnum):
    """What a marketer may do on an app; each role includes the ones before it."""

    VIEWER = 1
    EDITOR = 2
    SENDER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signs OIDC tokens, for whom, and where its keys lie (``None``: its discovery tells)."""

    issuer: str
    audiences: tuple[str, ...]
    jwks_uri: str | None = None


class Kind(StrEnum):
    """How the caller proved who they are."""

    DEVICE = "device"
    USER = "user"
    IAM = "iam"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whose proof was checked.

    ``subject`` is a device id, an issuer and subject joined by ``#``, or a role's ARN.
    ``app_id`` is set for devices: the one app their token speaks for.
    """

    kind: Kind
    subject: str
    app_id: str | None = None
    grants: Mapping[str, Role] = field(default_factory=dict)

    def role_on(self, app_id: str) -> Role | None:
        """Return the strongest role on an app, or ``None``."""
        held = [self.grants[key] for key in (app_id, EVERY_APP) if key in self.grants]
        return max(held, default=None)

    def is_operator(self) -> bool:
        """Say whether the caller administers the whole deployment."""
        return self.grants.get(EVERY_APP) is Role.ADMIN
