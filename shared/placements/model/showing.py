"""What a device is told to show: a creative with its macros filled, for one ad that was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.kernel.clock import milliseconds
from shared.placements.model.accounting import MILLIONTHS
from shared.placements.model.demand import Format
from shared.placements.model.engagements import Grant
from shared.placements.model.live import LiveCreative
from shared.placements.model.macros import Macro, as_it_is, fill, in_html, in_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a token leaves out of what an ad belongs to; ``placement`` is the name."""

    ad_campaign_id: str
    advertiser_id: str
    placement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A creative, filled: an image has ``url``, a page ``html``, a native ad ``values``."""

    format: Format
    width: int | None
    height: int | None
    url: str | None
    html: str | None
    alt: str | None
    ad_template_id: str | None
    values: Mapping[str, object]


def values_of(grant: Grant, booked: Booked, urls: Mapping[Macro, str]) -> Mapping[Macro, str]:
    """Return what macros stand for in an ad; ``urls`` has the ad's own, where they are known.

    A price is in minor units, of one of what is paid for.
    """
    return {
        **urls,
        Macro.AD_ID: grant.ad_id,
        Macro.AD_CAMPAIGN_ID: booked.ad_campaign_id,
        Macro.ADVERTISER_ID: booked.advertiser_id,
        Macro.APP_ID: grant.app_id,
        Macro.CREATIVE_ID: grant.creative_id,
        Macro.CURRENCY: grant.currency or "",
        Macro.DECISION_ID: grant.decision_id,
        Macro.FLIGHT_ID: grant.flight_id,
        Macro.PLACEMENT: booked.placement,
        Macro.PRICE: f"{Decimal(grant.price) / MILLIONTHS:f}",
        Macro.TIMESTAMP: str(milliseconds(grant.issued_at) // 1_000),
        Macro.TOKEN_ID: grant.token_id,
    }


def shown(creative: LiveCreative, values: Mapping[Macro, str]) -> Shown:
    """Return a creative with its macros filled, each as the place asks where it stands.

    A native ad's values are URLs, which are checked to be https, or plain texts that the app shows.
    """
    size = creative.size
    return Shown(
        format=creative.format,
        width=size.width if size else None,
        height=size.height if size else None,
        url=fill(creative.url, values, write=in_url) if creative.url else None,
        html=fill(creative.html, values, write=in_html) if creative.html else None,
        alt=fill(creative.alt, values, write=as_it_is) if creative.alt else None,
        ad_template_id=creative.ad_template_id,
        values={name: _filled(value, values) for name, value in creative.values.items()},
    )


def _filled(value: object, values: Mapping[Macro, str]) -> object:
    if not isinstance(value, str):
        return value
    return fill(value, values, write=in_url if value.startswith("https://") else as_it_is)
