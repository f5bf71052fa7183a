"""Jobs about a coupon's codes: ordered or announced, watched to their end, their files fetched."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local.imports import upload
from infra.local.marketers import Desk
from infra.local.watching import Found

EVERY_SECONDS = 1.0
"""How often a job is looked at."""

_OVER = ("done", "failed")
_LINE_END = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJobs:
    """The jobs of one coupon."""

    desk: Desk
    coupon_id: str

    def order(self, wanted: Mapping[str, Any]) -> Found:
        """Have codes made."""
        job: Found = self.desk.do(self.coupon_id, "codes", generate=dict(wanted))["job"]
        return job

    def bring(self, file: Path, wanted: Mapping[str, Any]) -> Found:
        """Announce a file of codes, upload it, and have it read.

        Raises:
            LocalStackError: the API refused it, or the upload failed.
        """
        described = {**wanted, "size": file.stat().st_size}
        announced = self.desk.do(self.coupon_id, "codes", **{"import": described})
        upload(file, announced["upload"])
        job_id = announced["job"]["job_id"]
        return self.desk.do(self.coupon_id, "codes", "jobs", job_id, "start")

    def watched(self, job: Found) -> Iterator[Found]:
        """Yield a job each time that it was looked at; at its end it is done or failed."""
        while True:
            job = self.desk.get(self.coupon_id, "codes", "jobs", job["job_id"])
            yield job
            if job["state"] in _OVER:
                return
            time.sleep(EVERY_SECONDS)

    def whole(self) -> Sequence[str]:
        """Return where files of whole codes can be fetched; none after their seven days."""
        urls: Sequence[str] = self.desk.get(self.coupon_id, "codes.csv")["urls"]
        return urls

    def listed(self) -> Iterator[str]:
        """Yield pages of CSV: of every code its last four letters and its state."""
        cursor: dict[str, str] = {}
        while True:
            page = self.desk.get(self.coupon_id, "codes.csv", **cursor)
            yield page["csv"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}


def fetched(urls: Sequence[str]) -> Iterator[str]:
    """Yield the content of files."""
    for url in urls:
        yield httpx.get(url, timeout=600).raise_for_status().text


def write(files: Iterable[str], target: Path) -> int:
    """Write files of CSV into one, under one header; return how many lines it has below that."""
    lines = 0
    with target.open("w", newline="") as written:
        for place, content in enumerate(files):
            header, _, rest = content.partition(_LINE_END)
            written.write(rest if place else header + _LINE_END + rest)
            lines += rest.count(_LINE_END)
    return lines


def lines_of(file: Path) -> int:
    """Return how many lines a file has."""
    with file.open("rb") as content:
        return sum(1 for _ in content)


def fetch_rejects(job: Found) -> Sequence[Found]:
    """Return the lines of an upload that gave no code, each with its reason."""
    if job["rejects_url"] is None:
        return ()
    answer = httpx.get(job["rejects_url"], timeout=600).raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]
