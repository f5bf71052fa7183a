"""What coupons keep about people, given out or up.

A redemption stays after an erasure, for the shop's books, and so does its count: both name nobody
but by an id that leads nowhere any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeAlias

from shared.coupons.errors import StaleError
from shared.coupons.model.codes import Code
from shared.coupons.model.redemptions import Redemption
from shared.coupons.ports.claims import ClaimStore
from shared.coupons.ports.codes import CodeStore, CodeVault
from shared.coupons.ports.personal import RedemptionArchive
from shared.coupons.ports.redemptions import RedemptionStore, UseStore
from shared.coupons.service.claim_people import claims_of
from shared.coupons.service.codes import letters_of, until_settled
from shared.kernel.paging import Page

_Items: TypeAlias = Page[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalCoupons:
    """The coupons that a person claimed, the codes that are theirs, what they used."""

    claims: ClaimStore
    codes: CodeStore
    redemptions: RedemptionStore
    uses: UseStore
    archive: RedemptionArchive
    vault: CodeVault

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> _Items:
        """Return a page of all that is kept about a person's contacts; ``what`` says what it is.

        A redemption may come twice: when it was reserved, and when it was redeemed.
        """
        parts: list[Callable[[str | None, int], _Items]] = [
            partial(read, contact_id, app_id)
            for contact_id in contact_ids
            for read in (self._claims, self._codes, self._redemptions)
        ]
        at, _, after = (cursor or "0 ").partition(" ")
        number = int(at)
        if number >= len(parts):
            return Page(items=[])
        page = parts[number](after or None, limit)
        if page.next_cursor is not None:
            return Page(items=page.items, next_cursor=f"{number} {page.next_cursor}")
        is_last = number + 1 == len(parts)
        return Page(items=page.items, next_cursor=None if is_last else f"{number + 1} ")

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Delete claims, and let nobody have or read the codes that were the person's.

        Again, after a crash, it changes nothing more.

        Raises:
            StaleError: others kept changing the same: erase again.
        """
        for contact_id in contact_ids:
            self._forget_codes(self.codes.codes_of(contact_id, app_id=app_id), contact_ids, app_id)
            for claim in list(claims_of(self.claims, contact_id, app_id=app_id)):
                if claim.fingerprint is not None:
                    # Before the claim, which leads to it.
                    self._forget_codes([claim.fingerprint], contact_ids, app_id)
                self.claims.remove_claim(claim)
            move = self.uses.move_of(contact_id, app_id=app_id)
            if move is not None and not self.uses.remove_move(move):
                raise StaleError(contact_id)

    def _claims(self, contact_id: str, app_id: str, after: str | None, limit: int) -> _Items:
        page = self.claims.claims_of(contact_id, app_id=app_id, limit=limit, cursor=after)
        prints = [one.fingerprint for one in page.items if one.fingerprint is not None]
        codes = self.codes.get_codes(prints, app_id=app_id)
        items = [
            {"what": "claim", **asdict(one), **self._letters(codes.get(one.fingerprint or ""))}
            for one in page.items
        ]
        return Page(items=items, next_cursor=page.next_cursor)

    def _codes(self, contact_id: str, app_id: str, after: str | None, limit: int) -> _Items:
        every = self.codes.codes_of(contact_id, app_id=app_id)
        rest = sorted(one for one in every if after is None or one > after)
        codes = self.codes.get_codes(rest[:limit], app_id=app_id)
        items = [
            {
                "what": "code",
                "coupon_id": code.coupon_id,
                "created_at": code.created_at,
                "expires_at": code.expires_at,
                "last_four": code.last_four,
                **self._letters(code),
            }
            for _, code in sorted(codes.items())
        ]
        return Page(items=items, next_cursor=rest[limit - 1] if len(rest) > limit else None)

    def _redemptions(self, contact_id: str, app_id: str, after: str | None, limit: int) -> _Items:
        page = self.archive.redemptions_of(contact_id, app_id=app_id, after=after, limit=limit)
        found = self.redemptions.find_many(page.items, app_id=app_id)
        items = [_told(one.redemption) for one in found.values() if one.redemption]
        return Page(items=items, next_cursor=page.next_cursor)

    def _letters(self, code: Code | None) -> Mapping[str, Any]:
        letters = letters_of(code, vault=self.vault) if code else None
        return {"code": letters} if letters else {}

    def _forget_codes(
        self, fingerprints: Iterable[str], contact_ids: Sequence[str], app_id: str
    ) -> None:
        for fingerprint in fingerprints:
            until_settled(partial(self._forget_code, fingerprint, contact_ids, app_id))

    def _forget_code(self, fingerprint: str, contact_ids: Sequence[str], app_id: str) -> None:
        code = self.codes.get_codes([fingerprint], app_id=app_id).get(fingerprint)
        if code is not None and code.contact_id in contact_ids:
            self.codes.forget_code(code)


def _told(redemption: Redemption) -> Mapping[str, Any]:
    return {
        "what": "redemption",
        "redemption_id": redemption.redemption_id,
        "state": redemption.state,
        "made_at": redemption.made_at,
        "device_id": redemption.device_id,
        "store_id": redemption.store_id,
        "basket": asdict(redemption.basket),
        "coupons": [
            {
                "coupon_id": part.applied.coupon_id,
                "discount": part.applied.discount,
                "last_four": part.applied.last_four,
            }
            for part in redemption.parts
        ],
    }
