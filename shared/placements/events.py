"""Facts the placements domain publishes."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from shared.kernel.events import Channel, Direction, DomainEvent, Purpose, Subject

SOURCE = "placements"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandEvent(DomainEvent):
    """A fact about something that is booked or can be, and who brought it about.

    ``kind`` is a word of ``model.demand.Kind``, ``thing_id`` its id.
    """

    source: ClassVar[str] = SOURCE
    kind: str
    thing_id: str
    name: str
    version: int
    by: str

    @property
    @override
    def subject(self) -> Subject:
        """Return the thing."""
        return Subject(kind=self.kind, id=self.thing_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandCreated(DemandEvent):
    """A placement, template, advertiser, ad campaign, flight, creative or ad was made."""

    type: ClassVar[str] = "ad_demand.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandUpdated(DemandEvent):
    """One of these was changed; ``state`` is the one it is in now."""

    type: ClassVar[str] = "ad_demand.updated.v1"
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdSettingsUpdated(DomainEvent):
    """What an app decides for all its ads together was changed."""

    type: ClassVar[str] = "ad_settings.updated.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "app_id"
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdEvent(DomainEvent):
    """What became of an ad that was given to a device, on its contact's timeline.

    ``token_id`` is the id of the ad in its decision. ``price`` is what it is worth, in millionths
    of a minor unit of ``currency``, where the flight pays for this fact. ``coupon_id`` is what the
    ad is about.
    """

    source: ClassVar[str] = SOURCE
    channel: ClassVar[Channel | None] = Channel.AD
    direction: ClassVar[Direction | None] = Direction.OUT
    contact_id: str
    device_id: str
    token_id: str
    decision_id: str
    placement_id: str
    flight_id: str
    creative_id: str
    ad_id: str
    purpose: Purpose
    price: int = 0
    currency: str | None = None
    coupon_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdLoaded(AdEvent):
    """The device has what is shown; nothing was shown yet (AdCOM event 1)."""

    type: ClassVar[str] = "ad.loaded.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdShown(AdEvent):
    """An impression: it was rendered (AdCOM event 2)."""

    type: ClassVar[str] = "ad.shown.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdHalfViewed(AdEvent):
    """Half of it was in view for a second, of a video for two (AdCOM events 3 and 5)."""

    type: ClassVar[str] = "ad.half_viewed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdFullyViewed(AdEvent):
    """All of it was in view for a second (AdCOM event 4)."""

    type: ClassVar[str] = "ad.fully_viewed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdClicked(AdEvent):
    """The person tapped it."""

    type: ClassVar[str] = "ad.clicked.v1"
    direction: ClassVar[Direction | None] = Direction.IN


@dataclass(frozen=True, slots=True, kw_only=True)
class AdCouponClaimed(AdEvent):
    """The person claimed the ad's coupon by a tap on it."""

    type: ClassVar[str] = "ad.coupon_claimed.v1"
    direction: ClassVar[Direction | None] = Direction.IN


@dataclass(frozen=True, slots=True, kw_only=True)
class AdConverted(AdEvent):
    """The person did what the ad was for. ``cause`` names the fact, as a coupon's redemption."""

    type: ClassVar[str] = "ad.converted.v1"
    direction: ClassVar[Direction | None] = Direction.IN
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdEventRejected(AdEvent):
    """An event that is kept, and neither counted nor billed; ``reason`` says why.

    ``event`` is the kind it came as (``model.engagements.Engagement``). ``suspicion`` is what shows
    that it is invalid traffic (``model.traffic.Suspicion``), where that is the reason.
    """

    type: ClassVar[str] = "ad_event.rejected.v1"
    event: str
    reason: str
    suspicion: str | None = None
