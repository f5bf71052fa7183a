"""Why a question to the ledger is refused, or an event."""

from shared.kernel.errors import DomainError, Fault, InvalidFieldsError


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


class EventNotFoundError(ContactEventError):
    """The app has no such event, or the contact whom it told of was erased."""

    code = "event_not_found"
    fault = Fault.NOT_FOUND


class DialectNotFoundError(ContactEventError):
    """No such vendor's webhooks are read here."""

    code = "dialect_not_found"
    fault = Fault.NOT_FOUND


class SignatureMismatchError(ContactEventError):
    """A payload is not signed by whom the app believes, or too long ago; nothing was stored."""

    code = "signature_mismatch"
    fault = Fault.UNAUTHENTICATED


class UnreadableError(ContactEventError):
    """The payload is not what its sender says it is: no JSON in UTF-8, or nested too deeply."""

    code = "unreadable"
    fault = Fault.MALFORMED


class CesqlSyntaxError(ContactEventError):
    """A text is no expression of CESQL; ``place`` is the character, from 0, where that shows."""

    code = "cesql_syntax"
    fault = Fault.INVALID

    def __init__(self, detail: str, *, place: int) -> None:
        super().__init__(f"At character {place}: {detail}.")
        self.place = place


class CesqlTooLongError(CesqlSyntaxError):
    """An expression of CESQL has more characters or words than we read."""

    code = "cesql_too_long"


class CesqlTooDeepError(CesqlSyntaxError):
    """An expression of CESQL is nested deeper than we read."""

    code = "cesql_too_deep"


class TriggerInvalidError(InvalidFieldsError):
    """The trigger's document breaks its rules; `errors` names every place."""

    code = "trigger_invalid"
    fault = Fault.INVALID


class TriggerNotFoundError(ContactEventError):
    """The app has no such trigger, or not in this version."""

    code = "trigger_not_found"
    fault = Fault.NOT_FOUND


class TriggerChangedError(ContactEventError):
    """The trigger has another version than the one that was read: look again."""

    code = "trigger_changed"
    fault = Fault.CONFLICT


class TriggerStateError(ContactEventError):
    """A trigger in this state cannot do that."""

    code = "trigger_state"
    fault = Fault.CONFLICT


class OwnTriggerApprovalError(ContactEventError):
    """Nobody approves a trigger that they wrote or changed."""

    code = "own_approval"
    fault = Fault.FORBIDDEN


class TooManyTriggersError(ContactEventError):
    """An app has 100 triggers at most: every event is held against each of them."""

    code = "too_many_triggers"
    fault = Fault.REFUSED


class SimulationTooLargeError(ContactEventError):
    """More events lie in these hours than one simulation reads: take fewer hours."""

    code = "simulation_too_large"
    fault = Fault.REFUSED


class SubscriptionNotFoundError(ContactEventError):
    """The app has no such subscription."""

    code = "subscription_not_found"
    fault = Fault.NOT_FOUND


class SubscriptionStaleError(ContactEventError):
    """The subscription changed since it was read: read it again."""

    code = "subscription_stale"
    fault = Fault.CONFLICT


class SubscriptionRotatingError(ContactEventError):
    """The subscription has two secrets: the older one has to end before another is made."""

    code = "subscription_rotating"
    fault = Fault.CONFLICT


class TooManySubscriptionsError(ContactEventError):
    """The app has as many subscriptions as it may have."""

    code = "too_many_subscriptions"
    fault = Fault.REFUSED


class DeliveryNotFoundError(ContactEventError):
    """The subscription has no such delivery: it arrived, or is forgotten."""

    code = "delivery_not_found"
    fault = Fault.NOT_FOUND


class ReplayNotFoundError(ContactEventError):
    """The subscription has no such replay, or it is forgotten."""

    code = "replay_not_found"
    fault = Fault.NOT_FOUND


class ReplayRunningError(ContactEventError):
    """The subscription has a replay that is running: wait for its end, or cancel it."""

    code = "replay_running"
    fault = Fault.CONFLICT


class ReplayDoneError(ContactEventError):
    """The replay came to its end: there is nothing to cancel."""

    code = "replay_done"
    fault = Fault.CONFLICT


class ReplayChangedError(ContactEventError):
    """The replay went on at each try to change it: try again."""

    code = "replay_changed"
    fault = Fault.CONFLICT


class ProjectionNotFoundError(ContactEventError):
    """Nothing of this name is made from the ledger."""

    code = "projection_not_found"
    fault = Fault.NOT_FOUND


class RebuildNotFoundError(ContactEventError):
    """Nobody began to make this projection of the app again."""

    code = "rebuild_not_found"
    fault = Fault.NOT_FOUND


class RebuildRunningError(ContactEventError):
    """The projection is being made again, otherwise or by somebody else: let that end first."""

    code = "rebuild_running"
    fault = Fault.CONFLICT


class ForgettingRangeError(ContactEventError):
    """What is deleted of all time is not made again from a part of it: leave the range away."""

    code = "forgetting_range"
    fault = Fault.REFUSED


class RecordsKeptError(ContactEventError):
    """The projection keeps what the ledger has no more, so it is set right and never deleted."""

    code = "records_kept"
    fault = Fault.REFUSED


class StaleError(Exception):
    """Somebody else wrote first: read and decide again. It never leaves the domain."""
