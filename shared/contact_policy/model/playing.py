"""Plays a person's past under two policies: the one in force, and a draft.

Every decision is the engine's own, at the instant at which something was told, on what the person
had said by then. What counts as history is one of two readings:

- ``happened``: all that really reached the person, for both policies. So each touch is judged as
  whoever asked then would be, and a stricter draft refuses no less: what it refuses still counts.
- ``played``: of what came up in the play, what the policy itself allowed. So a touch that a draft
  refuses makes room for a later one, which it may then allow although the policy in force does not.
  What was deferred is not asked again: nobody knows whether it would have been.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.decide import judged
from shared.contact_policy.model.facts import Facts
from shared.contact_policy.model.past import Asked, Past
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.pressure import Pressure, offer_hash
from shared.contact_policy.model.standing import Standing
from shared.kernel.decisions import Allow, Decision


class History(StrEnum):
    """What counts as history of a touch."""

    HAPPENED = "happened"
    PLAYED = "played"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What both policies share: where the app is, and whom it sets aside.

    ``zone`` (IANA) and ``country`` (ISO 3166-1 alpha-2) stand where nothing is known of a person.
    """

    zone: str
    country: str | None = None
    control_groups: Sequence[ControlGroup] = ()


class Played(NamedTuple):
    """What two policies say to one touch."""

    asked: Asked
    before: Decision
    after: Decision

    @property
    def is_changed(self) -> bool:
        """Say whether the draft answers otherwise: allows, defers or drops what was not so."""
        return type(self.before) is not type(self.after)


def play(
    past: Past,
    *,
    before: Policy,
    after: Policy,
    stage: Stage,
    since: datetime,
    history: History = History.HAPPENED,
) -> Iterator[Played]:
    """Yield what two policies say to all that was to be told from an instant on, in its order."""
    ours = _Side.of(before, past, since=since, history=history)
    shares = history is History.HAPPENED and before.weights == after.weights
    theirs = (
        replace(ours, policy=after)
        if shares
        else _Side.of(after, past, since=since, history=history)
    )
    for one, standing in past.standings():
        if one.at >= since:
            facts = _facts(ours, past, standing, one, stage=stage)
            said = judged(facts, one.candidate)
            other = (
                facts.under(after) if shares else _facts(theirs, past, standing, one, stage=stage)
            )
            answer = judged(other, one.candidate)
            ours.go_on(one, said)
            theirs.go_on(one, answer)
            yield Played(asked=one, before=said, after=answer)
        elif one.is_made:
            ours.passed += 1
            theirs.passed += 1


def _facts(side: "_Side", past: Past, standing: Standing, one: Asked, *, stage: Stage) -> Facts:
    return Facts(
        policy=side.policy,
        person=past.person.contact_id,
        pressure=side.pressure(),
        standing=standing,
        control_groups=stage.control_groups,
        app_zone=stage.zone,
        default_country=stage.country,
        now=one.at,
    )


@dataclass(slots=True, kw_only=True)
class _Side:
    """A policy with the history by which it judges; ``passed`` counts what is behind us of it."""

    policy: Policy
    history: History
    kept: Pressure
    passed: int = 0

    @classmethod
    def of(cls, policy: Policy, past: Past, *, since: datetime, history: History) -> "_Side":
        kept = Pressure.of(
            one.touch(policy.weight_of(one.candidate), offer_hash(one.candidate.offer_key))
            for one in past.asked
            if one.is_made and (history is History.HAPPENED or one.at < since)
        )
        return cls(policy=policy, history=history, kept=kept)

    def pressure(self) -> Pressure:
        return self.kept.earliest(self.passed)

    def go_on(self, one: Asked, decision: Decision) -> None:
        """Count what was told, or what this policy would have let be told."""
        if self.history is History.HAPPENED:
            self.passed += one.is_made
        elif isinstance(decision, Allow):
            weight = self.policy.weight_of(one.candidate)
            self.kept = self.kept.with_touch(one.touch(weight, offer_hash(one.candidate.offer_key)))
            self.passed += 1
