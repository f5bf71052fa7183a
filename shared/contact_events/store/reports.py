"""What was counted of the ledger, in its table: two items an hour of an app, of JSON in zlib.

They hold no ``sequence``: the relay passes them over.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zlib import compress, decompress

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_events.model.counts import Cell, Counts, Figures, Progress, Sample
from shared.contact_events.model.reports import months
from shared.contact_events.ports import CountStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.events import Channel, Direction
from shared.platform.dynamodb import Delete, Put, Row, WriteRefusedError, bind, commit
from shared.platform.ledger import RETENTION

SAMPLES_KEPT = timedelta(days=35)
"""Longer than the longest window for which it is told how often people were touched."""


class _CountedRow(Row):
    """What an hour came to; ``counted_at`` is when its events were read."""

    content = BinaryAttribute(legacy_encoding=False)
    counted_at = UnicodeAttribute()
    expires_at = NumberAttribute()


class _ProgressRow(Row):
    """How far counting is."""

    until = UnicodeAttribute()
    at = UnicodeAttribute()


class DynamoCountStore(CountStore):
    """Counts and samples by the hour in which their events were recorded."""

    def __init__(self, *, table: str) -> None:
        self._counted = bind(_CountedRow, table=table)
        self._progress = bind(_ProgressRow, table=table)

    @override
    def put_counts(self, hour: datetime, counts: Counts, *, app_id: str, at: datetime) -> None:
        cells, sample = _cells_key(app_id, hour), _sample_key(app_id, hour)
        self._put(cells, _cells_content(counts.cells), hour=hour, at=at, kept=RETENTION)
        self._put(sample, _sample_content(counts.sample), hour=hour, at=at, kept=SAMPLES_KEPT)

    @override
    def cells(
        self, app_id: str, *, since: datetime, until: datetime
    ) -> Iterator[Mapping[Cell, Figures]]:
        since = max(since, until - RETENTION)
        for month in months(since.date(), until.date()):
            yield from map(_cells_of, self._read(_cells_of_month(app_id, month), since))

    @override
    def samples(self, app_id: str, *, since: datetime, until: datetime) -> Iterator[Sample]:
        for month in months(since.date(), until.date()):
            yield from map(_sample_of, self._read(_samples_of_month(app_id, month), since))

    @override
    def progress(self) -> Progress | None:
        try:
            row = self._progress.get(*_PROGRESS, consistent_read=True)
        except DoesNotExist:
            return None
        return Progress(until=from_rfc3339(row.until), at=from_rfc3339(row.at))

    @override
    def set_progress(self, progress: Progress) -> None:
        self._progress(*_PROGRESS, until=rfc3339(progress.until), at=rfc3339(progress.at)).save()

    @override
    def forget_counts(self, hour: datetime, *, app_id: str) -> None:
        row = self._counted
        cells, sample = _cells_key(app_id, hour), _sample_key(app_id, hour)
        commit({"cells": Delete(row=row(*cells)), "sample": Delete(row=row(*sample))})

    def _put(
        self, key: tuple[str, str], content: Any, *, hour: datetime, at: datetime, kept: timedelta
    ) -> None:
        row = self._counted(
            *key,
            content=compress(json.dumps(content, separators=(",", ":")).encode()),
            counted_at=rfc3339(at),
            expires_at=int((hour + kept).timestamp()),
        )
        is_newest = self._counted.pk.does_not_exist() | (self._counted.counted_at <= rfc3339(at))
        with suppress(WriteRefusedError):
            commit({"counted": Put(row=row, condition=is_newest)})

    def _read(self, pk: str, since: datetime) -> Iterator[Any]:
        for row in self._counted.query(pk, self._counted.sk >= _name_of(since)):
            yield json.loads(decompress(row.content))


_PROGRESS = ("COUNTED", "UNTIL")


def _name_of(hour: datetime) -> str:
    return f"{hour:%Y-%m-%dT%H}"


def _cells_of_month(app_id: str, month: date) -> str:
    return f"APP#{app_id}#COUNTS#{month:%Y-%m}"


def _samples_of_month(app_id: str, month: date) -> str:
    return f"APP#{app_id}#SAMPLES#{month:%Y-%m}"


def _cells_key(app_id: str, hour: datetime) -> tuple[str, str]:
    return _cells_of_month(app_id, hour.date()), _name_of(hour)


def _sample_key(app_id: str, hour: datetime) -> tuple[str, str]:
    return _samples_of_month(app_id, hour.date()), _name_of(hour)


def _cells_content(cells: Mapping[Cell, Figures]) -> list[list[Any]]:
    return [
        [cell.day.isoformat(), cell.channel, cell.direction, told.events, told.contacts, told.costs]
        for cell, told in sorted(cells.items(), key=lambda item: item[0][:2])
    ]


def _cells_of(content: list[list[Any]]) -> Mapping[Cell, Figures]:
    return {
        Cell(
            day=date.fromisoformat(day),
            channel=Channel(channel),
            direction=Direction(direction) if direction else None,
        ): Figures(events=events, contacts=contacts, costs=costs)
        for day, channel, direction, events, contacts, costs in content
    }


def _sample_content(sample: Sample) -> dict[str, Any]:
    touches = [
        [contact_id, day.isoformat(), count]
        for (contact_id, day), count in sorted(sample.touches.items())
    ]
    return {"below": sample.below, "touches": touches}


def _sample_of(content: dict[str, Any]) -> Sample:
    touches = {
        (contact_id, date.fromisoformat(day)): count
        for contact_id, day, count in content["touches"]
    }
    return Sample(below=content["below"], touches=touches)
