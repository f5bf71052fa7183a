"""What to do with an operation, before it is sent and after each answer: a pure machine.

The same in every language: `(tries, response, now, random) -> Send | Wait | Renew | Drop | Done`.

| answer                            | step                                                        |
| --------------------------------- | ----------------------------------------------------------- |
| 2xx                               | done                                                        |
| 401                               | renew the token; where the app gave one, once, then drop    |
| 409 of what will not change       | drop                                                        |
| any other 409, 408, 425, 5xx      | wait with the operation                                     |
| 429, 503, ``Retry-After``, none   | wait with everything: it is the server or the network       |
| any other                         | drop: the same request would be answered the same           |

Waits are "full jitter": anything between nothing and a bound that doubles
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that a million
phones do not come back at once.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from engage_mobile.clock import instant_of_date
from engage_mobile.operations import DAY, SECOND, Instant
from engage_mobile.outcomes import Because
from engage_mobile.transport import Response

FIRST_WAIT: Final = SECOND
LONGEST_WAIT: Final = 300 * SECOND
LONGEST_WISH: Final = DAY
"""A ``Retry-After`` beyond this is taken for this: one wrong header must not silence an app."""

LONGEST_LIFE: Final = 29 * DAY
"""The server knows an Idempotency-Key for 30 days: what is older could happen twice."""

FINAL_CONFLICTS: Final = frozenset(
    {"inbox_state", "quantity_exceeded", "redemption_state", "reservation_expired"}
)
"""Codes of 409 that say how things are. Every other 409 passes: the same request is in progress,
or others were faster at the same thing."""

_UNAUTHORIZED, _CONFLICT, _SERVER_ERROR, _UNAVAILABLE = 401, 409, 500, 503
_PASSING = frozenset({408, 425, 429})
_TOO_MANY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What is known of an operation's tries.

    ``attempts`` were made of it; ``failures`` is how often in a row the server as a whole could not
    be asked. ``over_at`` is from when on it must not be tried. All of this survives a restart;
    ``is_renewed``, that a token was renewed for it already, need not: one more does no harm.
    ``has_apps_token``: the app gave a token for it, which only the app can renew.
    """

    attempts: int
    over_at: Instant | None = None
    not_before: Instant = 0
    failures: int = 0
    is_renewed: bool = False
    has_apps_token: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Try it now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Try it at ``until``; ``everything`` else waits as well."""

    until: Instant
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
    """Get a fresh token, then try it again at ``until``."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Drop:
    """Never try it again."""

    because: Because


@dataclass(frozen=True, slots=True)
class Done:
    """The server did it."""


Step: TypeAlias = Send | Wait | Renew | Drop | Done


def before_sending(tries: Tries, *, now: Instant) -> Send | Wait | Drop:
    """Return whether an operation may be sent now."""
    if tries.over_at is not None and now >= tries.over_at:
        return Drop(Because.EXPIRED)
    return Send() if now >= tries.not_before else Wait(tries.not_before)


def after_answer(tries: Tries, response: Response | None, *, now: Instant, random: float) -> Step:
    """Return what follows from an answer, or from its absence.

    ``tries`` counts the one that was just made. ``random`` lies in [0, 1).
    """
    if response is None:
        return Wait(now + _jitter(tries.failures, random), everything=True)
    if response.is_success:
        return Done()
    if response.status == _UNAUTHORIZED:
        return _renewal(tries, now=now, random=random)
    if not _passes(response):
        return Drop(Because.REFUSED)
    return _wait(tries, response, now=now, random=random)


def _renewal(tries: Tries, *, now: Instant, random: float) -> Renew | Drop:
    if not tries.is_renewed:
        return Renew(now)
    if tries.has_apps_token:
        return Drop(Because.UNAUTHENTICATED)
    return Renew(now + _jitter(tries.attempts - 1, random))  # the server may be of two minds


def _wait(tries: Tries, response: Response, *, now: Instant, random: float) -> Wait:
    wish = _wish(response)
    if wish is not None:
        spread = int(random * FIRST_WAIT)
        return Wait(now + min(wish, LONGEST_WISH) + spread, everything=True)
    if response.status in {_TOO_MANY, _UNAVAILABLE}:
        return Wait(now + _jitter(tries.failures, random), everything=True)
    return Wait(now + _jitter(tries.attempts - 1, random))


def _passes(response: Response) -> bool:
    if response.status == _CONFLICT:
        return response.code not in FINAL_CONFLICTS
    return response.status in _PASSING or response.status >= _SERVER_ERROR


def _jitter(failures: int, random: float) -> int:
    """Return up to 1, 2, 4 ... 300 seconds, and never nothing; ``failures`` came before."""
    longest = min(LONGEST_WAIT, FIRST_WAIT << min(failures, 16))
    return 1 + int(random * longest)


def _wish(response: Response) -> int | None:
    """Return how many milliseconds ``Retry-After`` asks to wait (RFC 9110, section 10.2.3).

    A date is compared with the answer's own: the device's clock may be wrong.
    """
    asked = response.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return int(asked[:9]) * SECOND
    until = instant_of_date(asked or None)
    since = instant_of_date(response.headers.get("date"))
    return max(0, until - since) if until is not None and since is not None else None
