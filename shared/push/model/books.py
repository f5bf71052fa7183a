"""The books of a campaign: every planned message is in exactly one place, at every read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.push.model.messages import Chunk, State

_PENDING = frozenset({State.PENDING, State.TRYING, State.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages stand: of which variant, in which state, and why."""

    variant: str
    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one chunk has in the books; ``size`` messages were planned."""

    chunk_id: str
    size: int
    tally: Mapping[Place, int]

    @property
    def is_balanced(self) -> bool:
        """Say whether each message is in exactly one place."""
        return sum(self.tally.values()) == self.size

    @property
    def pending(self) -> int:
        """Return how many messages have no final state."""
        return sum(count for place, count in self.tally.items() if place.state in _PENDING)


def line_of(chunk: Chunk) -> Line:
    """Return a chunk's line."""
    tally = Counter(
        Place(
            variant=one.variant or "",
            state=State.PENDING if state in _PENDING else state,
            reason=chunk.reasons.get(at),
        )
        for at, (one, state) in enumerate(zip(chunk.recipients, chunk.states, strict=True))
    )
    return Line(chunk_id=chunk.chunk_id, size=len(chunk.recipients), tally=tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The sum of a run's lines: ``planned`` messages, and where they stand."""

    planned: int = 0
    chunks: int = 0
    tally: Mapping[Place, int] = field(default_factory=dict)

    @property
    def is_balanced(self) -> bool:
        """Say whether the places add up to what was planned."""
        return sum(self.tally.values()) == self.planned

    def count(self, state: State, *, variant: str | None = None) -> int:
        """Return how many messages stand in a state, of all variants or of one."""
        return sum(
            count
            for place, count in self.tally.items()
            if place.state is state and variant in {None, place.variant}
        )

    @property
    def pending(self) -> int:
        """Return how many messages have no final state."""
        return sum(count for place, count in self.tally.items() if place.state in _PENDING)

    def of_variant(self, variant: str) -> "Books":
        """Return the books of one variant alone."""
        tally = {place: count for place, count in self.tally.items() if place.variant == variant}
        return Books(planned=sum(tally.values()), chunks=self.chunks, tally=tally)

    @property
    def by_state(self) -> dict[str, int]:
        """Return how many messages stand in each state that has some."""
        found: Counter[str] = Counter()
        for place, count in self.tally.items():
            found[place.state.value] += count
        return dict(sorted(found.items()))

    def reasons(self, state: State) -> Mapping[str, int]:
        """Return how many messages stand in a state for which reason."""
        found: Counter[str] = Counter()
        for place, count in self.tally.items():
            if place.state is state and place.reason:
                found[place.reason] += count
        return found


def books_of(lines: Iterable[Line]) -> Books:
    """Return the books of a run's lines."""
    planned = chunks = 0
    tally: Counter[Place] = Counter()
    for line in lines:
        planned += line.size
        chunks += 1
        tally.update(line.tally)
    return Books(planned=planned, chunks=chunks, tally=tally)
