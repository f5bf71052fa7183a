"""Requests over HTTP, by httpx."""

from types import TracebackType
from typing import Final, Self

import httpx

from engage_mobile.transport import Request, Response

TIMEOUT: Final = 20.0
"""Seconds for each of connecting, sending and hearing: as a gateway waits 30 for a function."""


class HttpTransport:
    """Sends to one server, over a connection that is kept open; to be closed when done."""

    def __init__(self, base_url: str, *, timeout: float = TIMEOUT) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=timeout, follow_redirects=False)

    def send(self, request: Request) -> Response | None:
        """Return the answer, or ``None`` if none came."""
        try:
            answer = self._client.request(
                request.method, request.path, headers=dict(request.headers), content=request.content
            )
        except httpx.HTTPError:
            return None
        return Response(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            content=answer.content,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
