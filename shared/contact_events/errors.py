"""Why a question to the ledger is refused."""

from shared.kernel.errors import DomainError, Fault


class ContactEventError(DomainError):
    """Base of every refusal of this domain."""


class TimelineNotFoundError(ContactEventError):
    """The app has no such contact."""

    code = "contact_not_found"
    fault = Fault.NOT_FOUND
