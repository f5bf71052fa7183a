"""The fast wire: libcurl's multi interface over HTTP/2, a tenth of the CPU of firebase-admin's own.

libcurl repeats a request by itself in two cases: when the server refused its stream (GOAWAY,
REFUSED_STREAM), which is safe, and when a reused connection died before the answer began, which may
send a push twice. No option tells them apart, but libcurl says which one it is in its verbose text,
and asks before each attempt: a request is repeated only after the text said that it was refused.
"""

import selectors
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import islice

import certifi
import pycurl

from shared.push.channels.fcm.credentials import FcmCredentials
from shared.push.channels.fcm.replies import Answer, AnswerLost, NotSent, Outgoing, Reply

CONNECTIONS = 5
"""Each at the server's pace: 500 messages, a whole chunk, are under way at once."""

STREAMS = 100
"""Concurrent streams that FCM allows on one connection."""

_TIMEOUT_SECONDS = 10
_CONNECT_TIMEOUT_SECONDS = 5
_DRAINING = 2
"""Connections beside ours that may still be finishing after a GOAWAY."""

_MAX_REFUSALS = 30
"""How often servers may refuse one message before it is left for later; libcurl stops at 6."""

_REFUSED = b" refused by server, try again on a new connection\n"
_IDLE_SECONDS = 0.1


class CurlWire:
    """Keeps its connections and handles from batch to batch."""

    def __init__(
        self,
        credentials: FcmCredentials,
        *,
        connections: int = CONNECTIONS,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._limit = connections * STREAMS
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self._multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, STREAMS)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, connections + _DRAINING)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._selector = selectors.DefaultSelector()
        self._due: float | None = None
        self._transfers: list[_Transfer] = []
        self._free: list[_Transfer] = []
        self._flying: set[_Transfer] = set()
        self._bearer = ""

    def exchange(self, outgoing: Iterator[Outgoing], *, bearer: str) -> Iterator[tuple[int, Reply]]:
        """Yield one reply per message, as they come; see ``Wire``."""
        self._authorize(bearer)
        try:
            self._fill(outgoing)
            while self._flying:
                self._advance()
                for transfer, error in self._finished():
                    if error and transfer.may_start_again():
                        self._multi.add_handle(transfer.handle)
                    else:
                        self._flying.remove(transfer)
                        self._free.append(transfer)
                        yield transfer.place, transfer.reply(error)
                self._fill(outgoing)
        finally:
            self._abandon()

    def close(self) -> None:
        """Close the connections."""
        for transfer in self._transfers:
            transfer.handle.close()
        self._multi.close()
        self._selector.close()

    def _authorize(self, bearer: str) -> None:
        if bearer != self._bearer:
            self._bearer = bearer
            for transfer in self._transfers:
                transfer.authorize(bearer)

    def _fill(self, outgoing: Iterator[Outgoing]) -> None:
        for message in islice(outgoing, self._limit - len(self._flying)):
            transfer = self._free.pop() if self._free else self._new_transfer()
            transfer.load(message)
            self._flying.add(transfer)
            self._multi.add_handle(transfer.handle)

    def _new_transfer(self) -> "_Transfer":
        transfer = _Transfer(self._credentials, self._timeout_seconds)
        transfer.authorize(self._bearer)
        self._transfers.append(transfer)
        return transfer

    def _abandon(self) -> None:
        """Take back what is still under way, because nobody reads its reply any more."""
        for transfer in self._flying:
            self._multi.remove_handle(transfer.handle)
        self._free.extend(self._flying)
        self._flying.clear()

    def _advance(self) -> None:
        """Wait until a socket or a timer is due, and let libcurl work."""
        now = time.monotonic()
        wait = _IDLE_SECONDS if self._due is None else max(0.0, self._due - now)
        for key, events in self._selector.select(min(wait, _IDLE_SECONDS)):
            self._multi.socket_action(key.fd, events)
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _finished(self) -> "Iterator[tuple[_Transfer, str | None]]":
        remaining = 1
        while remaining:
            remaining, done, failed = self._multi.info_read()
            for handle in done:
                self._multi.remove_handle(handle)
                yield handle.transfer, None
            for handle, number, text in failed:
                self._multi.remove_handle(handle)
                yield handle.transfer, f"{text} (libcurl {number})"

    def _watch(self, events: int, descriptor: int, _multi: object, _data: object) -> None:
        # libcurl's POLL_IN, POLL_OUT and CSELECT_* bits are those of the selectors module.
        watched = descriptor in self._selector.get_map()
        if events == pycurl.POLL_REMOVE:
            self._selector.unregister(descriptor)
        elif watched:
            self._selector.modify(descriptor, events)
        else:
            self._selector.register(descriptor, events)

    def _set_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def _trust(credentials: FcmCredentials) -> tuple[int, str]:
    """Return the option that names the authorities; every handle would keep its copy of a text.

    The public ones are 230 kB: with 500 handles in flight, more than the rest of the process.
    """
    if credentials.ca_pem is None:
        return pycurl.CAINFO, certifi.where()
    return pycurl.CAINFO_BLOB, credentials.ca_pem


