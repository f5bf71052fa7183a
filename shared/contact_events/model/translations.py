"""What comes of a foreign payload: events, what is refused of it, and what means nothing to us."""

from dataclasses import dataclass

from shared.contact_events.model.events import ForeignEvent
from shared.kernel.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """One event of a payload that is refused, and the first thing that is wrong with it.

    ``index`` is its place in the payload, from 0. ``code`` is part of the public contract,
    ``pointer`` a JSON pointer (RFC 6901) into the payload; empty, it means the whole of it.
    """

    index: int
    code: str
    pointer: str
    detail: str

    @classmethod
    def by(cls, error: DomainError, *, index: int, within: str = "") -> "Reject":
        """Return the reject of an event whose fields lie ``within`` a place of the payload."""
        if not error.fields:
            return cls(index=index, code=error.code, pointer=within, detail=error.detail)
        first = error.fields[0]
        pointer = within + first.pointer
        return cls(index=index, code=first.code, pointer=pointer, detail=first.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A payload in our words: nothing of it is dropped in silence.

    ``ignored`` counts the events of kinds that mean nothing to us, where the vendor asks to pass
    over what is unknown. ``indices`` are the events' places in the payload, where those are not 0,
    1, 2 and so on.
    """

    events: tuple[ForeignEvent, ...] = ()
    rejects: tuple[Reject, ...] = ()
    ignored: int = 0
    indices: tuple[int, ...] = ()

    def index_of(self, number: int) -> int:
        """Return the place in the payload of an event, given its number among the events."""
        return self.indices[number] if self.indices else number
