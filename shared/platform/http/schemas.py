"""What every body and every answer on the wire has in common."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError
from typing_extensions import override

from shared.platform.http.bodies import FORM

FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)


LAST_INSTANT = datetime(9000, 1, 1, tzinfo=UTC)
"""Instants between these can be told in any zone, and lie some days from the calendar's ends."""


def _in_calendar(at: datetime) -> datetime:
    if not FIRST_INSTANT <= at < LAST_INSTANT:
        raise PydanticCustomError("instant", "an instant of the years 1970 to 8999")
    return at.astimezone(UTC)


Instant: TypeAlias = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
"""An instant with its zone, as clients send it; in UTC from here on."""


FormFields: TypeAlias = Annotated[dict[str, list[str]], Body(media_type=FORM)]
"""What a page's form sends: each field with its values. It makes a route take forms, not JSON."""


class In(BaseModel):
    """A body that clients send: unknown fields are refused, and so are guesses at a type."""

    # Built when first needed: a cold start meets one route, and pays for its models alone.
    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, defer_build=True)

    @override
    def __repr__(self) -> str:
        # Powertools writes every call's arguments into a text for its debug log, also when that is
        # off: a tenth of a request's time, and what people send has no place in a log.
        return type(self).__name__


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)
