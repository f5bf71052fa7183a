"""Use case of conversions that no device reports: who used a coupon had seen an ad for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.placements.model.accounting import event_key, price_of
from shared.placements.model.attribution import AFTER_CLICK, conversion, owed_to
from shared.placements.model.engagements import Engagement
from shared.placements.ports.engagements import BookedRates, EngagementStore, Persons

LONGEST_TOKEN = timedelta(days=2)
"""How long before a click its token was issued at most: it lives hours, and a click is taken for a
day more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionService:
    """Counts what people did elsewhere for the ads that led them there."""

    store: EngagementStore
    rates: BookedRates
    persons: Persons
    ids: Ids

    def convert(
        self, coupon_id: str, *, app_id: str, contact_id: str, cause: str, at: datetime
    ) -> bool:
        """Count a coupon's use for the ad that it is owed to; say whether it was counted now.

        That is the last click on an ad about the coupon within 7 days before, else the last
        impression within a day, by any contact of the person. An ad converts once. ``cause`` is the
        public id of the event of the use; the same event again changes nothing.
        """
        told = self.store.told(
            self.persons.origins_of(contact_id, app_id=app_id),
            app_id=app_id,
            since=at - AFTER_CLICK - LONGEST_TOKEN,
            until=at,
        )
        owed = owed_to(told, coupon_id=coupon_id, at=at)
        if owed is None:
            return False
        rate = self.rates.rate_of(str(owed.event.data["flight_id"]), app_id=app_id)
        event = conversion(owed, at=at, cause=cause, rate=rate, price=price_of(rate))
        key = event_key(owed.issued_at, event.token_id, Engagement.CONVERSION)
        sealed = seal(event, sequence=self.ids.sequence(), cause=cause, key=key)
        (is_fresh,) = self.store.put_each([sealed])
        return is_fresh
