"""S3: objects of one bucket, and URLs by which others put and fetch them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.platform.clients import client

_CONFIG = Config(
    # With the bucket in the path the host is the region's own: it knows a new bucket at once, and
    # an emulator needs no names below its own.
    s3={"addressing_style": "path"},
    signature_version="s3v4",
    # A URL carries no checksum of a body that somebody else sends.
    request_checksum_calculation="when_required",
)


class ObjectChangedError(Exception):
    """The object is not what it was, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """An object: its size in bytes, and the tag that names its content."""

    size: int
    tag: str


class Bucket:
    """A bucket; keys are plain texts."""

    def __init__(self, *, name: str) -> None:
        self._name = name

    def put(self, key: str, content: bytes) -> None:
        """Write an object, whatever it was before."""
        _s3().put_object(Bucket=self._name, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        content: bytes = _s3().get_object(Bucket=self._name, Key=key)["Body"].read()
        return content

    def delete(self, key: str) -> None:
        """Delete an object; without one, that is well too."""
        _s3().delete_object(Bucket=self._name, Key=key)

    def find(self, key: str) -> FoundObject | None:
        """Return what is known of an object; ``None`` where there is none."""
        try:
            found = _s3().head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if _status_of(error) == 404:  # noqa: PLR2004
                return None
            raise
        return FoundObject(size=found["ContentLength"], tag=found["ETag"])

    def read(self, key: str, *, first: int, last: int, tag: str) -> bytes:
        """Return some bytes of an object, both ends included.

        Raises:
            ObjectChangedError: its content is not that of ``tag``.
        """
        try:
            found = _s3().get_object(
                Bucket=self._name, Key=key, Range=f"bytes={first}-{last}", IfMatch=tag
            )
        except ClientError as error:
            if _status_of(error) in {404, 412}:
                raise ObjectChangedError(key) from error
            raise
        content: bytes = found["Body"].read()
        return content

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with ``prefix``, in their order."""
        for key, _ in self.sizes(prefix):
            yield key

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys that begin with ``prefix``, in their order, with their sizes in bytes."""
        pages = _s3().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._name, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"]

    def presigned_put(self, key: str, *, size: int, media_type: str, lasting: timedelta) -> str:
        """Return a URL by which anybody may write an object of exactly this size and type.

        Both are signed: the request must send them as ``Content-Length`` and ``Content-Type``.
        """
        about = {"Key": key, "ContentLength": size, "ContentType": media_type}
        return self._presigned("put_object", about, lasting)

    def presigned_get(self, key: str, *, lasting: timedelta) -> str:
        """Return a URL by which anybody may read an object."""
        return self._presigned("get_object", {"Key": key}, lasting)

    def _presigned(self, method: str, about: dict[str, Any], lasting: timedelta) -> str:
        url: str = _s3().generate_presigned_url(
            method,
            Params={"Bucket": self._name, **about},
            ExpiresIn=int(lasting.total_seconds()),
        )
        return url


def _s3() -> Any:
    return client("s3", _CONFIG)


def _status_of(error: ClientError) -> int:
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status
