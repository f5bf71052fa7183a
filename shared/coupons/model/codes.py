"""What a person types: its letters, what it belongs to, and how hard it is to guess."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from unicodedata import normalize

from shared.coupons.errors import CodeAssignedError, MalformedCodeError

LONGEST_TYPED = 256
"""Letters that are looked at: a code of 64 with as many spaces and dashes as anybody types."""

_LETTERS = re.compile(r"[0-9A-Z._%]{3,64}")
_PASSED_OVER = re.compile(r"[\s\-\u00ad\u200b-\u200d\u2010-\u2015\u2212\ufeff]+")
"""Spaces and dashes, also those that phones and word processors make of them."""


class CodeKind(StrEnum):
    """``generic``: everybody has the same; ``unique``: each person, or each letter, its own."""

    GENERIC = "generic"
    UNIQUE = "unique"


class CodeState(StrEnum):
    """What can be done with a code, as far as the code itself says."""

    AVAILABLE = "available"
    ASSIGNED = "assigned"
    EXPIRED = "expired"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose a code is: a contact's, on any of its devices, or on ``device_id`` alone.

    ``members`` are all contacts of the same person.
    """

    contact_id: str
    device_id: str | None = None
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code as it is kept: never its letters, but their keyed fingerprint and the last four.

    ``contact_id`` or ``device_id``: it is assigned, and no one else can use it. A unique code can
    be used once, unless a limit of subject ``code`` says how often. ``sealed`` is the code itself,
    encrypted under its contact's data key, where there is one. ``bound``: it is of no use before
    it is assigned. ``origin`` names what made it, so that what is repeated finds its own: a job and
    a number in it. ``version`` counts writes, for compare and swap.
    """

    app_id: str
    coupon_id: str
    fingerprint: str
    last_four: str
    kind: CodeKind
    created_at: datetime
    active: bool = True
    contact_id: str | None = None
    device_id: str | None = None
    expires_at: datetime | None = None
    sealed: str | None = None
    bound: bool = False
    origin: str = ""
    version: int = 1

    @property
    def is_assigned(self) -> bool:
        """Say whether the code is somebody's."""
        return self.contact_id is not None or self.device_id is not None

    @property
    def is_in_use(self) -> bool:
        """Say whether anybody can use it: it is switched on and, if it must be, somebody's."""
        return self.active and (self.is_assigned or not self.bound)

    def state_at(self, at: datetime) -> CodeState:
        """Return what can be done with the code at an instant."""
        if not self.active:
            return CodeState.INACTIVE
        if self.expires_at is not None and self.expires_at <= at:
            return CodeState.EXPIRED
        return CodeState.ASSIGNED if self.is_assigned else CodeState.AVAILABLE

    def belongs_to(self, holder: Holder) -> bool:
        """Say whether the code is exactly this holder's, by any contact of the person."""
        contacts = {holder.contact_id, *holder.members}
        return self.contact_id in contacts and self.device_id == holder.device_id

    def assigned_to(self, holder: Holder, *, sealed: str) -> "Code":
        """Return the code when it is a holder's.

        Raises:
            CodeAssignedError: it is somebody's already, or everybody's.
        """
        if self.is_assigned or self.kind is CodeKind.GENERIC:
            raise CodeAssignedError(f"…{self.last_four}")
        return replace(
            self,
            contact_id=holder.contact_id,
            device_id=holder.device_id,
            sealed=sealed,
            version=self.version + 1,
        )

    def forgotten(self) -> "Code":
        """Return the code when its holder was erased: nobody can have, use or read it any more."""
        return replace(
            self,
            active=False,
            bound=True,
            contact_id=None,
            device_id=None,
            sealed=None,
            version=self.version + 1,
        )

    def switched(self, *, active: bool) -> "Code":
        """Return the code when it may be used, or may not."""
        return replace(self, active=active, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of a list of codes; ``number`` is its place in what made it."""

    number: int
    fingerprint: str
    last_four: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Some codes of a coupon, at most 500, listed together.

    ``source`` is the job that made them, ``first`` the first number that it tried for them.
    """

    app_id: str
    coupon_id: str
    source: str
    first: int
    lines: Sequence[Listed]

    @property
    def place(self) -> str:
        """Return where the sheet stands in the coupon's list."""
        return place_of_sheet(self.source, self.first)


def place_of_sheet(source: str, first: int) -> str:
    """Return where the sheet of a source that begins with a number stands in the list."""
    return f"{source}#{first:010}"


def normal_form(letters: str) -> str:
    """Return the one form of a code under which it is known: capitals, no spaces, no dashes.

    Letters that look alike (``O`` and ``0``, ``I``, ``1`` and ``L``) stay what they are: generated
    codes have none of them, so there is nothing that they could mean instead.

    Raises:
        MalformedCodeError: no code has such letters.
    """
    if len(letters) > LONGEST_TYPED:
        raise MalformedCodeError("a code has 3 to 64 letters")
    form = _PASSED_OVER.sub("", normalize("NFKC", letters)).upper()
    if not _LETTERS.fullmatch(form):
        raise MalformedCodeError("a code has 3 to 64 of A to Z, 0 to 9, and . _ %")
    return form


def last_four_of(form: str) -> str:
    """Return what may be shown of a code; of a short one less, so that most of it stays hidden."""
    return form[-min(4, len(form) // 2) :]
