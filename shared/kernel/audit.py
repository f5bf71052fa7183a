"""What a marketer did, or was refused: what the audit log is told of a call."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCall:
    """A marketer's call as it was answered, without anything of its body.

    ``app_id`` is the app in the path; without one (``None``) the call is above apps. ``by`` is the
    principal. ``route`` is as the API's document writes it, such as ``POST /v1/apps/{app_id}``,
    ``parameters`` are its values. ``code`` says of a refusal which one it is.
    """

    app_id: str | None
    by: str
    route: str
    parameters: Mapping[str, str]
    status: int
    code: str | None
    request_id: str
