"""What is fetched from vendors: certificates, which are kept, and confirmations."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from shared.kernel.errors import DomainError, Fault

SECONDS = 3
LARGEST = 64 * 1024
MOST_KEPT = 20
"""Answers; a region's certificate changes about once a year."""


class VendorUnreachableError(DomainError):
    """The vendor does not answer what its signature is checked by: send again."""

    code = "vendor_unreachable"
    fault = Fault.THROTTLED


def https(host: str) -> HTTPConnection:
    """Return a connection to a host, which is not open yet."""
    return HTTPSConnection(host, timeout=SECONDS)


def get(url: str, *, connect: Callable[[str], HTTPConnection] = https) -> bytes:
    """Return what an https URL answers, within three seconds; it leads nowhere else.

    Raises:
        VendorUnreachableError: it does not answer 200, or not wholly, or with more than 64 kB.
    """
    parts = urlsplit(url)
    try:
        with closing(connect(parts.netloc)) as connection:
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
            return _content(connection.getresponse(), parts.netloc)
    except (OSError, HTTPException) as error:
        raise VendorUnreachableError(f"{parts.netloc} does not answer") from error


def _content(answer: HTTPResponse, host: str) -> bytes:
    content = answer.read(LARGEST + 1)
    # Of a body whose length was told, what did not come.
    is_cut_off = bool(answer.length)
    if answer.status != HTTPStatus.OK or is_cut_off or len(content) > LARGEST:
        raise VendorUnreachableError(f"{host} answers {answer.status}, or not wholly")
    return content


@dataclass(slots=True, kw_only=True)
class Fetched:
    """What a process fetched, by URL; ``get`` returns what a URL answers."""

    get: Callable[[str], bytes] = get
    _kept: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, url: str) -> bytes:
        """Return what a URL answers now."""
        return self.get(url)

    def kept(self, url: str) -> bytes:
        """Return what a URL answered when it was first asked; what failed is asked again."""
        if url not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[url] = self.get(url)
        return self._kept[url]
