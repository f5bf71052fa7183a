"""Use case of operators: set right what counters lack, while the stream goes on being counted.

A day is set right when nothing is counted in it any more: its own counters, those of its hours and
of its parts get what the ledger says. The counter of a flight's life is counted in at every moment.
It gets the sum of its days, where it has come as far as they have, and only if it has not gone on
since it was read; else it waits for another time. So whatever is counted meanwhile is neither lost
nor counted twice, and the same again changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.kernel.clock import Clock
from shared.placements.errors import DayNotSettledError
from shared.placements.model.folding import HOURS_KEPT, CounterKey, Figures, summed
from shared.placements.model.mending import SETTLED, Counted, Mend, in_step, raised
from shared.placements.ports.folding import AppZones, CounterStore
from shared.placements.service.folding import RebuildService

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MendingService:
    """Sets counters right."""

    rebuilding: RebuildService
    counters: CounterStore
    zones: AppZones
    clock: Clock

    def mend(
        self, app_id: str, day: date, *, flight_id: str | None = None, dry_run: bool = False
    ) -> Sequence[Mend]:
        """Return the counters that lacked something of a day of the app's zone.

        All events of that day are read. Without ``flight_id`` all flights are looked at that had
        any; with ``dry_run`` nothing is written.

        Raises:
            DayNotSettledError: something may still be counted in the day.
        """
        start, end = self._around(app_id, day)
        if self.clock() < end + SETTLED:
            raise DayNotSettledError(f"{day} is settled from {end + SETTLED} on")
        recounted = self._recounted(app_id, day, start, end)
        flights = {key.flight_id for key in recounted if flight_id in {None, key.flight_id}}
        return [
            mend
            for one in sorted(flights)
            for mend in self._mends(
                CounterKey(app_id=app_id, flight_id=one),
                {key: figures for key, figures in recounted.items() if key.flight_id == one},
                dry_run=dry_run,
            )
        ]

    def _around(self, app_id: str, day: date) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zones.zone_of(app_id))
        start, end = (datetime.combine(one, time(), zone) for one in (day, day + _DAY))
        return start.astimezone(UTC), end.astimezone(UTC)

    def _recounted(
        self, app_id: str, day: date, start: datetime, end: datetime
    ) -> Mapping[CounterKey, Figures]:
        """Return what the ledger says of a day, its hours and its parts.

        Where a day begins within an hour, that hour is recounted whole, as its counter is.
        """
        since = start.replace(minute=0, second=0, microsecond=0)
        forgotten = self.clock() - HOURS_KEPT
        return {
            key: figures
            for key, figures in self.rebuilding.rebuild(app_id, since=since, until=end).items()
            if key.day == day or (key.hour is not None and key.hour > forgotten)
        }

    def _mends(
        self, life: CounterKey, recounted: Mapping[CounterKey, Figures], *, dry_run: bool
    ) -> Iterator[Mend]:
        counters = self.counters.counted_of(life.flight_id, app_id=life.app_id)
        days = {key: one for key, one in counters.items() if _is_day(key)}
        says = {key: one.figures for key, one in days.items()}
        for key, figures in sorted(recounted.items(), key=str):
            before = counters.get(key, Counted())
            mend = self._mend(key, figures, before, dry_run=dry_run)
            if mend.added:
                yield mend
            if _is_day(key) and mend.is_done:
                says[key] = mend.after
        before = counters.get(life, Counted())
        is_still = in_step(before, days.values(), at=self.clock())
        mend = self._mend(life, summed(says.values()), before, dry_run=dry_run, may=is_still)
        if mend.added:
            yield mend

    def _mend(
        self,
        key: CounterKey,
        figures: Figures,
        before: Counted,
        *,
        dry_run: bool,
        may: bool = True,
    ) -> Mend:
        """Raise a counter to figures, where it ``may`` be and it lacks something."""
        after = raised(before.figures, figures)
        is_right = dry_run or after == before.figures
        is_done = may and (is_right or self.counters.set_right(key, after, before=before))
        return Mend(key=key, before=before.figures, after=after, is_done=is_done)


def _is_day(key: CounterKey) -> bool:
    return key.day is not None and key.placement_id is None
