"""One stable URL in front of the emulator, and the OpenAPI page.

The emulator tells APIs apart by Host header, and neither its port nor the API's id is stable.
Run as a program: ``python -m infra.local.proxy --help`` names its arguments.
"""

import argparse
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import BoundedSemaphore

MAX_IN_FLIGHT = 16
"""The emulator makes a process per concurrent call; past this many a laptop suffers. More wait."""

LARGEST_BODY = 10 * 2**20
"""Bytes of a request that an HTTP API takes (Amazon API Gateway quotas for HTTP APIs)."""

_OF_ONE_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
_PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:;"
    " script-src 'unsafe-inline'; style-src 'unsafe-inline'",
}
_UPSTREAM_SECONDS = 35
"""An HTTP API gives up after 30 (Amazon API Gateway quotas); the emulator may speak first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The API behind the proxy, and the document that describes it."""

    port: int
    api_id: str
    openapi: Path

    @property
    def host(self) -> str:
        """The Host header by which the emulator knows the API."""
        return f"{self.api_id}.execute-api.localhost:{self.port}"


class Forwarder(BaseHTTPRequestHandler):
    """Answers the pages of its own and hands everything else on, unchanged."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet: otherwise Nagle and delayed ACKs add 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    _gate = BoundedSemaphore(MAX_IN_FLIGHT)

    def __init__(self, target: Target, *args: object) -> None:
        self.target = target
        super().__init__(*args)  # type: ignore[arg-type] # what the server passes

    def do_GET(self) -> None:
        """Answer a page, or forward."""
        match self.path.partition("?")[0]:
            case "/":
                self._answer(HTTPStatus.FOUND, b"", {"Location": "/docs"})
            case "/docs":
                page = files("infra.local").joinpath("docs.html").read_bytes()
                self._answer(HTTPStatus.OK, page, _PAGE_HEADERS)
            case "/openapi.json":
                self._answer_openapi()
            case _:
                self._forward()

    def _forward(self) -> None:
        try:
            body = self._body()
        except _UnreadableBodyError as problem:
            self.close_connection = True
            self._problem(problem.status, str(problem))
            return
        with self._gate:
            try:
                status, headers, answer = self._ask(body)
            except (OSError, http.client.HTTPException) as error:
                self._problem(
                    HTTPStatus.BAD_GATEWAY,
                    f"The emulator does not answer ({error}). Run `engage up`.",
                )
                return
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_ONE_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _forward  # noqa: N815

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.target.port, timeout=_UPSTREAM_SECONDS
        )
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            connection.putheader("Host", self.target.host)
            for name, value in self.headers.items():
                if name.lower() not in _OF_ONE_HOP | {"host", "content-length", "expect"}:
                    connection.putheader(name, value)
            if body or "Content-Length" in self.headers:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit():
            raise _UnreadableBodyError(HTTPStatus.BAD_REQUEST, "Content-Length is no number.")
        if int(length) > LARGEST_BODY:
            raise _UnreadableBodyError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {LARGEST_BODY} bytes."
            )
        return self.rfile.read(int(length))

    def _chunks(self) -> Iterator[bytes]:
        left = LARGEST_BODY
        while True:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0], 16)
            except ValueError:
                raise _UnreadableBodyError(HTTPStatus.BAD_REQUEST, "A chunk has no size.") from None
            left -= size
            if left < 0:
                raise _UnreadableBodyError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {LARGEST_BODY} bytes."
                )
            yield self.rfile.read(size)
            self.rfile.readline(8192)
            if not size:
                return

    def _answer_openapi(self) -> None:
        try:
            document = json.loads(self.target.openapi.read_bytes())
        except (OSError, ValueError) as error:
            self._problem(HTTPStatus.NOT_FOUND, f"There is no OpenAPI document: {error}")
            return
        base = f"http://{self.headers.get('Host', 'localhost')}"
        document["servers"] = [{"url": base, "description": "The local stack"}]
        body = json.dumps(document).encode()
        self._answer(HTTPStatus.OK, body, {"Content-Type": "application/json"})

    def _problem(self, status: HTTPStatus, detail: str) -> None:
        body = json.dumps({"title": status.phrase, "status": status, "detail": detail}).encode()
        self._answer(status, body, {"Content-Type": "application/problem+json"})

    def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _UnreadableBodyError(Exception):
    """The request's body cannot be read; the connection cannot be used any more."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Server(ThreadingHTTPServer):
    """Takes as many callers as come; ``MAX_IN_FLIGHT`` of them are served at a time."""

    daemon_threads = True
    request_queue_size = 128


def serve(target: Target, *, port: int) -> ThreadingHTTPServer:
    """Return a server on loopback that listens already; the caller runs it."""
    return _Server(("127.0.0.1", port), partial(Forwarder, target))


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser(description="The stable URL of a local stack.")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--upstream", type=int, required=True, help="the emulator's port")
    arguments.add_argument("--api-id", required=True)
    arguments.add_argument("--openapi", type=Path, required=True)
    chosen = arguments.parse_args()
    target = Target(port=chosen.upstream, api_id=chosen.api_id, openapi=chosen.openapi)
    serve(target, port=chosen.port).serve_forever()


if __name__ == "__main__":
    main()
