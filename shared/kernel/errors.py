"""Errors a domain may raise: each names its rule and knows no protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who must act for the request to succeed; the edge maps it to a status."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    REFUSED = "refused"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field; ``pointer`` is a JSON pointer (RFC 6901) into the body."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A rule said no; ``code`` is part of the public contract.

    ``retry_after`` is how long to wait before it may say yes, where that is known.
    """

    code: ClassVar[str] = "domain_error"
    fault: ClassVar[Fault] = Fault.INVALID
    retry_after: timedelta | None = None

    def __init__(self, detail: str = "", *, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = tuple(fields)


class InvalidFieldsError(DomainError):
    """Some fields of the request break a rule; `errors` names each."""

    code = "invalid_fields"
    fault = Fault.INVALID
