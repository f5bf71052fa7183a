"""What devices ask of a decision, and what they are answered."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.kernel.zones import is_zone
from shared.placements.model.consents import (
    LONGEST_TC_STRING,
    TcStringUnreadableError,
    Tracking,
    consent_of,
)
from shared.placements.model.demand import Format
from shared.placements.model.macros import Macro
from shared.placements.model.requests import (
    MOST_ADS,
    MOST_PLACEMENTS,
    Consent,
    DecisionRequest,
    NoAd,
    Wanted,
)
from shared.placements.model.showing import Booked, Shown, shown, values_of
from shared.placements.service.decisions import Decision, Given
from shared.platform.http.schemas import In, Out
from shared.registrations.model.apps import Platform

LARGEST_ATTRIBUTES = 2_048
"""Bytes of JSON, of a request and of each placement: what was asked is kept to be explained."""

MOST_SEEN = 500
"""Flights that a device counts by itself."""


def _of_moderate_size(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(json.dumps(dict(attributes)).encode()) > LARGEST_ATTRIBUTES:
        raise PydanticCustomError("too_large", "at most 2048 bytes of JSON in all")
    return attributes


def _zone(name: str) -> str:
    if not is_zone(name):
        raise PydanticCustomError("timezone", "not an IANA time zone")
    return name


PlacementName: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9-]+$", max_length=64, examples=["home-top"])
]
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Keywords: TypeAlias = Annotated[tuple[Word, ...], Field(max_length=50)]
Value: TypeAlias = (
    StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=256)]
)
Attributes: TypeAlias = Annotated[
    dict[Annotated[str, Field(pattern=r"^[^$]", max_length=64)], Value],
    Field(max_length=50),
    AfterValidator(_of_moderate_size),
]
FlightId: TypeAlias = Annotated[str, Field(pattern=r"^flt_[0-9A-Z]{26}$")]
AdId: TypeAlias = Annotated[str, Field(pattern=r"^ad_[0-9A-Z]{26}$")]
Times: TypeAlias = Annotated[StrictInt, Field(ge=0, le=10**6)]


class WantedAdsIn(In):
    """A placement to fill."""

    name: PlacementName
    count: Annotated[StrictInt, Field(ge=1, le=MOST_ADS)] = 1
    keywords: Keywords = ()
    attributes: Attributes = Field(default_factory=dict)
    test_ad: AdId | None = Field(
        default=None, description="Shows this ad, whoever asks and whatever else; it never counts."
    )
    test_flight: FlightId | None = Field(default=None, description="The same for a flight's ads.")

    def wanted(self) -> Wanted:
        """Return what is wanted, in the words of the model."""
        return Wanted(
            name=self.name,
            count=self.count,
            keywords=frozenset(self.keywords),
            attributes=dict(self.attributes),
            test_ad=self.test_ad,
            test_flight=self.test_flight,
        )


class AdConsentIn(In):
    """What the person lets the app do; what is left out does not restrict."""

    tracking: Tracking | None = Field(
        default=None,
        description="The answer to Apple's question, of apps that ask it: all but `authorized` "
        "keeps ads from being chosen by what is known of the person.",
    )
    tcf: Annotated[str, Field(min_length=1, max_length=LONGEST_TC_STRING)] | None = Field(
        default=None,
        description="`IABTCF_TCString`, where TCF applies. Purposes 1 and 2 let us count what the "
        "person saw; 1, 3 and 4 choose ads by what is known of them.",
    )

    @field_validator("tcf")
    @classmethod
    def _readable(cls, tcf: str | None) -> str | None:
        try:
            consent_of(tracking=None, tcf=tcf)
        except TcStringUnreadableError:
            raise PydanticCustomError("tc_string", "not a TC string of version 2") from None
        return tcf

    def consent(self) -> Consent:
        """Return the consent, in the words of the model."""
        return consent_of(tracking=self.tracking, tcf=self.tcf)


class AdDecisionIn(In):
    """Which placements are to be filled, and for what request; names are asked for once."""

    placements: Annotated[tuple[WantedAdsIn, ...], Field(min_length=1, max_length=MOST_PLACEMENTS)]
    keywords: Keywords = ()
    attributes: Attributes = Field(default_factory=dict)
    consent: AdConsentIn = Field(default_factory=AdConsentIn)
    platform: Platform | None = None
    app_version: Word | None = None
    os_version: Word | None = None
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$")] | None = (
        None
    )
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["CH"])] | None = None
    timezone: (
        Annotated[str, Field(max_length=64, examples=["Europe/Zurich"]), AfterValidator(_zone)]
        | None
    ) = None
    seen: Annotated[dict[FlightId, Times], Field(max_length=MOST_SEEN)] = Field(
        default_factory=dict,
        description="How often each flight was seen by the device's own count. It counts where "
        "the person did not agree that we count.",
    )

    @field_validator("placements")
    @classmethod
    def _each_once(cls, placements: tuple[WantedAdsIn, ...]) -> tuple[WantedAdsIn, ...]:
        if len({one.name for one in placements}) < len(placements):
            raise PydanticCustomError("twice", "a placement is asked for once; see count")
        return placements

    def request(
        self, *, decision_id: str, app_id: str, device_id: str, contact_id: str, at: datetime
    ) -> DecisionRequest:
        """Return what is asked, in the words of the model."""
        return DecisionRequest(
            decision_id=decision_id,
            app_id=app_id,
            device_id=device_id,
            contact_id=contact_id,
            wanted=tuple(one.wanted() for one in self.placements),
            at=at,
            consent=self.consent.consent(),
            keywords=frozenset(self.keywords),
            attributes=dict(self.attributes),
            platform=self.platform.value if self.platform else None,
            app_version=self.app_version,
            os_version=self.os_version,
            locale=self.locale,
            country=self.country,
            timezone=self.timezone,
            seen=dict(self.seen),
        )


class ShownCreativeOut(Out):
    """What is shown: an image has `url`, a page `html`, a native ad `values`."""

    format: Format
    width: int | None
    height: int | None
    url: str | None
    html: str | None
    alt: str | None = Field(description="What a screen reader says.")
    ad_template_id: str | None
    values: dict[str, Any]

    @classmethod
    def of(cls, found: Shown) -> Self:
        """Render a creative."""
        return cls(
            format=found.format,
            width=found.width,
            height=found.height,
            url=found.url,
            html=found.html,
            alt=found.alt,
            ad_template_id=found.ad_template_id,
            values=dict(found.values),
        )


class GivenAdOut(Out):
    """An ad that may be shown until `expires_at`."""

    ad_id: str
    flight_id: str
    creative_id: str
    token: str = Field(description="By which the device tells what became of it.")
    creative: ShownCreativeOut
    coupon_id: str | None = Field(description="One tap claims it: send the token as `ad_token`.")
    impression_url: str
    viewable_url: str
    click_url: str | None = Field(description="Null: it leads nowhere.")
    expires_at: datetime
    test: bool = Field(description="It was forced, and never counts.")

    @classmethod
    def of(cls, given: Given, *, placement: str, events_url: str) -> Self:
        """Render an ad; ``events_url`` is where tokens are told."""
        grant, ad = given.grant, given.ad
        leads = ad.creative.click_url is not None
        url = f"{events_url}/{given.token}?type="
        urls = {Macro.IMPRESSION_URL: f"{url}impression"}
        if leads:
            urls[Macro.CLICK_URL] = f"{url}click"
        booked = Booked(
            ad_campaign_id=ad.flight.ad_campaign_id,
            advertiser_id=ad.flight.advertiser_id,
            placement=placement,
        )
        return cls(
            ad_id=grant.ad_id,
            flight_id=grant.flight_id,
            creative_id=grant.creative_id,
            token=given.token,
            creative=ShownCreativeOut.of(shown(ad.creative, values_of(grant, booked, urls))),
            coupon_id=grant.coupon_id,
            impression_url=urls[Macro.IMPRESSION_URL],
            viewable_url=f"{url}viewable50",
            click_url=urls.get(Macro.CLICK_URL),
            expires_at=grant.expires_at,
            test=grant.test,
        )


class NoAdOut(Out):
    """Why a placement got fewer ads than it wanted."""

    code: int = Field(description="OpenRTB's no-bid reason; from 500 on our own.")
    reason: str = Field(examples=["frequency_cap"])

    @classmethod
    def of(cls, reason: NoAd) -> Self:
        """Render a reason."""
        return cls(code=int(reason), reason=reason.name.lower())


class AdDecisionOut(Out):
    """What fills the placements; one that got fewer ads than it wanted has a reason, too."""

    decision_id: str
    decisions: dict[str, tuple[GivenAdOut, ...]]
    no_ad: dict[str, NoAdOut]
    fallbacks: dict[str, dict[str, Any]] = Field(
        description="What placements show by themselves that got fewer ads than they wanted."
    )
    epoch: int = Field(
        description="Ads kept from an answer with a smaller one must not be shown any more."
    )
    snapshot_version: int

    @classmethod
    def of(cls, decision: Decision, *, events_url: str) -> Self:
        """Render a decision."""
        return cls(
            decision_id=decision.decision_id,
            decisions={
                name: tuple(
                    GivenAdOut.of(one, placement=name, events_url=events_url) for one in given
                )
                for name, given in decision.given.items()
            },
            no_ad={name: NoAdOut.of(reason) for name, reason in decision.no_ad.items()},
            fallbacks={name: dict(one) for name, one in decision.fallbacks.items()},
            epoch=decision.epoch,
            snapshot_version=decision.snapshot_version,
        )
