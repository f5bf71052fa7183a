"""What the ad decisions API takes and returns on the wire: what its parts share."""

from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path

from shared.platform.auth.ad_tokens import LONGEST

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
AdToken: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]+$", max_length=LONGEST)]
