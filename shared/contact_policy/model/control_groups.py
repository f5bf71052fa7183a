"""Control groups: people who are not contacted, so that the effect of contacting shows."""

import hmac
from dataclasses import dataclass
from functools import lru_cache

from shared.kernel.decisions import Candidate
from shared.kernel.events import Channel

_FRACTION_BITS = 53
"""As many bits of a hash as a float holds exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """A share of all people, drawn by hash: the same person is always in it, or never.

    ``salt`` makes the draws of two groups independent; it never changes. ``percent`` is from 0 to
    100. ``channels`` of ``None`` are all. ``campaign_id`` of ``None`` is a global group, which
    nothing reaches that does not bypass the gate.
    """

    id: str
    salt: str
    percent: float
    channels: frozenset[Channel] | None = None
    campaign_id: str | None = None

    def covers(self, candidate: Candidate) -> bool:
        """Say whether the group's people are not to be told this."""
        return (self.channels is None or candidate.channel in self.channels) and (
            self.campaign_id is None or self.campaign_id == candidate.campaign_id
        )


@lru_cache(maxsize=4_096)
def fraction(salt: str, contact_id: str) -> float:
    """Return a number from 0 to 1 (never 1), uniform over contacts: HMAC-SHA-256, 53 bits of it."""
    digest = hmac.digest(salt.encode(), contact_id.encode(), "sha256")
    return (int.from_bytes(digest[:8]) >> 64 - _FRACTION_BITS) / (1 << _FRACTION_BITS)


def is_control(group: ControlGroup, contact_id: str) -> bool:
    """Say whether a person, by their canonical contact id, falls into the group."""
    return fraction(group.salt, contact_id) * 100 < group.percent


def is_held_out(candidate: Candidate, contact_id: str) -> bool:
    """Say whether a campaign does not tell a person, by their canonical contact id.

    The campaign's id is the salt: who is held out of one campaign is drawn anew for the next.
    """
    if candidate.campaign_id is None:
        return False
    return fraction(candidate.campaign_id, contact_id) * 100 < candidate.holdout_percent
