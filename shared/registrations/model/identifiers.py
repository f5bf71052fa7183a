"""Identifiers: by which names a person is known, how far each can be believed, and in which form.

An identifier is normalised before it is hashed, so that one name has one hash. A value that says
nothing ("null", all zeros) is refused: it would join strangers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from shared.registrations.errors import (
    BlockedIdentifierError,
    InvalidIdentifierError,
    TooManyIdentifiersError,
    UnknownNamespaceError,
)

LONGEST_VALUE = 512
LONGEST_EMAIL = 254
"""RFC 5321, as erratum 1690 has it."""

_BLOCKED = re.compile(
    r"[0\W_]*|-1|null|nil|none|undefined|nan|n/?a|anonymous|unknown|guest|user|test|example",
    re.IGNORECASE,
)
"""What broken clients send in place of an identifier: zeros, punctuation, words for nothing."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class Strength(IntEnum):
    """How far an identifier can be believed: a strong one names one person, a weak one several."""

    WEAK = 1
    STRONG = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What kind of name an identifier is.

    ``priority`` decides between contacts that different identifiers of one event name; the highest
    wins. ``limit`` is how many of them one contact may have. ``may_be_kept`` says whether an app
    may keep the value, encrypted; otherwise only its hash is kept.
    """

    name: str
    strength: Strength
    priority: int
    limit: int
    may_be_kept: bool = False


OIDC = "oidc"
"""What an OIDC issuer calls a person: issuer and subject."""

ANONYMOUS = "anonymous"
"""What a client calls somebody who has not said who they are."""

NAMESPACES: Mapping[str, Namespace] = {
    namespace.name: namespace
    for namespace in (
        Namespace(name=OIDC, strength=Strength.STRONG, priority=100, limit=5),
        Namespace(
            name="customer", strength=Strength.STRONG, priority=90, limit=1, may_be_kept=True
        ),
        Namespace(name="email", strength=Strength.WEAK, priority=60, limit=5, may_be_kept=True),
        Namespace(name="phone", strength=Strength.WEAK, priority=50, limit=5, may_be_kept=True),
        Namespace(name=ANONYMOUS, strength=Strength.WEAK, priority=10, limit=50),
    )
}
"""The namespaces of every app, strongest first.

E-mail and phone are weak: households share them, and numbers are given away. Five of each and one
customer number are Segment's defaults for profiles.
"""


def namespace(name: str) -> Namespace:
    """Return a namespace by its name.

    Raises:
        UnknownNamespaceError: there is none.
    """
    try:
        return NAMESPACES[name]
    except KeyError:
        known = ", ".join(NAMESPACES)
        raise UnknownNamespaceError(f"{name!r} is none of {known}") from None


def normalised(value: str, *, of: Namespace, region: str | None = None) -> str:
    """Return the one form of an identifier under which it is hashed.

    ``region`` (ISO 3166) reads phone numbers that have no country code.

    Raises:
        BlockedIdentifierError: the value says nothing about anybody.
        InvalidIdentifierError: it is no value of its namespace.
    """
    stripped = value.strip()
    if _BLOCKED.fullmatch(stripped):
        raise BlockedIdentifierError("this value names nobody")
    if len(stripped) > LONGEST_VALUE or not stripped.isprintable():
        raise InvalidIdentifierError(f"at most {LONGEST_VALUE} printable characters")
    match of.name:
        case "email":
            return _email(stripped)
        case "phone":
            return _phone(stripped, region=region)
    return stripped


def masked(value: str, *, of: Namespace) -> str:
    """Return what may be shown of an identifier: enough to recognise one's own."""
    if of.name == "email":
        local, _, domain = value.partition("@")
        return f"{local[0]}…@{domain[0]}….{domain.rpartition('.')[2]}"
    return f"…{value[-2:]}" if of.name == "phone" else f"…{value[-4:]}"


def check_limits(held: Iterable[str], *, adding: Namespace) -> None:
    """Hold the namespaces of the identifiers that a contact has against one more.

    Raises:
        TooManyIdentifiersError: the contact has as many of them as one may.
    """
    if sum(name == adding.name for name in held) >= adding.limit:
        raise TooManyIdentifiersError(f"at most {adding.limit} of {adding.name}")


def _email(value: str) -> str:
    """Return an e-mail address in lower case, its domain in ASCII.

    The local part is lowered too: RFC 5321 lets it be case-sensitive, and no provider is. Dots and
    tags stay, since what they mean differs by provider.
    """
    if len(value) > LONGEST_EMAIL or not _EMAIL.fullmatch(value):
        raise InvalidIdentifierError("not an e-mail address")
    local, _, domain = value.partition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise InvalidIdentifierError("not an e-mail address") from None
    return f"{local.casefold()}@{ascii_domain.lower()}"


def _phone(value: str, *, region: str | None) -> str:
    """Return a phone number in E.164 form."""
    import phonenumbers  # noqa: PLC0415 - 60 ms of cold start that few requests need

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        raise InvalidIdentifierError("not a phone number; start with + and the country") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidIdentifierError("not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
