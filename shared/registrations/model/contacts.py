"""A contact: a person, as one app knows them by one id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from shared.registrations.errors import ProfileTooLargeError
from shared.registrations.model.devices import AttributeValue

MOST_DEVICES = 50
"""A person's tags are copied to the devices in one transaction, of at most 100 items."""

MOST_TAGS = 100
"""On and off together: a tag that was taken away is remembered, for when people are parted."""

LARGEST_ATTRIBUTES = 8_192
"""Bytes of names and values: a profile is read with every decision about its contact."""

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A name by which something outside knows a contact.

    ``digest`` is the keyed hash that finds it; ``masked`` is all that may be shown of it.
    ``former`` is its hash under the key before this one, while the key is being rotated. ``sealed``
    is the value itself, encrypted under the contact's data key, where the app keeps it. ``plain``
    is the value while somebody is just telling it; it is stored nowhere.
    """

    namespace: str
    digest: str
    masked: str = field(compare=False)
    former: str | None = field(default=None, compare=False)
    sealed: str | None = field(default=None, compare=False)
    plain: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mark(Generic[ValueT]):
    """What was last said of a tag or attribute, and by the event of which sequence.

    The latest mark holds, also across contacts that were joined: so taking a join back leaves each
    of them exactly with what was said of it.
    """

    value: ValueT
    sequence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What is known under one contact id. A tag's mark is on or off; ``None`` is no attribute."""

    app_id: str
    contact_id: str
    tag_marks: Mapping[str, Mark[bool]] = field(default_factory=dict)
    attribute_marks: Mapping[str, Mark[AttributeValue | None]] = field(default_factory=dict)
    identifiers: tuple[Identifier, ...] = ()
    device_ids: frozenset[str] = frozenset()
    created_at: datetime
    version: int = 1

    def marked(
        self,
        *,
        add: frozenset[str],
        remove: frozenset[str],
        attributes: Mapping[str, AttributeValue | None],
        sequence: str,
    ) -> "Contact":
        """Return the contact with tags added and removed, and attributes set (``None`` removes).

        Raises:
            ProfileTooLargeError: it would have more than 100 tags or 8 kB of attributes.
        """
        switched = dict.fromkeys(add, True) | dict.fromkeys(remove, False)
        tags = {**self.tag_marks, **{tag: Mark(on, sequence) for tag, on in switched.items()}}
        kept = {
            **self.attribute_marks,
            **{name: Mark(value, sequence) for name, value in attributes.items()},
        }
        size = sum(len(f"{name}{mark.value}".encode()) for name, mark in kept.items())
        if len(tags) > MOST_TAGS or size > LARGEST_ATTRIBUTES:
            raise ProfileTooLargeError("see the limits")
        version = self.version + 1
        return replace(self, tag_marks=tags, attribute_marks=kept, version=version)


def tags_of(contacts: Iterable[Contact]) -> frozenset[str]:
    """Return the tags of a person, from what is known under each of its ids."""
    latest = _latest(contact.tag_marks for contact in contacts)
    return frozenset(tag for tag, is_on in latest.items() if is_on)


def attributes_of(contacts: Iterable[Contact]) -> Mapping[str, AttributeValue]:
    """Return the attributes of a person, from what is known under each of its ids."""
    latest = _latest(contact.attribute_marks for contact in contacts)
    return {name: value for name, value in sorted(latest.items()) if value is not None}


def _latest(marks: Iterable[Mapping[str, Mark[ValueT]]]) -> Mapping[str, ValueT]:
    found: dict[str, Mark[ValueT]] = {}
    for held in marks:
        for name, mark in held.items():
            if name not in found or mark.sequence > found[name].sequence:
                found[name] = mark
    return {name: mark.value for name, mark in found.items()}
