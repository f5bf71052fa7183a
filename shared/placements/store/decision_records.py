"""Records of decisions in S3.

The key of a file is ``APP/<app>/decisions/<yyyy>/<mm>/<dd>/<hh>/<minute>/<ulid>.jsonl.gz``.
"""

from collections.abc import Iterator

from typing_extensions import override

from shared.placements.ports.results import DecisionRecords
from shared.platform.objects import Bucket


class BucketDecisionRecords(DecisionRecords):
    """Files of records, in a bucket that keeps them for a while."""

    def __init__(self, *, bucket: Bucket) -> None:
        self._bucket = bucket

    @override
    def put(self, key: str, content: bytes) -> None:
        self._bucket.put(key, content)

    @override
    def keys(self, prefix: str) -> Iterator[str]:
        return self._bucket.keys(prefix)

    @override
    def get(self, key: str) -> bytes:
        return self._bucket.get(key)
