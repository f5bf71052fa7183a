"""Use case of claims by a tap on an ad: a coupon's claim counts for the ad that was shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.envelope import seal
from shared.kernel.ids import Ids, made_at
from shared.placements.events import AdShown
from shared.placements.model.accounting import event_key
from shared.placements.model.attribution import claimed
from shared.placements.model.engagements import Engagement
from shared.placements.ports.engagements import EngagementStore, Persons

ISSUED_WITHIN = timedelta(seconds=2)
"""A decision's id is made in the second in which its tokens are issued, or just before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimingService:
    """Counts coupons that were claimed by a tap on an ad."""

    store: EngagementStore
    persons: Persons
    ids: Ids

    def count(
        self, token_id: str, *, app_id: str, contact_id: str, cause: str, at: datetime
    ) -> bool:
        """Count a claim for the ad of a token; say whether it was counted now.

        It is not where no impression of the ad was counted. ``cause`` is the public id of the
        event of the claim; the same event again changes nothing.
        """
        decided_at = made_at(token_id.partition("-")[0]).replace(microsecond=0)
        told = self.store.told(
            self.persons.origins_of(contact_id, app_id=app_id),
            app_id=app_id,
            since=decided_at,
            until=decided_at + ISSUED_WITHIN,
        )
        for one in told:
            if one.event.type == AdShown.type and one.event.data["token_id"] == token_id:
                key = event_key(one.issued_at, token_id, Engagement.CLAIM)
                event = claimed(one, at=at)
                sealed = seal(event, sequence=self.ids.sequence(), cause=cause, key=key)
                (is_fresh,) = self.store.put_each([sealed])
                return is_fresh
        return False
