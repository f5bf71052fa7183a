"""Requests to places that others name: the guard of `shared.kernel.targets`, and its connection.

The host is resolved once. Every address is checked, and the connection goes to the first of those
that were: what the name means a moment later plays no part. The certificate is held to the name.
"""

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from threading import Timer
from time import monotonic
from typing import Final

from typing_extensions import override

from shared.kernel.targets import (
    NOWHERE_LOCAL,
    LocalHosts,
    Target,
    expect_public,
    target_of,
)

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 10.0
MOST_READ: Final = 1024
"""Bytes of an answer's body that are read; the rest is left."""

Resolve = Callable[[str, int], Sequence[str]]
Tls = Callable[[], ssl.SSLContext]


class UnansweredError(Exception):
    """No whole answer came: ``reason`` is a word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: its status, headers in lower case, and how its body begins."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a connection, and for all in all, in seconds."""

    connect: float = CONNECT_SECONDS
    total: float = TOTAL_SECONDS


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Return every address of a host, in the order in which the machine would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def public_certificates() -> ssl.SSLContext:
    """Return what holds a server's certificate to its name, as browsers do."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Sends requests to places that others name; it follows no redirect."""

    resolve: Resolve = addresses_of
    local: LocalHosts = NOWHERE_LOCAL
    patience: Patience = Patience()
    tls: Tls = public_certificates

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body, and return what was answered.

        Raises:
            ForbiddenTargetError: nothing is sent there.
            UnansweredError: no connection, or no answer in time.
        """
        target = target_of(url, local=self.local)
        address = self._address_of(target)
        connection = _Pinned(target, address=address, patience=self.patience, tls=self.tls)
        began = monotonic()
        cut = Timer(self.patience.total, connection.cut)
        cut.daemon = True
        cut.start()
        try:
            connection.request("POST", target.path, body=body, headers=dict(headers))
            response = connection.getresponse()
            beginning = response.read(MOST_READ)
        except (OSError, HTTPException) as error:
            raise UnansweredError(_reason(error, was_cut=connection.was_cut)) from error
        finally:
            cut.cancel()
            connection.close()
        told = {name.lower(): value for name, value in response.getheaders()}
        seconds = monotonic() - began
        return Answer(status=response.status, headers=told, beginning=beginning, seconds=seconds)

    def _address_of(self, target: Target) -> str:
        """Return the address to connect to: the first, once all of them are checked."""
        try:
            found = self.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise UnansweredError("name_not_found") from error
        if target.host not in self.local.names:
            expect_public(found)
        return found[0]


class _Pinned(HTTPConnection):
    """A connection to an address; to the other side, and to TLS, it is one to the name."""

    def __init__(self, target: Target, *, address: str, patience: Patience, tls: Tls) -> None:
        super().__init__(target.host, target.port, timeout=patience.total)
        self._address = address
        self._is_secure = target.is_secure
        self._patience = patience
        self._tls = tls()
        self.was_cut = False

    @override
    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self._patience.connect)
        if self._is_secure:
            # Shaken hands with apart: a socket that is being made could not be cut.
            self.sock = self._tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()
        self.sock.settimeout(self._patience.total)

    def cut(self) -> None:
        """End it from another thread: a server that sends a byte now and then has no more time."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                # Not the method of TLS, which would change what the other thread reads with.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _reason(error: Exception, *, was_cut: bool) -> str:
    if was_cut or isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "broken_answer" if isinstance(error, HTTPException) else "no_connection"
