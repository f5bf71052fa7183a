"""Has claims follow people who turn out to be one, or two."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.coupons.errors import ClaimContendedError
from shared.coupons.model.claims import Claim
from shared.coupons.ports.claims import ClaimStore, Intent

PAGE = 100
"""Claims that are read at once."""

ATTEMPTS = 5
"""Changes of a claim by others, before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPeople:
    """Moves claims from contact to contact, and remembers who claimed each."""

    claims: ClaimStore

    def unite(self, intent: Intent) -> None:
        """Make the claims of two people those of one; again changes nothing.

        Of a coupon that both have, who stays keeps theirs; the other one waits until they part.

        Raises:
            ClaimContendedError: others changed a claim again and again.
        """
        for claim in list(claims_of(self.claims, intent.moves, app_id=intent.app_id)):
            self._move(claim, to=intent.stays)

    def split(self, intent: Intent) -> None:
        """Give people who leave the claims that came from their own contacts; again as before.

        Raises:
            ClaimContendedError: others changed a claim again and again.
        """
        leaving = {intent.moves, *intent.members}
        for claim in list(claims_of(self.claims, intent.stays, app_id=intent.app_id)):
            if claim.claimed_as in leaving:
                self._move(claim, to=intent.moves)

    def _move(self, claim: Claim, *, to: str) -> None:
        for _ in range(ATTEMPTS):
            mine = self._find(claim, contact_id=claim.contact_id)
            if mine is None or self._find(claim, contact_id=to) is not None:
                return
            if self.claims.move_claim(mine, to=to):
                return
        raise ClaimContendedError(f"{ATTEMPTS} times")

    def _find(self, claim: Claim, *, contact_id: str) -> Claim | None:
        return self.claims.find_claim(claim.coupon_id, contact_id=contact_id, app_id=claim.app_id)


def claims_of(claims: ClaimStore, contact_id: str, *, app_id: str) -> Iterator[Claim]:
    """Yield all claims of a contact, by coupon."""
    cursor: str | None = None
    while True:
        page = claims.claims_of(contact_id, app_id=app_id, limit=PAGE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
