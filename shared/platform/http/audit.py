"""What marketers do is kept before they are answered: who, what, how it ended; never a body.

An entry is written for what was done, for what a role refused (403), and for what failed on our
side, since nobody knows how far that came. Whatever else is refused changed nothing, and leaves
nothing. If the entry cannot be written, the answer is 500 although the effect stands: whoever then
tries again with the same `Idempotency-Key` gets the first answer, and the entry with it.
"""

import json
from http import HTTPStatus
from typing import Protocol

from shared.kernel.audit import AuditedCall
from shared.kernel.principal import Kind, Principal
from shared.platform.http.request import CALLED, CALLER, EVENT, Event

UNAUDITED = frozenset({"GET"})
"""Methods that change nothing."""


class AuditLog(Protocol):
    """Keeps what marketers do."""

    def note(self, call: AuditedCall) -> None:
        """Keep a call as it was answered."""
        ...


def audited_call(answer: Event) -> AuditedCall | None:
    """Return what is to be kept of the call that is being answered, if anything.

    Marketers are those who hold a role on the app in the path, and above apps any role. Devices,
    contacts and tills act for themselves: what they do is in the ledger.
    """
    called, caller, status = CALLED.get(), CALLER.get(), int(answer["statusCode"])
    if called is None or caller is None or called.method in UNAUDITED:
        return None
    app_id = called.parameters.get("app_id")
    if not (_is_marketer(caller, app_id) and _tells(status)):
        return None
    return AuditedCall(
        app_id=app_id,
        by=caller.subject,
        route=f"{called.method} {called.path}",
        parameters=called.parameters,
        status=status,
        code=json.loads(answer["body"])["code"] if status >= HTTPStatus.BAD_REQUEST else None,
        request_id=EVENT.get()["requestContext"].get("requestId", "unknown"),
    )


def _is_marketer(caller: Principal, app_id: str | None) -> bool:
    if caller.kind not in {Kind.IAM, Kind.USER}:
        return False
    return bool(caller.grants) if app_id is None else caller.role_on(app_id) is not None


def _tells(status: int) -> bool:
    return (
        status < HTTPStatus.BAD_REQUEST
        or status == HTTPStatus.FORBIDDEN
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
