"""What a device is given of a decision: each ad with what its token says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.ids import ULID_LENGTH
from shared.placements.model.accounting import price_of
from shared.placements.model.ad_state import Seen
from shared.placements.model.demand import Format
from shared.placements.model.engagements import Grant
from shared.placements.model.leases import Lease
from shared.placements.model.live import LiveAd
from shared.placements.model.requests import Choice, DecisionRequest

LIFE: Mapping[Format, timedelta] = {
    Format.IMAGE: timedelta(minutes=5),
    Format.HTML: timedelta(minutes=5),
    Format.NATIVE: timedelta(minutes=10),
    Format.COUPON: timedelta(minutes=10),
}
"""How long what is given may be shown: OpenRTB 2.6, implementation 7.2, for banners and natives."""

LONGEST_LIFE = max(LIFE.values())

GRACE = LONGEST_LIFE + timedelta(minutes=1)
"""After so long nothing that was given can be shown any more, whosever clock is a little behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One choice of a decision, with the id of its token: which of all its ads it is."""

    choice: Choice
    ad: LiveAd
    token_id: str

    def expires_at(self, issued_at: datetime) -> datetime:
        """Return until when it may be shown."""
        return issued_at + LIFE[self.ad.creative.format]

    def promise(self, request: DecisionRequest) -> Seen:
        """Return what a strict cap counts until it is shown, or its time is over."""
        issued_at = issued_at_of(request)
        return Seen(
            ad_id=self.choice.ad_id,
            flight_id=self.choice.flight_id,
            ad_campaign_id=self.choice.ad_campaign_id,
            advertiser_id=self.choice.advertiser_id,
            placement_id=self.choice.placement_id,
            at=issued_at,
            token_id=self.token_id,
            held_until=self.expires_at(issued_at),
            labels=self.choice.labels,
            origin=request.contact_id,
        )

    def grant(self, request: DecisionRequest, *, epoch: int, lease: Lease | None) -> Grant:
        """Return what its token says; ``epoch`` is the person's and the app's together."""
        issued_at, flight = issued_at_of(request), self.ad.flight
        return Grant(
            token_id=self.token_id,
            decision_id=request.decision_id,
            app_id=request.app_id,
            contact_id=request.contact_id,
            device_id=request.device_id,
            placement_id=self.choice.placement_id,
            flight_id=flight.flight_id,
            creative_id=self.choice.creative_id,
            ad_id=self.choice.ad_id,
            purpose=flight.purpose,
            issued_at=issued_at,
            expires_at=self.expires_at(issued_at),
            pricing=flight.rate.pricing if flight.rate else None,
            price=price_of(flight.rate),
            currency=flight.rate.currency if flight.rate else None,
            lease=lease.number if lease else None,
            shard=lease.shard if lease else 0,
            strict=self.choice.strict,
            epoch=epoch,
            test=self.choice.test,
            coupon_id=self.ad.creative.coupon_id or flight.coupon_id,
            platform=request.platform,
        )


def issued_at_of(request: DecisionRequest) -> datetime:
    """Return the whole second in which a decision's tokens are issued."""
    return request.at.replace(microsecond=0)


def seats_of(
    request: DecisionRequest,
    choices: Mapping[str, Sequence[Choice]],
    ads: Mapping[str, LiveAd],
) -> Mapping[str, Sequence[Seat]]:
    """Return the choices of each placement as seats; ``ads`` by id have what is shown.

    The ads of a decision are numbered through, so that each has a token of its own.
    """
    ulid, number = request.decision_id[-ULID_LENGTH:], 0
    seats: dict[str, list[Seat]] = {}
    for name, some in choices.items():
        seats[name] = []
        for choice in some:
            seats[name].append(
                Seat(choice=choice, ad=ads[choice.ad_id], token_id=f"{ulid}-{number}")
            )
            number += 1
    return seats
