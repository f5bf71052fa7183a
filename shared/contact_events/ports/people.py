"""Whom events are about, and what is kept of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from shared.contact_events.model.timelines import Placed, TimelineQuery


class Contacts(Protocol):
    """The contacts, as far as timelines need them."""

    def origins_of(self, contact_id: str, *, app_id: str, as_of: datetime | None) -> Sequence[str]:
        """Return the contact and all that were joined to it by ``as_of``; one or two reads."""
        ...

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under an id."""
        ...


class People(Protocol):
    """Whom identifiers mean; they are pairs of namespace and value.

    Both calls raise the refusals of whoever resolves: an identifier that is none, a person who
    was erased.
    """

    def recognise(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime
    ) -> str | None:
        """Return what ``resolve`` would, where it would write nothing; at most two reads."""
        ...

    def resolve(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime, by: str
    ) -> str:
        """Return the contact whom identifiers name, made, joined and named on the way.

        ``at`` is when the event happened, ``by`` its public id.
        """
        ...


class Vault(Protocol):
    """Keeps what may hold personal data readable only while its contact is known."""

    def seal(self, plain: bytes, *, app_id: str, contact_id: str, about: str) -> str:
        """Return bytes sealed for a contact; they open only where ``about`` is the same."""
        ...

    def open(self, sealed: str, *, app_id: str, contact_id: str, about: str) -> bytes | None:
        """Return what was sealed for a contact; ``None`` once the contact's key is gone."""
        ...


class Hasher(Protocol):
    """Hides values: a keyed hash, the key per app."""

    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        """Return the hash of a value."""
        ...

    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        """Return its hash under the key before this one; ``None`` unless the key is rotated."""
        ...


class Timelines(Protocol):
    """The ledger, as far as timelines go."""

    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        """Yield one origin's events, by place, as ``EventStore`` does."""
        ...
