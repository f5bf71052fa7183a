"""What came of a campaign: its books, and who of those it told opened, clicked and converted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from shared.push.model.books import Books
from shared.push.model.campaigns import Campaign, Conversion
from shared.push.model.messages import State


class MarkKind(StrEnum):
    """What happened after a message, told by its device or by an event of its person."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    CONVERTED = "converted"
    CONVERTED_UNTOLD = "converted_untold"
    """The person was held out, and did all the same what the campaign is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The fact that something happened after a message; said twice, it is one fact."""

    campaign_id: str
    chunk_id: str
    index: int
    variant: str
    kind: MarkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """After which messages of a chunk and variant the same thing happened."""

    chunk_id: str
    variant: str
    kind: MarkKind
    indexes: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a campaign is for, as long as it may be reached: from ``since``, before ``until``."""

    app_id: str
    campaign_id: str
    conversion: Conversion
    since: datetime
    until: datetime

    def is_reached_by(self, type_: str, at: datetime) -> bool:
        """Say whether an event is what the campaign is for."""
        return type_ == self.conversion.type and self.since <= at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How many messages came how far, as far as was told.

    ``arrived`` are those of which anything was told: they reached their device, or their person
    converted after they were sent.
    """

    arrived: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0
    converted_untold: int = 0


def reached(marked: Iterable[Marked]) -> Mapping[str, Reached]:
    """Count the marks of a campaign, by variant; what opened was delivered, what clicked opened.

    Marks of one chunk and variant lie together, so that one chunk is in memory at a time.
    """
    found: dict[str, Reached] = {}
    for (_, variant), some in groupby(marked, key=lambda one: (one.chunk_id, one.variant)):
        before = found.get(variant, Reached())
        found[variant] = _sum(before, _of_chunk({one.kind: one.indexes for one in some}))
    return found


def _of_chunk(by_kind: Mapping[MarkKind, frozenset[int]]) -> Reached:
    nobody: frozenset[int] = frozenset()
    clicked = by_kind.get(MarkKind.CLICKED, nobody)
    opened = by_kind.get(MarkKind.OPENED, nobody) | clicked
    delivered = by_kind.get(MarkKind.DELIVERED, nobody) | opened
    converted = by_kind.get(MarkKind.CONVERTED, nobody)
    return Reached(
        arrived=len(delivered | converted),
        delivered=len(delivered),
        opened=len(opened),
        clicked=len(clicked),
        converted=len(converted),
        converted_untold=len(by_kind.get(MarkKind.CONVERTED_UNTOLD, nobody)),
    )


def _sum(one: Reached, other: Reached) -> Reached:
    return Reached(
        arrived=one.arrived + other.arrived,
        delivered=one.delivered + other.delivered,
        opened=one.opened + other.opened,
        clicked=one.clicked + other.clicked,
        converted=one.converted + other.converted,
        converted_untold=one.converted_untold + other.converted_untold,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How far messages came; none of the figures is larger than one before it, but ``converted``.

    ``sent`` holds what the books say, and is never less than what is known to have arrived: a
    device may report before the books are written, and where FCM's answer was lost. Of a person
    with several devices each message counts; ``converted`` are at most as many as ``sent``.
    """

    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Messages that were held out, and how many of their people converted without being told."""

    held_out: int = 0
    converted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResults:
    """What came of one text of a campaign."""

    name: str
    books: Books
    funnel: Funnel
    control: Control


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What came of a campaign; books, funnel and control are the sums over the variants."""

    campaign: Campaign
    books: Books = field(default_factory=Books)
    funnel: Funnel = Funnel()
    control: Control = Control()
    variants: Sequence[VariantResults] = ()


def results_of(campaign: Campaign, books: Books, marked: Iterable[Marked]) -> Results:
    """Return what came of a campaign, from the books of its run and the marks of its messages."""
    counted = reached(marked)
    # A variant of the books that the draft does not name would be missed by the sums: it is shown.
    names = [one.name for one in campaign.draft.variants]
    names += sorted({place.variant for place in books.tally} - set(names))
    variants = [
        _variant(name, books=books, reached_=counted.get(name, Reached())) for name in names
    ]
    return Results(
        campaign=campaign,
        books=books,
        funnel=Funnel(
            sent=sum(one.funnel.sent for one in variants),
            delivered=sum(one.funnel.delivered for one in variants),
            opened=sum(one.funnel.opened for one in variants),
            clicked=sum(one.funnel.clicked for one in variants),
            converted=sum(one.funnel.converted for one in variants),
        ),
        control=Control(
            held_out=sum(one.control.held_out for one in variants),
            converted=sum(one.control.converted for one in variants),
        ),
        variants=variants,
    )


def _variant(name: str, *, books: Books, reached_: Reached) -> VariantResults:
    own = books.of_variant(name)
    return VariantResults(
        name=name,
        books=own,
        funnel=Funnel(
            sent=max(own.count(State.SENT), reached_.arrived),
            delivered=reached_.delivered,
            opened=reached_.opened,
            clicked=reached_.clicked,
            converted=reached_.converted,
        ),
        control=Control(held_out=own.count(State.HELD_OUT), converted=reached_.converted_untold),
    )
