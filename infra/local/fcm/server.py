"""Listens for a stand-in: TLS on the loopback address, HTTP/2 or HTTP/1.1 as ALPN decides."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

from typing_extensions import override

from infra.local.fcm import http1, http2
from infra.local.fcm.bearers import Bearers
from infra.local.fcm.faults import FaultPlan
from infra.local.fcm.http1 import Http1Connection
from infra.local.fcm.http2 import Http2Connection
from infra.local.fcm.identity import Identity
from infra.local.fcm.standin import Standin

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A stand-in that serves, and what a client needs to reach it."""

    standin: Standin
    identity: Identity
    url: str
    port: int
    service_account: dict[str, Any]


@asynccontextmanager
async def serving(*, state_dir: Path, port: int, plan: FaultPlan) -> AsyncIterator[Listening]:
    """Serve a stand-in on ``port`` (0: any that is free) while the context lasts.

    Raises:
        OSError: the port is taken.
    """
    with socket.create_server((HOST, port)) as listener:
        bound: int = listener.getsockname()[1]
        url = f"https://{HOST}:{bound}"
        identity = Identity.kept_in(state_dir)
        bearers = Bearers(key=identity.account_public_key(), token_uri=f"{url}/token")
        standin = Standin(bearers=bearers, plan=plan)
        account = identity.write_service_account(url)
        loop = asyncio.get_running_loop()
        connections: WeakSet[asyncio.Transport] = WeakSet()
        server = await loop.create_server(
            lambda: _Negotiation(standin, connections), sock=listener, ssl=_tls(identity)
        )
        try:
            yield Listening(
                standin=standin, identity=identity, url=url, port=bound, service_account=account
            )
        finally:
            server.close()
            for transport in connections:
                transport.abort()
            await asyncio.sleep(0)  # lets the loop close what was aborted


class _Negotiation(asyncio.Protocol):
    """Hands a new connection to the protocol that its client asked for."""

    def __init__(self, standin: Standin, connections: WeakSet[asyncio.Transport]) -> None:
        self._standin = standin
        self._connections = connections

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._connections.add(transport)
        chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        speaker = Http2Connection if chosen == http2.PROTOCOL else Http1Connection
        protocol = speaker(self._standin)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def _tls(identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.key)
    context.set_alpn_protocols([http2.PROTOCOL, http1.PROTOCOL])
    return context
