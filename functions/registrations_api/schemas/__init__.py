"""What the registrations API takes and returns on the wire: what its parts share."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from shared.platform.auth.doors import normalised_arn

LARGEST_ATTRIBUTES = 2_048
"""Bytes of JSON: attributes lie on the device's row, which every campaign reads."""


def _of_moderate_size(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(json.dumps(dict(attributes)).encode()) > LARGEST_ATTRIBUTES:
        raise PydanticCustomError("too_large", "at most 2048 bytes of JSON in all")
    return attributes


AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
DeviceId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
ContactId: TypeAlias = Annotated[str, Path(pattern=r"^con_[0-9A-Z]{26}$")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]
AnyApp: TypeAlias = Annotated[str, Field(pattern=r"^(\*|app_[0-9A-Z]{26})$")]
PrincipalName: TypeAlias = Annotated[
    str,
    Field(
        min_length=3,
        max_length=512,
        pattern=r"^[!-~]+$",
        description="IAM role ARN, kept without its path, or `issuer#subject`, or "
        "`issuer#group/name`.",
    ),
    AfterValidator(normalised_arn),
]
Locale: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$", examples=["de-CH"])
]
Zone: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$", examples=["Europe/Zurich"])
]
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Tag: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Value: TypeAlias = (
    StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=256)]
)
Attributes: TypeAlias = Annotated[
    dict[Word, Value], Field(max_length=50), AfterValidator(_of_moderate_size)
]
