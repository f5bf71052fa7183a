"""What goes over the wire, and who carries it: the core makes requests and reads answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; ``path`` is the whole path, ``content`` the body's bytes, if any."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def is_success(self) -> bool:
        """Say whether the status is of the class 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3

    @property
    def document(self) -> Any:
        """Return the body's JSON value; ``None`` where it is no JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def code(self) -> str:
        """Return the code of a problem document (RFC 9457); empty where there is none."""
        document = self.document
        return str(document.get("code", "")) if isinstance(document, dict) else ""


class Transport(Protocol):
    """Carries a request to the server and its answer back."""

    def send(self, request: Request) -> Response | None:
        """Return the answer, or ``None`` if none came: the server may have acted all the same.

        It never raises for the network, and follows no redirections.
        """
        ...
