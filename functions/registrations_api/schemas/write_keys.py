"""Write keys of an app, on the wire."""

from datetime import datetime
from typing import Annotated, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from shared.platform.http.schemas import In, Out
from shared.registrations.model.write_keys import WriteKey
from shared.registrations.service.write_keys import IssuedWriteKey

WriteKeyId: TypeAlias = Annotated[str, Path(pattern=r"^wky_[0-9A-Z]{26}$")]


class WriteKeyIn(In):
    """A source that sends events: a site, an app, a server."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
            description="The source, in lower case; a second key of it has the same name.",
            examples=["web-shop"],
        ),
    ]


class WriteKeyOut(Out):
    """A write key, which is not shown."""

    write_key_id: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, found: WriteKey) -> Self:
        """Render a key."""
        return cls(write_key_id=found.key_id, name=found.name, created_at=found.created_at)


class WriteKeyWithTextOut(WriteKeyOut):
    """A write key, shown once."""

    write_key: str | None = Field(
        description="Null where the same `Idempotency-Key` was answered before: only its hash was"
        " kept. Whoever lost the first answer deletes the key and makes another."
    )

    @classmethod
    def issued(cls, issued: IssuedWriteKey) -> Self:
        """Render a key as it is told once."""
        key = issued.key
        return cls(
            write_key_id=key.key_id,
            name=key.name,
            created_at=key.created_at,
            write_key=issued.text,
        )


class WriteKeysOut(Out):
    """The write keys of an app."""

    items: tuple[WriteKeyOut, ...]
