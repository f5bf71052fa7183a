"""Events of ads in the ledger, and the slots of leased ones in the placements table.

The ledger's key is the token's instant of issue and the ids of ``model.accounting``: the row is its
own guard, so an event costs one unit however often it is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from typing_extensions import override

from shared.kernel.clock import rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.placements.events import SOURCE
from shared.placements.model.attribution import Told
from shared.placements.model.engagements import Grant
from shared.placements.model.leases import Lease
from shared.placements.ports.engagements import EngagementStore, Written
from shared.placements.store.leases import SLOT, LeaseSlots
from shared.platform.batches import write_each
from shared.platform.dynamodb import WriteRefusedError, bind, commit
from shared.platform.ledger import EventRow, Ledger, from_row, key_of, key_time, partition

_EVENT = "event"
_MILLISECOND = timedelta(milliseconds=1)


class DynamoEngagementStore(EngagementStore):
    """Events of ads, in the ledger."""

    def __init__(self, *, events_table: str, slots: LeaseSlots) -> None:
        self._row = bind(EventRow, table=events_table)
        self._ledger = Ledger(table=events_table)
        self._slots = slots

    @override
    def put_each(self, events: Sequence[Envelope]) -> Sequence[bool]:
        if len(events) == 1:
            return [self._put(events[0])]
        return write_each([self._ledger.insert(event) for event in events])

    @override
    def put_leased(self, event: Envelope, *, grant: Grant) -> Written:
        if grant.lease is None:
            message = f"{grant.token_id} has no lease"
            raise ValueError(message)
        lease = Lease(
            app_id=grant.app_id,
            flight_id=grant.flight_id,
            shard=grant.shard,
            number=grant.lease,
        )
        slot = self._slots.used_by(lease, grant.token_id)
        writes = {_EVENT: self._ledger.record(event), SLOT: slot}
        try:
            commit(writes)
        except WriteRefusedError as error:
            return Written.THERE if _EVENT in error.failed else Written.GIVEN_BACK
        return Written.DONE

    @override
    def history(self, grant: Grant) -> Sequence[Envelope]:
        begins = key_of(grant.issued_at, source=SOURCE, row_id=f"{grant.token_id}#")
        rows = self._row.query(
            partition(grant.app_id, Subject(kind="contact", id=grant.contact_id)),
            self._row.sk.startswith(begins),
            consistent_read=True,
        )
        return [from_row(row) for row in rows]

    @override
    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Told]:
        # A key is longer than its bare instant: to end with an instant, end before the next one.
        between = self._row.sk.between(f"E#{rfc3339(since)}", f"E#{rfc3339(until + _MILLISECOND)}")
        return [
            Told(issued_at=key_time(row.sk), event=from_row(row))
            for contact_id in contact_ids
            for row in self._row.query(
                partition(app_id, Subject(kind="contact", id=contact_id)),
                between,
                filter_condition=self._row.source == SOURCE,
                consistent_read=True,
            )
        ]

    def _put(self, event: Envelope) -> bool:
        try:
            commit({_EVENT: self._ledger.record(event)})
        except WriteRefusedError:
            return False
        return True
