"""What a person said, and what is known of where they are, kept apart by origin.

A person may be known by several contact ids. What was said under each stays with it: joining two
people is a union of parts, parting them a restriction, and neither loses a word. What holds for
the person is a view over all parts, in which the strictest word wins. Only what a person says
after they were joined may answer for what another part says, because then it was known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.contact_policy.model.policy import CooldownCause, Hours, Period
from shared.kernel.events import Channel, Purpose


class ConsentStatus(StrEnum):
    """What a person said to being contacted."""

    GRANTED = "granted"
    PENDING = "pending"
    """Asked for, and not yet confirmed (double opt-in)."""
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


STRICTEST_FIRST = (
    ConsentStatus.WITHDRAWN,
    ConsentStatus.DENIED,
    ConsentStatus.PENDING,
    ConsentStatus.GRANTED,
)


class ConsentKey(NamedTuple):
    """What a consent is about; ``None`` is every channel, every topic."""

    purpose: Purpose
    channel: Channel | None = None
    topic: str | None = None

    def covers(self, purpose: Purpose, channel: Channel | None, topic: str | None) -> bool:
        """Say whether this is about all that the other names."""
        return (
            self.purpose is purpose
            and self.channel in (None, channel)
            and self.topic in (None, topic)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentMark:
    """What was last said of one key under one origin.

    ``answers`` are the other origins of the person when it was said: for them it counts as said
    too. A grant or a question may expire; a refusal does not.
    """

    status: ConsentStatus
    at: datetime
    expires_at: datetime | None = None
    answers: frozenset[str] = frozenset()

    def is_live(self, at: datetime) -> bool:
        """Say whether the mark still says something at an instant."""
        if self.status in (ConsentStatus.WITHDRAWN, ConsentStatus.DENIED):
            return True
        return self.expires_at is None or at < self.expires_at


_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyWish:
    """A person's own cap on marketing, over all channels: in any 7 days, or in any 30.

    ``per`` is a week or a month. A touch counts by its weight, as for every cap.
    """

    limit: int
    per: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A person's wishes, as last said as a whole under one origin.

    ``hours`` is when they want to be contacted, in their local time. ``zone`` is an IANA name.
    ``answers`` as of a consent: the wishes of those origins do not hold beside these.
    """

    at: datetime
    channels_off: frozenset[Channel] = frozenset()
    topics_off: frozenset[str] = frozenset()
    frequency: FrequencyWish | None = None
    paused_until: datetime | None = None
    hours: Hours | None = None
    preferred_channel: Channel | None = None
    zone: str | None = None
    answers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something of a person that is not settled, such as a complaint."""

    kind: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Evidence of where a person is.

    ``device_zones`` are by device id. ``phone_zones`` and ``address_zones`` are all zones that a
    number's prefix or an address leaves possible. ``countries`` are of numbers and addresses: ISO
    3166-1 alpha-2, or 3166-2 where the subdivision is known (``US-CA``).
    """

    device_zones: Mapping[str, str] = field(default_factory=dict)
    phone_zones: frozenset[str] = frozenset()
    address_zones: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    def with_evidence(self, other: "Whereabouts") -> "Whereabouts":
        """Return the evidence of both; of a device that is in both, the other's zone."""
        return Whereabouts(
            device_zones={**self.device_zones, **other.device_zones},
            phone_zones=self.phone_zones | other.phone_zones,
            address_zones=self.address_zones | other.address_zones,
            countries=self.countries | other.countries,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was said under one contact id of a person.

    ``cooldowns`` are instants by what happened and on which channel (``None``: on all).
    ``control_groups`` are groups into which this contact's own id fell: it stays there, whichever
    contact stands for the person later.
    """

    is_erased: bool = False
    consents: Mapping[ConsentKey, ConsentMark] = field(default_factory=dict)
    preferences: Preferences | None = None
    cases: Mapping[str, Case] = field(default_factory=dict)
    cooldowns: Mapping[tuple[CooldownCause, Channel | None], datetime] = field(default_factory=dict)
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    control_groups: frozenset[str] = frozenset()


def rested(part: Part, cause: CooldownCause, channel: Channel | None, *, at: datetime) -> Part:
    """Return the part with a mark from which to rest; an older one than there is says nothing."""
    marked = part.cooldowns.get((cause, channel))
    if marked is not None and marked >= at:
        return part
    return replace(part, cooldowns={**part.cooldowns, (cause, channel): at})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one person said: parts by origin. ``version`` counts writes; 0 is nothing stored."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    version: int = 0

    def part(self, origin: str) -> Part:
        """Return what was said under an origin; nothing yet is an empty part."""
        return self.parts.get(origin, Part())

    def with_part(self, origin: str, part: Part) -> "Standing":
        """Return the standing with the part of one origin replaced."""
        return replace(self, parts={**self.parts, origin: part})

    def united(self, other: "Standing") -> "Standing":
        """Return the parts of both people; a part that is here already is the one that stays."""
        return replace(self, parts={**other.parts, **self.parts})

    def split(self, origins: Iterable[str]) -> tuple["Standing", "Standing"]:
        """Return what stays and what leaves with ``origins``; what leaves has version 0."""
        leaving = frozenset(origins)
        stays = {origin: part for origin, part in self.parts.items() if origin not in leaving}
        leaves = {origin: part for origin, part in self.parts.items() if origin in leaving}
        return replace(self, parts=stays), Standing(parts=leaves)


class _Said(NamedTuple):
    origin: str
    key: ConsentKey
    mark: ConsentMark

    def lifts(self, refusal: "_Said") -> bool:
        """Say whether this grant ends a refusal: later, no wider, and of one who may answer."""
        return (
            refusal.key.covers(*self.key)
            and (self.mark.at, self.origin) > (refusal.mark.at, refusal.origin)
            and (self.origin == refusal.origin or refusal.origin in self.mark.answers)
        )


class Effective:
    """What holds for a person at one instant, over all parts: the strictest word wins."""

    __slots__ = ("_at", "_parts", "preferences")

    def __init__(self, standing: Standing, *, at: datetime) -> None:
        self._parts = standing.parts
        self._at = at
        self.preferences = tuple(_standing_wishes(standing.parts))
        """The wishes that hold, oldest first; all of them together."""

    @property
    def is_erased(self) -> bool:
        """Say whether the person was erased under any of their ids."""
        return any(part.is_erased for part in self._parts.values())

    def consent(
        self, purpose: Purpose, channel: Channel, topic: str | None
    ) -> ConsentStatus | None:
        """Return what the person says to a kind of contact; ``None``: nothing.

        A refusal holds until somebody who knew of it grants the same, or a part of it, later. So
        agreeing to e-mail ends an older refusal of everything for e-mail alone; agreeing to
        everything does not revive one topic that was refused.
        """
        said = [
            _Said(origin, key, mark)
            for origin, part in self._parts.items()
            for key, mark in part.consents.items()
            if key.covers(purpose, channel, topic) and mark.is_live(self._at)
        ]
        grants = [one for one in said if one.mark.status is ConsentStatus.GRANTED]
        holding = {
            one.mark.status
            for one in said
            if one.mark.status is ConsentStatus.GRANTED
            or not any(grant.lifts(one) for grant in grants)
        }
        return next((status for status in STRICTEST_FIRST if status in holding), None)

    def agrees(self, purpose: Purpose, channel: Channel, topic: str | None) -> bool:
        """Say whether the person agreed to a kind of contact and switched none of it off.

        It says nothing of rules, hours or pauses: a decision does.
        """
        if self.is_erased:
            return False
        is_off = purpose is not Purpose.TRANSACTIONAL and any(
            channel in wish.channels_off or topic in wish.topics_off for wish in self.preferences
        )
        return not is_off and self.consent(purpose, channel, topic) is ConsentStatus.GRANTED

    def topics(self) -> frozenset[str]:
        """Return every topic of which the person ever said something."""
        asked = {key.topic for part in self._parts.values() for key in part.consents if key.topic}
        return frozenset(asked).union(*(wish.topics_off for wish in self.preferences))

    def cases(self) -> Iterator[tuple[str, Case]]:
        """Yield the open cases with their ids."""
        for part in self._parts.values():
            yield from part.cases.items()

    def last(self, cause: CooldownCause, channel: Channel) -> datetime | None:
        """Return when something last happened that a channel must cool down from."""
        found = [
            at
            for part in self._parts.values()
            for (marked, on), at in part.cooldowns.items()
            if marked is cause and on in (None, channel)
        ]
        return max(found, default=None)

    def wishes(self) -> Preferences:
        """Return the wishes that hold as one: all that is off, the longest pause, the lowest cap.

        Of hours, zone and preferred channel the last that was said stands for all.
        """
        held = self.preferences
        caps = [wish.frequency for wish in held if wish.frequency]
        return Preferences(
            at=max((wish.at for wish in held), default=self._at),
            channels_off=frozenset[Channel]().union(*(wish.channels_off for wish in held)),
            topics_off=frozenset[str]().union(*(wish.topics_off for wish in held)),
            frequency=min(caps, key=lambda cap: cap.limit / _DAYS[cap.per], default=None),
            paused_until=self.paused_until,
            hours=next((wish.hours for wish in reversed(held) if wish.hours), None),
            preferred_channel=self.preferred_channel,
            zone=next((wish.zone for wish in reversed(held) if wish.zone), None),
        )

    @property
    def preferred_channel(self) -> Channel | None:
        """Return the channel that the person last preferred."""
        named = [wish.preferred_channel for wish in self.preferences if wish.preferred_channel]
        return named[-1] if named else None

    @property
    def paused_until(self) -> datetime | None:
        """Return the end of the longest pause, past or to come."""
        return max((w.paused_until for w in self.preferences if w.paused_until), default=None)

    def whereabouts(self) -> tuple[Whereabouts, ...]:
        """Return the evidence of every part."""
        return tuple(part.whereabouts for part in self._parts.values())

    def is_forced_control(self, group_id: str) -> bool:
        """Say whether any of the person's ids was in a control group already."""
        return any(group_id in part.control_groups for part in self._parts.values())


def _standing_wishes(parts: Mapping[str, Part]) -> list[Preferences]:
    """Return the wishes that no later ones answer, oldest first."""
    said = sorted(
        (part.preferences.at, origin, part.preferences)
        for origin, part in parts.items()
        if part.preferences is not None
    )
    return [
        wishes
        for place, (_, origin, wishes) in enumerate(said)
        if not any(origin in later.answers for _, _, later in said[place + 1 :])
    ]
