"""The state of who asks: read once, at the door, and decided by."""

from contextvars import ContextVar
from dataclasses import dataclass

from typing_extensions import override

from shared.placements.model.ad_state import AdState
from shared.placements.store import DynamoAdStates
from shared.platform.http.request import EVENT, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whose device asks in a request, and their state where the door has read it."""

    event: Event
    app_id: str
    contact_id: str
    state: AdState | None = None


_ASKER: ContextVar[Asker | None] = ContextVar("asker", default=None)


class StatesOfRequest(DynamoAdStates):
    """States, of which a request reads that of who asks once.

    ``read`` may be a moment old in any case; ``read_latest`` reads again.
    """

    @override
    def read(self, contact_id: str, *, app_id: str) -> AdState:
        known = asker()
        if known and known.state and (known.app_id, known.contact_id) == (app_id, contact_id):
            return known.state
        return super().read(contact_id, app_id=app_id)


def asker() -> Asker | None:
    """Return who asks in this request; ``None``: it has not passed the door."""
    found = _ASKER.get()
    # A process keeps what it knew in the request before.
    return found if found is not None and found.event is EVENT.get() else None


def let_in(contact_id: str, *, app_id: str, state: AdState | None = None) -> None:
    """Remember who asks in this request."""
    _ASKER.set(Asker(event=EVENT.get(), app_id=app_id, contact_id=contact_id, state=state))
