"""The files of imports, as objects of a bucket.

| what                    | key                                              |
| ----------------------- | ------------------------------------------------ |
| upload                  | APP/<app>/imports/<import>/upload                |
| rejects of one batch    | APP/<app>/imports/<import>/rejects/<first line>  |
| all rejects             | APP/<app>/imports/<import>/rejects.jsonl         |
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from typing_extensions import override

from shared.kernel.files import Rejected
from shared.platform.objects import Bucket, ObjectChangedError
from shared.registrations.errors import ImportFailedError
from shared.registrations.model.imports import Import
from shared.registrations.ports import ImportFiles, Upload

PRESIGNED = timedelta(hours=1)
"""How long a URL that was handed out holds: the upload of a large file over a thin line."""

CHUNK = 1024 * 1024
"""Bytes of one read: a row waits for nothing, and a worker holds little."""


class BucketImportFiles(ImportFiles):
    """Uploads and rejects, in the bucket of files."""

    def __init__(self, *, bucket: Bucket) -> None:
        self._bucket = bucket

    @override
    def upload_for(self, job: Import, *, at: datetime) -> Upload:
        media_type = job.file_format.media_type
        url = self._bucket.presigned_put(
            _key(job, "upload"), size=job.size, media_type=media_type, lasting=PRESIGNED
        )
        return Upload(
            method="PUT",
            url=url,
            headers={"Content-Length": str(job.size), "Content-Type": media_type},
            expires_at=at + PRESIGNED,
        )

    @override
    def upload_tag(self, job: Import) -> str | None:
        found = self._bucket.find(_key(job, "upload"))
        return found.tag if found and found.size == job.size else None

    @override
    def read(self, job: Import, *, offset: int) -> Iterator[bytes]:
        for first in range(offset, job.size, CHUNK):
            last = min(first + CHUNK, job.size) - 1
            try:
                yield self._bucket.read(
                    _key(job, "upload"), first=first, last=last, tag=job.upload_tag or ""
                )
            except ObjectChangedError as error:
                reason = "the upload was replaced or deleted after the import had started"
                raise ImportFailedError(reason, code="upload_changed") from error

    @override
    def put_rejects(self, job: Import, rejects: Sequence[Rejected]) -> None:
        lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in rejects)
        self._bucket.put(_part(job), "".join(lines).encode())

    @override
    def close_rejects(self, job: Import) -> None:
        parts = self._bucket.keys(_key(job, "rejects/"))
        whole = b"".join(self._bucket.get(part) for part in parts)
        self._bucket.put(_key(job, "rejects.jsonl"), whole)

    @override
    def rejects_url(self, job: Import) -> str:
        return self._bucket.presigned_get(_key(job, "rejects.jsonl"), lasting=PRESIGNED)


def _key(job: Import, name: str) -> str:
    return f"APP/{job.app_id}/imports/{job.import_id}/{name}"


def _part(job: Import) -> str:
    # So many digits that the order of the keys is that of the lines.
    return _key(job, f"rejects/{job.cursor.line:010}")
