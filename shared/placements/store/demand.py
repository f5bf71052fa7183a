"""What is booked, in DynamoDB.

| what                    | pk                     | sk           |
| ----------------------- | ---------------------- | ------------ |
| thing                   | APP#<app>#DEMAND       | <kind>#<id>  |
| a placement's name      | APP#<app>#DEMAND       | name#<name>  |
| an app's settings       | APP#<app>#DEMAND       | settings     |
| a key of imports        | APP#<app>#DEMAND_KEYS  | <kind>#<key> |

A thing is one JSON text of at most 8 kB beside its state and version, all of an app in one
partition: a snapshot is one query. Units of writing: two for each kB begun of the thing and two for
its event, in one transaction; two more for a name, a key and an attempt each.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.placements.errors import DemandChangedError, NameTakenError
from shared.placements.model.demand import AdSettings, Demand, Kind, Placement, State, Thing
from shared.placements.model.documents import (
    document_of,
    document_of_settings,
    kept_thing_of,
    settings_of,
)
from shared.placements.model.part_documents import compact
from shared.placements.model.things import NOT_FOUND, id_of, kind_of
from shared.placements.ports.demand import DemandStore, Name
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger

_SETTINGS = "settings"


class _DemandRow(Row):
    """A thing, an app's settings, or, with nothing but its key, the fact that a name is taken."""

    text = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)


class _KeyRow(Row):
    """By which key imports know a thing."""

    thing_id = UnicodeAttribute()


class DynamoDemandStore(DemandStore):
    """What is booked, in the placements table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._row = bind(_DemandRow, table=table)
        self._key = bind(_KeyRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add(
        self,
        thing: Thing,
        event: Envelope,
        *,
        attempt: Attempt | None = None,
        key: str | None = None,
    ) -> bool:
        kind, thing_id, app_id = kind_of(thing), id_of(thing), thing.app_id
        new = self._row.pk.does_not_exist()
        writes: dict[str, Write] = {
            "thing": Put(row=self._row_of(thing), condition=new),
            "event": self._ledger.record(event),
        }
        if isinstance(thing, Placement):
            name = self._row(_partition(app_id), f"name#{thing.name}")
            writes["name"] = Put(row=name, condition=new)
        if key is not None:
            known = self._key(_keys_partition(app_id), f"{kind.value}#{key}", thing_id=thing_id)
            writes["key"] = Put(row=known, condition=self._key.pk.does_not_exist())
        if attempt:
            result = f"{kind.value}#{thing_id}"
            writes["attempt"] = self._attempts.remember(
                attempt, app_id=app_id, result=result, at=thing.created_at
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "attempt" in error.failed:
                return False
            if "key" in error.failed:
                raise DemandChangedError(f"another {kind.value} has the key {key}") from error
            if "name" in error.failed:
                raise NameTakenError(thing.name) from error
            raise
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    @override
    def get(self, kind: Kind, thing_id: str, *, app_id: str) -> Thing:
        try:
            row = self._row.get(
                _partition(app_id), f"{kind.value}#{thing_id}", consistent_read=True
            )
        except DoesNotExist as error:
            raise NOT_FOUND[kind](thing_id) from error
        return _thing_of(row, app_id=app_id)

    @override
    def find(self, names: Iterable[Name], *, app_id: str) -> Mapping[Name, Thing]:
        keys = [
            (_partition(app_id), f"{kind.value}#{thing_id}")
            for kind, thing_id in dict.fromkeys(names)
        ]
        if not keys:
            return {}
        rows = self._row.batch_get(keys, consistent_read=True)
        found = (_thing_of(row, app_id=app_id) for row in rows)
        return {(kind_of(thing), id_of(thing)): thing for thing in found}

    @override
    def list_things(
        self, kind: Kind, app_id: str, *, limit: int, cursor: str | None
    ) -> Page[Thing]:
        after = self._row.sk.between(f"{kind.value}#{cursor or ''}", f"{kind.value}$")
        # The one that the cursor names is read again, and left out.
        rows = self._row.query(_partition(app_id), after, limit=limit + 2)
        things = [_thing_of(row, app_id=app_id) for row in rows]
        rest = [thing for thing in things if id_of(thing) != cursor]
        items = rest[:limit]
        return Page(items=items, next_cursor=id_of(items[-1]) if len(rest) > limit else None)

    @override
    def all_of(self, kind: Kind, app_id: str) -> Iterator[Thing]:
        of_kind = self._row.sk.startswith(f"{kind.value}#")
        for row in self._row.query(_partition(app_id), of_kind, consistent_read=True):
            yield _thing_of(row, app_id=app_id)

    @override
    def all_demand(self, app_id: str) -> Demand:
        things: dict[Kind, list[Any]] = {kind: [] for kind in Kind}
        settings = AdSettings(app_id=app_id)
        for row in self._row.query(_partition(app_id), consistent_read=True):
            if row.sk == _SETTINGS:
                settings = _settings_of(row, app_id=app_id)
            elif not row.sk.startswith("name#"):
                thing = _thing_of(row, app_id=app_id)
                things[kind_of(thing)].append(thing)
        return Demand(
            app_id=app_id,
            settings=settings,
            **{f"{kind.value}s": tuple(found) for kind, found in things.items()},
        )

    @override
    def keys(self, app_id: str) -> Mapping[Name, str]:
        rows = self._key.query(_keys_partition(app_id), consistent_read=True)
        found = ((*row.sk.split("#", 1), row.thing_id) for row in rows)
        return {(Kind(kind), key): thing_id for kind, key, thing_id in found}

    @override
    def replace(self, thing: Thing, event: Envelope, *, before: Thing) -> None:
        unchanged = self._row.version == before.version
        try:
            commit(
                {
                    "thing": Put(row=self._row_of(thing), condition=unchanged),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise DemandChangedError(id_of(thing)) from error

    @override
    def get_settings(self, app_id: str) -> AdSettings:
        try:
            row = self._row.get(_partition(app_id), _SETTINGS, consistent_read=True)
        except DoesNotExist:
            return AdSettings(app_id=app_id)
        return _settings_of(row, app_id=app_id)

    @override
    def replace_settings(
        self, settings: AdSettings, event: Envelope, *, before: AdSettings
    ) -> None:
        row = self._row
        unchanged = row.version == before.version if before.version else row.pk.does_not_exist()
        kept = row(
            _partition(settings.app_id),
            _SETTINGS,
            text=compact(document_of_settings(settings)),
            version=settings.version,
        )
        try:
            commit(
                {
                    "settings": Put(row=kept, condition=unchanged),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise DemandChangedError("the settings") from error

    def _row_of(self, thing: Thing) -> _DemandRow:
        return self._row(
            _partition(thing.app_id),
            f"{kind_of(thing).value}#{id_of(thing)}",
            text=compact(document_of(thing)),
            created_at=rfc3339(thing.created_at),
            state=thing.state.value,
            version=thing.version,
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#DEMAND"


def _keys_partition(app_id: str) -> str:
    return f"APP#{app_id}#DEMAND_KEYS"


def _thing_of(row: _DemandRow, *, app_id: str) -> Thing:
    kind, _, thing_id = row.sk.partition("#")
    thing = kept_thing_of(
        Kind(kind),
        json.loads(row.text),
        app_id=app_id,
        thing_id=thing_id,
        created_at=from_rfc3339(row.created_at),
    )
    return replace(thing, state=State(row.state), version=int(row.version))


def _settings_of(row: _DemandRow, *, app_id: str) -> AdSettings:
    return settings_of(json.loads(row.text), app_id=app_id, version=int(row.version))
