"""The channel: deliveries in, one result each out, whatever the wire met."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from typing_extensions import override

from shared.kernel.clock import Clock, system_clock
from shared.push.channels.fcm.credentials import Bearer, BearerUnavailableError, FcmCredentials
from shared.push.channels.fcm.messages import Phrases
from shared.push.channels.fcm.replies import CredentialsRefused, NotSent, Outgoing, Wire, result_of
from shared.push.errors import CredentialsError
from shared.push.model import Delivery, DeliveryResult, Outcome
from shared.push.ports import Channel

_FIRST_PAUSE = timedelta(seconds=1)
_MAX_DOUBLINGS = 6


def fastest_wire(credentials: FcmCredentials) -> Wire:
    """Return libcurl's wire, or firebase-admin's own where libcurl cannot be loaded."""
    try:
        from shared.push.channels.fcm.curl_wire import CurlWire  # noqa: PLC0415 - may be missing
    except ImportError:
        from shared.push.channels.fcm.firebase_wire import FirebaseWire  # noqa: PLC0415 - heavy

        return FirebaseWire(credentials)
    return CurlWire(credentials)


class FcmChannel(Channel):
    """Sends through FCM; keep one per app, its connections and bearer outlive a batch.

    One caller at a time. ``chance`` draws from 0 to 1, to spread retries.
    """

    def __init__(
        self,
        *,
        credentials: FcmCredentials,
        wire: Callable[[FcmCredentials], Wire] = fastest_wire,
        clock: Clock = system_clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Read the credentials; nothing is sent yet.

        Raises:
            CredentialsError: they are incomplete or unreadable.
        """
        self._bearer = Bearer(credentials)
        self._wire = wire(credentials)
        self._clock = clock
        self._chance = chance
        self._strain = 0

    @override
    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        batch = _Batch(deliveries, at=self._clock, pause=self._pause(), validate_only=validate_only)
        if deliveries:
            self._carry(batch)
        self._strain = self._strain + 1 if batch.is_strained() else 0
        return batch.results()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _carry(self, batch: "_Batch") -> None:
        try:
            batch.run(self._wire, bearer=self._bearer.current())
            if batch.refusal:
                batch.run(self._wire, bearer=self._bearer.renew())
        except BearerUnavailableError as error:
            batch.settle_rest(NotSent(f"no bearer: {error}"))
        except CredentialsError as error:
            batch.refusal = error.detail

    def _pause(self) -> timedelta:
        """Return when to try again if FCM does not say: doubled per strained batch, jittered."""
        longest = _FIRST_PAUSE * (1 << min(self._strain, _MAX_DOUBLINGS))
        return longest * (0.5 + self._chance() / 2)


class _Batch:
    """Some deliveries on their way, and what is known of each."""

    def __init__(
        self, deliveries: Sequence[Delivery], *, at: Clock, pause: timedelta, validate_only: bool
    ) -> None:
        self._deliveries = deliveries
        self._at = at
        self._pause = pause
        self._validate_only = validate_only
        self._phrases = Phrases(validate_only=validate_only)
        self._results: list[DeliveryResult | None] = [None] * len(deliveries)
        self._is_seen = False
        self.refusal: str | None = None
        """Why the credentials were refused in the last run, if they were."""

    def run(self, wire: Wire, *, bearer: str) -> None:
        """Send every delivery that has no result yet."""
        self.refusal = None
        for place, reply in wire.exchange(self._outgoing(), bearer=bearer):
            result = result_of(reply, pause=self._pause)
            if isinstance(result, CredentialsRefused):
                self.refusal = result.reason
            else:
                self._is_seen = True
                self._results[place] = result

    def settle_rest(self, reply: NotSent) -> None:
        """Give every delivery that has no result yet the one of ``reply``."""
        self.refusal = None
        rest = result_of(reply, pause=self._pause)
        assert isinstance(rest, DeliveryResult)  # noqa: S101 - no answer refuses no credentials
        self._results = [result or rest for result in self._results]

    def is_strained(self) -> bool:
        """Say whether a delivery must be repeated or is in doubt."""
        strained = (Outcome.RETRY, Outcome.UNKNOWN)
        return any(result and result.outcome in strained for result in self._results)

    def results(self) -> Sequence[DeliveryResult]:
        """Return one result per delivery, in order.

        Raises:
            CredentialsError: the credentials were refused, and with them the whole batch. When only
                a part was, its rest is to be retried: raising would hide what was sent.
        """
        if self.refusal and not self._is_seen:
            raise CredentialsError(self.refusal)
        if self.refusal:
            self.settle_rest(NotSent(f"credentials refused: {self.refusal}"))
        return [result for result in self._results if result]

    def _outgoing(self) -> Iterator[Outgoing]:
        for place, delivery in enumerate(self._deliveries):
            if self._results[place] is None:
                at = self._at()
                try:
                    body = self._phrases.body_of(delivery, at=at)
                except ValueError as error:
                    self._results[place] = DeliveryResult(
                        outcome=Outcome.REJECTED, code="INVALID_ARGUMENT", detail=str(error)
                    )
                else:
                    yield Outgoing(place, delivery, at, body, self._validate_only)
