"""Booked things, as they are written on the wire.

What fields mean together is judged by the model, which names each problem's place; here stands what
each may be alone.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from shared.kernel.events import Purpose
from shared.kernel.money import CURRENCY
from shared.placements.model.demand import (
    DEFAULT_TIER,
    HIGHEST_TIER,
    LOWEST_TIER,
    CapMode,
    Format,
    Goal,
    Pacing,
    Pricing,
)
from shared.placements.model.documents import LARGEST, LARGEST_TARGETING, MOST_BYTES, MOST_WEIGHT
from shared.placements.model.part_documents import (
    LARGEST_SIDE,
    LONGEST_ID,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_WINDOW,
    MOST_AMOUNT,
    MOST_CAPS,
    MOST_DAYPARTS,
    MOST_GOAL,
    MOST_KEYWORDS,
    MOST_LABELS,
    MOST_PLACEMENTS,
    MOST_SIZES,
    MOST_TEMPLATES,
    MOST_TIMES,
    SHORTEST_WINDOW,
    TOPIC_PATTERN,
)
from shared.placements.model.urls import LONGEST_URL
from shared.platform.http.schemas import In, Instant

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, examples=["Spring"])]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
Slug: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=64,
        description="By which apps ask for it; unique in the app.",
        examples=["home-top"],
    ),
]
Side: TypeAlias = Annotated[StrictInt, Field(ge=1, le=LARGEST_SIDE)]
Weight: TypeAlias = Annotated[StrictInt, Field(ge=1, le=MOST_WEIGHT)]
Whole: TypeAlias = Annotated[StrictInt, Field(ge=1, le=MOST_GOAL)]
Label: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)]
Labels: TypeAlias = Annotated[
    tuple[Label, ...],
    Field(max_length=MOST_LABELS, description="No two ads of one label are shown together."),
]
Keywords: TypeAlias = Annotated[tuple[Id, ...], Field(max_length=MOST_KEYWORDS)]
Url: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=LONGEST_URL, examples=["https://example.com/spring"])
]
Plain: TypeAlias = Annotated[dict[str, Any], Field(description="Passed on as it is.")]
TimeOfDay: TypeAlias = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["18:00"])
]
Targeting: TypeAlias = Annotated[
    str | dict[str, Any],
    Field(
        description=f"Whom it is for, as text or as JSON, of at most {LARGEST_TARGETING} bytes;"
        " answers have the text. Empty: everybody.",
        examples=['$device.platform = "ios" and $app.version >= v"2.1"'],
    ),
]


class SidesIn(In):
    """Width and height in points."""

    width: Side
    height: Side


Size: TypeAlias = Annotated[
    Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")] | SidesIn,
    Field(examples=["320x50"]),
]


class FrequencyCapIn(In):
    """At most so many `times` in any such window, for one person."""

    times: Annotated[StrictInt, Field(ge=1, le=MOST_TIMES)]
    window_seconds: Annotated[StrictInt, Field(ge=SHORTEST_WINDOW, le=LONGEST_WINDOW)]
    mode: CapMode = CapMode.LAZY


Caps: TypeAlias = Annotated[tuple[FrequencyCapIn, ...], Field(max_length=MOST_CAPS)]


class DaypartIn(In):
    """Hours of some weekdays in the contact's zone; `until` 00:00 is midnight."""

    weekdays: Annotated[
        tuple[Annotated[StrictInt, Field(ge=0, le=6)], ...],
        Field(min_length=1, max_length=7, description="0 is Monday."),
    ]
    start: TimeOfDay
    until: TimeOfDay


class TargetIn(In):
    """What is to be brought, over all its days and in one day of the app's zone, at most.

    Within one percent; where it is `exact` never one more, for one write with each decision.
    """

    goal: Goal = Goal.IMPRESSIONS
    lifetime: Whole | None = None
    daily: Whole | None = None
    exact: StrictBool = False
    pacing: Pacing = Pacing.EVEN


