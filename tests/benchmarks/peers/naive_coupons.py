"""How a coupon is usually counted: one counter, guarded, in the transaction of the redemption."""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shared.coupons.events import CouponRedeemed
from shared.kernel.clock import rfc3339
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.platform.dynamodb import Put, Row, Update, bind, commit, pause_after
from shared.platform.errors import ContendedError
from shared.platform.ledger import Ledger
from tests.fakes.clock import ManualClock


class _CounterRow(Row):
    used = NumberAttribute()


class _UseRow(Row):
    at = UnicodeAttribute()


class NaiveCoupons:
    """A coupon of so many uses."""

    def __init__(self, names: Mapping[str, str], *, coupon_id: str, uses: int) -> None:
        self._counter = bind(_CounterRow, table=names["coupons"])
        self._use = bind(_UseRow, table=names["coupons"])
        self._ledger = Ledger(table=names["contact_events"])
        self._coupon_id, self._uses = coupon_id, uses
        self._ids = Ids(clock=ManualClock())
        commit({"counter": Put(row=self._counter(f"NAIVE#{coupon_id}", "COUNTER", used=0))})

    def redeem(self, number: int, *, at: datetime) -> None:
        """Count a use, write it, and tell; those who meet try again."""
        counter, use = self._counter, self._use
        event = CouponRedeemed(
            app_id="app_1",
            occurred_at=at,
            coupon_id=self._coupon_id,
            contact_id=f"con_{number:026d}",
            redemption_id=f"red_{number:026d}",
            currency="CHF",
            discount=1_000,
        )
        key = (f"NAIVE#{self._coupon_id}#{number}", "USE")
        for attempt in range(100):
            try:
                commit(
                    {
                        "counter": Update(
                            row=counter(f"NAIVE#{self._coupon_id}", "COUNTER"),
                            actions=[counter.used.set(counter.used + 1)],
                            condition=counter.used < self._uses,
                        ),
                        "use": Put(
                            row=use(*key, at=rfc3339(at)), condition=use.pk.does_not_exist()
                        ),
                        "event": self._ledger.record(seal(event, sequence=self._ids.sequence())),
                    }
                )
            except ContendedError:
                pause_after(attempt)
            else:
                return
        raise ContendedError(self._coupon_id)
