"""Connects the filing of decisions to their bucket."""

from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.service.explaining import RecordService
from shared.placements.store import BucketDecisionRecords
from shared.platform.objects import Bucket
from shared.platform.settings import settings


@cache
def records() -> RecordService:
    """Return the records of this process."""
    bucket = Bucket(name=settings().decisions_bucket)
    return RecordService(records=BucketDecisionRecords(bucket=bucket), ids=Ids(clock=system_clock))
