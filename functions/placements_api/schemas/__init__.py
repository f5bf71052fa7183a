"""What the API of booked ads takes and returns on the wire: what its parts share."""

from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field, StrictInt

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
FlightId: TypeAlias = Annotated[str, Path(pattern=r"^flt_[0-9A-Z]{26}$")]
DecisionId: TypeAlias = Annotated[str, Path(pattern=r"^dec_[0-9A-Z]{26}$")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]

Version: TypeAlias = Annotated[
    StrictInt, Field(ge=1, le=10**9, description="The version that was read and changed.")
]
