"""What came of flights, and the recount of exact ones, on the wire."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field

from shared.placements.model.engagements import Rejection
from shared.placements.model.folding import Figures
from shared.placements.model.leases import UNBOUNDED, LeaseAudit
from shared.placements.model.mending import Mend
from shared.placements.model.results import FlightResults, click_rate, viewability
from shared.platform.http.schemas import In, Out


class FiguresOut(Out):
    """How many events of each kind counted, each once; `rejected` by reason did not."""

    loaded: int
    impressions: int
    viewable50: int
    viewable100: int
    clicks: int
    conversions: int
    coupon_claims: int
    revenue_millionths: int = Field(
        description="Millionths of a minor unit of the rate's currency: so CPM adds up."
    )
    click_rate: float | None = Field(description="Clicks by impressions; null without any.")
    viewability: float | None = Field(description="Half in view, by impressions.")
    rejected: dict[Rejection, int]

    @classmethod
    def of(cls, figures: Figures) -> Self:
        """Render figures."""
        return cls(
            loaded=figures.loaded,
            impressions=figures.shown,
            viewable50=figures.viewable50,
            viewable100=figures.viewable100,
            clicks=figures.clicks,
            conversions=figures.conversions,
            coupon_claims=figures.claims,
            revenue_millionths=figures.revenue,
            click_rate=click_rate(figures),
            viewability=viewability(figures),
            rejected={reason: getattr(figures, reason.value) for reason in Rejection},
        )


class DayOut(Out):
    """What came on one day of the app's zone."""

    day: date
    figures: FiguresOut


class PlacementFiguresOut(Out):
    """What came of one placement."""

    placement_id: str
    figures: FiguresOut


class CreativeFiguresOut(Out):
    """What came of one creative."""

    creative_id: str
    figures: FiguresOut


class FlightResultsOut(Out):
    """What came of a flight, as of the last seconds.

    Days, placements and creatives each sum up to `total`.
    """

    flight_id: str
    given: int | None = Field(
        description="Ads that were given to devices, shown or not yet; null: it is not counted."
    )
    total: FiguresOut
    by_day: tuple[DayOut, ...]
    by_placement: tuple[PlacementFiguresOut, ...]
    by_creative: tuple[CreativeFiguresOut, ...]

    @classmethod
    def of(cls, results: FlightResults) -> Self:
        """Render what came of a flight."""
        return cls(
            flight_id=results.flight_id,
            given=results.given,
            total=FiguresOut.of(results.total),
            by_day=tuple(
                DayOut(day=day, figures=FiguresOut.of(figures))
                for day, figures in sorted(results.by_day.items())
            ),
            by_placement=tuple(
                PlacementFiguresOut(placement_id=placement_id, figures=FiguresOut.of(figures))
                for placement_id, figures in sorted(results.by_placement.items())
            ),
            by_creative=tuple(
                CreativeFiguresOut(creative_id=creative_id, figures=FiguresOut.of(figures))
                for creative_id, figures in sorted(results.by_creative.items())
            ),
        )


class CountersRebuildIn(In):
    """Which counters are to be set right: those of a day of the app's zone, over for a day."""

    day: date
    flight_id: Annotated[str, Field(pattern=r"^flt_[0-9A-Z]{26}$")] | None = Field(
        default=None, description="Whose counters alone; all flights' if left out."
    )


class RebuiltCounterOut(Out):
    """A counter that lacked something: of a flight's life, of a day, an hour, or a part of a day.

    `is_done`: it has what it lacked now, or would if this were not a dry run; else it was counted
    in meanwhile, and another call does it.
    """

    flight_id: str
    day: date | None
    hour: datetime | None
    placement_id: str | None
    creative_id: str | None
    added: dict[str, int] = Field(
        description="What it lacked, by the names of `figures`.", examples=[{"impressions": 3}]
    )
    is_done: bool

    @classmethod
    def of(cls, mend: Mend) -> Self:
        """Render a counter."""
        return cls(
            flight_id=mend.key.flight_id,
            day=mend.key.day,
            hour=mend.key.hour,
            placement_id=mend.key.placement_id,
            creative_id=mend.key.creative_id,
            added={_WORDS.get(name, name): more for name, more in mend.added.items()},
            is_done=mend.is_done,
        )


class CountersRebuiltOut(Out):
    """The counters of a day that lacked something, and of the lives of its flights."""

    day: date
    counters: tuple[RebuiltCounterOut, ...]
    is_done: bool

    @classmethod
    def of(cls, day: date, mends: Sequence[Mend]) -> Self:
        """Render what was set right."""
        return cls(
            day=day,
            counters=tuple(RebuiltCounterOut.of(mend) for mend in mends),
            is_done=all(mend.is_done for mend in mends),
        )


_WORDS = {"shown": "impressions", "claims": "coupon_claims", "revenue": "revenue_millionths"}
"""What figures are called in results, where that is another word."""


class FlightAuditOut(Out):
    """What became of an exact flight's ads, recounted from what was written for each.

    `shown` and `open` and `left` add up to `target` and `owed`.
    """

    flight_id: str
    target: int | None = Field(description="Of its whole life; null: each day has one alone.")
    given: int = Field(description="Given to devices, ever.")
    shown: int
    lapsed: int = Field(description="Given, not shown in time, and given back.")
    open: int = Field(description="Given, and neither shown nor given back yet.")
    left: int | None = Field(description="May still be given; null without such a target.")
    owed: int = Field(description="Given before the target was lowered below it.")
    is_balanced: bool

    @classmethod
    def of(cls, flight_id: str, audit: LeaseAudit) -> Self:
        """Render a recount."""
        is_bounded = audit.target < UNBOUNDED
        return cls(
            flight_id=flight_id,
            target=audit.target if is_bounded else None,
            given=audit.given,
            shown=audit.shown,
            lapsed=audit.lapsed,
            open=audit.open,
            left=audit.left if is_bounded else None,
            owed=audit.owed,
            is_balanced=audit.is_balanced,
        )
