"""Use cases of codes: what a marketer types, what somebody types in the app, whose a code is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from shared.coupons.errors import (
    CodeNotFoundError,
    CodeTakenError,
    MalformedCodeError,
    StaleError,
)
from shared.coupons.model.codes import (
    Code,
    CodeKind,
    Holder,
    Listed,
    Sheet,
    last_four_of,
    normal_form,
)
from shared.coupons.model.patterns import CHANCE_BYTES, Pattern
from shared.coupons.ports.codes import CodeHasher, CodeStore, CodeVault, CouponReader
from shared.kernel.clock import Clock
from shared.kernel.paging import Page

T = TypeVar("T")

ATTEMPTS = 10
"""So often is read and decided again before a change is given up."""

TYPED = "typed"
"""The source of codes that a marketer typed, in the list of a coupon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A fresh code that is nowhere yet, and its letters as its holder reads them."""

    code: Code
    letters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeService:
    """Keeps codes. ``chance`` returns so many random bytes, as ``secrets.token_bytes`` does."""

    coupons: CouponReader
    codes: CodeStore
    hasher: CodeHasher
    vault: CodeVault
    clock: Clock
    chance: Callable[[int], bytes]

    def add_generic(
        self, letters: str, *, coupon_id: str, app_id: str, expires_at: datetime | None = None
    ) -> Code:
        """Give a coupon a code that everybody may use; again changes nothing.

        Raises:
            CouponNotFoundError: there is no such coupon.
            MalformedCodeError: no code has such letters.
            CodeTakenError: another coupon has it.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        form = normal_form(letters)

        def try_once() -> Code:
            if before := self._find(form, app_id=app_id):
                if before.coupon_id != coupon_id:
                    raise CodeTakenError(f"…{before.last_four}")
                return before
            code = Code(
                app_id=app_id,
                coupon_id=coupon_id,
                fingerprint=self.hasher.fingerprint(form, app_id=app_id),
                last_four=last_four_of(form),
                kind=CodeKind.GENERIC,
                created_at=self.clock(),
                expires_at=expires_at,
                origin=TYPED,
            )
            self.codes.add_listed(code, _sheet_of(code))
            return code

        return until_settled(try_once)

    def find(self, letters: str, *, app_id: str) -> Code | None:
        """Return the code that somebody typed, in whatever state; ``None``: there is none."""
        try:
            form = normal_form(letters)
        except MalformedCodeError:
            return None
        return self._find(form, app_id=app_id)

    def get_code(self, fingerprint: str, *, coupon_id: str, app_id: str) -> Code:
        """Return a code of a coupon by its fingerprint.

        Raises:
            CodeNotFoundError: the coupon has no such code.
        """
        code = self.codes.get_codes([fingerprint], app_id=app_id).get(fingerprint)
        if code is None or code.coupon_id != coupon_id:
            raise CodeNotFoundError(fingerprint)
        return code

    def assign(self, letters: str, holder: Holder, *, coupon_id: str, app_id: str) -> Code:
        """Make a code somebody's, who can read it from then on; again changes nothing.

        Raises:
            CodeNotFoundError: the coupon has no such code.
            CodeAssignedError: it is somebody else's, or everybody's.
            StaleError: others changed it again and again.
        """

        def try_once() -> Code:
            code = self.find(letters, app_id=app_id)
            if code is None or code.coupon_id != coupon_id:
                raise CodeNotFoundError(coupon_id)
            if code.belongs_to(holder):
                return code
            # In the normal form: how it was printed is not known.
            sealed = self._sealed(normal_form(letters), code, holder)
            after = code.assigned_to(holder, sealed=sealed)
            self.codes.replace_code(after)
            return after

        return until_settled(try_once)

    def mint(
        self,
        pattern: Pattern,
        holder: Holder,
        *,
        coupon_id: str,
        app_id: str,
        origin: str,
        expires_at: datetime | None = None,
    ) -> Minted:
        """Return a fresh code of a holder; it comes to be where it is put, if it is absent there.

        Whoever gives it puts it in one transaction with what it is given for: so none is lost, and
        nobody has two. ``origin`` names that. A pattern with few places of chance may have to be
        tried again.
        """
        letters = pattern.speller()(self.chance(CHANCE_BYTES))
        form = normal_form(letters)
        code = Code(
            app_id=app_id,
            coupon_id=coupon_id,
            fingerprint=self.hasher.fingerprint(form, app_id=app_id),
            last_four=last_four_of(form),
            kind=CodeKind.UNIQUE,
            created_at=self.clock(),
            contact_id=holder.contact_id,
            device_id=holder.device_id,
            expires_at=expires_at,
            bound=True,
            origin=origin,
        )
        sealed = self._sealed(letters, code, holder)
        return Minted(code=replace(code, sealed=sealed), letters=letters)

    def letters_of(self, code: Code) -> str | None:
        """Return a code for its holder to read; ``None``: it is nobody's, or its holder erased."""
        return letters_of(code, vault=self.vault)

    def switch(self, fingerprint: str, *, active: bool, coupon_id: str, app_id: str) -> Code:
        """Let a code be used, or not; again changes nothing.

        Raises:
            CodeNotFoundError: the coupon has no such code.
            StaleError: others changed it again and again.
        """

        def try_once() -> Code:
            code = self.get_code(fingerprint, coupon_id=coupon_id, app_id=app_id)
            if code.active is active:
                return code
            after = code.switched(active=active)
            self.codes.replace_code(after)
            return after

        return until_settled(try_once)

    def list_codes(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Code]:
        """Return a coupon's codes: those that a job made together, in their order.

        Raises:
            CouponNotFoundError: there is no such coupon.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        begin, _, number = (cursor or "").rpartition("/")
        first = int(number) if number.isdecimal() else 0
        lines = (
            (sheet.place, line)
            for sheet in self.codes.sheets(coupon_id, app_id=app_id, begin=begin)
            for line in sheet.lines
            if sheet.place != begin or line.number >= first
        )
        found = list(islice(lines, limit + 1))
        more = f"{found[limit][0]}/{found[limit][1].number}" if len(found) > limit else None
        shown = [line.fingerprint for _, line in found[:limit]]
        codes = self.codes.get_codes(shown, app_id=app_id)
        return Page(items=[codes[one] for one in shown if one in codes], next_cursor=more)

    def _find(self, form: str, *, app_id: str) -> Code | None:
        asked = fingerprints_of(form, self.hasher, app_id=app_id)
        found = self.codes.get_codes(asked, app_id=app_id)
        return next((found[one] for one in asked if one in found), None)

    def _sealed(self, letters: str, code: Code, holder: Holder) -> str:
        return self.vault.seal(
            letters.encode(),
            app_id=code.app_id,
            contact_id=holder.contact_id,
            about=_about(code),
        )


def letters_of(code: Code, *, vault: CodeVault) -> str | None:
    """Return a code for its holder to read; ``None``: it is nobody's, or its holder erased."""
    if code.sealed is None or code.contact_id is None:
        return None
    plain = vault.open(
        code.sealed, app_id=code.app_id, contact_id=code.contact_id, about=_about(code)
    )
    return plain.decode() if plain is not None else None


def fingerprints_of(form: str, hasher: CodeHasher, *, app_id: str) -> Sequence[str]:
    """Return under what a code may be kept: the current fingerprint first, then the former."""
    former = hasher.former(form, app_id=app_id)
    current = hasher.fingerprint(form, app_id=app_id)
    return [current] if former is None else [current, former]


def until_settled(try_once: Callable[[], T]) -> T:
    """Return what ``try_once`` returns, reading and deciding again while others win the race.

    Raises:
        StaleError: others won ten times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return try_once()
        except StaleError:
            continue
    return try_once()


def _sheet_of(code: Code) -> Sheet:
    line = Listed(number=0, fingerprint=code.fingerprint, last_four=code.last_four)
    return Sheet(
        app_id=code.app_id,
        coupon_id=code.coupon_id,
        source=f"{TYPED}_{code.fingerprint}",
        first=0,
        lines=[line],
    )


def _about(code: Code) -> str:
    return f"code {code.fingerprint}"
