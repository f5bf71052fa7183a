"""The definitions of coupons in DynamoDB, and the settings of apps.

| what                  | pk                       | sk      |
| --------------------- | ------------------------ | ------- |
| coupon                | APP#<app>#COUPONS        | C#<id>  |
| coupon free to take   | APP#<app>#OPEN           | C#<id>  |
| an app's settings     | APP#<app>#SETTINGS       | S       |

``limits_version`` is an attribute of its own: who opens a window of a limit checks it in the same
transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.errors import (
    CouponChangedError,
    CouponNotFoundError,
    CouponSettingsChangedError,
)
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.documents import (
    compact,
    document_of,
    document_of_settings,
    kept_coupon_of,
    settings_of,
)
from shared.coupons.model.settings import CouponSettings
from shared.coupons.ports.coupons import CouponStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger


class CouponRow(Row):
    """A coupon: its definition is one JSON text."""

    text = UnicodeAttribute()
    created_at = UnicodeAttribute()
    state = UnicodeAttribute()
    version = NumberAttribute()
    limits_version = NumberAttribute()


class _OpenRow(Row):
    """The fact that anybody may take a coupon."""


class _SettingsRow(Row):
    """An app's settings, as one JSON text."""

    text = UnicodeAttribute()
    version = NumberAttribute()


class DynamoCouponStore(CouponStore):
    """Coupons, in the coupons table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._coupon = bind(CouponRow, table=table)
        self._open = bind(_OpenRow, table=table)
        self._settings = bind(_SettingsRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_coupon(self, coupon: Coupon, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            "coupon": Put(row=self._row(coupon), condition=self._coupon.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, app_id=coupon.app_id, result=coupon.coupon_id, at=coupon.created_at
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if set(error.failed) == {"attempt"}:
                return False
            raise
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    @override
    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        try:
            row = self._coupon.get(*coupon_key(app_id, coupon_id), consistent_read=True)
        except DoesNotExist as error:
            raise CouponNotFoundError(coupon_id) from error
        return _coupon_of(row, app_id=app_id)

    @override
    def find_coupons(self, coupon_ids: Iterable[str], *, app_id: str) -> Mapping[str, Coupon]:
        keys = [coupon_key(app_id, one) for one in dict.fromkeys(coupon_ids)]
        if not keys:
            return {}
        rows = self._coupon.batch_get(keys, consistent_read=True)
        found = (_coupon_of(row, app_id=app_id) for row in rows)
        return {coupon.coupon_id: coupon for coupon in found}

    @override
    def list_coupons(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Coupon]:
        rows = list(
            self._coupon.query(
                _partition(app_id), self._coupon.sk > f"C#{cursor or ''}", limit=limit + 1
            )
        )
        items = [_coupon_of(row, app_id=app_id) for row in rows[:limit]]
        more = items[-1].coupon_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def open_coupons(self, app_id: str, *, limit: int) -> Sequence[Coupon]:
        rows = self._open.query(_open_partition(app_id), scan_index_forward=False, limit=limit)
        ids = [row.sk.removeprefix("C#") for row in rows]
        found = self.find_coupons(ids, app_id=app_id)
        return [found[one] for one in ids if one in found]

    @override
    def replace_coupon(self, coupon: Coupon, event: Envelope, *, before: Coupon) -> None:
        unchanged = self._coupon.version == before.version
        writes: dict[str, Write] = {
            "coupon": Put(row=self._row(coupon), condition=unchanged),
            "event": self._ledger.record(event),
        }
        if coupon.is_open is not before.is_open:
            row = self._open(_open_partition(coupon.app_id), f"C#{coupon.coupon_id}")
            writes["open"] = Put(row=row) if coupon.is_open else Delete(row=row)
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise CouponChangedError(coupon.coupon_id) from error

    @override
    def get_settings(self, app_id: str) -> CouponSettings:
        try:
            row = self._settings.get(*_settings_key(app_id), consistent_read=True)
        except DoesNotExist:
            return CouponSettings(app_id=app_id)
        return settings_of(json.loads(row.text), app_id=app_id, version=int(row.version))

    @override
    def replace_settings(
        self, settings: CouponSettings, event: Envelope, *, before: CouponSettings
    ) -> None:
        row = self._settings
        unchanged = row.version == before.version if before.version else row.pk.does_not_exist()
        text = compact(document_of_settings(settings))
        kept = row(*_settings_key(settings.app_id), text=text, version=settings.version)
        try:
            commit(
                {
                    "settings": Put(row=kept, condition=unchanged),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise CouponSettingsChangedError(settings.app_id) from error

    def _row(self, coupon: Coupon) -> CouponRow:
        return self._coupon(
            *coupon_key(coupon.app_id, coupon.coupon_id),
            text=compact(document_of(coupon)),
            created_at=rfc3339(coupon.created_at),
            state=coupon.state.value,
            version=coupon.version,
            limits_version=coupon.limits_version,
        )


def coupon_key(app_id: str, coupon_id: str) -> tuple[str, str]:
    """Return where a coupon lies."""
    return _partition(app_id), f"C#{coupon_id}"


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#COUPONS"


def _open_partition(app_id: str) -> str:
    return f"APP#{app_id}#OPEN"


def _settings_key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#SETTINGS", "S"


def _coupon_of(row: CouponRow, *, app_id: str) -> Coupon:
    draft = kept_coupon_of(
        json.loads(row.text),
        app_id=app_id,
        coupon_id=row.sk.removeprefix("C#"),
        created_at=from_rfc3339(row.created_at),
    )
    return replace(
        draft,
        state=CouponState(row.state),
        version=int(row.version),
        limits_version=int(row.limits_version),
    )
