"""What a simulation of a draft takes and returns on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from functions.contact_policy_api.schemas import ReasonOut, decision_word
from shared.contact_policy.model.differences import Alteration, Difference
from shared.contact_policy.model.effect import Example, Row, Split
from shared.contact_policy.model.playing import History
from shared.contact_policy.service.simulating import (
    MOST_CONTACTS,
    MOST_DAYS,
    Question,
    Simulation,
)
from shared.kernel.decisions import Decision, Defer, Gate
from shared.kernel.events import Channel, Purpose
from shared.platform.http.schemas import In, Out


class PolicySimulationIn(In):
    """A draft, and what of the ledger is played under it and under the policy in force."""

    document: dict[str, Any]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 7
    contacts: Annotated[int, Field(ge=1, le=MOST_CONTACTS)] = Field(
        default=200, description="How many contacts at most, drawn by hash: always the same."
    )
    history: History = Field(
        default=History.HAPPENED,
        description="`happened`: each touch is judged after all that really reached the person."
        " `played`: after what the policy itself allowed in the play.",
    )
    with_refused: bool = Field(
        default=False, description="Play what was refused then, too: it may be allowed now."
    )

    def question(self, app_id: str) -> Question:
        """Return what is asked of an app."""
        return Question(
            app_id=app_id,
            document=self.document,
            days=self.days,
            contacts=self.contacts,
            history=self.history,
            with_refused=self.with_refused,
        )


class DifferenceOut(Out):
    """What the draft adds, removes or changes; defaults are written out."""

    section: str
    name: str | None = Field(description="A rule's id, or another name in the section.")
    kind: Alteration
    before: Any = None
    after: Any = None

    @classmethod
    def of(cls, difference: Difference) -> Self:
        """Render a difference."""
        return cls.model_validate(difference, from_attributes=True)


class SplitOut(Out):
    """How many touches were allowed, deferred and refused."""

    allowed: int
    deferred: int
    refused: int

    @classmethod
    def of(cls, split: Split) -> Self:
        """Render a split."""
        return cls.model_validate(split, from_attributes=True)


class EffectOut(Out):
    """What one rule, or (gate and rule null) all together, did on one channel."""

    gate: Gate | None
    rule: str | None
    channel: Channel
    before: SplitOut
    after: SplitOut
    newly_refused: int
    newly_deferred: int
    newly_allowed: int
    contacts: int = Field(description="To whom something newly happens.")

    @classmethod
    def of(cls, row: Row) -> Self:
        """Render a row of the table."""
        return cls(
            gate=row.rule.gate,
            rule=row.rule.rule,
            channel=row.channel,
            before=SplitOut.of(row.before),
            after=SplitOut.of(row.after),
            newly_refused=row.newly_refused,
            newly_deferred=row.newly_deferred,
            newly_allowed=row.newly_allowed,
            contacts=row.contacts,
        )


class JudgementOut(Out):
    """What one policy says to one touch."""

    decision: Annotated[str, Field(pattern=r"^(allow|defer|drop)$")]
    until: datetime | None
    because: tuple[ReasonOut, ...]

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Render a decision."""
        return cls(
            decision=decision_word(decision),
            until=decision.until if isinstance(decision, Defer) else None,
            because=tuple(ReasonOut.of(reason) for reason in decision.because),
        )


class ExampleOut(Out):
    """One touch that the draft answers otherwise."""

    contact_id: str
    event_id: str
    at: datetime
    channel: Channel
    purpose: Purpose
    before: JudgementOut
    after: JudgementOut

    @classmethod
    def of(cls, example: Example) -> Self:
        """Render an example."""
        asked = example.played.asked
        return cls(
            contact_id=example.contact_id,
            event_id=asked.event_id,
            at=asked.at,
            channel=asked.candidate.channel,
            purpose=asked.candidate.purpose,
            before=JudgementOut.of(example.played.before),
            after=JudgementOut.of(example.played.after),
        )


class UntoldOut(Out):
    """Of how many touches the ledger does not tell what rules may look at."""

    topic: int
    offer_key: int
    priority: int


class PolicySimulationOut(Out):
    """What the draft would have changed, against the policy in force (`version`)."""

    since: datetime
    until: datetime
    version: int
    differences: tuple[DifferenceOut, ...]
    is_whole: bool = Field(description="All events and contacts of the time were played.")
    events: int = Field(description="That were looked at to find contacts.")
    contacts_found: int
    contacts: int = Field(description="That were played.")
    touches: int
    changed: int
    contacts_changed: int
    untold: UntoldOut
    effects: tuple[EffectOut, ...]
    examples: tuple[ExampleOut, ...]

    @classmethod
    def of(cls, found: Simulation) -> Self:
        """Render a simulation."""
        names = UntoldOut.model_fields
        return cls(
            since=found.since,
            until=found.until,
            version=found.version,
            differences=tuple(map(DifferenceOut.of, found.differences)),
            is_whole=found.is_whole,
            events=found.events,
            contacts_found=found.contacts_found,
            contacts=found.contacts,
            touches=found.touches,
            changed=found.changed,
            contacts_changed=found.contacts_changed,
            untold=UntoldOut(**{name: found.untold.get(name, 0) for name in names}),
            effects=tuple(map(EffectOut.of, found.rows)),
            examples=tuple(map(ExampleOut.of, found.examples)),
        )
