"""What a draft of a policy would have done to the last days: the very engine, over the ledger."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from shared.contact_policy.model.differences import Difference, differences
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.effect import Example, Row, Tally
from shared.contact_policy.model.limits import longest_rest, memory
from shared.contact_policy.model.past import Past, made_by, past_of, refused_by
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.playing import History, Stage, play
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.ports import Apps, PersonStore, PolicyStore, RecordedPast
from shared.contact_policy.service.policies import Rulebook, rulebook
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at

MOST_DAYS = 30
MOST_CONTACTS = 1_000

MOST_EVENTS = 20_000
"""That are looked at to find people. Then each of them is read alone."""

MOST_OF_AN_HOUR = 1_000
MOST_OF_A_CONTACT = 1_000

FINDING, PLAYING = 12.0, 20.0
"""Seconds after which no more hours are read, and no more people; the function has 29 in all."""

AT_ONCE = 50
"""People who are read and played together."""

READERS = 16

_HOUR = timedelta(hours=1)
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be played: at most 1,000 people of the last 30 days.

    ``history`` says what counts as history of a touch. ``with_refused`` plays what was refused
    then, too.
    """

    app_id: str
    document: Any
    days: int
    contacts: int
    history: History = History.HAPPENED
    with_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The effect of a draft against the policy in force, ``version``.

    ``events`` were looked at to find ``contacts_found`` people, ``contacts`` of whom were played.
    ``is_whole`` says that these were all events and all people of the time.
    """

    since: datetime
    until: datetime
    version: int
    differences: Sequence[Difference]
    events: int
    contacts_found: int
    contacts: int
    is_whole: bool
    touches: int
    changed: int
    contacts_changed: int
    untold: Mapping[str, int]
    rows: Sequence[Row]
    examples: Sequence[Example]


@dataclass(slots=True, kw_only=True)
class _Found:
    """The contacts who were to be told something, with how much was looked at."""

    contacts: set[str] = field(default_factory=set)
    events: int = 0
    is_whole: bool = True


@dataclass(slots=True, kw_only=True)
class _Playing:
    """A draft and the rules in force, with what they came to up to now."""

    question: Question
    book: Rulebook
    draft: Policy
    since: datetime
    tally: Tally = field(default_factory=Tally)
    people: set[str] = field(default_factory=set)
    contacts: int = 0
    is_whole: bool = True

    @property
    def remembered(self) -> datetime:
        """Return from when on the past matters to one of the policies."""
        policies = (self.book.policy, self.draft)
        return self.since - max(*map(memory, policies), *map(longest_rest, policies))

    def add(self, past: Past, *, is_all: bool) -> None:
        """Play a person, once."""
        if past.person.contact_id in self.people:
            return
        self.people.add(past.person.contact_id)
        self.is_whole = self.is_whole and is_all
        place = self.book.place
        groups = self.book.control_groups
        for one in play(
            past,
            before=self.book.policy,
            after=self.draft,
            stage=Stage(zone=place.zone, country=place.country, control_groups=groups),
            since=self.since,
            history=self.question.history,
        ):
            self.tally.add(past.person.contact_id, one)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationService:
    """Plays the last days under a draft and the policy in force. It writes nothing.

    ``elapsed`` counts seconds and never goes back. Of many people, those are played whose ids have
    the lowest hashes: the same for every draft.
    """

    ledger: RecordedPast
    people: PersonStore
    policies: PolicyStore
    apps: Apps
    clock: Clock
    elapsed: Callable[[], float]

    def simulate(self, question: Question) -> Simulation:
        """Return what the draft would have changed.

        Raises:
            AppNotFoundError: there is no such app.
            PolicyInvalidError: the document breaks rules.
            PolicyTooLargeError: what is remembered of a person could pass an item's size.
        """
        draft = policy_of(question.document)
        book = rulebook(question.app_id, store=self.policies, apps=self.apps)
        began, until = self.elapsed(), self.clock()
        since = until - timedelta(days=question.days)
        found = self._find(question, since=since, until=until, began=began)
        chosen = sorted(found.contacts, key=_rank)[: question.contacts]
        playing = _Playing(question=question, book=book, draft=draft, since=since)
        for some in _lots(chosen):
            if playing.contacts and self.elapsed() - began > PLAYING:
                break
            playing.contacts += len(some)
            for past, is_all in self._pasts(some, question, since=playing.remembered):
                playing.add(past, is_all=is_all)
        tally = playing.tally
        return Simulation(
            since=since,
            until=until,
            version=book.version,
            differences=differences(book.policy, draft),
            events=found.events,
            contacts_found=len(found.contacts),
            contacts=playing.contacts,
            is_whole=(
                found.is_whole and playing.is_whole and playing.contacts == len(found.contacts)
            ),
            touches=tally.touches,
            changed=tally.changed,
            contacts_changed=len(tally.contacts),
            untold=tally.untold,
            rows=tally.rows(),
            examples=tally.examples(),
        )

    def _find(
        self, question: Question, *, since: datetime, until: datetime, began: float
    ) -> _Found:
        """Return who was to be told something, by hours spread over the time."""
        found = _Found()
        for hour in _spread(since, until):
            if found.events >= MOST_EVENTS or self.elapsed() - began > FINDING:
                found.is_whole = False
                break
            events, is_all = self.ledger.recorded_in(
                hour, app_id=question.app_id, limit=MOST_OF_AN_HOUR
            )
            found.events += len(events)
            found.is_whole = found.is_whole and is_all
            found.contacts.update(
                event.subject.id
                for event in events
                if since <= made_at(event.sequence) < until
                and _is_asked(event, with_refused=question.with_refused)
            )
        return found

    def _pasts(
        self, contact_ids: Sequence[str], question: Question, *, since: datetime
    ) -> Iterator[tuple[Past, bool]]:
        """Yield the pasts of the people behind contacts, each once, and whether all was read."""
        known = self.people.people(set(contact_ids), app_id=question.app_id)
        people = {person.contact_id: person for person in known.values()}
        read = partial(self._read, app_id=question.app_id, since=since)
        with ThreadPoolExecutor(READERS) as readers:
            for person, (events, is_all) in zip(
                people.values(), readers.map(read, people.values()), strict=True
            ):
                if not any(part.is_erased for part in person.standing.parts.values()):
                    past = past_of(person, events, with_refused=question.with_refused)
                    yield past, is_all

    def _read(
        self, person: Person, *, app_id: str, since: datetime
    ) -> tuple[Sequence[Envelope], bool]:
        """Return the newest events of a person, and whether they are all since an instant."""
        events, is_all = list[Envelope](), True
        for contact_id in sorted(person.contact_ids):
            found = self.ledger.timeline_of(
                contact_id, app_id=app_id, since=since, limit=MOST_OF_A_CONTACT + 1
            )
            is_all = is_all and len(found) <= MOST_OF_A_CONTACT
            events += found
        return events, is_all


def _is_asked(event: Envelope, *, with_refused: bool) -> bool:
    if event.subject.kind != "contact":
        return False
    return made_by(event) is not None or (with_refused and refused_by(event) is not None)


def _rank(contact_id: str) -> bytes:
    """Return a contact's place among all, by chance: the same in every simulation."""
    return sha256(contact_id.encode()).digest()


def _spread(since: datetime, until: datetime) -> Iterable[datetime]:
    """Return the hours of a time so that the first ones are spread over all of it."""
    first = since.replace(minute=0, second=0, microsecond=0)
    count = -((first - until) // _HOUR)
    order = sorted(range(count), key=lambda place: place * _GOLDEN % 1)
    return (first + place * _HOUR for place in order)


def _lots(contact_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(contact_ids), AT_ONCE):
        yield contact_ids[start : start + AT_ONCE]
