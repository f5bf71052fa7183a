"""How much of a person a policy makes us remember, and how much of it fits."""

from datetime import timedelta
from math import ceil

from shared.contact_policy.errors import PolicyTooLargeError
from shared.contact_policy.model.laws import LAWS
from shared.contact_policy.model.policy import Calendar, CapRule, Period, Policy
from shared.contact_policy.model.pressure import FULL, TOUCH_BYTES, kinds_of
from shared.kernel.decisions import Gate
from shared.kernel.events import Channel, Purpose

UNCAPPED_A_DAY = 50
"""Touches a day that are assumed of all kinds together that no cap binds: more would be a fault of
the sender, and from ``FULL`` touches on the model refuses marketing."""

_HOURS = {Period.DAY: 24, Period.WEEK: 7 * 24, Period.MONTH: 31 * 24}
_SHORTEST_MONTH = 28 * 24
_ZONES = 26
"""Hours that a calendar period may be away from UTC's, both ways together (UTC-12 to UTC+14)."""

_WISH = 31 * 24
"""A person may wish for a cap of their own by month, whatever the policy says."""


def memory(policy: Policy) -> timedelta:
    """Return how long a touch matters: the longest window of the policy, its laws and wishes."""
    caps = [*policy.caps, *(cap for name in policy.laws for cap in LAWS[name].caps)]
    hours = [
        _WISH,
        *(_hours(cap) for cap in caps),
        *(rule.hours for rule in policy.dedupe),
        *(ceil(rule.minutes / 60) for rule in policy.gaps),
    ]
    return timedelta(hours=max(hours))


def longest_rest(policy: Policy) -> timedelta:
    """Return the longest rest that the policy, or a law of it, asks for."""
    rules = [*policy.cooldowns, *(rule for name in policy.laws for rule in LAWS[name].cooldowns)]
    return timedelta(days=max((rule.days for rule in rules), default=0))


def most_touches(policy: Policy) -> int:
    """Return a bound on the touches of one person within the policy's memory.

    Caps are taken one by one, the tightest first, until every kind that a cap binds is covered;
    all other kinds have 50 touches a day together.
    """
    hours = memory(policy) // timedelta(hours=1)
    free = kinds_of(Channel, Purpose)
    total = 0
    for most, kinds in sorted(_bounds(policy, hours=hours)):
        if free & kinds:
            total += most
            free &= ~kinds
    return total + (ceil(hours / 24) * UNCAPPED_A_DAY if free else 0)


def check_size(policy: Policy) -> None:
    """Hold a policy against the size of an item.

    Raises:
        PolicyTooLargeError: a person's touches could pass it.
    """
    most = most_touches(policy)
    if most > FULL:
        days = ceil(memory(policy) / timedelta(days=1))
        raise PolicyTooLargeError(
            f"within the longest window ({days} days) a person could have {most} touches"
            f" ({most * TOUCH_BYTES:,} bytes); at most {FULL} ({FULL * TOUCH_BYTES:,} bytes) are"
            " kept: shorten windows or lower limits"
        )


def _bounds(policy: Policy, *, hours: int) -> list[tuple[int, int]]:
    """Return, for every cap, how many touches it lets pass and of which kinds."""
    bounds = []
    for cap in policy.caps:
        bound = {
            purpose for purpose in cap.scope.purposes if Gate.CAP not in policy.bypassed(purpose)
        }
        lightest = min(policy.weights[channel] for channel in cap.scope.channels)
        touches = _periods(cap, hours=hours) * (cap.limit // lightest)
        bounds.append((touches, kinds_of(cap.scope.channels, bound)))
    return bounds


def _hours(cap: CapRule) -> int:
    if isinstance(cap.window, Calendar):
        return _HOURS[cap.window.period] + _ZONES
    return cap.window.hours


def _periods(cap: CapRule, *, hours: int) -> int:
    """Return into how many windows of a cap some hours can fall."""
    if not isinstance(cap.window, Calendar):
        return ceil(hours / cap.window.hours)
    shortest = min(_HOURS[cap.window.period], _SHORTEST_MONTH)
    return ceil(hours / shortest) + 1
