"""Why a question to the ledger is refused, or an event."""

from shared.kernel.errors import DomainError, Fault


class ContactEventError(DomainError):
    """Base of every refusal of this domain."""


class TimelineNotFoundError(ContactEventError):
    """The app has no such contact."""

    code = "contact_not_found"
    fault = Fault.NOT_FOUND


class EventConflictError(ContactEventError):
    """The sender used this id before, for another event; nothing was recorded."""

    code = "event_conflict"
    fault = Fault.CONFLICT


class SubjectUnclearError(ContactEventError):
    """An event names either a contact or at least one identifier, and never both."""

    code = "subject_unclear"
    fault = Fault.INVALID


class SubjectNotFoundError(ContactEventError):
    """The app has no such contact as the event names."""

    code = "contact_not_found"
    fault = Fault.NOT_FOUND
