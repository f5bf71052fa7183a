"""The client that an app uses: every call returns at once, and none raises for the network."""

import random as chance
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from engage_mobile.ads import Ads
from engage_mobile.batches import Flushing
from engage_mobile.clock import text_of
from engage_mobile.coupons import Coupons
from engage_mobile.engine import DEVICE_KEY, DEVICE_PATH, Engine
from engage_mobile.flush import POLICIES, FlushPolicy
from engage_mobile.in_app import Display, InApp
from engage_mobile.inbox import Inbox
from engage_mobile.operations import Instant, Kind, Operation
from engage_mobile.outbox import MOST_OPERATIONS, Outbox
from engage_mobile.outcomes import Outcome
from engage_mobile.queue import OperationQueue
from engage_mobile.requests import Proofs
from engage_mobile.transport import Request, Response, Transport


def _nothing() -> None:
    return None


def _new_key() -> str:
    return uuid4().hex


def _ignored(_operation: Operation, _outcome: Outcome) -> None:
    return None


def _utc() -> int:
    return 0


def _unshown(_display: Display) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How a client behaves, and what it asks of the app.

    ``clock`` returns milliseconds since 1970. ``user_token`` and ``app_check_token`` return the
    tokens of the moment, from the app's sign-in and from Firebase. ``settled`` hears what became of
    each operation, also of those from before a restart; ``logged_out``, that the server forgot who
    uses the device. ``show`` is given each in-app message that is due; ``utc_offset`` returns how
    far the clock on the wall is ahead of UTC, in minutes. ``random`` and ``new_key`` are for tests.
    ``most`` operations wait.
    """

    app_id: str
    clock: Callable[[], Instant]
    user_token: Callable[[], str | None] = _nothing
    app_check_token: Callable[[], str | None] = _nothing
    settled: Callable[[Operation, Outcome], None] = _ignored
    logged_out: Callable[[], None] = _nothing
    show: Callable[[Display], None] = _unshown
    utc_offset: Callable[[], int] = _utc
    policies: Sequence[FlushPolicy] = POLICIES
    random: Callable[[], float] = chance.random
    new_key: Callable[[], str] = _new_key
    most: int = MOST_OPERATIONS


class Engage:
    """A device of an app, as the app speaks of it.

    What is to be told waits in ``queue`` until the server knows of it. ``pump`` sends what is due;
    somebody has to call it: the runner beside this module, or the app's own loop.
    """

    def __init__(self, queue: OperationQueue, transport: Transport, config: Config) -> None:
        self._config = config
        self._transport = transport
        self._outbox = Outbox(
            queue, new_key=config.new_key, settled=config.settled, most=config.most
        )
        self._engine = Engine(
            self._outbox,
            app_id=config.app_id,
            random=config.random,
            new_device_id=config.new_key,
            logged_out=config.logged_out,
        )
        self._in_background = False
        self._view_due_at: Instant | None = None
        self.coupons = Coupons(self._outbox, config.clock)
        self.ads = Ads(self._outbox, config.clock)
        self.inbox = Inbox(self._outbox, config.clock)
        self.in_app = InApp(
            self._outbox, config.clock, utc_offset=config.utc_offset, show=config.show
        )

    @property
    def device_id(self) -> str:
        """Return the id of this installation."""
        return self._outbox.identity.device_id

    @property
    def contact_id(self) -> str | None:
        """Return whose device this is, as far as the server has said it."""
        return self._outbox.identity.contact_id

    @property
    def waiting(self) -> int:
        """Return how many operations wait to be told."""
        return len(self._outbox)

    def register(self, state: Mapping[str, Any]) -> Future[Outcome]:
        """Tell the whole state of the device: at every start, and whenever something changes.

        ``state`` is the API's: ``platform``, ``address``, ``locale``, ``timezone`` ...
        """
        with self._outbox.lock:
            identity = self._outbox.identity.described(state)
            return self._outbox.add(
                Kind.REGISTER,
                "PUT",
                DEVICE_PATH,
                at=self._config.clock(),
                body={**state, "client_seq": identity.client_seq},
                merge_key=DEVICE_KEY,
                identity=identity,
            )

    def refresh(self, **changes: Any) -> Future[Outcome]:
        """Tell what changed of the state that was told last, such as ``locale``."""
        return self.register({**(self._outbox.identity.device or {}), **changes})

    def identify(self, user_token: str) -> Future[Outcome]:
        """Log in whom a token of the app's sign-in names; from now on everything is theirs."""
        return self._change_hands("PUT", Kind.IDENTIFY, {"user_token": user_token})

    def log_out(self) -> Future[Outcome]:
        """Log out: what was told before is the person's, what is told from now on is nobody's."""
        return self._change_hands("DELETE", Kind.LOG_OUT, None)

    def track(
        self, event_type: str, data: Mapping[str, Any] | None = None, **attributes: str
    ) -> Future[Outcome]:
        """Tell what happened, as a CloudEvent with further ``attributes``, such as ``channel``.

        An in-app message that waits for it is shown.
        """
        key, at = self._config.new_key(), self._config.clock()
        event = {
            "specversion": "1.0",
            "id": key,
            "source": "engage-mobile",
            "type": event_type,
            "time": text_of(self._outbox.clock.at(at)),
            **attributes,
            "data": dict(data or {}),
        }
        heard = self._outbox.add(Kind.TRACK, "POST", "events", at=at, body=event, key=key)
        self.in_app.happened(event_type, data)
        return heard

    def receipt(self, message_id: str, kind: str) -> Future[Outcome]:
        """Tell of a push: ``delivered``, ``opened``, ``clicked`` or ``converted``."""
        at = self._config.clock()
        heard_at = text_of(self._outbox.clock.at(at))
        body = {"message_id": message_id, "type": kind, "at": heard_at}
        return self._outbox.add(Kind.RECEIPT, "POST", "receipts", at=at, body=body)

    def preferences(self) -> Future[Outcome]:
        """Ask for the person's wishes about being contacted."""
        path = "contacts/{contact_id}/preferences"
        return self._outbox.add(Kind.ASK_AS_PERSON, "GET", path, at=self._config.clock())

    def put_preferences(self, wishes: Mapping[str, Any]) -> Future[Outcome]:
        """Tell the person's wishes, as a whole."""
        return self._outbox.add(
            Kind.WISH,
            "PUT",
            "contacts/{contact_id}/preferences",
            at=self._config.clock(),
            body=wishes,
            merge_key=f"wishes/{self._outbox.identity.login}",
        )

    def enter_background(self) -> None:
        """Say that the app leaves the screen: everything is sent by the next pump."""
        self._in_background = True

    def enter_foreground(self) -> None:
        """Say that the app is back on the screen."""
        self._in_background = False

    def next_request(self, now: Instant) -> Request | None:
        """Return what is to be sent now; for drivers that send by themselves, then ``take``."""
        self._view_due_at = self.ads.tick(now)
        flushing = Flushing(policies=self._config.policies, in_background=self._in_background)
        return self._engine.next_request(now, flushing=flushing, proofs=self._proofs)

    def take(self, response: Response | None, *, now: Instant) -> None:
        """Hear the answer to the last request; ``None``: none came."""
        self._engine.take(response, now=now)

    def pump(self, now: Instant) -> Instant | None:
        """Send all that is due; return when to pump again, ``None``: when there is something new.

        It waits for answers, and nobody else may pump meanwhile; every other call may be made.
        """
        while (request := self.next_request(now)) is not None:
            try:
                response = self._transport.send(request)
            except Exception:
                self.take(None, now=self._config.clock())  # a transport's mistake is no answer
                raise
            self.take(response, now=self._config.clock())
        wishes = [self._engine.due_at, self._view_due_at]
        return min((at for at in wishes if at is not None), default=None)

    def _proofs(self) -> Proofs:
        return Proofs(
            user_token=self._config.user_token(), app_check_token=self._config.app_check_token()
        )

    def _change_hands(
        self, method: str, kind: Kind, body: Mapping[str, Any] | None
    ) -> Future[Outcome]:
        with self._outbox.lock:
            return self._outbox.add(
                kind,
                method,
                f"{DEVICE_PATH}/contact",
                at=self._config.clock(),
                body=body,
                identity=self._outbox.identity.changed_hands(),
            )