class RateIn(In):
    """What is paid for a thousand impressions, a click, a conversion, or nothing in particular."""

    pricing: Pricing
    amount: Annotated[StrictInt, Field(ge=0, le=MOST_AMOUNT, description="Minor units.")]
    currency: Annotated[str, Field(pattern=f"^{CURRENCY}$", examples=["CHF"])]


class PlacementIn(In):
    """A slot of an app, for creatives of its sizes or of its templates."""

    name: Slug
    sizes: Annotated[tuple[Size, ...], Field(max_length=MOST_SIZES)] = ()
    templates: Annotated[tuple[Id, ...], Field(max_length=MOST_TEMPLATES)] = ()
    caps: Caps = Field(default=(), description="Of all ads in it together.")
    fallback: Plain | None = Field(
        default=None, description="What the app shows by itself when nothing else is."
    )
    keywords: Keywords = ()


class AdTemplateIn(In):
    """The fields of native ads: a JSON schema (draft 2020-12) of an object of plain fields."""

    name: Name
    fields_of_ads: Annotated[
        dict[str, Any],
        Field(
            alias="schema",
            examples=[
                {"type": "object", "properties": {"title": {"type": "string", "maxLength": 25}}}
            ],
        ),
    ]


class AdvertiserIn(In):
    """Whose ads they are."""

    name: Name
    labels: Labels = ()
    caps: Caps = ()


class AdCampaignIn(In):
    """Flights of one advertiser that belong together; dates and caps are of all of them."""

    advertiser_id: Id
    name: Name
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    caps: Caps = ()


class FlightIn(In):
    """A booked delivery: when, how much, to whom, and for what."""

    ad_campaign_id: Id
    name: Name
    starts_at: Instant
    ends_at: Instant | None = None
    dayparts: Annotated[tuple[DaypartIn, ...], Field(max_length=MOST_DAYPARTS)] = ()
    tier: Annotated[StrictInt, Field(ge=HIGHEST_TIER, le=LOWEST_TIER)] = Field(
        default=DEFAULT_TIER, description="Its priority; 1 is the highest."
    )
    target: TargetIn | None = None
    rate: RateIn | None = None
    weight: Weight = Field(default=1, description="Its part in a lottery.")
    targeting: Targeting = ""
    placements: Annotated[tuple[Id, ...], Field(max_length=MOST_PLACEMENTS)] = Field(
        default=(), description="Ids; without any, every one that its creatives fit."
    )
    caps: Caps = ()
    labels: Labels = ()
    companions: Id | None = Field(
        default=None, description="A set of flights that are shown together in a request, or none."
    )
    keywords: Keywords = ()
    purpose: Purpose = Purpose.MARKETING
    topic: Annotated[str, Field(pattern=f"^{TOPIC_PATTERN}$", examples=["shoes"])] | None = Field(
        default=None,
        description="The contact policy's: who switched it off, or did not agree to it where that"
        " is needed, does not see the flight.",
    )
    coupon_id: Id | None = Field(
        default=None, description="Who redeemed this coupon does not see the flight any more."
    )
    ghost_percent: Annotated[StrictFloat | StrictInt, Field(ge=0, le=100)] = Field(
        default=0, description="Of people who do not see it, to know what it does; two decimals."
    )


class CreativeIn(In):
    """What is shown; `click_url` is the only place that a click leads to."""

    advertiser_id: Id
    name: Name
    format: Format
    size: Size | None = None
    url: Url | None = Field(default=None, description="Of an image.")
    html: Annotated[str, Field(min_length=1, max_length=LARGEST)] | None = None
    bytes: Annotated[StrictInt, Field(ge=1, le=MOST_BYTES)] | None = Field(
        default=None, description="What the image weighs."
    )
    alt: Annotated[str, Field(min_length=1, max_length=150)] | None = Field(
        default=None, description="What a screen reader says."
    )
    ad_template_id: Id | None = None
    values: Plain = Field(
        default_factory=dict, description="The fields of a native ad, by its template."
    )
    click_url: Url | None = None
    coupon_id: Id | None = None


class AdIn(In):
    """A creative in a flight."""

    flight_id: Id
    creative_id: Id
    name: Name
    weight: Weight = Field(default=1, description="Its part among the ads of the flight.")
    caps: Caps = ()
