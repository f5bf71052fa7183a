"""The services of codes on one kind of store, and what tests of them share."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

from shared.coupons.model.code_jobs import CodeImport, CodeJob, JobState
from shared.coupons.model.codes import Code
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.discounts import PercentOff
from shared.coupons.model.patterns import Pattern
from shared.coupons.model.validity import Validity
from shared.coupons.ports.codes import CodeJobStore, CodeStore, GuessStore
from shared.coupons.service.code_jobs import CodeJobService, Order
from shared.coupons.service.code_runs import CodeRunService
from shared.coupons.service.codes import CodeService
from shared.coupons.service.guesses import GuessService
from shared.kernel.ids import Ids
from shared.platform.hashing import CodeHasher
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.coupon_codes import (
    InMemoryCodeFiles,
    InMemoryCodeJobStore,
    InMemoryCodeStore,
    InMemoryGuessStore,
    KnownCoupons,
    OpenKeys,
    OpenVault,
    RecordedQueue,
)

APP = "app_1"
CROWDED = Pattern(length=2, charset="2345", check=False, prefix="C")
"""Sixteen codes: as good as none can be, and full of collisions. No order of it is accepted."""


@dataclass(kw_only=True)
class Codes:
    """The services, over stores of one kind."""

    codes: CodeStore
    jobs: CodeJobStore
    guesses: GuessStore
    secrets: list[bytes] = field(default_factory=lambda: [b"a key of codes"])
    clock: ManualClock = field(default_factory=ManualClock)
    coupons: KnownCoupons = field(default_factory=KnownCoupons)
    files: InMemoryCodeFiles = field(default_factory=InMemoryCodeFiles)
    vault: OpenVault = field(default_factory=OpenVault)
    queue: RecordedQueue = field(default_factory=RecordedQueue)
    missed: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A job's codes follow from its id: the same ones in each run.
        self.ids = Ids(clock=self.clock, chance=lambda _: 0)
        self._chances = count()

    @property
    def hasher(self) -> CodeHasher:
        return CodeHasher(keys=lambda: self.secrets)

    @property
    def service(self) -> CodeService:
        return CodeService(
            coupons=self.coupons,
            codes=self.codes,
            hasher=self.hasher,
            vault=self.vault,
            clock=self.clock,
            chance=self._chance,
        )

    def _chance(self, size: int) -> bytes:
        return (next(self._chances) * 31**5).to_bytes(size)

    @property
    def orders(self) -> CodeJobService:
        return CodeJobService(
            coupons=self.coupons,
            jobs=self.jobs,
            files=self.files,
            keys=OpenKeys(),
            clock=self.clock,
            ids=self.ids,
        )

    @property
    def throttle(self) -> GuessService:
        return GuessService(
            guesses=self.guesses,
            hasher=self.hasher,
            clock=self.clock,
            tell_miss=lambda: self.missed.append(None),
        )

    def worker(self, **replaced: Any) -> CodeRunService:
        parts: dict[str, Any] = {
            "jobs": self.jobs,
            "codes": self.codes,
            "files": self.files,
            "keys": OpenKeys(),
            "hasher": self.hasher,
            "queue": self.queue,
            "clock": self.clock,
            "ids": self.ids,
        }
        return CodeRunService(**(parts | replaced))

    def a_coupon(self, coupon_id: str = "cpn_1", state: CouponState = CouponState.DRAFT) -> str:
        coupon = a_coupon(coupon_id, app_id=APP)
        self.coupons.coupons[APP, coupon_id] = replace(coupon, state=state)
        return coupon_id

    def ordered(self, codes: int, *, coupon_id: str = "cpn_1", **order: Any) -> CodeJob:
        wanted = Order(**{"count": codes, "pattern": Pattern(), **order})
        return self.orders.generate(
            wanted, coupon_id=coupon_id, app_id=APP, by="ada", attempt=None
        ).job

    def work(
        self,
        job: CodeJob,
        *,
        holder: str = "one",
        has_time: Callable[[], bool] = lambda: True,
        worker: CodeRunService | None = None,
    ) -> CodeJob:
        return (worker or self.worker()).work(
            job.job_id, coupon_id=job.coupon_id, app_id=APP, holder=holder, has_time=has_time
        )

    def announced(self, content: bytes, *, coupon_id: str = "cpn_1", **settings: Any) -> CodeJob:
        work = CodeImport(size=len(content), **settings)
        job = self.orders.create_import(
            work, coupon_id=coupon_id, app_id=APP, by="ada", attempt=None
        ).job
        self.files.uploads[job.job_id] = content
        return job

    def started(self, content: bytes, *, coupon_id: str = "cpn_1", **settings: Any) -> CodeJob:
        job = self.announced(content, coupon_id=coupon_id, **settings)
        return self.orders.start_import(job.job_id, coupon_id=coupon_id, app_id=APP)

    def imported(self, content: bytes, *, coupon_id: str = "cpn_1", **settings: Any) -> CodeJob:
        return self.work(self.started(content, coupon_id=coupon_id, **settings))

    def rejects(self, job: CodeJob) -> list[tuple[int, str]]:
        return [(one.line, one.reason) for one in self.files.closed.get(job.job_id, ())]

    def filed(self, job: CodeJob) -> list[str]:
        """Return the letters in the files of a job that is done."""
        assert job.state is JobState.DONE
        parts = [
            content for key, content in sorted(self.files.codes.items()) if key[0] == job.job_id
        ]
        return [line for part in parts for line in part.decode().split()[1:]]

    def listed(self, coupon_id: str = "cpn_1", *, limit: int = 100) -> list[Code]:
        """Return all codes of a coupon, read page by page."""
        found: list[Code] = []
        cursor = None
        while True:
            page = self.service.list_codes(coupon_id, app_id=APP, limit=limit, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    def wait(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))


def a_coupon(coupon_id: str, *, app_id: str) -> Coupon:
    return Coupon(
        coupon_id=coupon_id,
        app_id=app_id,
        name="Summer",
        discount=PercentOff(hundredths=1_000),
        validity=Validity(),
        created_at=NOON,
    )


def remembered() -> Codes:
    it = Codes(codes=InMemoryCodeStore(), jobs=InMemoryCodeJobStore(), guesses=InMemoryGuessStore())
    it.a_coupon()
    return it


def on_dynamodb(tables: dict[str, str]) -> Codes:
    from shared.coupons.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoCodeJobStore,
        DynamoCodeStore,
        DynamoGuessStore,
    )
    from shared.platform.ledger import Ledger  # noqa: PLC0415

    table, ledger = tables["coupons"], Ledger(table=tables["contact_events"])
    it = Codes(
        codes=DynamoCodeStore(table=table),
        jobs=DynamoCodeJobStore(table=table, ledger=ledger),
        guesses=DynamoGuessStore(table=table),
    )
    it.a_coupon()
    return it
