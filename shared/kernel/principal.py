"""Who is calling, and what they may do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from shared.kernel.events import Channel

EVERY_APP = "*"

SHOP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a store or a till of it may be called: it stands in keys and paths, and beside a ``#``."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Another system that an app knows: the channels it may speak for, the key it signs with."""

    name: str
    channels: frozenset[Channel]
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TillKey:
    """A key by which an app knows the tills of one store: its id, its 32 public bytes (Ed25519)."""

    key_id: str
    public: bytes


class Kind(StrEnum):
    """How the caller proved who they are."""

    DEVICE = "device"
    USER = "user"
    IAM = "iam"
    SYSTEM = "system"
    TILL = "till"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whose proof was checked.

    ``subject`` is a device id, an issuer and subject joined by ``#``, a role's ARN, the name of
    another system or of a till, or the hash of a source's write key. ``app_id`` is set for devices,
    systems, tills and sources: the one app they have to do with. ``channels`` are those that a
    system may speak for, ``store_id`` is the one store that a till speaks for. ``contact_id`` is
    set for a user who was let in as that contact.
    """

    kind: Kind
    subject: str
    app_id: str | None = None
    grants: Mapping[str, Role] = field(default_factory=dict)
    channels: frozenset[Channel] = frozenset()
    store_id: str | None = None
    contact_id: str | None = None

    @property
    def identity(self) -> str:
        """Return a name that nobody else has, made of all that a caller is named by.

        Those are its app for devices and systems, its app and its store for tills.
        """
        return "#".join(part for part in (self.app_id, self.store_id, self.subject) if part)

    def role_on(self, app_id: str) -> Role | None:
        """Return the strongest role on an app, or ``None``."""
        held = [self.grants[key] for key in (app_id, EVERY_APP) if key in self.grants]
        return max(held, default=None)

    def is_operator(self) -> bool:
        """Say whether the caller administers the whole deployment."""
        return self.grants.get(EVERY_APP) is Role.ADMIN
