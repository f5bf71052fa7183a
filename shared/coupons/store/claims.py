"""Claims in DynamoDB: who has a coupon, how many have it, and what is due about it when.

| what                  | pk                                 | sk                  |
| --------------------- | ---------------------------------- | ------------------- |
| claim                 | APP#<app>#CLAIMS#<contact>         | C#<coupon>          |
| claims that count     | APP#<app>#CLAIMED#<coupon>#<0-15>  | N                   |
| claims due            | APP#<app>#CLAIMDUE#<minute>#<0-15> | <contact>#<coupon>  |
| minutes that are done | APP#<app>#CLAIMDUE                 | DONE                |

A claim is one transaction: itself, its event, its place on the list of what is due, its code, and
one more on a counter of its coupon, which grants its share of the first claims and no more. Nothing
can crash in between; a counter that is busy is tried again, and of 16 rarely two meet.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from random import sample
from typing import Any
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.errors import CodeTakenError, CouponExhaustedError
from shared.coupons.model.claims import SHARDS, Claim, ClaimedBy, ClaimState, share_of
from shared.coupons.model.codes import Code
from shared.coupons.ports.claims import ClaimStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page
from shared.platform.dynamodb import (
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import Ledger


class _ClaimRow(Row):
    """A claim; what never changes is one JSON text."""

    text = UnicodeAttribute()
    state = UnicodeAttribute()
    remind_at = UnicodeAttribute(null=True)
    version = NumberAttribute()


class _CountRow(Row):
    """How many claims one counter granted."""

    claims = NumberAttribute(default=0)


class _DueRow(Row):
    """The fact that something is to be done about a claim."""


class _DoneRow(Row):
    """Up to which minute all is done."""

    until = UnicodeAttribute()


class DynamoClaimStore(ClaimStore):
    """Claims, in the coupons table. ``put_code`` builds the write that adds a code if absent."""

    def __init__(self, *, table: str, ledger: Ledger, put_code: Callable[[Code], Write]) -> None:
        self._claim = bind(_ClaimRow, table=table)
        self._count = bind(_CountRow, table=table)
        self._due = bind(_DueRow, table=table)
        self._done = bind(_DoneRow, table=table)
        self._ledger = ledger
        self._put_code = put_code
        self._full: set[tuple[str, str, int, int]] = set()
        """Counters that granted all of a coupon's first claims that are theirs: claims stay."""
        self._marked: set[str] = set()
        """Apps whose mark is known to be set; it is never taken away."""

    @override
    def add_claim(
        self, claim: Claim, event: Envelope, *, first: int | None, code: Code | None
    ) -> Claim:
        writes: dict[str, Write] = {
            "claim": Put(row=self._row(claim), condition=self._claim.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if claim.due_at is not None:
            self._begin(claim.app_id, at=claim.claimed_at)
            writes["due"] = Put(row=self._due(*_due_key(claim, claim.due_at)))
        if code is not None:
            writes["code"] = self._put_code(code)
        if first is None:
            return self._commit(claim, writes)
        return self._commit_counted(claim, writes, first=first)

    @override
    def find_claim(self, coupon_id: str, *, contact_id: str, app_id: str) -> Claim | None:
        try:
            row = self._claim.get(
                _partition(app_id, contact_id), f"C#{coupon_id}", consistent_read=True
            )
        except DoesNotExist:
            return None
        return _claim_of(row, app_id=app_id)

    @override
    def claims_of(
        self, contact_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Claim]:
        rows = list(
            self._claim.query(
                _partition(app_id, contact_id),
                self._claim.sk > f"C#{cursor or ''}",
                limit=limit + 1,
                consistent_read=True,
            )
        )
        items = [_claim_of(row, app_id=app_id) for row in rows[:limit]]
        return Page(items=items, next_cursor=items[-1].coupon_id if len(rows) > limit else None)

    @override
    def granted(self, coupon_id: str, *, app_id: str) -> int:
        keys = [_count_key(app_id, coupon_id, shard) for shard in range(SHARDS)]
        return sum(int(row.claims) for row in self._count.batch_get(keys, consistent_read=True))

    @override
    def replace_claim(self, claim: Claim, event: Envelope | None, *, before: Claim) -> bool:
        unchanged = self._claim.version == before.version
        writes: dict[str, Write] = {"claim": Put(row=self._row(claim), condition=unchanged)}
        if event:
            writes["event"] = self._ledger.record(event)
        if claim.due_at != before.due_at:
            writes |= self._moved(claim, before=before)
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def move_claim(self, claim: Claim, *, to: str) -> bool:
        moved = claim.held_by(to)
        unchanged = self._claim.version == claim.version
        writes: dict[str, Write] = {
            "was": Delete(row=self._row(claim), condition=unchanged),
            "claim": Put(row=self._row(moved), condition=self._claim.pk.does_not_exist()),
            **self._moved(moved, before=claim),
        }
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def remove_claim(self, claim: Claim) -> None:
        writes: dict[str, Write] = {"claim": Delete(row=self._row(claim))}
        if claim.due_at is not None:
            writes["due"] = Delete(row=self._due(*_due_key(claim, claim.due_at)))
        commit(writes)

    @override
    def drop_due(self, claim: Claim) -> None:
        if claim.due_at is not None:
            commit({"due": Delete(row=self._due(*_due_key(claim, claim.due_at)))})

    @override
    def done_until(self, app_id: str) -> datetime | None:
        try:
            row = self._done.get(*_done_key(app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.until)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        row = self._done(*_done_key(app_id), until=rfc3339(until))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.until < rfc3339(until))})

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Claim]:
        for shard in range(SHARDS):
            due = self._due.query(_due_partition(app_id, minute, shard), consistent_read=True)
            for row in due:
                contact_id, coupon_id = row.sk.split("#")
                claim = self.find_claim(coupon_id, contact_id=contact_id, app_id=app_id)
                if claim is not None:
                    yield claim

    def _commit_counted(self, claim: Claim, writes: dict[str, Write], *, first: int) -> Claim:
        """Commit with the first counter that has a claim left, beginning anywhere."""
        for shard in sample(range(SHARDS), SHARDS):
            share = share_of(first, shard)
            full = (claim.app_id, claim.coupon_id, shard, share)
            if share == 0 or full in self._full:
                continue
            try:
                return self._commit(claim, {**writes, "count": self._one_more(claim, shard, share)})
            except CouponExhaustedError:
                self._full.add(full)
        # Nothing was written where every counter was known to be full, and it may be a retry.
        earlier = self._standing(claim)
        if earlier is None:
            raise CouponExhaustedError(claim.coupon_id)
        return earlier

    def _commit(self, claim: Claim, writes: dict[str, Write]) -> Claim:
        """Return the claim that stands then.

        Raises:
            CouponExhaustedError: the counter among the writes has no claim left.
            CodeTakenError: there is such a code.
        """
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "claim" in error.failed and (earlier := self._standing(claim)):
                return earlier
            if "code" in error.failed:
                raise CodeTakenError(claim.coupon_id) from error
            if "count" in error.failed:
                raise CouponExhaustedError(claim.coupon_id) from error
            raise
        return claim

    def _standing(self, claim: Claim) -> Claim | None:
        return self.find_claim(claim.coupon_id, contact_id=claim.contact_id, app_id=claim.app_id)

    def _one_more(self, claim: Claim, shard: int, share: int) -> Update:
        row = self._count
        return Update(
            row=row(*_count_key(claim.app_id, claim.coupon_id, shard)),
            # In a transaction, whose token makes a repeated request harmless.
            actions=[row.claims.add(1)],
            condition=row.claims.does_not_exist() | (row.claims < share),
        )

    def _moved(self, claim: Claim, *, before: Claim) -> dict[str, Write]:
        was = before.due_at and _due_key(before, before.due_at)
        due = claim.due_at and _due_key(claim, claim.due_at)
        moved: dict[str, Write] = {}
        # Two instants of one minute are one place, which a transaction names once.
        if was and was != due:
            moved["was_due"] = Delete(row=self._due(*was))
        if due and was != due:
            moved["due"] = Put(row=self._due(*due))
        return moved

    def _row(self, claim: Claim) -> _ClaimRow:
        return self._claim(
            _partition(claim.app_id, claim.contact_id),
            f"C#{claim.coupon_id}",
            text=_text_of(claim),
            state=claim.state.value,
            remind_at=rfc3339(claim.remind_at) if claim.remind_at else None,
            version=claim.version,
        )

    def _begin(self, app_id: str, *, at: datetime) -> None:
        """Set an app's mark before its first claim: what is due later comes after it."""
        if app_id in self._marked:
            return
        row = self._done(*_done_key(app_id), until=rfc3339(_minute_of(at)))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.pk.does_not_exist())})
        self._marked.add(app_id)


