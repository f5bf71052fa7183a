"""Speaks HTTP/2 for a stand-in, directly on h2."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame
from typing_extensions import override

from infra.local.fcm.answers import Answer, Ending
from infra.local.fcm.standin import MAX_BODY_BYTES, Request, Standin

PROTOCOL = "h2"
MAX_STREAMS = 100
"""What FCM's front end allows on one connection at a time."""

_CONFIGURATION = H2Configuration(
    client_side=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
_RECEIVE_WINDOW = 2**24
_TICK = 0.001
"""Seconds; answers that fall due within one tick leave in one write."""
_LINGER_SECONDS = 1
"""How long a client has to close a connection whose end was announced."""


class _Stream:
    """A request that is still coming in."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        self.headers = headers
        self.body = bytearray()

    def request(self) -> Request:
        text = self.headers.get
        return Request(
            PROTOCOL,
            text(b":method", b"").decode(),
            text(b":path", b"").decode(),
            text(b"authorization", b"").decode("latin-1"),
            bytes(self.body),
        )


class Http2Connection(asyncio.Protocol):
    """One connection: many streams, answered in any order, ended by GOAWAY if the plan says so."""

    _transport: asyncio.Transport

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._h2 = H2Connection(_CONFIGURATION)
        self._streams: dict[int, _Stream] = {}
        self._unanswered: set[int] = set()
        self._due: deque[tuple[float, int, Answer]] = deque()
        self._blocked: dict[int, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._taken = 0
        self._newest_stream = 0
        self._last_stream: int | None = None
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            RequestReceived: self._on_request,
            DataReceived: self._on_data,
            StreamEnded: self._on_end,
            StreamReset: self._on_reset,
            WindowUpdated: self._on_window,
            ConnectionTerminated: self._on_terminated,
        }

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._standin.connections[PROTOCOL] += 1
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS})
        self._h2.increment_flow_control_window(_RECEIVE_WINDOW)
        self._flush()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                handle = self._handlers.get(type(event))
                if handle:
                    handle(event)
        except ProtocolError:
            self._flush()
            self._transport.close()
            return
        self._flush()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._end):
            if timer:
                timer.cancel()
        self._due.clear()

    def _on_request(self, event: RequestReceived) -> None:
        if self._last_stream is None:
            self._newest_stream = event.stream_id
            self._streams[event.stream_id] = _Stream(dict(event.headers))
            self._unanswered.add(event.stream_id)

    def _on_data(self, event: DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self._streams.get(event.stream_id)
        if stream and len(stream.body) <= MAX_BODY_BYTES:
            stream.body += event.data

    def _on_end(self, event: StreamEnded) -> None:
        stream = self._streams.pop(event.stream_id, None)
        if stream is None:
            return  # it came after GOAWAY: never taken, the client knows to send it elsewhere
        answer = self._standin.answer(stream.request())
        self._taken += 1
        if answer.ending is Ending.CUT:
            self._transport.abort()
        elif answer.ending is Ending.ANSWER:
            self._schedule(event.stream_id, answer)
        if self._taken == self._standin.faults.plan.goaway_every:
            self._go_away()

    def _on_reset(self, event: StreamReset) -> None:
        self._streams.pop(event.stream_id, None)
        self._blocked.pop(event.stream_id, None)
        self._finish(event.stream_id)

    def _on_window(self, _event: WindowUpdated) -> None:
        for stream, rest in [*self._blocked.items()]:
            self._send_body(stream, rest)

    def _on_terminated(self, _event: ConnectionTerminated) -> None:
        self._transport.close()

    def _schedule(self, stream: int, answer: Answer) -> None:
        delay = self._standin.faults.plan.latency_ms / 1000 if answer.slow else 0
        if not delay:
            self._send(stream, answer)
            return
        self._due.append((self._loop.time() + delay, stream, answer))
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._send_due)

    def _send_due(self) -> None:
        self._timer = None
        until = self._loop.time() + _TICK
        while self._due and self._due[0][0] <= until:
            _, stream, answer = self._due.popleft()
            if stream in self._unanswered:
                self._send(stream, answer)
        if self._due:
            self._timer = self._loop.call_at(self._due[0][0], self._send_due)
        self._flush()

    def _send(self, stream: int, answer: Answer) -> None:
        headers = [
            (":status", str(answer.status)),
            ("content-type", "application/json; charset=UTF-8"),
            *answer.headers,
        ]
        self._h2.send_headers(stream, headers, end_stream=not answer.body)
        if answer.body:
            self._send_body(stream, answer.body)
        else:
            self._finish(stream)

    def _send_body(self, stream: int, rest: bytes) -> None:
        """Send as much as the client's window takes; a window update continues."""
        while rest:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                self._blocked[stream] = rest
                return
            self._h2.send_data(stream, rest[:room], end_stream=len(rest) <= room)
            rest = rest[room:]
        self._blocked.pop(stream, None)
        self._finish(stream)

    def _go_away(self) -> None:
        # h2 sends nothing after its own close_connection(), so the frame is written beside it:
        # streams up to the newest are answered yet, later ones are not taken.
        self._flush()
        self._last_stream = self._newest_stream
        frame = GoAwayFrame(
            0, last_stream_id=self._last_stream, error_code=int(ErrorCodes.NO_ERROR)
        )
        self._transport.write(frame.serialize())

    def _finish(self, stream: int) -> None:
        self._unanswered.discard(stream)
        if self._last_stream is not None and not self._unanswered and self._end is None:
            # Closing at once, while the client still sends, would reset the connection and with it
            # the GOAWAY and the answers that the client has not read yet.
            self._end = self._loop.call_later(_LINGER_SECONDS, self._transport.close)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)
