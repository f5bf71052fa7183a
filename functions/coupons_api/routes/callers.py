"""Who asks, in the words of coupons: as far as it is proved."""

from dataclasses import replace

from functions.coupons_api.schemas.orders import OrderIn
from functions.coupons_api.wiring import people
from functions.coupons_api.wiring.stores import ad_grants
from shared.coupons.errors import RedemptionNotFoundError
from shared.coupons.model.claims import TappedAd
from shared.coupons.model.redemptions import Redemption
from shared.coupons.model.rules import Circumstances
from shared.coupons.service.validation import Request
from shared.kernel.clock import system_clock
from shared.kernel.events import Channel
from shared.kernel.principal import Kind, Principal
from shared.placements.errors import AdTokenInvalidError, AdUnusableError
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.http.request import address, caller


def circumstances(app_id: str) -> Circumstances:
    """Return who asks, and when; what is known of them besides, services find out."""
    who, at = caller(), system_clock()
    match who.kind:
        case Kind.DEVICE:
            return Circumstances(app_id=app_id, at=at, device_id=who.subject, channel=Channel.INAPP)
        case Kind.TILL:
            return Circumstances(
                app_id=app_id,
                at=at,
                store_id=who.store_id,
                till_id=who.subject,
                channel=Channel.F2F,
            )
        case _:
            return Circumstances(app_id=app_id, at=at, contact_id=who.contact_id)


def request_of(order: OrderIn, app_id: str) -> Request:
    """Return an order as it was asked; a till is believed what it says of the person and place."""
    who = circumstances(app_id)
    if who.till_id is not None:
        channel = order.channel or who.channel
        who = replace(who, channel=channel, first_order=order.first_order)
    return Request(
        presented=order.presented(),
        basket=order.basket.basket(),
        circumstances=who,
        quote=order.quote,
        address=address(),
    )


def own_contact(app_id: str) -> str:
    """Return the contact that asks: as whom the caller logged in, or whose device it is.

    Raises:
        UnauthenticatedError: the device is gone by now.
    """
    who = caller()
    if who.contact_id is not None:
        return who.contact_id
    found = people().contact_of(who.subject, app_id=app_id)
    if found is None:
        raise UnauthenticatedError("register the device again")
    return found


def tapped_ad(token: str, coupon_id: str) -> TappedAd | None:
    """Return the ad that a token was given for; ``None`` for a preview, which never counts.

    Raises:
        AdTokenInvalidError: it was not given to the calling device.
        AdUnusableError: the ad is about another coupon, or none.
    """
    who, grant = caller(), ad_grants().grant_of(token)
    if (who.app_id, who.subject) != (grant.app_id, grant.device_id):
        raise AdTokenInvalidError("it was given to another device")
    if grant.coupon_id != coupon_id:
        raise AdUnusableError("the ad is not about this coupon")
    if grant.test:
        return None
    return TappedAd(token_id=grant.token_id, flight_id=grant.flight_id, ad_id=grant.ad_id)


def own(redemption: Redemption) -> Redemption:
    """Return a redemption that the caller may know of: marketers all, a till those of its store.

    A device knows its own, and those of its contact's person.

    Raises:
        RedemptionNotFoundError: it is somebody else's.
    """
    if not _is_own(redemption, caller()):
        raise RedemptionNotFoundError(redemption.redemption_id)
    return redemption


def _is_own(redemption: Redemption, who: Principal) -> bool:
    if who.kind is Kind.TILL:
        return redemption.store_id == who.store_id
    if who.kind is Kind.DEVICE and redemption.device_id == who.subject:
        return True
    if who.kind is not Kind.DEVICE and who.contact_id is None:
        return True  # the doors let in marketers by their role on the app
    return _is_of_person(redemption, own_contact(redemption.app_id))


def _is_of_person(redemption: Redemption, contact_id: str) -> bool:
    made_by = redemption.contact_id
    if made_by is None or made_by == contact_id:
        return made_by is not None
    return people().person_of(made_by, app_id=redemption.app_id) == contact_id
