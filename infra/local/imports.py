"""Brings a file into an app: announces it, uploads it, starts it, and watches until it ends."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local.api import ApiCaller
from infra.local.errors import LocalStackError

_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_VENDORS = {"pinpoint": "jsonl", "onesignal": "csv", "braze": "jsonl"}
_OVER = ("done", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file on this machine, on its way into an app.

    ``every`` is the number of seconds between two looks at how far it is.
    """

    api: ApiCaller
    app_id: str
    file: Path
    every: float = 2.0

    def run(self, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the import each time that it was looked at; at its end it is done or failed.

        Raises:
            LocalStackError: the API refused it, or the upload failed.
        """
        path = f"/v1/apps/{self.app_id}/imports"
        announced = self.api.post(path, {**settings, "size": self.file.stat().st_size})
        upload(self.file, announced["upload"])
        self.api.post(f"{path}/{announced['import_id']}/start", {})
        while True:
            found = self.api.get(f"{path}/{announced['import_id']}")
            yield found
            if found["state"] in _OVER:
                return
            time.sleep(self.every)


def upload(file: Path, announced: Mapping[str, Any]) -> None:
    """Send a file where it was announced, without the token: the URL itself is the right to do so.

    Raises:
        LocalStackError: it was not taken.
    """
    with file.open("rb") as content:
        answer = httpx.request(
            announced["method"],
            announced["url"],
            headers=announced["headers"],
            content=content,
            timeout=600,
        )
    if not answer.is_success:
        raise LocalStackError(
            f"The upload was refused with {answer.status_code}: {answer.text[:500]}",
            fix="Was the file changed meanwhile? Its size was announced. Run it again.",
        )


def described(file: Path, *, kind: str | None, file_format: str | None) -> dict[str, str]:
    """Return the kind and format that the API wants; a vendor's export is a kind of its own.

    Raises:
        LocalStackError: a kind is missing or not wanted, or the name does not say the format.
    """
    if file_format in _VENDORS and kind is None:
        return {"kind": file_format, "format": _VENDORS[file_format]}
    if (file_format in _VENDORS) is (kind is not None):
        raise LocalStackError(
            "An export of a vendor has no kind, every other file has one.",
            fix="Say either `--kind`, or `--format pinpoint`, `onesignal` or `braze`.",
        )
    return {"kind": kind or "", "format": file_format or format_of(file)}


def format_of(file: Path) -> str:
    """Return a file's format by its name.

    Raises:
        LocalStackError: the name does not say.
    """
    try:
        return _FORMATS[file.suffix.lower()]
    except KeyError:
        raise LocalStackError(
            f"{file.name} does not say what it is.", fix="Say `--format csv` or `--format jsonl`."
        ) from None


def fetch_rejects(found: Mapping[str, Any], target: Path) -> None:
    """Write the rejected rows of an import, one JSON object a line; without any, an empty file."""
    url = found["rejects_url"]
    target.write_bytes(httpx.get(url, timeout=600).raise_for_status().content if url else b"")
