"""What the coupons API takes and returns on the wire: what its parts share."""

from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field, StrictInt

from shared.kernel.money import CURRENCY

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
CouponId: TypeAlias = Annotated[str, Path(pattern=r"^cpn_[0-9A-Z]{26}$")]
CodeId: TypeAlias = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
JobId: TypeAlias = Annotated[str, Path(pattern=r"^cjb_[0-9A-Z]{26}$")]
PublicationId: TypeAlias = Annotated[str, Path(pattern=r"^pub_[0-9a-f]{32}$")]
RedemptionId: TypeAlias = Annotated[str, Path(pattern=r"^red_[0-9A-Z]{26}$")]
StoreId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
KeyId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]
Letters: TypeAlias = Annotated[str, Path(min_length=1, max_length=128)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=100)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]

Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Ids: TypeAlias = Annotated[tuple[Id, ...], Field(max_length=200)]
NamedContact: TypeAlias = Annotated[str, Field(pattern=r"^con_[0-9A-Z]{26}$")]
NamedDevice: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Currency: TypeAlias = Annotated[str, Field(pattern=f"^{CURRENCY}$", examples=["CHF"])]
Amount: TypeAlias = Annotated[StrictInt, Field(ge=1, le=10**12, description="Minor units.")]
Version: TypeAlias = Annotated[
    StrictInt, Field(ge=1, le=10**9, description="The version that was read and changed.")
]
