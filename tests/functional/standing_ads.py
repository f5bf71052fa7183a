"""What decisions about ads are made from in an app of a deployment, however it came about."""

from dataclasses import dataclass

from shared.placements.model.pointers import Pointer
from shared.placements.model.snapshot import Snapshot
from shared.placements.store import DynamoSnapshots
from shared.platform.objects import Bucket
from tests.deployment import Deployment


@dataclass(frozen=True, kw_only=True)
class StandingAds:
    """The snapshot that stands."""

    deployed: Deployment
    app_id: str

    @property
    def store(self) -> DynamoSnapshots:
        """Return where snapshots and their pointers are kept."""
        table = self.deployed.tables["placements"]
        return DynamoSnapshots(table=table, bucket=Bucket(name="snapshots"))

    def pointer(self) -> Pointer | None:
        """Return the pointer; ``None``: nothing was compiled yet."""
        return self.store.read_latest(self.app_id)

    def snapshot(self) -> Snapshot:
        """Return what decisions are made from now."""
        pointer = self.pointer()
        assert pointer is not None
        return Snapshot.load(self.store.get(pointer.key), version=pointer.version)
