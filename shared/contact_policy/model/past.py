"""One person's past as the ledger tells it: what reached them, and what they said, in its order.

What was said is put together from two places. The ledger has every word about consent, every case
and bounce with its instant. The standing has the last word of each kind, and wishes, of which the
ledger tells only that they changed. So a word holds from the instant at which it was said, and of
wishes those of today from theirs: what was wished before is not known. Where a person is, in which
control groups and of which contacts they are, is as it is today.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

from shared.contact_policy.events import (
    SOURCE,
    CaseClosed,
    CaseOpened,
    ConsentGranted,
    ConsentRequested,
    ConsentWithdrawn,
)
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.pressure import Touch
from shared.contact_policy.model.schema import LONGEST_TOPIC
from shared.contact_policy.model.standing import (
    STRICTEST_FIRST,
    Case,
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Part,
    Preferences,
    Standing,
    rested,
)
from shared.contact_policy.model.told import (
    SENT,
    bounce_told,
    happened_at,
    refusal_told,
    touch_told,
)
from shared.kernel.decisions import (
    DEFAULT_PRIORITY,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Candidate,
)
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, MessageSuppressed, Purpose
from shared.kernel.ids import CHANCE_BITS, ulid_of

SHOWN = "ad.shown.v1"
"""Of an ad's events the one that is a touch."""

_PUSH, _ADS = "push", "placements"
_CONSENTS: Mapping[str, ConsentStatus] = {
    ConsentGranted.type: ConsentStatus.GRANTED,
    ConsentRequested.type: ConsentStatus.PENDING,
    ConsentWithdrawn.type: ConsentStatus.WITHDRAWN,
}
_CHANNELS, _PURPOSES = frozenset(Channel), frozenset(Purpose)

