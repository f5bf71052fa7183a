"""The audit log, on the wire."""

from datetime import datetime
from typing import Annotated, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, Field

from shared.kernel.paging import Page, cursor_of
from shared.platform.auth.doors import normalised_arn
from shared.platform.http.schemas import Instant, Out
from shared.registrations.model.audit import AuditEntry

Since: TypeAlias = Annotated[Instant | None, Query(alias="from")]
Until: TypeAlias = Annotated[Instant | None, Query(alias="to")]
CallerName: TypeAlias = Annotated[
    str, Query(min_length=3, max_length=512, pattern=r"^[!-~]+$"), AfterValidator(normalised_arn)
]


class AuditEntryOut(Out):
    """What a marketer did, or what a role refused them."""

    entry_id: str
    at: datetime
    by: str = Field(description="An IAM role's ARN, or `issuer#subject`.")
    route: str = Field(examples=["PUT /v1/apps/{app_id}/policy"])
    parameters: dict[str, str] = Field(description="The values of the route's path.")
    status: int
    code: str | None = Field(description="Of a refusal: which one it is.")
    request_id: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Render an entry."""
        call = entry.call
        return cls(
            entry_id=f"aud_{entry.entry_id}",
            at=entry.at,
            by=call.by,
            route=call.route,
            parameters=dict(call.parameters),
            status=call.status,
            code=call.code,
            request_id=call.request_id,
        )


class AuditLogOut(Out):
    """A page of an audit log, the newest entry first."""

    items: tuple[AuditEntryOut, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[AuditEntry]) -> Self:
        """Render a page."""
        return cls(
            items=tuple(AuditEntryOut.of(entry) for entry in page.items),
            next_cursor=page.next_cursor and cursor_of(page.next_cursor),
        )
