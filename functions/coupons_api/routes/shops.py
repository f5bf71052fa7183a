"""The routes of stores: the public keys of their tills."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.coupons_api.schemas import AppId, KeyId, StoreId
from functions.coupons_api.schemas.shops import TillKeyIn, TillKeyOut, TillKeysOut
from functions.coupons_api.wiring import shops
from shared.coupons.errors import ShopChangedError, ShopNotFoundError, TooManyTillKeysError
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import caller
from shared.platform.http.routing import Router

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
KEYS = "/v1/apps/<app_id>/stores/<store_id>/keys"


@router.on(
    f"POST {KEYS}",
    summary="Register a key of a store's tills",
    access=marketer(Role.EDITOR),
    success={CREATED: "The key.", OK: "The store had it already."},
    refusals=[TooManyTillKeysError, ShopChangedError],
)
def register_till_key(
    app_id: AppId, store_id: StoreId, body: Annotated[TillKeyIn, Body()]
) -> Response[TillKeyOut]:
    """Let whoever signs with a key speak for a store from now on."""
    key, is_new = shops().register_key(
        body.public_key, app_id=app_id, store_id=store_id, name=body.name, by=caller().subject
    )
    return answered(TillKeyOut.of(key), CREATED if is_new else OK)


@router.on(
    f"GET {KEYS}",
    summary="The keys of a store's tills",
    access=marketer(Role.VIEWER),
    success={OK: "The keys, oldest first."},
)
def list_till_keys(app_id: AppId, store_id: StoreId) -> TillKeysOut:
    """Return the keys of a store; one that nobody told of has none."""
    return TillKeysOut.of(shops().list_keys(app_id=app_id, store_id=store_id))


@router.on(
    f"DELETE {KEYS}/<key_id>",
    summary="Remove a key of a store's tills",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "The key proves nothing any more."},
    refusals=[ShopNotFoundError, ShopChangedError],
)
def remove_till_key(app_id: AppId, store_id: StoreId, key_id: KeyId) -> None:
    """Let a key prove nothing any more, from the next request on."""
    shops().remove_key(key_id, app_id=app_id, store_id=store_id, by=caller().subject)
