"""Snapshots in memory, held to the contract of the real store, and a compiler of texts."""

import json
from collections.abc import Callable
from datetime import datetime

from typing_extensions import override

from shared.placements.model.demand import Demand
from shared.placements.model.documents import document_of
from shared.placements.model.pointers import Pointer
from shared.placements.ports.snapshots import Snapshots


class InMemorySnapshots(Snapshots):
    """``broken`` makes each reading of pointers and objects fail."""

    def __init__(self) -> None:
        self.pointers: dict[str, Pointer] = {}
        self.objects: dict[str, bytes] = {}
        self.looks = self.latest_looks = self.fetches = self.puts = 0
        self.broken = False

    @override
    def read(self, app_id: str) -> Pointer | None:
        self.looks += 1
        self._stand()
        return self.pointers.get(app_id)

    @override
    def read_latest(self, app_id: str) -> Pointer | None:
        self.latest_looks += 1
        self._stand()
        return self.pointers.get(app_id)

    @override
    def move(self, pointer: Pointer, *, before: Pointer | None) -> bool:
        if self.pointers.get(pointer.app_id) != before:
            return False
        self.pointers[pointer.app_id] = pointer
        return True

    @override
    def put(self, key: str, content: bytes) -> None:
        self.puts += 1
        self.objects[key] = content

    @override
    def get(self, key: str) -> bytes:
        self.fetches += 1
        self._stand()
        return self.objects[key]

    def _stand(self) -> None:
        if self.broken:
            raise OSError("the line is cut")


class OnePolicy:
    """All apps have one version of their policy."""

    def __init__(self, version: int = 0) -> None:
        self.version = version

    def of(self, app_id: str) -> int:
        return self.version


def flights_as_json(demand: Demand, *, at: datetime) -> bytes:
    """Compile the documents of flights: equal demands give equal bytes."""
    return json.dumps([document_of(one) for one in demand.flights], sort_keys=True).encode()


class Interrupted:
    """Compiles, and lets something else happen the first time between reading and writing."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile: Callable[[], object] | None = meanwhile

    def __call__(self, demand: Demand, *, at: datetime) -> bytes:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return flights_as_json(demand, at=at)


def as_it_is(content: bytes, *, version: int) -> bytes:
    """Load a snapshot by leaving it as it is."""
    return content
