"""The files of jobs about codes, as objects of a bucket of their own, which keeps them seven days.

| what                 | key                                         |
| -------------------- | ------------------------------------------- |
| upload               | APP/<app>/codes/<job>/upload                |
| rejects of one batch | APP/<app>/codes/<job>/rejects/<first line>  |
| all rejects          | APP/<app>/codes/<job>/rejects.jsonl         |
| generated codes      | APP/<app>/codes/<job>/codes-<number>.csv    |

The bucket encrypts what it holds, and whoever may read the bucket may read codes: nobody may but
those who make them and who sign their URLs.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from typing_extensions import override

from shared.coupons.errors import CodeJobFailedError
from shared.coupons.model.code_files import Reject
from shared.coupons.model.code_jobs import CodeJob
from shared.coupons.ports.codes import CodeFiles, Upload
from shared.platform.objects import Bucket, ObjectChangedError

PRESIGNED = timedelta(hours=1)
"""How long a URL that was handed out holds: the upload of a large file over a thin line."""

CHUNK = 1024 * 1024
"""Bytes of one read: a worker holds little."""

MEDIA_TYPE = "text/csv"


class BucketCodeFiles(CodeFiles):
    """Uploads, rejects and generated codes, in the bucket of codes."""

    def __init__(self, *, bucket: Bucket) -> None:
        self._bucket = bucket

    @override
    def upload_for(self, job: CodeJob, *, size: int, at: datetime) -> Upload:
        url = self._bucket.presigned_put(
            _key(job, "upload"), size=size, media_type=MEDIA_TYPE, lasting=PRESIGNED
        )
        return Upload(
            method="PUT",
            url=url,
            headers={"Content-Length": str(size), "Content-Type": MEDIA_TYPE},
            expires_at=at + PRESIGNED,
        )

    @override
    def upload_tag(self, job: CodeJob, *, size: int) -> str | None:
        found = self._bucket.find(_key(job, "upload"))
        return found.tag if found and found.size == size else None

    @override
    def read(self, job: CodeJob, *, tag: str, size: int, offset: int) -> Iterator[bytes]:
        for first in range(offset, size, CHUNK):
            last = min(first + CHUNK, size) - 1
            try:
                yield self._bucket.read(_key(job, "upload"), first=first, last=last, tag=tag)
            except ObjectChangedError as error:
                reason = "the upload was replaced or deleted after the job had started"
                raise CodeJobFailedError(reason, code="upload_changed") from error

    @override
    def remove_upload(self, job: CodeJob) -> None:
        self._bucket.delete(_key(job, "upload"))

    @override
    def put_rejects(self, job: CodeJob, rejects: Sequence[Reject], *, line: int) -> None:
        lines = (json.dumps(asdict(one)) + "\n" for one in rejects)
        # So many digits that the order of the keys is that of the lines.
        self._bucket.put(_key(job, f"rejects/{line:010}"), "".join(lines).encode())

    @override
    def close_rejects(self, job: CodeJob) -> None:
        parts = self._bucket.keys(_key(job, "rejects/"))
        whole = b"".join(self._bucket.get(part) for part in parts)
        self._bucket.put(_key(job, "rejects.jsonl"), whole)

    @override
    def rejects_url(self, job: CodeJob) -> str:
        return self._bucket.presigned_get(_key(job, "rejects.jsonl"), lasting=PRESIGNED)

    @override
    def put_codes(self, job: CodeJob, content: bytes, *, number: int) -> None:
        self._bucket.put(_codes_key(job, number), content)

    @override
    def codes_urls(self, job: CodeJob, *, files: int) -> Sequence[str]:
        keys = [_codes_key(job, number) for number in range(files)]
        return [self._bucket.presigned_get(key, lasting=PRESIGNED) for key in keys]


def _key(job: CodeJob, name: str) -> str:
    return f"APP/{job.app_id}/codes/{job.job_id}/{name}"


def _codes_key(job: CodeJob, number: int) -> str:
    return _key(job, f"codes-{number + 1}.csv")
