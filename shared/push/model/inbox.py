"""What stands in a person's inbox until it is over: where it stands, and who may move it on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.kernel.events import Purpose
from shared.push.errors import InboxStateError
from shared.push.model.messages import Content

MOST_KEPT = 100
"""Messages that an inbox shows: the newest; what is older is over, whatever was promised."""

KEPT_FOR = timedelta(days=30)
SHORTEST_KEPT = timedelta(hours=1)
LONGEST_KEPT = timedelta(days=90)


class InboxState(StrEnum):
    """How far a person got with a message, in this order and never back."""

    UNSEEN = "unseen"
    SEEN = "seen"
    """It was on the screen, in the list."""
    READ = "read"
    INTERACTED = "interacted"
    """Its link or button was followed."""
    ARCHIVED = "archived"
    """It was put away: not listed any more."""

    @property
    def is_unread(self) -> bool:
        """Say whether the message still asks to be read."""
        return self in {InboxState.UNSEEN, InboxState.SEEN}

    @property
    def before(self) -> tuple["InboxState", ...]:
        """Return the states that lead here."""
        return _LADDER[: _LADDER.index(self)]


_LADDER = tuple(InboxState)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """A message in the inbox of one contact.

    ``key`` names what is told: a campaign, a chunk or a request; a person has one message of it, on
    however many devices they are. ``order_at`` is its place, the newest first. ``message_id`` is
    that of the push of which it is a copy, or its own. From ``until`` on it is over.
    """

    app_id: str
    contact_id: str
    key: str
    order_at: datetime
    message_id: str
    content: Content
    purpose: Purpose
    campaign_id: str | None = None
    variant: str | None = None
    state: InboxState = InboxState.UNSEEN
    sent_at: datetime
    until: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """Return where the message stands among those of its inbox."""
        return self.order_at, self.key

    def moved_to(self, state: InboxState) -> "InboxMessage":
        """Return the message further on.

        Raises:
            InboxStateError: it is there already, or further.
        """
        if self.state not in state.before:
            raise InboxStateError(f"it is {self.state}: it does not become {state}")
        return replace(self, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCounts:
    """How many messages wait to be seen, and to be read; what is archived does not."""

    unseen: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """All that a person's inbox shows at an instant, the newest first, and the counts of it all."""

    messages: Sequence[InboxMessage]

    @property
    def counts(self) -> InboxCounts:
        """Return how many messages wait to be seen and read."""
        states = [one.state for one in self.messages]
        return InboxCounts(
            unseen=states.count(InboxState.UNSEEN),
            unread=sum(state.is_unread for state in states),
        )

    def listed(self, *, archived: bool) -> Sequence[InboxMessage]:
        """Return what was archived, or all that was not."""
        return [one for one in self.messages if (one.state is InboxState.ARCHIVED) is archived]


def inbox_of(found: Iterable[InboxMessage], *, at: datetime) -> Inbox:
    """Return the inbox of a person, of what was found under all contacts that were joined.

    What two of these were both told stands there once, as far on as either is and for as long. The
    newest 100 are shown, less those that are over.
    """
    whole: dict[tuple[datetime, str], InboxMessage] = {}
    for one in found:
        other = whole.get(one.place, one)
        furthest = one if other.state in one.state.before else other
        whole[one.place] = replace(furthest, until=max(one.until, other.until))
    newest = sorted(whole.values(), key=lambda one: one.place, reverse=True)[:MOST_KEPT]
    return Inbox(messages=[one for one in newest if one.until > at])


class Placing(StrEnum):
    """What became of a message for an inbox."""

    PLACED = "placed"
    DEFERRED = "deferred"
    """Not now: it may be asked again later; nothing waits."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of one recipient's message; ``reason`` says why it is not there."""

    contact_id: str
    message_id: str
    placing: Placing
    reason: str | None = None
    detail: str | None = None
    until: datetime | None = None
