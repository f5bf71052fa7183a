"""What an answer means for each operation that was told in one request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from engage_mobile.operations import Kind, Operation
from engage_mobile.outcomes import Answered, Because, Dropped, Outcome
from engage_mobile.transport import Response

IDENTITY_KINDS: Final = frozenset({Kind.REGISTER, Kind.IDENTIFY, Kind.LOG_OUT})
"""Kinds that are answered by the device, with a token."""


def is_usable(operation: Operation, response: Response) -> bool:
    """Say whether an answer is the API's, where everything hangs on what it says."""
    if not response.is_success or operation.kind not in IDENTITY_KINDS:
        return True
    document = response.document
    wanted = {"device_token", "contact_id", "is_anonymous"}
    return isinstance(document, dict) and wanted <= document.keys()


def outcomes_of(
    operations: Sequence[Operation], response: Response
) -> Iterator[tuple[Operation, Outcome]]:
    """Yield what became of each operation of a request that the server took."""
    document = response.document
    body: Mapping[str, Any] = document if isinstance(document, dict) else {}
    answered = Answered(
        status=response.status,
        body=body,
        content=b"" if body else response.content,
        replayed=response.headers.get("idempotent-replayed") == "true",
    )
    rejected = _rejected(operations, body)
    for index, operation in enumerate(operations):
        problem = rejected.get(index)
        yield (
            operation,
            answered
            if problem is None
            else Dropped(because=Because.REFUSED, status=response.status, problem=problem),
        )


def dropped_of(because: Because, response: Response | None) -> Dropped:
    """Return why an operation is dropped, in the server's words."""
    if response is None:
        return Dropped(because=because)
    document = response.document
    problem = document if isinstance(document, dict) else {}
    return Dropped(because=because, status=response.status, problem=problem)


def _rejected(
    operations: Sequence[Operation], body: Mapping[str, Any]
) -> Mapping[int, Mapping[str, Any]]:
    """Return what the server rejected of a batch, by its place in it."""
    if operations[0].kind not in {Kind.TRACK, Kind.RECEIPT}:
        return {}
    return {int(one["index"]): one for one in body.get("rejected", ())}
