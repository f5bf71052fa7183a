"""Who tries codes that do not exist is heard less and less.

Before a code is looked up, one read says whether its guesser must wait. A miss then writes, a hit
does not. What counts as a miss is what a stranger is told no more about: a code that does not
exist, and one that exists and is refused, alike; so neither answer nor what is done tells them
apart. Guesses at the same moment may all pass before the first of them is counted; each is counted,
so the wait is as long as if they had come one by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.coupons.errors import MalformedCodeError, TooManyGuessesError
from shared.coupons.model.codes import normal_form
from shared.coupons.model.guesses import (
    ALLOWANCES,
    PREFIX_LETTERS,
    Bucket,
    Guesser,
    Origin,
    longest_wait,
    network_of,
)
from shared.coupons.ports.codes import CodeHasher, GuessStore
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A try that was let through: its buckets, and until when each remembers misses."""

    buckets: tuple[Bucket, ...]
    busy_until: Mapping[Bucket, datetime]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessService:
    """Counts misses. ``tell_miss`` is told of each, for an alarm over all of a deployment."""

    guesses: GuessStore
    hasher: CodeHasher
    clock: Clock
    tell_miss: Callable[[], None]

    def begin(self, letters: str, guesser: Guesser) -> Guess:
        """Let a guess through.

        Raises:
            TooManyGuessesError: too many missed from there; ``retry_after`` is how long to wait.
        """
        at = self.clock()
        buckets = tuple(self._buckets(letters, guesser))
        busy_until = self.guesses.busy_until(buckets)
        if wait := longest_wait(busy_until, at=at):
            raise TooManyGuessesError(retry_after=wait)
        return Guess(buckets=buckets, busy_until=busy_until, at=at)

    def miss(self, guess: Guess) -> None:
        """Count a guess that was none, or of what is refused to a stranger."""
        for bucket in guess.buckets:
            before = guess.busy_until.get(bucket)
            weight = ALLOWANCES[bucket.origin].weight(before, at=guess.at)
            self.guesses.add_miss(bucket, weight=weight, at=guess.at, before=before)
        self.tell_miss()

    def _buckets(self, letters: str, guesser: Guesser) -> list[Bucket]:
        subjects = {
            Origin.DEVICE: guesser.device_id,
            Origin.CONTACT: guesser.contact_id,
            Origin.ADDRESS: self._hidden(network_of(guesser.address or ""), "address", guesser),
            Origin.CODE_PREFIX: self._hidden(_beginning(letters), "prefix", guesser),
        }
        return [
            Bucket(app_id=guesser.app_id, origin=origin, subject=subject)
            for origin, subject in subjects.items()
            if subject is not None
        ]

    def _hidden(self, text: str | None, kind: str, guesser: Guesser) -> str | None:
        """Return what stands for an address or a beginning; no code has a space in its form."""
        if text is None:
            return None
        return self.hasher.fingerprint(f"{kind} {text}", app_id=guesser.app_id)


def _beginning(letters: str) -> str | None:
    try:
        return normal_form(letters)[:PREFIX_LETTERS]
    except MalformedCodeError:
        return None
