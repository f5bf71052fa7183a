"""What keeps, gives out and erases what is personal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page
from shared.registrations.model.edges import Member
from shared.registrations.model.erasures import Erasure


class ErasureStore(Protocol):
    """Erasures, and what they take away."""

    def begin(self, erasure: Erasure, *, places: Sequence[Member], event: Envelope) -> None:
        """Store a new erasure, mark the person's places as erased, and tell.

        Raises:
            StaleError: a place changed in the meantime.
        """
        ...

    def erasure_of(self, contact_id: str, *, app_id: str) -> Erasure | None:
        """Return the erasure that took a contact away, or is about to."""
        ...

    def save(self, erasure: Erasure, *, events: Sequence[Envelope]) -> None:
        """Store an erasure's next state, and tell.

        Raises:
            StaleError: somebody else moved it on.
        """
        ...

    def open_erasures(self, app_id: str) -> Sequence[Erasure]:
        """Return the erasures that are not done, oldest first."""
        ...

    def forget_contact(self, contact_id: str, erasure: Erasure) -> None:
        """Delete a contact's profile, data key and edges.

        Of its identifiers stays, as long as the erasure says, that who had them was erased.

        Raises:
            StaleError: the contact changed in the meantime.
        """
        ...


class KeyStore(Protocol):
    """The contacts' data keys, wrapped."""

    def data_key(self, contact_id: str, *, app_id: str) -> str | None:
        """Return a contact's data key, if it has one."""
        ...

    def add_data_key(self, contact_id: str, wrapped: str, *, app_id: str) -> str:
        """Give a contact its data key, and return the one that stands: the first."""
        ...

    def data_keys(self, app_id: str) -> Iterator[tuple[str, str]]:
        """Yield the contacts of an app that have a data key, with it."""
        ...

    def replace_data_key(self, contact_id: str, wrapped: str, *, app_id: str, before: str) -> None:
        """Store a data key as it is wrapped now; nothing happens where it is not ``before``."""
        ...


class Cipher(Protocol):
    """Makes data keys, and encrypts under them; texts open only for the same ``about``."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh data key, plain and wrapped."""
        ...

    def wrap(self, key: bytes, *, app_id: str, about: str) -> str:
        """Return a key that somebody else made, wrapped."""
        ...

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a data key."""
        ...

    def rewrap(self, wrapped: str, *, app_id: str, about: str) -> str | None:
        """Return a data key wrapped under the current secret; ``None``: it is already."""
        ...

    def seal(self, plain: bytes, key: bytes, *, about: str) -> str:
        """Return ``plain`` encrypted."""
        ...

    def open(self, sealed: str, key: bytes, *, about: str) -> bytes:
        """Return what was encrypted."""
        ...


class PersonalDomain(Protocol):
    """A domain that keeps something about contacts, and gives it out or up."""

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of all it keeps about a person's contacts, in plain values."""
        ...

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Delete all it keeps about contacts; again, after a crash, changes nothing more."""
        ...
