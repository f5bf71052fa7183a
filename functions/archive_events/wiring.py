"""Connects the filing of events to the archive's bucket."""

from functools import cache

from shared.contact_events.service.archives import ArchiveService
from shared.contact_events.store.archive import BucketArchive
from shared.kernel.clock import system_clock
from shared.platform.objects import Bucket
from shared.platform.settings import settings


@cache
def archive() -> ArchiveService:
    """Return the archive of this process."""
    bucket = Bucket(name=settings().archive_bucket)
    return ArchiveService(archive=BucketArchive(bucket=bucket), clock=system_clock)
