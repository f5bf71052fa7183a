"""Lambda entry point of the projection of people's ad states: events of the bus, by its queue.

Each event may come twice, and in any order. What other domains answer is asked anew, once for each
person of a batch; of what is noted as it is told, the same again changes nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.project_ad_state.wiring import (
    ad_states,
    claims,
    conversions,
    has_ads,
    is_advertised,
    is_erased,
)
from shared.kernel.clock import from_rfc3339, system_clock
from shared.kernel.envelope import app_of, public_id
from shared.platform.observability import logger
from shared.platform.queue import try_again
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.devices import first_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An event about a contact."""

    type: str
    app_id: str
    contact_id: str
    event_id: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class _Whom:
    """Whom to ask about, and which device to ask about with them."""

    app_id: str
    contact_id: str
    device_id: str = ""


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Note what each event tells; what fails comes again."""
    to_ask: dict[_Whom, list[str]] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            whom = _hear(json.loads(record["body"]))
        except Exception:  # noqa: BLE001 - the others of the batch are heard all the same
            logger().exception("an event was not heard", message_id=record["messageId"])
            failed.append(record["messageId"])
            continue
        if whom:
            to_ask.setdefault(whom, []).append(record["messageId"])
    for whom, messages in sorted(to_ask.items()):
        failed += [] if _is_asked(whom) else messages
    return try_again(failed)


def _hear(published: Mapping[str, Any]) -> _Whom | None:
    """Note what an event says itself; return whom to ask about for the rest."""
    detail = published["detail"]
    kind, _, subject_id = detail["subject"].partition("/")
    told = _Told(
        type=published["detail-type"],
        app_id=app_of(detail),
        contact_id=subject_id,
        event_id=public_id(detail["sequence"]),
        at=from_rfc3339(detail["time"]),
        data=detail["data"],
    )
    # At a till nobody may know whose coupon it was.
    if kind != "contact":
        return None
    # What counts for an ad counts also where the app has none any more.
    is_kept = has_ads(told.app_id, since=told.at)
    if note := _COUNTING.get(told.type, _NOTES.get(told.type) if is_kept else None):
        return None if is_erased(told.contact_id, app_id=told.app_id) else note(told)
    if not is_kept:
        return None
    return _Whom(told.app_id, told.contact_id, told.data.get("device_id") or "")


def _is_asked(whom: _Whom) -> bool:
    try:
        ad_states().refresh(
            whom.contact_id,
            device_id=whom.device_id or None,
            app_id=whom.app_id,
            at=system_clock(),
        )
    except ContactErasedError:
        return True
    except Exception:  # noqa: BLE001 - the other people of the batch are asked about all the same
        logger().exception("a state was not brought up to date", contact=whom.contact_id)
        return False
    return True


def _device_left(told: _Told) -> _Whom | None:
    """Void the tokens of a device that is gone, of which nobody knows an epoch any more."""
    epoch = first_epoch(told.at)
    ad_states().on_device(told.contact_id, told.data["device_id"], epoch, app_id=told.app_id)
    return None


def _claimed(told: _Told) -> _Whom | None:
    if _is_advertised(told):
        ad_states().on_claimed(told.contact_id, told.data["coupon_id"], app_id=told.app_id)
    # It names the ad where it was claimed by a tap on one.
    if token_id := told.data.get("ad_token_id"):
        claims().count(
            token_id,
            app_id=told.app_id,
            contact_id=told.contact_id,
            cause=told.event_id,
            at=told.at,
        )
    return None


def _redeemed(told: _Told) -> _Whom | None:
    coupon_id = told.data["coupon_id"]
    if _is_advertised(told):
        ad_states().on_redeemed(told.contact_id, coupon_id, app_id=told.app_id)
    # The ad may not be live any more.
    conversions().convert(
        coupon_id,
        app_id=told.app_id,
        contact_id=told.contact_id,
        cause=told.event_id,
        at=told.at,
    )
    return None


def _rolled_back(told: _Told) -> _Whom | None:
    if told.data["use_returned"]:
        coupon_id = told.data["coupon_id"]
        ad_states().on_rolled_back(told.contact_id, coupon_id, app_id=told.app_id)
        return _Whom(told.app_id, told.contact_id)
    return None


def _is_advertised(told: _Told) -> bool:
    return is_advertised(told.data["coupon_id"], app_id=told.app_id, since=told.at)


_COUNTING: Mapping[str, Callable[[_Told], _Whom | None]] = {
    "coupon.claimed.v1": _claimed,
    "coupon.redeemed.v1": _redeemed,
}
"""What may count for an ad."""

_NOTES: Mapping[str, Callable[[_Told], _Whom | None]] = {
    "device.unregistered.v1": _device_left,
    "coupon.rolled_back.v1": _rolled_back,
}
"""What events say of a state themselves; after all others the other domains are asked."""
