"""Other systems of an app, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from shared.kernel.events import Channel
from shared.platform.http.schemas import In, Out
from shared.registrations.model.systems import WebhookSecret

SecretId: TypeAlias = Annotated[str, Path(pattern=r"^whs_[0-9A-Z]{26}$")]


class WebhookSecretIn(In):
    """Another system, and the channels it may speak for."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
            description="The system, in lower case; a second secret of it has the same name.",
            examples=["campaign-suite"],
        ),
    ]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=len(Channel))]


class WebhookSecretOut(Out):
    """A secret of another system, which is not shown."""

    secret_id: str
    name: str
    channels: tuple[Channel, ...]
    created_at: datetime
    ends_at: datetime | None = Field(description="Null: it holds until it is deleted.")

    @classmethod
    def of(cls, found: WebhookSecret) -> Self:
        """Render a secret."""
        return cls(**_described(found))


class WebhookSecretWithKeyOut(WebhookSecretOut):
    """A secret of another system, shown once."""

    secret: str = Field(description="As Standard Webhooks writes it: `whsec_<base64>`.")

    @classmethod
    def with_key(cls, found: WebhookSecret, *, secret: str) -> Self:
        """Render a secret together with its text."""
        return cls(**_described(found), secret=secret)


class WebhookSecretsOut(Out):
    """The secrets of an app's other systems."""

    items: tuple[WebhookSecretOut, ...]


def _described(found: WebhookSecret) -> dict[str, Any]:
    return {
        "secret_id": found.secret_id,
        "name": found.name,
        "channels": tuple(sorted(found.channels)),
        "created_at": found.created_at,
        "ends_at": found.ends_at,
    }
