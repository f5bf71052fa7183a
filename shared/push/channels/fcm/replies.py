"""What came back for one message, and what it means: firebase-admin's errors, then our outcomes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeAlias

from firebase_admin import exceptions
from firebase_admin._messaging_utils import (
    QuotaExceededError,
    SenderIdMismatchError,
    ThirdPartyAuthError,
    UnregisteredError,
)
from firebase_admin.exceptions import FirebaseError

from shared.push.model import Delivery, DeliveryResult, Outcome

QUOTA_PAUSE = timedelta(seconds=60)
"""FCM's quota is per minute: https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas"""

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_ADDRESS_FIELDS = frozenset({"message.fid", "message.token"})

_BY_FCM_CODE: Mapping[str, type[FirebaseError]] = {
    "APNS_AUTH_ERROR": ThirdPartyAuthError,
    "QUOTA_EXCEEDED": QuotaExceededError,
    "SENDER_ID_MISMATCH": SenderIdMismatchError,
    "THIRD_PARTY_AUTH_ERROR": ThirdPartyAuthError,
    "UNREGISTERED": UnregisteredError,
}
_STATUS_OF_HTTP = {
    400: exceptions.INVALID_ARGUMENT,
    401: exceptions.UNAUTHENTICATED,
    403: exceptions.PERMISSION_DENIED,
    404: exceptions.NOT_FOUND,
    409: exceptions.CONFLICT,
    412: exceptions.FAILED_PRECONDITION,
    429: exceptions.RESOURCE_EXHAUSTED,
    500: exceptions.INTERNAL,
    503: exceptions.UNAVAILABLE,
}
"""For bodies without a status of their own. firebase-admin's ``messaging`` has these two tables as
well, but costs twice our whole import (it brings httpx); a test holds them equal."""

_BY_STATUS: Mapping[str, type[FirebaseError]] = {
    error("").code: error for error in FirebaseError.__subclasses__()
}


class Outgoing(NamedTuple):
    """One delivery on its way to a wire: its place in the batch, its body, and when it leaves."""

    place: int
    delivery: Delivery
    at: datetime
    body: bytes
    validate_only: bool


class Answer(NamedTuple):
    """FCM's answer; ``retry_after`` is in seconds, ``None`` if it said nothing."""

    status: int
    body: bytes
    retry_after: float | None = None


class NotSent(NamedTuple):
    """The message certainly never reached FCM's application."""

    reason: str


class AnswerLost(NamedTuple):
    """The message may have been taken; nobody knows."""

    reason: str


Reply: TypeAlias = Answer | NotSent | AnswerLost


class Wire(Protocol):
    """Carries messages to FCM; one caller at a time."""

    def exchange(self, outgoing: Iterator[Outgoing], *, bearer: str) -> Iterator[tuple[int, Reply]]:
        """Yield exactly one reply per message, as they come, with the place of its message.

        Messages are drawn from ``outgoing`` only as the wire has room for them.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class CredentialsRefused:
    """FCM did not look at the message: the bearer, its rights or its project are wrong."""

    reason: str


def result_of(reply: Reply, *, pause: timedelta) -> DeliveryResult | CredentialsRefused:
    """Return what a reply means for its delivery.

    ``pause`` is when to try again if FCM is overloaded and names no time itself.
    """
    match reply:
        case Answer(status=200, body=body):
            return DeliveryResult(outcome=Outcome.SENT, provider_id=_name(body))
        case Answer():
            return _refusal(reply, pause)
        case NotSent(reason=reason):
            return DeliveryResult(
                outcome=Outcome.RETRY, code="not_sent", detail=reason, retry_after=pause
            )
        case AnswerLost(reason=reason):
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost", detail=reason)


def firebase_error(answer: Answer) -> FirebaseError:
    """Return the error that firebase-admin would raise for an answer that is no success."""
    return _Refusal.read(answer).error()


class _Refusal(NamedTuple):
    """The parts of a google.rpc.Status."""

    http_status: int
    status: str
    fcm_code: str | None
    message: str
    fields: Sequence[str]

    @classmethod
    def read(cls, answer: Answer) -> "_Refusal":
        error = _error_object(answer.body)
        details = [part for part in error.get("details", ()) if isinstance(part, dict)]
        codes = [part.get("errorCode") for part in details if part.get("@type") == _FCM_ERROR]
        fields = [
            violation.get("field", "")
            for part in details
            if part.get("@type") == _BAD_REQUEST
            for violation in part.get("fieldViolations", ())
        ]
        fallback = _STATUS_OF_HTTP.get(answer.status, exceptions.UNKNOWN)
        unexpected = f"Unexpected HTTP response with status: {answer.status}"
        return cls(
            http_status=answer.status,
            status=error.get("status") or fallback,
            fcm_code=codes[0] if codes else None,
            message=error.get("message") or unexpected,
            fields=fields,
        )

    def error(self) -> FirebaseError:
        by_status = _BY_STATUS.get(self.status, exceptions.UnknownError)
        return _BY_FCM_CODE.get(self.fcm_code or "", by_status)(self.message)

    def blames_address(self) -> bool:
        """Say whether an INVALID_ARGUMENT means the address, not the payload."""
        return self.fcm_code is not None and _ADDRESS_FIELDS.issuperset(self.fields)


def _refusal(answer: Answer, pause: timedelta) -> DeliveryResult | CredentialsRefused:
    refusal = _Refusal.read(answer)
    wish = None if answer.retry_after is None else timedelta(seconds=answer.retry_after)
    outcome, retry_after = Outcome.REJECTED, None
    match refusal.error():
        case UnregisteredError():
            outcome = Outcome.ADDRESS_GONE
        case SenderIdMismatchError() | ThirdPartyAuthError():
            pass
        case exceptions.InvalidArgumentError() if refusal.blames_address():
            outcome = Outcome.ADDRESS_GONE
        case exceptions.ResourceExhaustedError():
            outcome, retry_after = Outcome.RETRY, wish or QUOTA_PAUSE
        case exceptions.UnavailableError() | exceptions.InternalError():
            outcome, retry_after = Outcome.RETRY, wish or pause
        case (
            exceptions.UnauthenticatedError()
            | exceptions.PermissionDeniedError()
            | exceptions.NotFoundError()
        ):
            return CredentialsRefused(f"{refusal.status}: {refusal.message}")
        case _ if not 400 <= answer.status < 500:  # noqa: PLR2004 - the client's errors
            outcome = Outcome.UNKNOWN  # a gateway's 502 or 504: FCM may have taken it
    return DeliveryResult(
        outcome=outcome,
        code=refusal.fcm_code or refusal.status,
        detail=refusal.message,
        retry_after=retry_after,
    )


def _name(body: bytes) -> str | None:
    try:
        name = json.loads(body.decode())["name"]  # from bytes, it would guess the encoding first
    except (ValueError, LookupError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _error_object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}
