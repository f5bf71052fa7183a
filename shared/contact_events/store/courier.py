"""Carries messages to receivers over HTTPS, guarded by `shared.platform.outbound`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from typing_extensions import override

from shared.contact_events.model.deliveries import Attempted
from shared.contact_events.ports import Courier
from shared.kernel.clock import Clock
from shared.kernel.targets import ForbiddenTargetError
from shared.platform.outbound import Outbound, UnansweredError

_MOST_SECONDS = 10_000_000
"""Beyond that a wait is no number of seconds that anybody means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCourier(Courier):
    """Carries messages by POST."""

    outbound: Outbound
    clock: Clock

    @override
    def carry(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempted:
        try:
            answer = self.outbound.post(url, body=body, headers=headers)
        except ForbiddenTargetError as error:
            return Attempted(failure=error.code)
        except UnansweredError as error:
            return Attempted(failure=error.reason)
        return Attempted(
            status=answer.status,
            retry_after=wait_of(answer.headers.get("retry-after", ""), at=self.clock()),
            milliseconds=int(answer.seconds * 1000),
            beginning=answer.beginning.decode(errors="replace"),
        )


def wait_of(header: str, *, at: datetime) -> timedelta | None:
    """Return how long ``Retry-After`` asks to wait (RFC 9110, 10.2.3), if it does."""
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header[:12]), _MOST_SECONDS))
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return until - at if until.tzinfo else None