class _Transfer:
    """One libcurl handle: carries one message at a time, many in its life."""

    def __init__(self, credentials: FcmCredentials, timeout_seconds: float) -> None:
        self.place = 0
        self._in_doubt = False
        self._refusals = 0
        self._said: list[bytes] = []
        self._body = BytesIO()
        self.handle = pycurl.Curl()
        self.handle.transfer = self
        for option, value in (
            (pycurl.URL, credentials.send_url),
            (pycurl.POST, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
            (pycurl.PIPEWAIT, 1),
            _trust(credentials),
            (pycurl.TIMEOUT_MS, int(timeout_seconds * 1000)),
            (pycurl.CONNECTTIMEOUT_MS, int(min(timeout_seconds, _CONNECT_TIMEOUT_SECONDS) * 1000)),
            (pycurl.NOSIGNAL, 1),
            (pycurl.USERAGENT, "engage"),
            (pycurl.WRITEDATA, self._body),
            (pycurl.PREREQFUNCTION, self._before_attempt),
            (pycurl.VERBOSE, 1),
            # Two dozen calls a message, looked at only when something went wrong: a method of a
            # list takes them without entering Python. The kind serves as the place to insert at.
            (pycurl.DEBUGFUNCTION, self._said.insert),
        ):
            self.handle.setopt(option, value)

    def authorize(self, bearer: str) -> None:
        """Send this bearer from now on."""
        headers = [f"Authorization: Bearer {bearer}", "Content-Type: application/json", "Accept:"]
        self.handle.setopt(pycurl.HTTPHEADER, headers)

    def load(self, message: Outgoing) -> None:
        """Take a message."""
        self.place = message.place
        self._in_doubt = False
        self._refusals = 0
        self._said.clear()
        self.handle.setopt(pycurl.POSTFIELDS, message.body)
        self._body.seek(0)
        self._body.truncate()

    def may_start_again(self) -> bool:
        """Say whether the message was refused unseen, and not too often yet."""
        self._hear()
        return not self._in_doubt and 0 < self._refusals < _MAX_REFUSALS

    def reply(self, error: str | None) -> Reply:
        """Return what became of the message."""
        if error:
            return AnswerLost(error) if self._in_doubt else NotSent(error)
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        wish = self.handle.getinfo(pycurl.RETRY_AFTER) if status != 200 else 0  # noqa: PLR2004
        return Answer(status, self._body.getvalue(), wish or None)

    def _before_attempt(self, *_addresses: object) -> int:
        if self._in_doubt:
            self._hear()
        if self._in_doubt:
            return int(pycurl.PREREQFUNC_ABORT)
        self._in_doubt = True
        return int(pycurl.PREREQFUNC_OK)

    def _hear(self) -> None:
        """Take in what libcurl said of the last attempt: a refused one was seen by nobody."""
        refusals = sum(text.endswith(_REFUSED) for text in self._said)
        self._said.clear()
        if refusals:
            self._in_doubt = False
            self._refusals += refusals