Edit: TypeAlias = Callable[[Part], Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that was to be told to a person at an instant: ``is_made`` says that it was.

    ``touch_id`` is a ULID of the instant. ``untold`` names what its event does not say of it.
    """

    event_id: str
    at: datetime
    touch_id: str
    candidate: Candidate
    is_made: bool = True
    untold: tuple[str, ...] = ()

    def touch(self, weight: int, offer: int) -> Touch:
        """Return the touch that it is where it counts."""
        return Touch(
            touch_id=self.touch_id,
            origin=self.candidate.contact_id,
            channel=self.candidate.channel,
            purpose=self.candidate.purpose,
            weight=weight,
            offer=offer,
        )


class Word(NamedTuple):
    """Something a person said, or that happened to them, under one of their contacts.

    Words of one instant are sorted by ``rank``.
    """

    at: datetime
    rank: tuple[int, bool]
    origin: str
    edit: Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was told to a person, and their words, oldest first; ``start`` is before all of them."""

    person: Person
    asked: Sequence[Asked]
    words: Sequence[Word]
    start: Standing

    def standings(self) -> Iterator[tuple[Asked, Standing]]:
        """Yield what was told with what the person had said before.

        What they said at the very instant came of it: a call is not held against itself in which
        they refuse the next.
        """
        standing, place = self.start, 0
        for one in self.asked:
            while place < len(self.words) and self.words[place].at < one.at:
                origin, edit = self.words[place].origin, self.words[place].edit
                standing = standing.with_part(origin, edit(standing.part(origin)))
                place += 1
            yield one, standing


def past_of(person: Person, events: Sequence[Envelope], *, with_refused: bool = False) -> Past:
    """Return the past of a person by the events of all their contacts.

    Of what was refused, the first of each campaign counts, if it was not made later.
    """
    told = sorted(events, key=lambda event: (happened_at(event), event.sequence))
    made = dict[str, Asked]()
    for event in told:
        found = made_by(event)
        if found:
            made.setdefault(*found)
    refused = dict[str, Asked]()
    if with_refused:
        for event in told:
            found = refused_by(event)
            if found and found[0] not in made:
                refused.setdefault(*found)
    words = [
        *_words_kept(person.standing),
        *(word for event in told for word in _words_of(event)),
    ]
    return Past(
        person=person,
        asked=sorted([*made.values(), *refused.values()], key=lambda one: one.touch_id),
        words=sorted(words, key=lambda word: (word.at, word.rank)),
        start=_start(person.standing, told),
    )


def made_by(event: Envelope) -> tuple[str, Asked] | None:
    """Return the touch that an event tells, with what names it: what is counted as one.

    Of ads, impressions are touches, each by itself.
    """
    told = touch_told(event)
    if told is None or (event.source == _ADS and event.type != SHOWN):
        return None
    key = _of_push(event) if event.source == _PUSH and event.type == SENT else told.key
    return key, _asked(event, told.channel, told.purpose, key=key)


def refused_by(event: Envelope) -> tuple[str, Asked] | None:
    """Return what an event says was not told, with what names it."""
    is_known = event.channel in _CHANNELS and event.purpose in _PURPOSES
    if event.type != MessageSuppressed.type or not is_known:
        return None
    key = _of_push(event) if event.data.get("campaign_id") else event.id
    asked = _asked(event, Channel(str(event.channel)), Purpose(str(event.purpose)), key=key)
    return key, replace(asked, is_made=False)


def _of_push(event: Envelope) -> str:
    """Return what is counted as one: a campaign tells a person once, on all their devices."""
    campaign_id, message_id = _text(event.data, "campaign_id"), _text(event.data, "message_id")
    chunk, _, _ = (message_id or event.id).rpartition("_")
    return f"push {event.channel} {campaign_id or chunk}"


def _asked(event: Envelope, channel: Channel, purpose: Purpose, *, key: str) -> Asked:
    data = event.data
    topic, offer_key = _text(data, "topic"), _text(data, "offer_key")
    priority = _priority(data.get("priority"))
    said = {"topic": topic, "offer_key": offer_key, "priority": priority}
    candidate = Candidate(
        app_id=event.app_id,
        contact_id=event.subject.id,
        channel=channel,
        purpose=purpose,
        topic=topic,
        offer_key=offer_key,
        priority=DEFAULT_PRIORITY if priority is None else priority,
        campaign_id=_text(data, "campaign_id"),
    )
    chance = int.from_bytes(sha256(key.encode()).digest()[: CHANCE_BITS // 8])
    at = happened_at(event)
    return Asked(
        event_id=event.id,
        at=at,
        touch_id=ulid_of(at, chance=chance),
        candidate=candidate,
        untold=tuple(name for name, value in said.items() if value is None),
    )


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def _priority(value: Any) -> int | None:
    is_one = type(value) is int and LOWEST_PRIORITY <= value <= HIGHEST_PRIORITY
    return value if is_one else None


def _start(standing: Standing, told: Sequence[Envelope]) -> Standing:
    """Return what does not change, and the cases that were open before the first event."""
    parts = {
        origin: Part(
            is_erased=part.is_erased,
            whereabouts=part.whereabouts,
            control_groups=part.control_groups,
        )
        for origin, part in standing.parts.items()
    }
    start, seen = Standing(parts=parts), set[str]()
    for event in told:
        name = _text(event.data, "case_id")
        if event.source != SOURCE or name is None or name in seen:
            continue
        seen.add(name)
        if event.type == CaseClosed.type:
            opened = _opened(name, Case(kind=str(event.data.get("kind")), opened_at=event.time))
            start = start.with_part(event.subject.id, opened(start.part(event.subject.id)))
    return start


def _words_kept(standing: Standing) -> Iterator[Word]:
    """Yield what is kept of a person's words, each at its instant."""
    for origin, part in standing.parts.items():
        for key, mark in part.consents.items():
            yield Word(mark.at, (_strictness(mark.status), True), origin, _said(key, mark))
        for name, case in part.cases.items():
            yield Word(case.opened_at, (0, True), origin, _opened(name, case))
        for (cause, channel), at in part.cooldowns.items():
            yield Word(at, (0, True), origin, _rested(cause, channel, at))
        if part.preferences is not None:
            yield Word(part.preferences.at, (0, True), origin, _wished(part.preferences))


def _words_of(event: Envelope) -> Iterator[Word]:
    """Yield what an event says of consent, of cases, and of what a person rests from."""
    if event.source == SOURCE:
        yield from _words_of_ours(event)
        return
    for cause, channel in (
        (CooldownCause.BOUNCE, bounce_told(event)),
        (CooldownCause.REFUSAL, refusal_told(event)),
    ):
        if channel:
            at = happened_at(event)
            yield Word(at, (0, False), event.subject.id, _rested(cause, channel, at))


def _words_of_ours(event: Envelope) -> Iterator[Word]:
    at, origin, name = happened_at(event), event.subject.id, _text(event.data, "case_id")
    status = _CONSENTS.get(event.type)
    if status is not None and event.purpose in _PURPOSES:
        # For which other contacts it answers is not told: it answers for none, which is stricter.
        mark = ConsentMark(status=status, at=at)
        key = _key_of(Purpose(str(event.purpose)), event.data)
        yield Word(at, (_strictness(status), False), origin, _said(key, mark))
    elif name and event.type == CaseOpened.type:
        case = Case(kind=str(event.data.get("kind")), opened_at=at)
        yield Word(at, (0, False), origin, _opened(name, case))
    elif name and event.type == CaseClosed.type:
        yield Word(at, (0, False), origin, _closed(name, at))


def _key_of(purpose: Purpose, data: Mapping[str, Any]) -> ConsentKey:
    channel, topic = data.get("consent_channel"), data.get("topic")
    is_topic = isinstance(topic, str) and 0 < len(topic) <= LONGEST_TOPIC
    return ConsentKey(
        purpose,
        Channel(channel) if channel in _CHANNELS else None,
        str(topic) if is_topic else None,
    )


def _strictness(status: ConsentStatus) -> int:
    """Return what sorts words of one instant: the strictest is the last, and holds."""
    return -STRICTEST_FIRST.index(status)


def _said(key: ConsentKey, mark: ConsentMark) -> Edit:
    return lambda part: replace(part, consents={**part.consents, key: mark})


def _wished(wishes: Preferences) -> Edit:
    return lambda part: replace(part, preferences=wishes)


def _opened(name: str, case: Case) -> Edit:
    return lambda part: replace(part, cases={**part.cases, name: case})


def _closed(name: str, at: datetime) -> Edit:
    def edit(part: Part) -> Part:
        left = {other: case for other, case in part.cases.items() if other != name}
        return rested(replace(part, cases=left), CooldownCause.COMPLAINT, None, at=at)

    return edit


def _rested(cause: CooldownCause, channel: Channel | None, at: datetime) -> Edit:
    return lambda part: rested(part, cause, channel, at=at)
