"""Publications in DynamoDB.

| what              | pk                      | sk          |
| ----------------- | ----------------------- | ----------- |
| publication       | APP#<app>#PUB#<id>      | P           |
| those of a coupon | APP#<app>#PUBS#<coupon> | <time>#<id> |
"""

import json
from dataclasses import asdict
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.errors import PublicationNotFoundError
from shared.coupons.model.publications import Publication, PublicationState, Recipients, Tally
from shared.coupons.ports.claims import PublicationStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.paging import Page
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit
from shared.platform.ledger import plain


class _PublicationRow(Row):
    """A publication, as one JSON text."""

    text = UnicodeAttribute()
    version = NumberAttribute()


class _ListedRow(Row):
    """The fact that a coupon has a publication, in the order of time."""


class DynamoPublicationStore(PublicationStore):
    """Publications, in the coupons table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_PublicationRow, table=table)
        self._listed = bind(_ListedRow, table=table)

    @override
    def add_publication(self, publication: Publication) -> Publication:
        absent = self._row.pk.does_not_exist()
        listed = self._listed(
            _list_partition(publication.app_id, publication.coupon_id),
            f"{rfc3339(publication.created_at)}#{publication.publication_id}",
        )
        try:
            commit(
                {
                    "publication": Put(row=self._row_of(publication), condition=absent),
                    "listed": Put(row=listed),
                }
            )
        except WriteRefusedError:
            return self.get_publication(publication.publication_id, app_id=publication.app_id)
        return publication

    @override
    def get_publication(self, publication_id: str, *, app_id: str) -> Publication:
        try:
            row = self._row.get(*_key(app_id, publication_id), consistent_read=True)
        except DoesNotExist as error:
            raise PublicationNotFoundError(publication_id) from error
        return _publication_of(row, app_id=app_id)

    @override
    def list_publications(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Publication]:
        listed = list(
            self._listed.query(
                _list_partition(app_id, coupon_id),
                self._listed.sk < cursor if cursor else None,
                limit=limit + 1,
                scan_index_forward=False,
                consistent_read=True,
            )
        )
        ids = [row.sk.rpartition("#")[2] for row in listed[:limit]]
        keys = [_key(app_id, one) for one in ids]
        rows = self._row.batch_get(keys, consistent_read=True) if keys else ()
        publications = (_publication_of(row, app_id=app_id) for row in rows)
        found = {one.publication_id: one for one in publications}
        more = listed[limit - 1].sk if len(listed) > limit else None
        return Page(items=[found[one] for one in ids], next_cursor=more)

    @override
    def replace_publication(self, publication: Publication, *, before: Publication) -> bool:
        unchanged = self._row.version == before.version
        try:
            commit({"publication": Put(row=self._row_of(publication), condition=unchanged)})
        except WriteRefusedError:
            return False
        return True

    def _row_of(self, publication: Publication) -> _PublicationRow:
        fields = asdict(publication)
        kept = {name: fields[name] for name in fields.keys() - {"app_id", "version"}}
        return self._row(
            *_key(publication.app_id, publication.publication_id),
            text=json.dumps(kept, default=plain, separators=(",", ":"), ensure_ascii=False),
            version=publication.version,
        )


def _key(app_id: str, publication_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#PUB#{publication_id}", "P"


def _list_partition(app_id: str, coupon_id: str) -> str:
    return f"APP#{app_id}#PUBS#{coupon_id}"


def _publication_of(row: _PublicationRow, *, app_id: str) -> Publication:
    kept: dict[str, Any] = json.loads(row.text)
    named = kept["recipients"]
    recipients = Recipients(
        contacts=tuple(named["contacts"]),
        devices=tuple(named["devices"]),
        segment_id=named["segment_id"],
    )
    return Publication(
        **{
            **kept,
            "app_id": app_id,
            "recipients": recipients,
            "created_at": from_rfc3339(kept["created_at"]),
            "state": PublicationState(kept["state"]),
            "tally": Tally(**kept["tally"]),
            "version": int(row.version),
        }
    )
