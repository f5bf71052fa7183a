"""What came of a campaign, and what it proves, on the wire."""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field

from shared.platform.http.schemas import Out
from shared.push.model import State
from shared.push.model.books import Books
from shared.push.model.campaigns import CampaignState
from shared.push.model.comparing import Comparison, Experiment, Verdict, experiment_of
from shared.push.model.results import Results


class BooksOut(Out):
    """Where the planned messages stand; the states add up to `planned`, at every read."""

    planned: int
    pending: int
    sent: int
    invalid: int = Field(description="The address was dead; it was removed.")
    skipped: int
    held_out: int
    expired: int
    failed: int
    unknown: int = Field(description="FCM's answer was lost, and it was not tried again.")
    deferred: int = Field(description="Of a rehearsal alone: it would wait first.")
    because: Mapping[str, Mapping[str, int]] = Field(
        description="By state and reason, how many.",
        examples=[{"skipped": {"cap": 12, "cancelled": 3}}],
    )
    balanced: bool

    @classmethod
    def of(cls, books: Books) -> Self:
        """Render books."""
        final = [state for state in State if state.is_final]
        return cls(
            planned=books.planned,
            pending=books.pending,
            **{state.value: books.count(state) for state in final},
            because={
                state.value: reasons for state in final if (reasons := dict(books.reasons(state)))
            },
            balanced=books.is_balanced,
        )


class FunnelOut(Out):
    """How far messages came; what was clicked was opened, what was opened delivered."""

    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int = Field(description="People did what the campaign is for, in its hours.")


class ControlOut(Out):
    """Who was held out: what they did without being told."""

    held_out: int
    converted: int


class VariantResultsOut(Out):
    """What came of one text."""

    name: str
    books: BooksOut
    funnel: FunnelOut
    control: ControlOut


class IntervalOut(Out):
    """From `low` to `high`."""

    low: float
    high: float


class ComparisonOut(Out):
    """One text beside another, or beside those who were held out."""

    variant: str
    than: str | None = Field(description="Another text; `null`: those who were held out.")
    difference: float = Field(description="Of the shares that converted, -1 to 1.")
    once: IntervalOut = Field(
        description="Where the difference lies, 95 %, for who looks once, at the end."
    )
    always: IntervalOut = Field(
        description="Where it lies, 95 %, however often somebody looks: decide by this one."
    )
    relative: IntervalOut | None = Field(
        description="Where the rise lies as a part of the other's share, for who looks once."
    )
    verdict: Verdict = Field(description="By `always`; `open`: it may be chance.")


class GroupSplitOut(Out):
    """Whether the groups are as large as the weights say."""

    group: str = Field(examples=["planned", "held_out"])
    chance: float = Field(description="That such sizes are an accident.")
    alarming: bool = Field(description="Under 0.001: something shared them wrongly.")


class ExperimentOut(Out):
    """What the campaign proves up to now."""

    sound: bool = Field(description="Whether no split is alarming; else do not believe the rest.")
    uplifts: tuple[ComparisonOut, ...]
    pairs: tuple[ComparisonOut, ...]
    splits: tuple[GroupSplitOut, ...]

    @classmethod
    def of(cls, found: Experiment) -> Self:
        """Render what is proved."""
        return cls(
            sound=found.is_sound,
            uplifts=_compared(found.uplifts),
            pairs=_compared(found.pairs),
            splits=tuple(
                GroupSplitOut(group=one.group, chance=one.chance, alarming=one.is_alarming)
                for one in found.splits
            ),
        )


def _compared(found: Sequence[Comparison]) -> tuple[ComparisonOut, ...]:
    return tuple(ComparisonOut.model_validate(one, from_attributes=True) for one in found)


class DetectableOut(Out):
    """The least difference that shows in four of five such campaigns, to who looks once."""

    variant: str
    than: str | None = Field(description="Another text; `null`: those who are held out.")
    told: int
    beside: int = Field(description="How many are on the other side.")
    rise: float | None = Field(
        description="Of the share that converts; `null`: nothing that could be would show."
    )


class ResultsOut(Out):
    """What came of a campaign up to now."""

    campaign_id: str
    state: CampaignState
    run_id: str | None
    books: BooksOut
    funnel: FunnelOut
    control: ControlOut
    variants: tuple[VariantResultsOut, ...]
    experiment: ExperimentOut

    @classmethod
    def of(cls, found: Results) -> Self:
        """Render results; each sum is that of the variants."""
        return cls(
            campaign_id=found.campaign.campaign_id,
            state=found.campaign.state,
            run_id=found.campaign.run_id,
            books=BooksOut.of(found.books),
            funnel=FunnelOut.model_validate(found.funnel, from_attributes=True),
            control=ControlOut.model_validate(found.control, from_attributes=True),
            variants=tuple(
                VariantResultsOut(
                    name=one.name,
                    books=BooksOut.of(one.books),
                    funnel=FunnelOut.model_validate(one.funnel, from_attributes=True),
                    control=ControlOut.model_validate(one.control, from_attributes=True),
                )
                for one in found.variants
            ),
            experiment=ExperimentOut.of(experiment_of(found)),
        )
