"""Use case of those who speak of coupons to people: how somebody stands to them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.coupons.model.claims import Claim, ClaimState
from shared.coupons.ports.claims import ClaimStore
from shared.coupons.ports.redemptions import UseStore

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponsOfPerson:
    """Coupons that a person has claimed and can use, and those that they used."""

    held: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingService:
    """Reads claims, and uses under limits of each person; a use that neither tells of is unknown.

    Such a use is one of a code for everybody, which each person may use as often as they like.
    """

    claims: ClaimStore
    uses: UseStore

    def standing_of(
        self, contact_id: str, *, app_id: str, coupon_ids: Collection[str], at: datetime
    ) -> CouponsOfPerson:
        """Return how the person whom a contact stands for stands to some coupons now."""
        if not coupon_ids:
            return CouponsOfPerson()
        claims = [one for one in self._claims(contact_id, app_id) if one.coupon_id in coupon_ids]
        noted = self.uses.of_contact(contact_id, app_id=app_id)
        used = {one.coupon_id for one in claims if one.state is ClaimState.USED}
        used |= {
            place.coupon_id
            for place, uses in noted.items()
            if place.coupon_id is not None and place.coupon_id in coupon_ids and uses.entries
        }
        held = {
            one.coupon_id for one in claims if one.state is ClaimState.HELD and not one.is_over(at)
        }
        return CouponsOfPerson(held=frozenset(held - used), used=frozenset(used))

    def _claims(self, contact_id: str, app_id: str) -> Iterator[Claim]:
        cursor: str | None = None
        while True:
            page = self.claims.claims_of(contact_id, app_id=app_id, limit=PAGE, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
