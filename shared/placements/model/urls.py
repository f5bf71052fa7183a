"""URLs that ads lead to or load from."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from shared.kernel.errors import FieldProblem
from shared.placements.model.macros import problems_of_macros

LONGEST_URL = 2_048


def problems_of_url(url: str, *, pointer: str) -> Iterator[FieldProblem]:
    """Yield what is wrong with a URL: it is https, to a host that is written out, for anybody.

    Macros may stand behind the host.
    """
    if not _is_https(url):
        detail = f"an https URL of at most {LONGEST_URL} characters, without user and spaces"
        yield FieldProblem(pointer=pointer, code="url", detail=detail)
    yield from problems_of_macros(url, pointer=pointer)


def _is_https(url: str) -> bool:
    if len(url) > LONGEST_URL or not all(letter.isprintable() and letter != " " for letter in url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = not set(parts.netloc) & set("@{}$\\")
    return parts.scheme == "https" and bool(host) and plain
