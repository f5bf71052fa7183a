"""Snapshots of what is booked: compiled when it changed, and kept in each process that decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar

from shared.kernel.clock import Clock
from shared.placements.errors import DemandChangedError, SnapshotMissingError
from shared.placements.model.demand import Demand
from shared.placements.model.pointers import RENEWED_AFTER, Pointer, key_of, next_change_of
from shared.placements.ports.decisions import Pause
from shared.placements.ports.demand import DemandStore
from shared.placements.ports.snapshots import Compile, Load, PolicyVersions, Snapshots

LoadedT = TypeVar("LoadedT")

ATTEMPTS = 8
"""Of compilers that meet."""

LOOKED_AT = timedelta(seconds=10)
"""How often a process looks at an app's pointer, at most."""

CLOCKS_AGREE = timedelta(seconds=1)
"""What the clocks of two processes differ by, at most."""

MOST_APPS = 20
"""That a process keeps the snapshots of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotService:
    """Compiles snapshots, and points at the one that stands."""

    demand: DemandStore
    snapshots: Snapshots
    policies: PolicyVersions
    compile: Compile
    clock: Clock
    pause: Pause

    def refresh(self, app_id: str) -> Pointer:
        """Point at the snapshot of what is booked now; the same content is the same version.

        The pointer is read before the demand and written after it, each time and on condition that
        it is as it was read. So whoever compiled what is older by now is refused, and compiles
        again: the last pointer is never older than the last change that asked for one.

        Raises:
            DemandChangedError: others moved the pointer at the same moment, again and again.
        """
        return self._move(app_id, self._compiled)

    def refresh_known(self, app_id: str) -> Pointer | None:
        """Do so where there is a pointer; apps in which nothing was booked have none.

        Raises:
            DemandChangedError: others moved the pointer at the same moment, again and again.
        """
        return self.refresh(app_id) if self.snapshots.read_latest(app_id) else None

    def refresh_due(self, app_ids: Iterable[str]) -> list[Pointer]:
        """Do so for those of some apps in which a start or an end passed, or that are a day old.

        Half a read unit for each of the others. Apps in which nothing was booked have none.
        """
        now = self.clock()
        found = (self.snapshots.read(app_id) for app_id in app_ids)
        return [
            self.refresh(pointer.app_id)
            for pointer in found
            if pointer is not None and pointer.due_at <= now
        ]

    def revoke(self, app_id: str) -> Pointer:
        """Take back all ads that devices of an app hold: those of an older epoch are not counted.

        Raises:
            DemandChangedError: others moved the pointer at the same moment, again and again.
        """
        return self._move(app_id, lambda app_id, before: self._compiled(app_id, before, epochs=1))

    def _move(self, app_id: str, made: Callable[[str, Pointer | None], Pointer]) -> Pointer:
        for attempt in range(ATTEMPTS):
            before = self.snapshots.read_latest(app_id)
            after = made(app_id, before)
            if self.snapshots.move(after, before=before):
                return after
            self.pause(attempt)
        raise DemandChangedError("the snapshot is compiled by many at once")

    def _compiled(self, app_id: str, before: Pointer | None, *, epochs: int = 0) -> Pointer:
        demand, at = self.demand.all_demand(app_id), self.clock()
        content = self.compile(demand, at=at)
        found = sha256(content).hexdigest()
        is_new = before is None or before.hash != found
        version = (before.version if before else 0) + is_new
        key = key_of(app_id, version=version, content_hash=found)
        stored_at = at
        if before is not None and not is_new and at < before.stored_at + RENEWED_AFTER:
            stored_at = before.stored_at
        else:
            self.snapshots.put(key, content)
        return Pointer(
            app_id=app_id,
            version=version,
            hash=found,
            key=key,
            compiled_at=at,
            stored_at=stored_at,
            due_at=_due_at(demand, stored_at=stored_at, at=at),
            policy_version=max(before.policy_version if before else 0, self.policies.of(app_id)),
            epoch=(before.epoch if before else 0) + epochs,
            revision=(before.revision if before else 0) + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[LoadedT]):
    """A snapshot, and the pointer to it as it was looked at last."""

    pointer: Pointer
    snapshot: LoadedT


@dataclass(slots=True)
class _Kept(Generic[LoadedT]):
    """What a process has of one app."""

    lock: Lock = field(default_factory=Lock)
    looked_at: datetime | None = None
    latest_at: datetime | None = None
    loaded: Loaded[LoadedT] | None = None


@dataclass(slots=True, kw_only=True)
class SnapshotCache(Generic[LoadedT]):
    """The snapshots that a process decides by.

    ``failed`` is told what kept a newer
    snapshot from being loaded while an older one is served.
    """

    snapshots: Snapshots
    load: Load[LoadedT]
    clock: Clock
    failed: Callable[[Exception], None]
    _apps: dict[str, _Kept[LoadedT]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, app_id: str) -> Loaded[LoadedT]:
        """Return an app's snapshot: that of the pointer, at most ``LOOKED_AT`` old.

        While one caller looks, others get the one before. Where looking fails, it is served on,
        and looked for again as late as if it had not failed.

        Raises:
            SnapshotMissingError: nothing was compiled yet, ``LOOKED_AT`` ago.
        """
        kept = self._kept(app_id)
        # Who finds somebody looking waits only where there is nothing to be served.
        if self._is_due(kept) and kept.lock.acquire(blocking=kept.loaded is None):
            try:
                if self._is_due(kept):
                    self._look(kept, app_id)
            finally:
                kept.lock.release()
        if kept.loaded is None:
            raise SnapshotMissingError(app_id)
        return kept.loaded

    def find(self, app_id: str) -> Loaded[LoadedT] | None:
        """Return what ``get`` does; ``None``: nothing was compiled yet."""
        try:
            return self.get(app_id)
        except SnapshotMissingError:
            return None

    def find_since(self, app_id: str, *, since: datetime) -> Loaded[LoadedT] | None:
        """Return a snapshot no older than the one that stood at an instant; ``None``: none did.

        For those who would lose what they do not find in the snapshot that ``find`` returns: what
        others decided by before the instant is in this one. One read unit, unless somebody looked
        so after the instant already; what keeps it from being loaded is raised.
        """
        kept = self._kept(app_id)
        with kept.lock:
            if kept.latest_at is None or kept.latest_at < since + CLOCKS_AGREE:
                at = self.clock()
                pointer = self.snapshots.read_latest(app_id)
                kept.loaded = self._loaded(pointer, before=kept.loaded)
                kept.looked_at = kept.latest_at = at
        return kept.loaded

    def _kept(self, app_id: str) -> _Kept[LoadedT]:
        with self._lock:
            kept = self._apps.pop(app_id, None) or _Kept()
            # The app that was asked for the longest time ago stands first, and goes.
            self._apps[app_id] = kept
            if len(self._apps) > MOST_APPS:
                del self._apps[next(iter(self._apps))]
            return kept

    def _is_due(self, kept: _Kept[LoadedT]) -> bool:
        return kept.looked_at is None or self.clock() >= kept.looked_at + LOOKED_AT

    def _look(self, kept: _Kept[LoadedT], app_id: str) -> None:
        if kept.loaded is None:
            # There is nothing else to be served: whoever asks is told what went wrong.
            kept.loaded = self._loaded(self.snapshots.read(app_id), before=None)
            kept.looked_at = self.clock()
            return
        kept.looked_at = self.clock()
        try:
            kept.loaded = self._loaded(self.snapshots.read(app_id), before=kept.loaded)
        except Exception as error:  # noqa: BLE001 - whatever it is, the older one is served
            self.failed(error)

    def _loaded(
        self, pointer: Pointer | None, *, before: Loaded[LoadedT] | None
    ) -> Loaded[LoadedT] | None:
        if pointer is None:
            return before
        if before is not None and before.pointer.hash == pointer.hash:
            return replace(before, pointer=pointer)
        content = self.snapshots.get(pointer.key)
        return Loaded(pointer=pointer, snapshot=self.load(content, version=pointer.version))


def _due_at(demand: Demand, *, stored_at: datetime, at: datetime) -> datetime:
    renewal = stored_at + RENEWED_AFTER
    change = next_change_of(demand, after=at)
    return renewal if change is None else min(renewal, change)
