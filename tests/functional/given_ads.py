"""The token of an ad as a device has it, of a deployment that runs in this process."""

from functions.ad_decisions_api.wiring.stores import grants
from shared.kernel.clock import system_clock
from tests.fakes.ads import a_grant


def an_ad_token(*, app_id: str, contact_id: str, device_id: str) -> str:
    """Return the token of an ad that was given to a device just now."""
    at = system_clock().replace(microsecond=0)
    grant = a_grant(app_id=app_id, contact_id=contact_id, device_id=device_id, issued_at=at)
    return grants().token_of(grant)
