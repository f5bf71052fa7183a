"""The wire where libcurl cannot be loaded: firebase-admin's own ``send_each_async``.

It runs on one event loop in a thread of its own, because firebase-admin's client belongs to the
first loop it met. It repeats nothing by itself: what to repeat is for the caller to say.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import islice
from threading import Thread

import httpx
from firebase_admin import App, messaging
from firebase_admin._http_client import GoogleAuthCredentialFlow
from firebase_admin._retry import HttpxRetry, HttpxRetryTransport
from firebase_admin.credentials import Base as FirebaseCredential
from firebase_admin.exceptions import FirebaseError
from google.auth.credentials import Credentials as GoogleCredentials
from typing_extensions import override

from shared.push.channels.fcm.credentials import FcmCredentials
from shared.push.channels.fcm.messages import message_of
from shared.push.channels.fcm.replies import (
    Answer,
    AnswerLost,
    NotSent,
    Outgoing,
    Reply,
)

MAX_BATCH = 500
"""firebase-admin's limit of one call."""

_TIMEOUT_SECONDS = 10
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class FirebaseWire:
    """Keeps its client and loop from batch to batch."""

    def __init__(
        self, credentials: FcmCredentials, *, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._google = _HeldBearer()  # type: ignore[no-untyped-call]
        self._service = _Service(credentials, self._google, timeout_seconds)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fcm", daemon=True)
        self._thread.start()

    def exchange(self, outgoing: Iterator[Outgoing], *, bearer: str) -> Iterator[tuple[int, Reply]]:
        """Yield one reply per message, a full batch at a time; see ``Wire``."""
        self._google.token = bearer
        while batch := [*islice(outgoing, MAX_BATCH)]:
            replies = asyncio.run_coroutine_threadsafe(self._send(batch), self._loop).result()
            yield from zip((message.place for message in batch), replies, strict=True)

    def close(self) -> None:
        """Close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._service.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _send(self, batch: list[Outgoing]) -> list[Reply]:
        messages = [message_of(one.delivery, at=one.at) for one in batch]
        try:
            response = await self._service.send_each_async(messages, batch[0].validate_only)
        except FirebaseError as error:
            return [AnswerLost(str(error))] * len(batch)
        return [_reply(one) for one in response.responses]


class _HeldBearer(GoogleCredentials):
    """The bearer that the channel keeps; firebase-admin must not renew it by itself."""

    @override
    def refresh(self, request: object) -> None:
        """Keep the bearer: a 401 is the channel's to answer."""


class _Credential(FirebaseCredential):  # type: ignore[misc]
    """Hands the held bearer to firebase-admin."""

    def __init__(self, google: _HeldBearer) -> None:
        self._google = google

    @override
    def get_credential(self) -> _HeldBearer:
        return self._google


class _Service(messaging._MessagingService):  # type: ignore[misc]  # noqa: SLF001 - no public way
    """firebase-admin's service, at our endpoint, with our trust, timeout and no retries.

    Its own waits up to 120 s, repeats a 503 four times and knows one endpoint.
    """

    def __init__(
        self, credentials: FcmCredentials, google: _HeldBearer, timeout_seconds: float
    ) -> None:
        options = {
            "projectId": credentials.service_account["project_id"],
            "httpTimeout": timeout_seconds,
        }
        super().__init__(App("engage", _Credential(google), options))
        self._fcm_url = credentials.send_url
        trust = ssl.create_default_context(cadata=credentials.authority())
        transport = HttpxRetryTransport(retry=HttpxRetry(max_retries=0), verify=trust)
        self._async_client._async_client = httpx.AsyncClient(  # noqa: SLF001 - no public way
            http2=True,
            timeout=timeout_seconds,
            auth=GoogleAuthCredentialFlow(google),
            mounts={"https://": transport},
        )

    async def aclose(self) -> None:
        """Close the connections, on the loop that opened them."""
        await self._async_client.aclose()


def _reply(response: messaging.SendResponse) -> Reply:
    error = response.exception
    if error is None:
        return Answer(200, json.dumps({"name": response.message_id}).encode())
    answer = error.http_response
    if answer is not None:
        wish = _retry_after_seconds(answer.headers.get("retry-after"))
        return Answer(answer.status_code, answer.content, wish)
    return NotSent(str(error)) if isinstance(error.cause, _NEVER_SENT) else AnswerLost(str(error))


def _retry_after_seconds(text: str | None) -> float | None:
    """Return what a header ``Retry-After`` asks for; libcurl's wire has this from libcurl."""
    if text is None:
        return None
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
