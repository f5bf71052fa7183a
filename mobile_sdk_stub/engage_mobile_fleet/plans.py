"""What a fleet is, and what its phones find at the server."""

from collections.abc import Callable
from dataclasses import dataclass


def _nobody(_name: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A coupon that phones claim and use; ``code`` is one for all, without a limit."""

    coupon_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """So many phones of an app, and at most ``at_once`` requests of theirs in flight.

    The ``seed`` draws who has which phone and what they do. It does not name them: so the same
    fleet may live again at the same server. ``sign_in`` returns a token of the app's sign-in for a
    person of a name, ``None`` where there is no sign-in: then all stay anonymous. Without a
    ``placement`` nobody asks for ads, without a ``coupon`` nobody uses one.
    """

    app_id: str
    phones: int
    seed: int
    at_once: int = 16
    placement: str | None = None
    coupon: Coupon | None = None
    sign_in: Callable[[str], str | None] = _nobody
