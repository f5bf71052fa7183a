"""Connects the worker of jobs about codes to the coupons' table, and to the bucket of codes."""

from datetime import timedelta
from functools import cache

from shared.coupons.model.code_jobs import CodeJob
from shared.coupons.service.code_runs import CodeRunService
from shared.coupons.store import BucketCodeFiles, DynamoCodeJobStore, DynamoCodeStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import CodeHasher
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings

LAST_CALL = timedelta(seconds=60)
"""With less time left nothing is begun: a file of a million codes takes the longest."""


class OwnQueue:
    """The queue that feeds this function."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def go_on(self, job: CodeJob) -> None:
        """Have a worker go on with a job."""
        self._jobs.put({"app_id": job.app_id, "coupon_id": job.coupon_id, "job_id": job.job_id})


@cache
def runs() -> CodeRunService:
    """Return the worker of this process."""
    table, ledger = settings().coupons_table, Ledger(table=settings().contact_events_table)
    return CodeRunService(
        jobs=DynamoCodeJobStore(table=table, ledger=ledger),
        codes=DynamoCodeStore(table=table),
        files=BucketCodeFiles(bucket=Bucket(name=settings().code_files_bucket)),
        keys=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
        hasher=CodeHasher(keys=Secret(id=settings().code_secret).keys),
        queue=OwnQueue(JobQueue(url=settings().code_queue_url)),
        clock=system_clock,
        ids=Ids(clock=system_clock),
    )
