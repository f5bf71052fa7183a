"""In-app messages of one device: fetched, judged here, and told of when they were shown."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from engage_mobile.clock import instant_of_text, text_of
from engage_mobile.operations import Instant, Kind
from engage_mobile.outbox import Outbox
from engage_mobile.outcomes import Answered, Outcome
from engage_mobile.rules import Counters, Happening, Moment, Rule, chosen

NOTE: Final = "in_app"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHANCE_BITS: Final = 80


def display_id(at: Instant, key: str) -> str:
    """Return the ULID (https://github.com/ulid/spec) of a display.

    Its time is the server's; its chance, the first 80 bits of the SHA-256 of a key that is new.
    """
    chance = int.from_bytes(sha256(key.encode()).digest()[: _CHANCE_BITS // 8])
    number = at << _CHANCE_BITS | chance
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """A message that is to be shown now; ``content`` is the API's."""

    in_app_id: str
    display_id: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the server said, to whom, and until when it holds (the server's time)."""

    rules: tuple[Rule, ...]
    login: int
    expires_at: Instant


class InApp:
    """In-app messages of one device.

    What may be shown is asked for with ``refresh``, and forgotten when the process ends or somebody
    else logs in. What was shown is remembered in the queue's notes, so caps outlive the process.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Callable[[], Instant],
        *,
        utc_offset: Callable[[], int],
        show: Callable[[Display], None],
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._utc_offset = utc_offset
        self._show = show
        self._known: _Known | None = None
        stored = outbox.note(NOTE)
        self._counters = Counters() if stored is None else Counters.of_text(stored)

    def refresh(self) -> Future[Outcome]:
        """Ask what may be shown: at the start of a session, and once ``expires_at`` is over."""
        with self._outbox.lock:
            login, path = self._outbox.identity.login, "devices/{device_id}/in-app"
            heard = self._outbox.add(Kind.ASK, "GET", path, at=self._clock())
        heard.add_done_callback(lambda done: self._keep(done.result(), login))
        return heard

    def start_session(self) -> Display | None:
        """Say that a session begins: show what waits for that, if anything does."""
        with self._outbox.lock:
            self._count(self._counters.in_new_session())
        return self.happened(None)

    def happened(self, event: str | None, data: Mapping[str, Any] | None = None) -> Display | None:
        """Say what happened; show what waits for it, if anything may be shown now."""
        with self._outbox.lock:
            display = self._judged(Happening(event=event, data=data or {}))
        if display is not None:
            self._show(display)
        return display

    def displayed(self, display: Display) -> Future[Outcome]:
        """Say that a message is on the screen: from now on it counts."""
        with self._outbox.lock:
            day = self._moment().day
            self._count(self._counters.shown(display.in_app_id, day=day))
            return self._tell(display, "displayed")

    def clicked(self, display: Display) -> Future[Outcome]:
        """Say that a button or the message itself was followed."""
        return self._tell(display, "clicked")

    def dismissed(self, display: Display) -> Future[Outcome]:
        """Say that the message was closed."""
        return self._tell(display, "dismissed")

    def _judged(self, happening: Happening) -> Display | None:
        known, moment = self._known, self._moment()
        if known is None or known.login != self._outbox.identity.login:
            return None
        if moment.now >= known.expires_at:
            return None
        rule = chosen(known.rules, happening, moment=moment, counters=self._counters)
        if rule is None:
            return None
        return Display(
            in_app_id=rule.in_app_id,
            display_id=display_id(moment.now, self._outbox.new_key()),
            content=rule.content,
        )

    def _tell(self, display: Display, kind: str) -> Future[Outcome]:
        with self._outbox.lock:
            now = self._clock()
            body = {
                "in_app_id": display.in_app_id,
                "display_id": display.display_id,
                "type": kind,
                "at": text_of(self._outbox.clock.at(now)),
            }
            return self._outbox.add(Kind.RECEIPT, "POST", "receipts", at=now, body=body)

    def _moment(self) -> Moment:
        now = self._outbox.clock.at(self._clock())
        return Moment(now=now, utc_offset=self._utc_offset())

    def _count(self, counters: Counters) -> None:
        if counters != self._counters:
            self._counters = counters
            self._outbox.put_note(NOTE, counters.to_text())

    def _keep(self, outcome: Outcome, login: int) -> None:
        with self._outbox.lock:
            if isinstance(outcome, Answered) and login == self._outbox.identity.login:
                self._known = _Known(
                    rules=tuple(Rule.of_document(one) for one in outcome.body["items"]),
                    login=login,
                    expires_at=instant_of_text(outcome.body["expires_at"]),
                )
