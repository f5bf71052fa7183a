"""Who books ads on DynamoDB Local, and compiles them, as operations are measured on it."""

from typing import Any

from typing_extensions import override

from shared.kernel.ids import Ids
from shared.placements.model.demand import Kind
from shared.placements.model.things import id_of
from shared.placements.service.demand import DemandService
from shared.placements.service.relations import Relations
from shared.placements.service.snapshots import SnapshotService
from shared.placements.store.demand import DynamoDemandStore
from shared.placements.store.snapshots import DynamoSnapshots
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import EveryApp
from tests.fakes.placements_demand import ThoseOf, WordsOfTargeting
from tests.fakes.placements_snapshots import OnePolicy, flights_as_json
from tests.unit.placements.bookings import APP, AT, PLAIN


class Shelf(Bucket):
    """A bucket in memory: what lies there takes no units."""

    def __init__(self) -> None:
        super().__init__(name="")
        self.objects: dict[str, bytes] = {}

    @override
    def put(self, key: str, content: bytes) -> None:
        self.objects[key] = content

    @override
    def get(self, key: str) -> bytes:
        return self.objects[key]


class Office:
    """Books and compiles."""

    def __init__(self, names: dict[str, str]) -> None:
        clock = ManualClock(AT)
        self.demand = DynamoDemandStore(
            table=names["placements"], ledger=Ledger(table=names["contact_events"])
        )
        self.snapshots = DynamoSnapshots(table=names["placements"], bucket=Shelf())
        self.service = DemandService(
            apps=EveryApp(),
            demand=self.demand,
            relations=Relations(
                targeting=WordsOfTargeting(), coupons=ThoseOf(), segments=ThoseOf()
            ),
            clock=clock,
            ids=Ids(clock=clock),
        )
        self.compiler = SnapshotService(
            demand=self.demand,
            snapshots=self.snapshots,
            policies=OnePolicy(),
            compile=flights_as_json,
            clock=clock,
            pause=list[int]().append,
        )

    def book(self, kind: Kind, **fields: Any) -> str:
        """Book a thing; return its id."""
        document = {**PLAIN[kind], **fields}
        thing, _ = self.service.create(kind, document, app_id=APP, by="ada", attempt=None)
        return id_of(thing)

    def compiled(self) -> None:
        """Compile what is booked."""
        self.compiler.refresh(APP)

    def look(self) -> None:
        """Look whether there is a newer snapshot."""
        self.snapshots.read(APP)
