"""Why something about contact policy is refused."""

from shared.kernel.errors import DomainError, Fault, InvalidFieldsError


class ContactPolicyError(DomainError):
    """Base of every refusal of this domain."""


class PolicyInvalidError(InvalidFieldsError):
    """The policy document breaks its rules; `errors` names every place."""

    code = "policy_invalid"
    fault = Fault.INVALID


class PolicyTooLargeError(ContactPolicyError):
    """Under this policy, what is remembered of one person could pass the size of an item."""

    code = "policy_too_large"
    fault = Fault.REFUSED


class ReservationNotFoundError(ContactPolicyError):
    """There is no such reservation, or it was released, or it expired long ago."""

    code = "reservation_not_found"
    fault = Fault.NOT_FOUND


class CaseNotFoundError(ContactPolicyError):
    """The person has no such open case."""

    code = "case_not_found"
    fault = Fault.NOT_FOUND


class ReservationExpiredError(ContactPolicyError):
    """The reservation was held for a time, which has passed: ask again."""

    code = "reservation_expired"
    fault = Fault.CONFLICT


class HoldTooLongError(ContactPolicyError):
    """A reservation is held for more than nothing, and for two hours at most."""

    code = "hold_too_long"
    fault = Fault.INVALID


class PersonBusyError(ContactPolicyError):
    """Others kept changing what is kept of the person; nothing was written: ask again."""

    code = "person_busy"
    fault = Fault.CONFLICT


class PersonErasedError(ContactPolicyError):
    """The person was erased: nothing is kept of them any more."""

    code = "person_erased"
    fault = Fault.NOT_FOUND


class PolicyChangedError(ContactPolicyError):
    """Somebody else changed the policy in the meantime: read it again."""

    code = "policy_changed"
    fault = Fault.CONFLICT


class PolicyNotFoundError(ContactPolicyError):
    """The app never had a policy of this version."""

    code = "policy_not_found"
    fault = Fault.NOT_FOUND


class ConsentInvalidError(InvalidFieldsError):
    """Something about the consent breaks a rule; `errors` names it."""

    code = "consent_invalid"
    fault = Fault.INVALID


class ConsentNotPendingError(ContactPolicyError):
    """There is no question of this kind that waits for a confirmation, or it has expired."""

    code = "consent_not_pending"
    fault = Fault.CONFLICT


class CaseIdTakenError(ContactPolicyError):
    """Another person has a case of this id."""

    code = "case_id_taken"
    fault = Fault.CONFLICT


class ControlGroupInvalidError(InvalidFieldsError):
    """Something about the control group breaks a rule; `errors` names it."""

    code = "control_group_invalid"
    fault = Fault.INVALID


class TooManyControlGroupsError(ContactPolicyError):
    """An app has at most 20 control groups."""

    code = "too_many_control_groups"
    fault = Fault.REFUSED


class DeferralInvalidError(ContactPolicyError):
    """What is put off has more than 4 kB, or waits for more than eight days."""

    code = "deferral_invalid"
    fault = Fault.INVALID


class StaleError(ContactPolicyError):
    """What was read has changed before the write: read and decide again."""

    code = "stale"
    fault = Fault.CONFLICT