def _partition(app_id: str, contact_id: str) -> str:
    return f"APP#{app_id}#CLAIMS#{contact_id}"


def _count_key(app_id: str, coupon_id: str, shard: int) -> tuple[str, str]:
    return f"APP#{app_id}#CLAIMED#{coupon_id}#{shard}", "N"


def _minute_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _due_partition(app_id: str, minute: datetime, shard: int) -> str:
    return f"APP#{app_id}#CLAIMDUE#{_minute_of(minute):%Y-%m-%dT%H:%M}#{shard}"


def _due_key(claim: Claim, due_at: datetime) -> tuple[str, str]:
    shard = crc32(claim.contact_id.encode()) % SHARDS
    return _due_partition(claim.app_id, due_at, shard), f"{claim.contact_id}#{claim.coupon_id}"


def _done_key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#CLAIMDUE", "DONE"


def _text_of(claim: Claim) -> str:
    fields = {
        "id": claim.claim_id,
        "claimed_at": rfc3339(claim.claimed_at),
        "by": claim.by.value,
        "device_id": claim.device_id,
        "expires_at": rfc3339(claim.expires_at) if claim.expires_at else None,
        "fingerprint": claim.fingerprint,
        "last_four": claim.last_four,
        "origin": claim.origin,
    }
    there = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(there, separators=(",", ":"), ensure_ascii=False)


def _claim_of(row: _ClaimRow, *, app_id: str) -> Claim:
    kept: dict[str, Any] = json.loads(row.text)
    return Claim(
        claim_id=kept["id"],
        app_id=app_id,
        coupon_id=row.sk.removeprefix("C#"),
        contact_id=row.pk.rpartition("#")[2],
        claimed_at=from_rfc3339(kept["claimed_at"]),
        by=ClaimedBy(kept["by"]),
        device_id=kept.get("device_id"),
        state=ClaimState(row.state),
        expires_at=from_rfc3339(kept["expires_at"]) if "expires_at" in kept else None,
        fingerprint=kept.get("fingerprint"),
        last_four=kept.get("last_four"),
        origin=kept.get("origin"),
        remind_at=from_rfc3339(row.remind_at) if row.remind_at else None,
        version=int(row.version),
    )
