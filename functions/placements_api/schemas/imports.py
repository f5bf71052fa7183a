"""Imports of many booked things, on the wire."""

from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field

from shared.placements.model.demand import Kind
from shared.placements.model.imports import MOST_LINES, Action, Entry, ImportReport
from shared.platform.http.problems import FieldProblemOut
from shared.platform.http.schemas import In, Out

Lines: TypeAlias = Annotated[
    tuple[dict[str, Any], ...],
    Field(
        max_length=MOST_LINES,
        description="Each is the body that makes such a thing, with a `key` by which the next"
        " import knows it, and perhaps the `state` in which it is to stand. What ends in `_id` may"
        " be left out for the same word without it, which is a key; lists of ids may have keys.",
    ),
]


class DemandImportIn(In):
    """Booked things that name each other by keys; at most 5,000 together."""

    ad_templates: Lines = ()
    placements: Lines = ()
    advertisers: Lines = ()
    ad_campaigns: Lines = ()
    flights: Lines = ()
    creatives: Lines = ()
    ads: Lines = ()

    def document(self) -> dict[str, Any]:
        """Return what was sent as a document of the model."""
        return self.model_dump(mode="json", exclude_unset=True)


class ImportedOut(Out):
    """What became of a line, or would; `done`: it is so now."""

    kind: Kind
    key: str
    pointer: str
    action: Action
    done: bool
    thing_id: str | None = Field(description="Null while there is no such thing.")
    problems: tuple[FieldProblemOut, ...]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Render what became of a line."""
        return cls(
            kind=entry.kind,
            key=entry.key,
            pointer=entry.pointer,
            action=entry.action,
            done=entry.done,
            thing_id=entry.thing_id,
            problems=tuple(
                FieldProblemOut(pointer=one.pointer, code=one.code, detail=one.detail)
                for one in entry.problems
            ),
        )


class ImportReportOut(Out):
    """What became of an import, line by line, in the order in which things are made.

    Where a line is refused, nothing is written. `done` says whether all is as the document wants
    it; if it is not and no line is refused, the same import again goes on where this one stopped.
    """

    dry_run: bool
    done: bool
    created: int
    updated: int
    unchanged: int
    refused: int
    items: tuple[ImportedOut, ...]

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Render what became of an import."""
        return cls(
            dry_run=report.dry_run,
            done=report.done,
            created=report.count(Action.CREATED),
            updated=report.count(Action.UPDATED),
            unchanged=report.count(Action.UNCHANGED),
            refused=report.count(Action.REFUSED),
            items=tuple(ImportedOut.of(entry) for entry in report.entries),
        )
