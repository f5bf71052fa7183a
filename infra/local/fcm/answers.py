"""What FCM says, word for word: its success, its refusals, its error details.

Bodies are those of https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode in a
google.rpc.Status.
"""

import json
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Ending(Enum):
    """What becomes of the exchange once the request was handled."""

    ANSWER = auto()
    HANG = auto()
    """The request was accepted; its answer never comes."""
    CUT = auto()
    """The request was accepted; the connection dies under it and all its neighbours."""


class Answer(NamedTuple):
    """One HTTP answer; ``slow`` ones wait for the configured latency first."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    ending: Ending = Ending.ANSWER
    slow: bool = False


class Violation(NamedTuple):
    """What is wrong with one field, as google.rpc.BadRequest words it."""

    field: str
    description: str


HANG = Answer(0, ending=Ending.HANG)
CUT = Answer(0, ending=Ending.CUT)


def as_json(value: Mapping[str, Any], *, status: int = 200) -> Answer:
    """Return ``value`` as a JSON answer."""
    return Answer(status, json.dumps(value).encode())


def accepted(name: str) -> Answer:
    """Answer a message that was taken."""
    return Answer(200, b'{"name": "%s"}' % name.encode(), slow=True)


def refused(
    http_status: int,
    status: str,
    message: str,
    *,
    fcm_code: str | None = None,
    details: Sequence[Mapping[str, Any]] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    """Return a google.rpc.Status, with FCM's own code in its details where there is one."""
    own = [] if fcm_code is None else [{"@type": FCM_ERROR, "errorCode": fcm_code}]
    error: dict[str, Any] = {"code": http_status, "message": message, "status": status}
    if own or details:
        error["details"] = [*own, *details]
    body = json.dumps({"error": error}).encode()
    return Answer(http_status, body, headers, slow=True)


def malformed(violations: Sequence[Violation]) -> Answer:
    """Refuse a body that is no SendMessageRequest: Google's front end answers in FCM's place."""
    message = "\n".join(violation.description for violation in violations)
    return refused(400, "INVALID_ARGUMENT", message, details=[_bad_request(violations)])


def invalid(violations: Sequence[Violation]) -> Answer:
    """Refuse a message that breaks one of FCM's own limits."""
    return refused(
        400,
        "INVALID_ARGUMENT",
        violations[0].description,
        fcm_code="INVALID_ARGUMENT",
        details=[_bad_request(violations)],
    )


def invalid_address() -> Answer:
    """Refuse an address that FCM never issued: its code, and no word about the payload."""
    return refused(
        400,
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
        fcm_code="INVALID_ARGUMENT",
    )


def unauthenticated(*, missing: bool) -> Answer:
    """Refuse a request without a bearer, or with one that is unknown or expired."""
    start = (
        "Request is missing required authentication credential."
        if missing
        else "Request had invalid authentication credentials."
    )
    info = {
        "@type": ERROR_INFO,
        "reason": "CREDENTIALS_MISSING" if missing else "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "domain": "googleapis.com",
        "metadata": {
            "service": "fcm.googleapis.com",
            "method": "google.firebase.fcm.v1.FcmService.SendMessage",
        },
    }
    return refused(
        401,
        "UNAUTHENTICATED",
        f"{start} Expected OAuth 2 access token, login cookie or other valid authentication "
        "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[info],
        headers=[("www-authenticate", 'Bearer realm="https://accounts.google.com/"')],
    )


def not_found() -> Answer:
    """Answer a path that this server does not have."""
    return refused(404, "NOT_FOUND", "Requested entity was not found.")


def unregistered() -> Answer:
    """The app was uninstalled, or its registration expired."""
    return refused(404, "NOT_FOUND", "Requested entity was not found.", fcm_code="UNREGISTERED")


def quota_exceeded(retry_after: str | None) -> Answer:
    """The project's minute is used up."""
    return refused(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute'.",
        fcm_code="QUOTA_EXCEEDED",
        headers=_retry_after(retry_after),
    )


def unavailable(retry_after: str | None) -> Answer:
    """FCM is overloaded."""
    return refused(
        503,
        "UNAVAILABLE",
        "The service is currently unavailable.",
        fcm_code="UNAVAILABLE",
        headers=_retry_after(retry_after),
    )


def internal() -> Answer:
    """FCM broke."""
    return refused(500, "INTERNAL", "Internal error encountered.", fcm_code="INTERNAL")


def sender_id_mismatch() -> Answer:
    """The address belongs to another Firebase project."""
    return refused(403, "PERMISSION_DENIED", "SenderId mismatch", fcm_code="SENDER_ID_MISMATCH")


def third_party_auth_error() -> Answer:
    """The project's APNs certificate or web push key is missing or wrong."""
    return refused(
        401,
        "UNAUTHENTICATED",
        "Auth error from APNS or Web Push Service",
        fcm_code="THIRD_PARTY_AUTH_ERROR",
    )


def oauth_error(error: str, description: str) -> Answer:
    """Refuse a token request (RFC 6749, section 5.2)."""
    return as_json({"error": error, "error_description": description}, status=400)


def _bad_request(violations: Sequence[Violation]) -> dict[str, Any]:
    return {
        "@type": BAD_REQUEST,
        "fieldViolations": [violation._asdict() for violation in violations],
    }


def _retry_after(text: str | None) -> Sequence[tuple[str, str]]:
    return () if text is None else (("retry-after", text),)
