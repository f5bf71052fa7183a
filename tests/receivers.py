"""A server that receives webhooks, on this machine: it keeps what it got and answers as told."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Receiver:
    """``status`` and ``headers`` are what it answers; ``hangs``: it never does."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hangs: bool = False
    drips: bool = False
    got: list[Received] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def url(self, host: str = "localhost", *, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/in?for=us"


def handler_of(state: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.got.append(Received(path=self.path, headers=headers, body=body))
            while state.drips and not state.over.wait(0.02):
                self.wfile.write(b"H")
            if state.hangs:
                state.over.wait()
            self.send_response(state.status)
            for name, value in {**state.headers, "content-length": len(state.body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(state.body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what it got is kept."""

    return Handler


class Quiet(ThreadingHTTPServer):
    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is what some tests are about."""


@contextmanager
def receiver(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    state = Receiver()
    server = Quiet(("127.0.0.1", 0), handler_of(state))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
