"""Operations as HTTP requests: the same operations always make the same bytes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engage_mobile.identity import Identity
from engage_mobile.operations import Kind, Operation, Proof
from engage_mobile.outcomes import Answered, Because, Dropped, Outcome
from engage_mobile.transport import Request

USER_AGENT: Final = "engage-mobile/0.1.0"
JSON: Final = "application/json"
CLOUDEVENTS_BATCH: Final = "application/cloudevents-batch+json"
_LISTED: Final[Mapping[Kind, str]] = {Kind.RECEIPT: "receipts", Kind.AD_EVENT: "events"}
"""Kinds that go in batches, by the name of the list in the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What proves who asks, besides the device's own token: as the app gives it at the moment."""

    user_token: str | None = None
    app_check_token: str | None = None


def foregone(operation: Operation, identity: Identity, proofs: Proofs) -> Outcome | None:
    """Return what becomes of an operation that need not be sent at all.

    A log-out where nobody is logged in is done: sent, it might arrive behind the next login.
    """
    if operation.kind is Kind.LOG_OUT and identity.is_anonymous:
        return Answered(status=200)
    if operation.trait.proof is Proof.DEVICE:
        return None
    if identity.is_anonymous:
        return Dropped(because=Because.NOT_LOGGED_IN)
    return Dropped(because=Because.UNAUTHENTICATED) if proofs.user_token is None else None


def request_of(
    operations: Sequence[Operation], *, app_id: str, identity: Identity, proofs: Proofs
) -> Request:
    """Return the request that tells all of these operations, which go together."""
    first = operations[0]
    path = first.path.format(device_id=identity.device_id, contact_id=identity.contact_id)
    content = _content(operations)
    headers = {"User-Agent": USER_AGENT}
    if content is not None:
        headers["Content-Type"] = CLOUDEVENTS_BATCH if first.kind is Kind.TRACK else JSON
    if first.trait.has_key:
        headers["Idempotency-Key"] = first.key
    token = proofs.user_token if first.trait.proof is Proof.USER else identity.device_token
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if first.kind is Kind.REGISTER and proofs.app_check_token is not None:
        headers["X-Firebase-AppCheck"] = proofs.app_check_token
    return Request(
        method=first.method,
        path=f"/v1/apps/{app_id}/{path}",
        headers=headers,
        content=content,
    )


def _content(operations: Sequence[Operation]) -> bytes | None:
    first = operations[0]
    if first.trait.most == 1:
        return None if first.body is None else first.body.encode()
    listed = "[" + ",".join(one.body or "null" for one in operations) + "]"
    if first.kind in _LISTED:
        listed = f"{{{json.dumps(_LISTED[first.kind])}:{listed}}}"
    return listed.encode()
