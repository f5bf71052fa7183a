"""The routes of devices."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId, DeviceId
from functions.registrations_api.schemas.devices import (
    DeviceIn,
    DeviceOut,
    IdentifyIn,
    RegisteredDeviceOut,
)
from functions.registrations_api.wiring import device_tokens, doors, registrations
from shared.kernel.clock import system_clock
from shared.platform.auth.device_tokens import GRACE
from shared.platform.auth.doors import anyone, device
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.http.api import answered
from shared.platform.http.request import header, proof
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppCheckRequiredError,
    AppNotFoundError,
    DeviceNotFoundError,
    DeviceTokenRequiredError,
    ErasureRunningError,
    TooManyDevicesError,
)
from shared.registrations.model.devices import Device

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
DEVICE = "/v1/apps/<app_id>/devices/<device_id>"


@router.on(
    f"PUT {DEVICE}",
    summary="Register or refresh a device",
    access=anyone(),
    success={OK: "The device was known; its state as it stands.", CREATED: "The device is new."},
    refusals=[
        AppNotFoundError,
        AppCheckRequiredError,
        DeviceTokenRequiredError,
        UnauthenticatedError,
    ],
)
def register_device(
    app_id: AppId, device_id: DeviceId, body: Annotated[DeviceIn, Body()]
) -> Response[RegisteredDeviceOut]:
    """Register an installation, or tell its newest state.

    The first registration needs only the app's id (and `X-Firebase-AppCheck` where the app enforces
    it). Afterwards the device id needs its token, which may have expired up to 400 days ago.
    """
    claims = doors().device_claims(proof(), grace=GRACE)

    def owns(known: Device) -> bool:
        return (
            claims is not None
            and (claims.app_id, claims.device_id)
            == (
                known.app_id,
                known.device_id,
            )
            and claims.epoch >= known.epoch
        )

    found, is_new = registrations().devices.register_device(
        app_id=app_id,
        device_id=device_id,
        state=body.state(),
        client_seq=body.client_seq,
        owns=owns,
        app_check_token=header("x-firebase-appcheck"),
    )
    return answered(_with_token(found), CREATED if is_new else OK)


@router.on(
    f"GET {DEVICE}",
    summary="A device",
    access=device(),
    success={OK: "The device."},
    refusals=[DeviceNotFoundError],
)
def get_device(app_id: AppId, device_id: DeviceId) -> DeviceOut:
    """Return the calling device as it is registered."""
    return DeviceOut.of(registrations().devices.get_device(app_id=app_id, device_id=device_id))


@router.on(
    f"DELETE {DEVICE}",
    summary="Unregister a device",
    access=device(),
    success={NO_CONTENT: "The device is forgotten."},
    refusals=[DeviceNotFoundError],
)
def unregister_device(app_id: AppId, device_id: DeviceId) -> Response[None]:
    """Forget the calling device and free its address."""
    registrations().devices.unregister_device(app_id=app_id, device_id=device_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"PUT {DEVICE}/contact",
    summary="Log in",
    access=device(),
    success={OK: "The device, which is its contact's now."},
    refusals=[DeviceNotFoundError, TooManyDevicesError, ErasureRunningError],
)
def identify(
    app_id: AppId, device_id: DeviceId, body: Annotated[IdentifyIn, Body()]
) -> RegisteredDeviceOut:
    """Bind the device to the contact that a token of the app's issuer names.

    What happened on the device before joins that contact's history, unless somebody else was
    logged in.
    """
    claims = doors().user_claims(body.user_token, app_id=app_id)
    found = registrations().contacts.identify(
        app_id=app_id, device_id=device_id, issuer=str(claims["iss"]), subject=str(claims["sub"])
    )
    return _with_token(found)


@router.on(
    f"DELETE {DEVICE}/contact",
    summary="Log out",
    access=device(),
    success={OK: "The device, anonymous again, with a new token: the old ones are void."},
    refusals=[DeviceNotFoundError],
)
def log_out(app_id: AppId, device_id: DeviceId) -> RegisteredDeviceOut:
    """Unbind the device from its contact."""
    found = registrations().contacts.log_out(app_id=app_id, device_id=device_id)
    return _with_token(found)


def _with_token(found: Device) -> RegisteredDeviceOut:
    token = device_tokens().issue(
        app_id=found.app_id,
        device_id=found.device_id,
        epoch=found.epoch,
        at=system_clock(),
        contact_id=found.contact_id,
    )
    return RegisteredDeviceOut.with_token(found, token=token)
