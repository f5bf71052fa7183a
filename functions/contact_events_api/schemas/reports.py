"""Reports on the wire."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from shared.contact_events.model import reports
from shared.kernel.events import Channel
from shared.platform.http.schemas import Out


class CountedOut(Out):
    """A report, which is as of its last count."""

    counted_at: datetime | None = Field(
        description="What was recorded by then is in it; null: nothing was counted yet."
    )


class ChannelCoverageOut(Out):
    """What a channel told."""

    channel: Channel
    events: int
    last_day: date | None
    silent_days: int | None = Field(description="Whole days since then; 0 is today.")


class CoverageOut(CountedOut):
    """Which channels tell."""

    days: int
    telling: int = Field(description="Channels with an event in these days.")
    channels: tuple[ChannelCoverageOut, ...]

    @classmethod
    def of(
        cls,
        found: Sequence[reports.Coverage],
        *,
        days: int,
        today: date,
        counted_at: datetime | None,
    ) -> Self:
        """Render a report."""
        return cls(
            counted_at=counted_at,
            days=days,
            telling=sum(one.events > 0 for one in found),
            channels=tuple(
                ChannelCoverageOut(
                    channel=one.channel,
                    events=one.events,
                    last_day=one.last_day,
                    silent_days=one.silent_days(today),
                )
                for one in found
            ),
        )


class ChannelShareOut(Out):
    """A channel's contacts of a month."""

    channel: Channel
    inbound: int = Field(description="Contacts that the person began.")
    outbound: int = Field(description="Contacts that the company began.")
    share: float = Field(description="Of all contacts of the month, 0 to 1.")


class MonthMixOut(Out):
    """The contacts of a month."""

    month: str = Field(description="Such as 2026-11.")
    contacts: int
    digital_share: float = Field(description="All channels but post, phone and f2f; 0 to 1.")
    channels: tuple[ChannelShareOut, ...]

    @classmethod
    def of(cls, found: reports.MonthMix) -> Self:
        """Render a month."""
        return cls(
            month=f"{found.month:%Y-%m}",
            contacts=found.contacts,
            digital_share=found.digital_share,
            channels=tuple(
                ChannelShareOut(
                    channel=one.channel,
                    inbound=one.inbound,
                    outbound=one.outbound,
                    share=one.share,
                )
                for one in found.channels
            ),
        )


class ChannelMixOut(CountedOut):
    """The mix of channels, by month."""

    months: tuple[MonthMixOut, ...]
    changes: dict[str, float | None] = Field(
        description="By channel: how its contacts changed from the first month to the last, such as"
        " -0.3; null where there were none at first."
    )

    @classmethod
    def of(
        cls,
        found: Sequence[reports.MonthMix],
        *,
        changes: Mapping[Channel, float | None],
        counted_at: datetime | None,
    ) -> Self:
        """Render a report."""
        return cls(
            counted_at=counted_at,
            months=tuple(MonthMixOut.of(one) for one in found),
            changes={str(channel): change for channel, change in changes.items()},
        )


class ChannelCostOut(Out):
    """What a channel cost in a currency."""

    channel: Channel
    currency: str
    amount: int = Field(description="Millionths of the currency's unit.")
    contacts: int = Field(description="All contacts by the channel, with a cost or without.")
    per_contact: int | None = Field(description="Millionths of the unit; null: no contact.")


class CostsOut(CountedOut):
    """What channels cost."""

    first_month: str
    last_month: str
    costs: tuple[ChannelCostOut, ...]

    @classmethod
    def of(
        cls,
        found: Sequence[reports.ChannelCost],
        *,
        first: date,
        last: date,
        counted_at: datetime | None,
    ) -> Self:
        """Render a report."""
        return cls(
            counted_at=counted_at,
            first_month=f"{first:%Y-%m}",
            last_month=f"{last:%Y-%m}",
            costs=tuple(
                ChannelCostOut(
                    channel=one.channel,
                    currency=one.currency,
                    amount=one.amount,
                    contacts=one.contacts,
                    per_contact=one.per_contact,
                )
                for one in found
            ),
        )


class OverShareOut(Out):
    """A part, and its interval of 95 %; both ends are the part itself where all were counted."""

    value: float
    low: float
    high: float


class TouchedOut(Out):
    """So many people were touched so often."""

    touches: int = Field(description="20 is so often or more.")
    people: int


class MostTouchedOut(Out):
    """Somebody who was touched often."""

    contact_id: str
    touches: int


class PressureWindowOut(Out):
    """How often people were touched in a window of days."""

    days: int
    people: int = Field(description="Touched at all; about so many, where some were sampled.")
    sampled: int = Field(description="So many of them were looked at.")
    over: int = Field(description="Of those, touched more often than the limit.")
    over_share: OverShareOut
    histogram: tuple[TouchedOut, ...] = Field(description="Of those who were looked at.")
    most_touched: tuple[MostTouchedOut, ...] = Field(
        description="Those over the limit, a hundred at most, the most often touched first."
    )

    @classmethod
    def of(cls, found: reports.Pressure) -> Self:
        """Render a window."""
        share = found.over_share
        return cls(
            days=found.days,
            people=found.people,
            sampled=found.sampled,
            over=found.over,
            over_share=OverShareOut(value=share.value, low=share.low, high=share.high),
            histogram=tuple(
                TouchedOut(touches=touches, people=people)
                for touches, people in found.histogram.items()
            ),
            most_touched=tuple(
                MostTouchedOut(contact_id=contact_id, touches=touches)
                for contact_id, touches in found.most_touched
            ),
        )


class PressureOut(CountedOut):
    """How often people are touched."""

    limit: int
    windows: tuple[PressureWindowOut, ...]

    @classmethod
    def of(
        cls, found: Sequence[reports.Pressure], *, limit: int, counted_at: datetime | None
    ) -> Self:
        """Render a report."""
        return cls(
            counted_at=counted_at,
            limit=limit,
            windows=tuple(PressureWindowOut.of(one) for one in found),
        )
