"""Other systems of an app, on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.kernel.events import Channel
from shared.platform.http.schemas import In, Out
from shared.registrations.model.systems import WebhookSecret

SecretId: TypeAlias = Annotated[str, Path(pattern=r"^whs_[0-9A-Z]{26}$")]


class Vendor(StrEnum):
    """Vendors whose webhooks we read."""

    CONNECT = "connect"
    SENDGRID = "sendgrid"
    SES = "ses"
    SHOPIFY = "shopify"
    TWILIO = "twilio"


class WebhookSecretIn(In):
    """Another system and the channels it may speak for; or a vendor and what it is believed by."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
            description="The system, in lower case; a second secret of it has the same name.",
            examples=["campaign-suite"],
        ),
    ]
    channels: Annotated[
        tuple[Channel, ...],
        Field(max_length=len(Channel), description="Those that a system may speak for."),
    ] = ()
    dialect: Annotated[
        Vendor | None, Field(description="The vendor; null: a system that signs as we say.")
    ] = None
    secret: Annotated[
        str | None,
        Field(
            min_length=8,
            max_length=2_048,
            pattern=r"^[!-~]+$",
            description="What the vendor gave out: its secret, its public key, the key that its API"
            " destination sends, or the ARN of the SNS topic that may speak.",
        ),
    ] = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.dialect is None) != (self.secret is None):
            raise PydanticCustomError("vendor", "a vendor needs both dialect and secret")
        if (self.dialect is None) == (not self.channels):
            raise PydanticCustomError("channels", "a system needs channels, a vendor has none")
        return self


class WebhookSecretOut(Out):
    """A secret of another system, which is not shown."""

    secret_id: str
    name: str
    channels: tuple[Channel, ...]
    dialect: str | None = Field(description="The vendor; null: another system.")
    created_at: datetime
    ends_at: datetime | None = Field(description="Null: it holds until it is deleted.")

    @classmethod
    def of(cls, found: WebhookSecret) -> Self:
        """Render a secret."""
        return cls(**_described(found))


class WebhookSecretWithKeyOut(WebhookSecretOut):
    """A secret of another system, shown once."""

    secret: str | None = Field(
        description="As Standard Webhooks writes it: `whsec_<base64>`. Null: the vendor's own."
    )

    @classmethod
    def with_key(cls, found: WebhookSecret, *, secret: str | None) -> Self:
        """Render a secret together with its text, if we made it."""
        return cls(**_described(found), secret=secret)


class WebhookSecretsOut(Out):
    """The secrets of an app's other systems."""

    items: tuple[WebhookSecretOut, ...]


def _described(found: WebhookSecret) -> dict[str, Any]:
    return {
        "secret_id": found.secret_id,
        "name": found.name,
        "channels": tuple(sorted(found.channels)),
        "dialect": found.dialect,
        "created_at": found.created_at,
        "ends_at": found.ends_at,
    }
