"""What the contact events API takes and returns on the wire."""

from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
