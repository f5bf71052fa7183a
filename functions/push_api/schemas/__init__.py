"""What the push API takes and returns on the wire: what its parts share."""

from datetime import timedelta
from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
InAppId: TypeAlias = Annotated[str, Path(pattern=r"^iam_[0-9A-Z]{26}$")]
DeviceId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
MessageId: TypeAlias = Annotated[str, Path(pattern=r"^msg_[0-9A-Z]{26}_[0-9]{1,3}$")]
TemplateId: TypeAlias = Annotated[str, Path(pattern=r"^tpl_[0-9A-Z]{26}$")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=100)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=4_096)]
Locale: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$", examples=["de-CH"])
]
Topic: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Link: TypeAlias = Annotated[str, Field(min_length=1, max_length=2_048)]
DataKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
VariableName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Variables: TypeAlias = Annotated[
    dict[VariableName, Annotated[str, Field(max_length=1_024)]], Field(max_length=50)
]
Ttl: TypeAlias = Annotated[int, Field(ge=0, le=2_419_200)]
CollapseKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]


def duration(seconds: int | None) -> timedelta | None:
    """Return so many seconds, ``None`` of none."""
    return None if seconds is None else timedelta(seconds=seconds)
