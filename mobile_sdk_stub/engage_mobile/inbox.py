"""The inbox of whoever uses the device: look into it, and say how far they got."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Final
from urllib.parse import quote, urlencode

from engage_mobile.operations import Instant, Kind
from engage_mobile.outbox import Outbox
from engage_mobile.outcomes import Outcome

STATES: Final = ("seen", "read", "interacted", "archived")
"""How far somebody gets with a message, in this order and never back."""


class Inbox:
    """The inbox of whoever uses the device."""

    def __init__(self, outbox: Outbox, clock: Callable[[], Instant]) -> None:
        self._outbox = outbox
        self._clock = clock

    def list_messages(
        self, *, cursor: str | None = None, limit: int = 50, archived: bool = False
    ) -> Future[Outcome]:
        """Ask for a page, the newest first; the answer counts what is ``unseen`` and ``unread``."""
        asked = {"limit": str(limit)}
        if cursor is not None:
            asked["cursor"] = cursor
        if archived:
            asked["archived"] = "true"
        path = f"devices/{{device_id}}/inbox?{urlencode(asked)}"
        return self._outbox.add(Kind.ASK, "GET", path, at=self._clock())

    def mark(self, message_id: str, state: str) -> Future[Outcome]:
        """Say how far the person got with a message; what was never sent gives way to what is on.

        Somebody else may have come further on another device: then it is ``refused``, with the code
        ``inbox_state``, and nothing is lost.

        Raises:
            ValueError: there is no such state.
        """
        if state not in STATES:
            raise ValueError(f"one of {', '.join(STATES)}")
        return self._outbox.add(
            Kind.MARK,
            "PATCH",
            f"devices/{{device_id}}/inbox/{quote(message_id, safe='')}",
            at=self._clock(),
            body={"state": state},
            merge_key=f"inbox/{self._outbox.identity.login}/{message_id}",
        )
