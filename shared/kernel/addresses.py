"""Where a push service finds one installation of an app."""

from dataclasses import dataclass
from enum import StrEnum


class AddressKind(StrEnum):
    """FCM's two ways to name an installation; an install has one or the other, never both."""

    FID = "fid"
    """A Firebase Installation ID, which replaces registration tokens since 2026."""
    FCM_TOKEN = "fcm_token"  # noqa: S105 - a kind of address, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A push address; it belongs to at most one device of an app."""

    kind: AddressKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device as it can be reached right now: by whom it is used, where it is, if it may show.

    ``locale`` is what the device says of itself (BCP 47).
    """

    device_id: str
    contact_id: str
    address: Address | None
    is_muted: bool
    locale: str | None = None
