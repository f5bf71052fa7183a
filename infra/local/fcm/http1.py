"""Speaks HTTP/1.1 for a stand-in, directly on h11."""

import asyncio

import h11
from typing_extensions import override

from infra.local.fcm.answers import Answer, Ending
from infra.local.fcm.standin import MAX_BODY_BYTES, Request, Standin

PROTOCOL = "http/1.1"


class Http1Connection(asyncio.Protocol):
    """One connection: one request at a time, kept alive between them."""

    _transport: asyncio.Transport

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._h11 = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._standin.connections[PROTOCOL] += 1

    @override
    def data_received(self, data: bytes) -> None:
        self._h11.receive_data(data)
        self._advance()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()

    def _advance(self) -> None:
        try:
            while self._handle(self._h11.next_event()):
                pass
        except h11.RemoteProtocolError:
            self._transport.close()

    def _handle(self, event: object) -> bool:
        """Take one event; say whether another may be asked for."""
        match event:
            case h11.Request():
                self._head = event
                self._body.clear()
                if self._h11.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
                return True
            case h11.Data():
                if len(self._body) <= MAX_BODY_BYTES:
                    self._body += event.data
                return True
            case h11.EndOfMessage():
                self._answer()
            case h11.ConnectionClosed():
                self._transport.close()
        return False

    def _answer(self) -> None:
        assert self._head is not None  # noqa: S101 - h11 gives the head before the end
        headers = dict(self._head.headers)
        answer = self._standin.answer(
            Request(
                PROTOCOL,
                self._head.method.decode(),
                self._head.target.decode(),
                headers.get(b"authorization", b"").decode("latin-1"),
                bytes(self._body),
            )
        )
        if answer.ending is Ending.CUT:
            self._transport.abort()
        elif answer.ending is Ending.ANSWER:
            delay = self._standin.faults.plan.latency_ms / 1000 if answer.slow else 0
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self._send, answer)

    def _send(self, answer: Answer) -> None:
        headers = [
            ("content-type", "application/json; charset=UTF-8"),
            ("content-length", str(len(answer.body))),
            *answer.headers,
        ]
        self._write(
            h11.Response(status_code=answer.status, headers=headers),
            h11.Data(data=answer.body),
            h11.EndOfMessage(),
        )
        if self._h11.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._h11.start_next_cycle()
            self._advance()

    def _write(self, *events: h11.Event) -> None:
        self._transport.write(b"".join(self._h11.send(event) or b"" for event in events))
