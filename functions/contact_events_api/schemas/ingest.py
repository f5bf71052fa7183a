"""What came of events that others sent, on the wire."""

from datetime import datetime
from typing import Self

from pydantic import Field

from shared.contact_events.model.rejects import Refused
from shared.contact_events.model.translations import Reject
from shared.contact_events.service.ingest import Ingested
from shared.platform.http.schemas import Out


class RejectOut(Out):
    """One event that was refused, and the first thing that is wrong with it."""

    index: int = Field(description="Its place in the request, from 0.")
    code: str = Field(description="Stable, for programs.", examples=["time"])
    pointer: str = Field(description="JSON pointer into the request; empty: the whole of it.")
    detail: str

    @classmethod
    def of(cls, reject: Reject) -> Self:
        """Render a reject; a sender's text may hold what UTF-8 cannot carry."""
        return cls(
            index=reject.index,
            code=reject.code,
            pointer=_writable(reject.pointer),
            detail=_writable(reject.detail),
        )


class IngestedOut(Out):
    """What came of each event of a request."""

    accepted: int = Field(description="Events that are new.")
    duplicates: int = Field(description="Events that were recorded before; nothing changed.")
    rejected: tuple[RejectOut, ...]

    @classmethod
    def of(cls, ingested: Ingested) -> Self:
        """Render what came of a request."""
        return cls(
            accepted=ingested.accepted,
            duplicates=ingested.duplicates,
            rejected=tuple(RejectOut.of(reject) for reject in ingested.rejects),
        )


class SuccessOut(Out):
    """What libraries of the Segment wire wait for."""

    success: bool


class IngestRejectOut(RejectOut):
    """A reject as it is kept: without what the event said."""

    reject_id: str
    wire: str = Field(description="`cloudevents`, `segment`, or the vendor.")
    at: datetime
    source: str | None = Field(description="As the event said, where it could be read.")
    id: str | None
    type: str | None

    @classmethod
    def kept(cls, refused: Refused) -> Self:
        """Render a reject that is kept."""
        return cls(
            **RejectOut.of(refused.reject).model_dump(),
            reject_id=refused.reject_id,
            wire=refused.wire,
            at=refused.at,
            source=refused.source,
            id=refused.id,
            type=refused.type,
        )


class IngestRejectsOut(Out):
    """A page of rejects."""

    items: tuple[IngestRejectOut, ...]
    next_cursor: str | None


def _writable(text: str) -> str:
    return text.encode(errors="replace").decode()
