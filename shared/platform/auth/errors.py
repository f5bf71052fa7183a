"""Why a caller is turned away."""

from shared.kernel.errors import DomainError, Fault


class UnauthenticatedError(DomainError):
    """The request carries no proof of who calls, or one that does not hold."""

    code = "unauthenticated"
    fault = Fault.UNAUTHENTICATED


class ForbiddenError(DomainError):
    """The caller's role does not allow this."""

    code = "forbidden"
    fault = Fault.FORBIDDEN


class NotYoursError(DomainError):
    """There is no such thing, or it is not the caller's: the answer is the same."""

    code = "not_found"
    fault = Fault.NOT_FOUND


class LinkUnusableError(DomainError):
    """The link is not one of ours, or it has expired: a newer message has a fresh one."""

    code = "link_unusable"
    fault = Fault.NOT_FOUND


class AdTokenForgedError(DomainError):
    """We did not sign this ad token."""

    code = "ad_token_invalid"
    fault = Fault.REFUSED
